/* layer_model.c - one layer as a model of its own, so that it can be measured and run alone. */
#include "converters/host.h"

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"

/* Box and Muller on our own stream, so that a seed gives the same layer everywhere. */
static void fill_normal(float *out, uint64_t n, uint64_t seed) {
    for (uint64_t i = 0; i < n; i += 2) {
        double u = ((double)(oz_stream_u64(seed, i) >> 11) + 1) * 0x1p-53,
               v = (double)(oz_stream_u64(seed, i + 1) >> 11) * 0x1p-53;
        double radius = sqrt(-2 * log(u)), angle = 6.283185307179586 * v;
        out[i] = (float)(radius * cos(angle));
        if (i + 1 < n) out[i + 1] = (float)(radius * sin(angle));
    }
}

static oz_status random_weight(oz_contents *c, uint64_t rows, uint64_t cols, uint64_t seed, oz_arena *arena,
                               oz_error *err) {
    if (rows == 0 || cols == 0 || rows > 1u << 20 || cols > 1u << 20) {
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "a layer needs 1 to 1048576 rows and columns");
    }
    float *values = oz_arena_array(arena, (size_t)(rows * cols), sizeof *values);
    oz_leaf *leaf = oz_arena_array(arena, 1, sizeof *leaf);
    oz_term *term = oz_arena_array(arena, 1, sizeof *term);
    c->weights = oz_arena_array(arena, 1, sizeof *c->weights);
    if (!values || !leaf || !term || !c->weights) return oz_no_memory("layer", err);
    fill_normal(values, rows * cols, seed);
    static const char text[] = "dense,codec=f32";
    OZ_TRY(oz_leaf_parse(leaf, text, sizeof text - 1, false, err));
    leaf->rows = rows;
    leaf->cols = cols;
    leaf->name = "layer";
    leaf->part[0] = (oz_part){
        .data = (const uint8_t *)values, .bytes = rows * cols * sizeof *values, .offset = OZ_NO_OFFSET};
    *term = (oz_term){.scale = 1.0f, .factors = leaf, .n_factors = 1};
    c->weights[0] =
        (oz_weight){.name = "layer", .rows = rows, .cols = cols, .terms = term, .n_terms = 1, .act_i8 = true};
    c->n_weights = 1;
    return OZ_OK;
}

/* The layer's part of what another model's file says. */
static oz_status stored_weight(oz_contents *c, const oz_model *m, size_t layer, oz_arena *arena,
                               oz_error *err) {
    size_t bytes;
    const void *data = oz_model_file(m, &bytes);
    oz_safetensors file;
    oz_contents all;
    OZ_TRY(oz_safetensors_read(&file, data, bytes, NULL, arena, err));
    OZ_TRY(oz_contents_read(&all, &file, NULL, arena, err));
    if (layer >= all.n_weights)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "the model has no layer of this index");
    c->weights = &all.weights[layer];
    c->n_weights = 1;
    oz_text name = {.allocator = arena->allocator};
    oz_text_format(&name, "%s.bias", c->weights->name);
    const oz_vector *bias = name.failed ? NULL : oz_contents_vector(&all, name.data);
    bool failed = name.failed;
    oz_text_free(&name);
    if (failed) return oz_no_memory("layer", err);
    c->vectors = bias ? &all.vectors[bias - all.vectors] : NULL;
    c->n_vectors = bias != NULL;
    return OZ_OK;
}

static oz_status write_graph(oz_contents *c, oz_arena *arena, oz_error *err) {
    oz_text text = {.allocator = arena->allocator};
    oz_text_format(&text,
                   "{\"inputs\":{\"x\":[\"N\",%llu]},\"outputs\":[\"y\"],\"nodes\":[[\"linear\",\"y\",[\"x\"]"
                   ",{\"weight\":",
                   (unsigned long long)c->weights->cols);
    oz_text_json(&text, c->weights->name, strlen(c->weights->name));
    oz_text_format(&text, "}]]}");
    c->graph = text.failed ? NULL : oz_arena_text(arena, text.data, text.bytes);
    oz_text_free(&text);
    return c->graph ? OZ_OK : oz_no_memory("layer", err);
}

static oz_status build(const oz_model *m, size_t layer, uint64_t rows, uint64_t cols, uint64_t seed,
                       oz_arena *arena, oz_buffer *out, oz_error *err) {
    oz_contents c = {0};
    oz_image image;
    OZ_TRY(m ? stored_weight(&c, m, layer, arena, err) : random_weight(&c, rows, cols, seed, arena, err));
    OZ_TRY(write_graph(&c, arena, err));
    OZ_TRY(oz_image_build(&c, &image, arena, err));
    return oz_buffer_copy(out, &image, err);
}

oz_status oz_layer_model(const oz_model *m, size_t layer, uint64_t rows, uint64_t cols, uint64_t seed,
                         oz_buffer *out, oz_error *err) {
    if (!out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "out is NULL");
    *out = (oz_buffer){0};
    oz_arena arena = {0};
    oz_status status = build(m, layer, rows, cols, seed, &arena, out, err);
    oz_arena_free(&arena);
    return status;
}

/* weights.c - reordering and folding, in double, rounded to f32 once.
 *
 * A convolution's inner order is [ky][kx][in], because that is how images of channels are gathered; PyTorch
 * stores [in][ky][kx]. */
#include "converters/import/weights.h"

#include "base/arith.h"
#include "converters/numbers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_NAME = 300 };

/* The tensor NAME.PART; *out is NULL if it is not there. */
static oz_status find_tensor(const oz_weight_source *s, const char *name, const char *part,
                             const oz_stored **out, oz_error *err) {
    char full[MAX_NAME];
    *out = NULL;
    if ((size_t)snprintf(full, sizeof full, "%s.%s", name, part) >= sizeof full)
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, name, "the name is too long");
    const oz_stored *t = oz_safetensors_find(s->tensors, full);
    if (t) s->used[t - s->tensors->tensors] = true;
    if (t && !oz_number_is_float(t->type))
        return oz_fail(err, OZ_ERR_SUPPORT, t->offset, full, "has the type %s; weights must be floats",
                       oz_stored_type_name(t->type));
    if (t) OZ_TRY(oz_numbers_check(t, err));
    *out = t;
    return OZ_OK;
}

static oz_status need_tensor(const oz_weight_source *s, const char *name, const char *part,
                             const oz_stored **out, oz_error *err) {
    OZ_TRY(find_tensor(s, name, part, out, err));
    if (*out) return OZ_OK;
    return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, name, "the weights have no tensor %.128s.%s", name,
                   part);
}

/* A vector of `count` numbers, or of any count where that is 0. */
static oz_status check_vector(const oz_stored *t, uint64_t count, oz_error *err) {
    if (!t || (t->rank == 1 && t->dim[0] > 0 && (count == 0 || t->dim[0] == count))) return OZ_OK;
    return oz_fail(err, OZ_ERR_FORMAT, t->offset, t->name, "must be a vector of %llu numbers",
                   (unsigned long long)count);
}

oz_status oz_norm_read(void *ctx, const char *name, double eps, oz_channel_map *out, oz_error *err) {
    const oz_weight_source *s = ctx;
    const oz_stored *mean, *variance, *weight, *bias;
    OZ_TRY(need_tensor(s, name, "running_mean", &mean, err));
    OZ_TRY(check_vector(mean, 0, err));
    OZ_TRY(need_tensor(s, name, "running_var", &variance, err));
    OZ_TRY(find_tensor(s, name, "weight", &weight, err));
    OZ_TRY(find_tensor(s, name, "bias", &bias, err));
    out->count = mean->dim[0];
    OZ_TRY(check_vector(variance, out->count, err));
    OZ_TRY(check_vector(weight, out->count, err));
    OZ_TRY(check_vector(bias, out->count, err));
    out->factor = oz_arena_array(s->arena, out->count, sizeof *out->factor);
    out->addend = oz_arena_array(s->arena, out->count, sizeof *out->addend);
    if (!out->factor || !out->addend) return oz_no_memory(name, err);
    for (uint64_t i = 0; i < out->count; i++) {
        double squared = oz_number_get(variance, i) + eps;
        if (squared <= 0)
            return oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, variance->name,
                           "number %llu plus eps is not positive", (unsigned long long)i);
        out->factor[i] = (weight ? oz_number_get(weight, i) : 1) / sqrt(squared);
        out->addend[i] = (bias ? oz_number_get(bias, i) : 0) - oz_number_get(mean, i) * out->factor[i];
    }
    return OZ_OK;
}

/* ---- layers ---- */

static oz_status check_shape(const oz_stored *t, const oz_import_layer *layer, oz_error *err) {
    uint32_t rank = layer->convolution ? 4 : 2;
    if (t->rank != rank || t->bytes == 0)
        return oz_fail(err, OZ_ERR_SHAPE, t->offset, t->name,
                       "has %u dimensions, the graph's operator needs %u", t->rank, rank);
    if (layer->convolution && (t->dim[2] != layer->kernel[0] || t->dim[3] != layer->kernel[1]))
        return oz_fail(err, OZ_ERR_SHAPE, t->offset, t->name,
                       "is for a kernel of %llu x %llu, the graph says %llu x %llu",
                       (unsigned long long)t->dim[2], (unsigned long long)t->dim[3],
                       (unsigned long long)layer->kernel[0], (unsigned long long)layer->kernel[1]);
    if (layer->after.count && layer->after.count != t->dim[0])
        return oz_fail(err, OZ_ERR_SHAPE, t->offset, t->name,
                       "has %llu outputs, its batch norm %llu channels", (unsigned long long)t->dim[0],
                       (unsigned long long)layer->after.count);
    return OZ_OK;
}

static double factor_of(const oz_import_layer *layer, uint64_t row) {
    return layer->after.count ? layer->after.factor[row] : 1;
}

/* One row of [in][kernel] as [kernel][in]. */
static void reorder_row(const oz_stored *t, uint64_t row, uint64_t inputs, uint64_t kernel, double factor,
                        float *out) {
    for (uint64_t i = 0; i < inputs; i++)
        for (uint64_t k = 0; k < kernel; k++)
            out[k * inputs + i] = (float)(factor * oz_number_get(t, (row * inputs + i) * kernel + k));
}

static oz_status check_finite(const char *name, const float *values, uint64_t n, oz_error *err) {
    for (uint64_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return oz_number_fail(name, i, (double)values[i], err);
    return OZ_OK;
}

static oz_status make_weight(const oz_stored *t, const oz_import_layer *layer, oz_weight *w, oz_arena *arena,
                             oz_error *err) {
    uint64_t rows = t->dim[0], inputs = t->dim[1], kernel = layer->convolution ? t->dim[2] * t->dim[3] : 1;
    float *values = oz_arena_array(arena, rows * inputs * kernel, sizeof *values);
    oz_leaf *leaf = oz_arena_alloc(arena, sizeof *leaf, 16);
    w->terms = oz_arena_alloc(arena, sizeof *w->terms, 16);
    if (!values || !leaf || !w->terms) return oz_no_memory(layer->name, err);
    for (uint64_t r = 0; r < rows; r++)
        reorder_row(t, r, inputs, kernel, factor_of(layer, r), values + r * inputs * kernel);
    OZ_TRY(check_finite(t->name, values, rows * inputs * kernel, err));
    OZ_TRY(oz_leaf_parse(leaf, "dense,codec=f32", strlen("dense,codec=f32"), false, err));
    leaf->name = layer->name;
    leaf->rows = rows;
    leaf->cols = inputs * kernel;
    leaf->part[0] = (oz_part){(const uint8_t *)values, rows * leaf->cols * sizeof *values, OZ_NO_OFFSET};
    w->name = layer->name;
    w->rows = rows;
    w->cols = leaf->cols;
    w->terms[0] = (oz_term){.scale = 1, .factors = leaf, .n_factors = 1};
    w->n_terms = 1;
    return OZ_OK;
}

static oz_status make_bias(const oz_stored *t, const oz_import_layer *layer, uint64_t rows, oz_vector *out,
                           oz_arena *arena, oz_error *err) {
    if (!t && !layer->after.count) return OZ_OK;
    char name[MAX_NAME];
    snprintf(name, sizeof name, "%s.bias", layer->name);
    float *values = oz_arena_array(arena, rows, sizeof *values);
    out->name = oz_arena_text(arena, name, strlen(name));
    if (!values || !out->name) return oz_no_memory(layer->name, err);
    for (uint64_t r = 0; r < rows; r++) {
        double b = t ? factor_of(layer, r) * oz_number_get(t, r) : 0;
        values[r] = (float)(layer->after.count ? b + layer->after.addend[r] : b);
    }
    OZ_TRY(check_finite(out->name, values, rows, err));
    out->kind = OZ_CODEC_F32;
    out->count = rows;
    out->data = (const uint8_t *)values;
    return OZ_OK;
}

oz_status oz_layer_import(const oz_weight_source *source, const oz_import_layer *layer, oz_weight *weight,
                          oz_vector *bias, oz_error *err) {
    const oz_stored *w, *b;
    OZ_TRY(need_tensor(source, layer->name, "weight", &w, err));
    OZ_TRY(find_tensor(source, layer->name, "bias", &b, err));
    OZ_TRY(check_shape(w, layer, err));
    OZ_TRY(check_vector(b, w->dim[0], err));
    OZ_TRY(make_weight(w, layer, weight, source->arena, err));
    return make_bias(b, layer, weight->rows, bias, source->arena, err);
}

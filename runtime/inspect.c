/* inspect.c - what the public header lets callers ask of a model. */
#include <string.h>

#include "runtime/model.h"

size_t oz_model_inputs(const oz_model *m) {
    return m->graph.n_inputs;
}

size_t oz_model_outputs(const oz_model *m) {
    return m->graph.n_outputs;
}

size_t oz_model_layers(const oz_model *m) {
    return m->contents.n_weights;
}

oz_status oz_model_input(const oz_model *m, size_t i, oz_tensor_info *out) {
    if (i >= m->graph.n_inputs) return OZ_ERR_ARGUMENT;
    *out = m->inputs[i];
    return OZ_OK;
}

oz_status oz_model_output(const oz_model *m, size_t i, oz_tensor_info *out) {
    if (i >= m->graph.n_outputs) return OZ_ERR_ARGUMENT;
    *out = m->outputs[i];
    return OZ_OK;
}

static bool reads_i8(const oz_weight *w) {
    for (size_t t = 0; t < w->n_terms; t++) {
        for (size_t f = 0; f < w->terms[t].n_factors; f++) {
            if (oz_leaf_reads_i8(&w->terms[t].factors[f], w->act_i8)) return true;
        }
    }
    return false;
}

oz_status oz_model_layer(const oz_model *m, size_t i, oz_layer_info *out) {
    if (i >= m->contents.n_weights) return OZ_ERR_ARGUMENT;
    const oz_layer *layer = &m->layers[i];
    const oz_weight *w = layer->weight;
    *out = (oz_layer_info){.name = w->name,
                           .op = layer->op,
                           .weight = layer->method,
                           .rows = w->rows,
                           .cols = w->cols,
                           .act_i8 = reads_i8(w),
                           .bytes = layer->bytes};
    for (size_t t = 0; t < w->n_terms; t++) {
        out->leaves += (uint32_t)w->terms[t].n_factors;
        for (size_t f = 0; f < w->terms[t].n_factors; f++)
            out->nonzeros += oz_leaf_nonzeros(&w->terms[t].factors[f]);
    }
    return OZ_OK;
}

oz_status oz_model_leaf(const oz_model *m, size_t layer, size_t leaf, oz_leaf_info *out) {
    if (layer >= m->contents.n_weights) return OZ_ERR_ARGUMENT;
    const oz_layer *l = &m->layers[layer];
    for (size_t t = 0; t < l->weight->n_terms; t++) {
        const oz_term *term = &l->weight->terms[t];
        if (leaf >= term->n_factors) {
            leaf -= term->n_factors;
            continue;
        }
        const oz_leaf *f = &term->factors[leaf];
        *out = (oz_leaf_info){.term = (uint32_t)t,
                              .factor = (uint32_t)leaf,
                              .format = f->format->name,
                              .spec = l->spec[t][leaf],
                              .rows = f->rows,
                              .cols = f->cols,
                              .nonzeros = oz_leaf_nonzeros(f),
                              .shared = l->held[t][leaf].shared,
                              .bytes = l->held[t][leaf].bytes};
        if (l->run[t][leaf] != f) out->extra_resident = f->rows * f->cols * sizeof(float);
        return OZ_OK;
    }
    return OZ_ERR_ARGUMENT;
}

void oz_model_bytes(const oz_model *m, oz_bytes *file, uint64_t *resident) {
    if (file) *file = m->bytes;
    if (resident) *resident = m->resident;
}

size_t oz_model_ignored(const oz_model *m, uint64_t *bytes, const char **first) {
    if (bytes) *bytes = m->contents.ignored_bytes;
    if (first) *first = m->contents.first_ignored;
    return m->contents.n_ignored;
}

const char *oz_model_meta(const oz_model *m, const char *key) {
    if (strcmp(key, "graph") == 0) return m->contents.graph;
    const oz_meta *meta = oz_safetensors_meta(&m->tensors, key);
    return meta ? meta->value : NULL;
}

const void *oz_model_file(const oz_model *m, size_t *bytes) {
    if (bytes) *bytes = (size_t)m->tensors.bytes;
    return m->tensors.data;
}

oz_status oz_model_unpack(const oz_model *m, size_t layer, float *out, size_t floats, oz_error *err) {
    if (layer >= m->contents.n_weights)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "no layer of this index");
    const oz_weight *w = m->layers[layer].weight;
    if (floats / w->rows < w->cols)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, w->name, "the buffer is too small");
    oz_arena scratch = {.allocator = m->arena.allocator};
    oz_status status = oz_weight_unpack(w, out, &scratch, err);
    oz_arena_free(&scratch);
    return status;
}

oz_status oz_model_bias(const oz_model *m, size_t layer, float *out, size_t floats, oz_error *err) {
    if (layer >= m->contents.n_weights)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "no layer of this index");
    const oz_layer *l = &m->layers[layer];
    if (floats < l->weight->rows)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, l->weight->name, "the buffer is too small");
    for (uint64_t i = 0; i < l->weight->rows; i++) out[i] = l->bias ? oz_vector_get(l->bias, i) : 0.0f;
    return OZ_OK;
}

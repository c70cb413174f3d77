/* base.c - making and freeing an oz_compressor. */
#include "converters/compress/draft.h"

#include "base/hash.h"
#include "converters/numbers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static oz_status no_memory(oz_error *err) {
    return oz_no_memory("", err);
}

/* A kernel without a graph would come out as a matrix that nothing can run. */
static oz_status check_kernels(const oz_compressor *c, oz_error *err) {
    for (size_t i = 0; i < c->tensors.count && !c->contents.graph; i++) {
        const oz_stored *t = &c->tensors.tensors[i];
        if (t->rank >= 4 && t->bytes && oz_number_is_float(t->type))
            return oz_fail(
                err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, t->name,
                "has %u dimensions: a network with convolutions is compressed with its graph; make a "
                "model of both with 'ounce import' first",
                t->rank);
    }
    return OZ_OK;
}

static oz_status open_again(oz_compressor *c, const oz_model *base, oz_error *err) {
    size_t bytes;
    const void *data = oz_model_file(base, &bytes);
    oz_open_options opt = OZ_OPEN_INIT;
    opt.host = c->host;
    snprintf(c->source, sizeof c->source, "%016llx", (unsigned long long)oz_hash(data, bytes));
    OZ_TRY(oz_model_open_memory(data, bytes, &opt, &c->model, err));
    OZ_TRY(oz_safetensors_read(&c->tensors, data, bytes, NULL, &c->arena, err));
    OZ_TRY(oz_contents_verify(&c->tensors, err));
    OZ_TRY(oz_contents_read(&c->contents, &c->tensors, NULL, &c->arena, err));
    return check_kernels(c, err);
}

static oz_status read_bias(oz_compressor *c, size_t i, oz_error *err) {
    oz_base_layer *layer = &c->layers[i];
    char name[300];
    if ((size_t)snprintf(name, sizeof name, "%s.bias", layer->name) >= sizeof name) return OZ_OK;
    const oz_vector *v = oz_contents_vector(&c->contents, name);
    if (!v || !v->data || v->count != layer->rows) return OZ_OK;
    float *bias = oz_arena_array(&c->arena, layer->rows, sizeof *bias);
    if (!bias) return no_memory(err);
    OZ_TRY(oz_model_bias(c->model, i, bias, layer->rows, err));
    layer->bias = bias;
    return OZ_OK;
}

static oz_status check_finite(const oz_base_layer *layer, oz_error *err) {
    for (uint64_t i = 0; i < layer->rows * layer->cols; i++) {
        if (isfinite(layer->values[i])) continue;
        return oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, layer->name,
                       "weight [%llu][%llu] (index %llu) is %s, not a finite number",
                       (unsigned long long)(i / layer->cols), (unsigned long long)(i % layer->cols),
                       (unsigned long long)i, isnan(layer->values[i]) ? "NaN" : "infinite");
    }
    for (uint64_t r = 0; layer->bias && r < layer->rows; r++) {
        if (isfinite(layer->bias[r])) continue;
        return oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, layer->name, "bias %llu is not a finite number",
                       (unsigned long long)r);
    }
    return OZ_OK;
}

static oz_status read_layer(oz_compressor *c, size_t i, oz_error *err) {
    oz_base_layer *layer = &c->layers[i];
    const oz_weight *w = &c->contents.weights[i];
    *layer = (oz_base_layer){.weight = w, .name = w->name, .rows = w->rows, .cols = w->cols};
    uint64_t count = w->rows * w->cols;
    float *values = oz_arena_array(&c->arena, count, sizeof *values);
    if (!values) return no_memory(err);
    OZ_TRY(oz_model_unpack(c->model, i, values, count, err));
    layer->values = values;
    OZ_TRY(read_bias(c, i, err));
    OZ_TRY(check_finite(layer, err));
    for (uint64_t k = 0; k < count; k++) layer->energy += (double)values[k] * (double)values[k];
    return OZ_OK;
}

static oz_status read_base(oz_compressor *c, const oz_model *base, oz_error *err) {
    OZ_TRY(open_again(c, base, err));
    c->n_layers = c->contents.n_weights;
    c->layers = oz_arena_array(&c->arena, c->n_layers, sizeof *c->layers);
    if (!c->layers) return no_memory(err);
    if (c->n_layers == 0)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "the model has no layers to compress");
    for (size_t i = 0; i < c->n_layers; i++) {
        OZ_TRY(oz_host_progress(c->host, "read", i, c->n_layers, err));
        OZ_TRY(read_layer(c, i, err));
    }
    return oz_base_read_graph(c, err);
}

/* One executor for its own loops and for all plans it makes. */
static oz_status find_threads(oz_compressor *c, const oz_host *host, int threads, oz_error *err) {
    oz_host_copy(&c->own_host, host);
    c->host = &c->own_host;
    if (!c->own_host.executor) {
        OZ_TRY(oz_executor_create(threads, c->allocator, &c->own_executor, err));
        c->own_host.executor = c->own_executor;
    }
    c->threads = oz_threads_make(c->own_host.executor, threads);
    return OZ_OK;
}

oz_status oz_compressor_create(const oz_model *base, const oz_dataset *calibration, int threads,
                               const oz_host *host, oz_compressor **out, oz_error *err) {
    if (!base || !out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "base or out is NULL");
    *out = NULL;
    const oz_allocator *allocator = oz_host_allocator(host);
    oz_compressor *c = oz_alloc(allocator, sizeof *c, 16);
    if (!c) return no_memory(err);
    memset(c, 0, sizeof *c);
    c->allocator = c->arena.allocator = allocator;
    c->calibration = calibration;
    oz_status status = find_threads(c, host, threads, err);
    if (status == OZ_OK) status = read_base(c, base, err);
    if (status == OZ_OK)
        *out = c;
    else
        oz_compressor_free(c);
    return status;
}

void oz_compressor_free(oz_compressor *c) {
    if (!c) return;
    for (size_t i = 0; i < c->n_layers && c->layers; i++) {
        oz_base_layer *layer = &c->layers[i];
        oz_release(NULL, layer->sorted, 0);
        oz_svd_free(&layer->svd);
    }
    oz_store_clean(c, true);
    oz_model_free(c->model);
    oz_executor_free(c->own_executor);
    oz_arena_free(&c->arena);
    oz_release(c->allocator, c, sizeof *c);
}

/* ---- sorted magnitudes ---- */

static int descending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

oz_status oz_base_sort(oz_base_layer *layer, oz_error *err) {
    uint64_t n = layer->rows * layer->cols;
    double sum = 0;
    if (layer->sorted) return OZ_OK;
    float *sorted = oz_alloc(NULL, 2 * n * sizeof *sorted, 64), *lamp = sorted + n;
    if (!sorted) return oz_no_memory(layer->name, err);
    for (uint64_t i = 0; i < n; i++) sorted[i] = fabsf(layer->values[i]);
    qsort(sorted, n, sizeof *sorted, descending);
    for (uint64_t i = 0; i < n; i++) {
        double square = (double)sorted[i] * (double)sorted[i];
        sum += square;
        lamp[i] = sum > 0 ? (float)(square / sum) : 0;
    }
    layer->sorted = sorted;
    layer->lamp = lamp;
    return OZ_OK;
}

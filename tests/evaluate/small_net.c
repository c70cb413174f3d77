#include "small_net.h"

#include "files.h"

#include "base/random.h"
#include "evaluate/metrics.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    IN = 16,
    WIDE = 48,
    OUT = 4,
    LAYERS = 4,
    WEIGHTS = WIDE * IN + 2 * WIDE * WIDE + OUT * WIDE + 3 * WIDE + OUT
};

static float number(uint64_t seed, uint64_t i) {
    return (float)(oz_stream_u64(seed, i) >> 40) * 0x1p-23f - 1.0f;
}

oz_model *net_import(const char *graph, const char *header, const float *weights, size_t count,
                     oz_buffer *file) {
    static test_bytes b;
    char graph_path[160], weights_path[160];
    oz_import_options opt = OZ_IMPORT_INIT;
    oz_model *m;
    oz_error err;
    b.n = 0;
    put_text(&b, graph);
    snprintf(graph_path, sizeof graph_path, "%s", save(&b, "graph.json"));
    b.n = 0;
    put_safetensors(&b, header, weights, count * sizeof *weights);
    snprintf(weights_path, sizeof weights_path, "%s", save(&b, "weights.safetensors"));
    opt.graph = graph_path;
    opt.weights = weights_path;
    cr_assert(oz_import(&opt, file, &err) == OZ_OK, "%s: %s", err.where, err.message);
    cr_assert(oz_model_open_memory(file->data, file->bytes, NULL, &m, &err) == OZ_OK, "%s", err.message);
    drop("graph.json");
    drop("weights.safetensors");
    return m;
}

oz_model *net_mlp(uint64_t seed, oz_buffer *file) {
    static const size_t sizes[LAYERS + 1] = {IN, WIDE, WIDE, WIDE, OUT};
    static float w[WEIGHTS];
    char header[1024] = "{";
    size_t at = 0, n = 1;
    for (size_t i = 0; i < LAYERS; i++) {
        size_t out = sizes[i + 1], in = sizes[i], middle = at + out * in, end = middle + out;
        n += (size_t)snprintf(
            header + n, sizeof header - n,
            "%s\"l%zu.weight\":{\"dtype\":\"F32\",\"shape\":[%zu,%zu],\"data_offsets\":[%zu,%zu]},"
            "\"l%zu.bias\":{\"dtype\":\"F32\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]}",
            i ? "," : "", i, out, in, 4 * at, 4 * middle, i, out, 4 * middle, 4 * end);
        for (size_t k = at; k < end; k++) w[k] = number(seed, k) * sqrtf(3.0f / (float)in);
        at = end;
    }
    snprintf(header + n, sizeof header - n, "}");
    return net_import("{\"inputs\":{\"x\":[\"N\",16]},\"outputs\":[\"y\"],\"nodes\":["
                      "[\"linear\",\"a\",[\"x\"],{\"weight\":\"l0\"}],[\"relu\",\"ar\",[\"a\"]],"
                      "[\"linear\",\"b\",[\"ar\"],{\"weight\":\"l1\"}],[\"relu\",\"br\",[\"b\"]],"
                      "[\"linear\",\"c\",[\"br\"],{\"weight\":\"l2\"}],[\"relu\",\"cr\",[\"c\"]],"
                      "[\"linear\",\"y\",[\"cr\"],{\"weight\":\"l3\"}]]}",
                      header, w, WEIGHTS, file);
}

/* The values and labels as a file, opened; labels may be NULL. */
static oz_dataset *open_data(const float *x, const int64_t *labels, size_t n) {
    static test_bytes b;
    char header[256];
    size_t bytes = n * IN * sizeof *x;
    oz_dataset *d;
    oz_error err;
    snprintf(header, sizeof header,
             "{\"x\":{\"dtype\":\"F32\",\"shape\":[%zu,16],\"data_offsets\":[0,%zu]},"
             "\"y\":{\"dtype\":\"I64\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]}}",
             n, bytes, n, bytes, bytes + 8 * n);
    b.n = 0;
    put_safetensors(&b, header, x, bytes);
    put(&b, labels, 8 * n);
    cr_assert(oz_dataset_open(save(&b, "data.safetensors"), 0, NULL, &d, &err) == OZ_OK, "%s", err.message);
    drop("data.safetensors"); /* it stays mapped */
    return d;
}

oz_dataset *net_data(oz_model *m, size_t n, uint64_t seed) {
    float *x = calloc(n * IN, sizeof *x);
    int64_t *labels = calloc(n, sizeof *labels);
    oz_outputs o;
    oz_error err;
    cr_assert(x && labels);
    for (size_t i = 0; i < n * IN; i++) x[i] = number(seed, i);
    oz_dataset *d = open_data(x, labels, n);
    cr_assert(oz_evaluate(m, d, NULL, &o, &err) == OZ_OK, "%s", err.message);
    oz_dataset_free(d);
    for (size_t i = 0; i < n; i++)
        labels[i] = (int64_t)((oz_top1(o.logits + i * o.classes, o.classes) + (i % 10 == 0)) % o.classes);
    oz_outputs_free(&o);
    d = open_data(x, labels, n);
    free(x);
    free(labels);
    return d;
}

/* networks.c - writing safetensors by hand, so that the tests do not rely on the writer they test. */
#include "networks.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

size_t test_count(const test_tensor *t) {
    size_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) n *= t->dim[d];
    return n;
}

float test_number(const char *name, size_t i) {
    uint64_t h = 0x9e3779b97f4a7c15u * (i + 1);
    for (; *name; name++) h = (h ^ (uint64_t)*name) * 0x100000001b3u;
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9u;
    h ^= h >> 32;
    return (float)(h >> 40) / (float)(1 << 23) - 1.0f;
}

const char *test_path(const char *name) {
    static char paths[8][96];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "converters-%ld-%s", (long)getpid(), name);
    return path;
}

void test_drop(const char *path) {
    unlink(path);
}

void test_write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(text, 1, strlen(text), f), strlen(text));
    cr_assert_eq(fclose(f), 0);
}

static size_t add_entry(char *header, size_t at, size_t room, const test_tensor *t, size_t begin,
                        size_t end) {
    at += (size_t)snprintf(header + at, room - at, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[",
                           at > 1 ? "," : "", t->name);
    for (uint32_t d = 0; d < t->rank; d++)
        at += (size_t)snprintf(header + at, room - at, "%s%zu", d ? "," : "", t->dim[d]);
    at += (size_t)snprintf(header + at, room - at, "],\"data_offsets\":[%zu,%zu]}", begin, end);
    return at;
}

void test_write_tensors(const char *path, const test_tensor *tensors, size_t n) {
    static char header[1 << 14];
    size_t at = 1, offset = 0;
    header[0] = '{';
    for (size_t i = 0; i < n; i++) {
        size_t bytes = test_count(&tensors[i]) * sizeof(float);
        at = add_entry(header, at, sizeof header, &tensors[i], offset, offset + bytes);
        offset += bytes;
    }
    at += (size_t)snprintf(header + at, sizeof header - at, "}");
    cr_assert_lt(at, sizeof header);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    uint64_t length = at;
    cr_assert_eq(fwrite(&length, sizeof length, 1, f), 1);
    cr_assert_eq(fwrite(header, 1, at, f), at);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < test_count(&tensors[i]); k++) {
            float value = tensors[i].values ? tensors[i].values[k] : test_number(tensors[i].name, k);
            cr_assert_eq(fwrite(&value, sizeof value, 1, f), 1);
        }
    cr_assert_eq(fclose(f), 0);
}

static oz_status import_into(const char *graph, const test_tensor *tensors, size_t n, oz_buffer *out,
                             oz_error *err) {
    oz_import_options opt = OZ_IMPORT_INIT;
    const char *graph_path = test_path("graph.json"), *weights_path = test_path("weights.safetensors");
    test_write_text(graph_path, graph);
    test_write_tensors(weights_path, tensors, n);
    opt.graph = graph_path;
    opt.weights = weights_path;
    oz_status status = oz_import(&opt, out, err);
    test_drop(graph_path);
    test_drop(weights_path);
    return status;
}

oz_status test_import_status(const char *graph, const test_tensor *tensors, size_t n, oz_error *err) {
    oz_buffer file;
    oz_status status = import_into(graph, tensors, n, &file, err);
    oz_buffer_free(&file);
    return status;
}

oz_model *test_import(const char *graph, const test_tensor *tensors, size_t n, oz_buffer *file) {
    oz_error err = {0};
    oz_model *m = NULL;
    cr_assert_eq(import_into(graph, tensors, n, file, &err), OZ_OK, "%s: %s", err.where, err.message);
    cr_assert_eq(oz_model_open_memory(file->data, file->bytes, NULL, &m, &err), OZ_OK, "%s", err.message);
    return m;
}

void test_run(oz_model *m, const float *x, const int64_t *dim, uint32_t rank, float *out, size_t floats) {
    oz_error err = {0};
    oz_plan *plan = NULL;
    oz_session *session = NULL;
    oz_tensor in = {.data = (void *)(uintptr_t)x, .bytes = sizeof *x, .rank = rank + 1, .dim = {1}};
    oz_tensor result = {.data = out, .bytes = floats * sizeof *out};
    for (uint32_t d = 0; d < rank; d++) {
        in.dim[d + 1] = dim[d];
        in.bytes *= (size_t)dim[d];
    }
    cr_assert_eq(oz_plan_create(m, NULL, &plan, &err), OZ_OK, "%s: %s", err.where, err.message);
    cr_assert_eq(oz_session_create(plan, &session, &err), OZ_OK, "%s: %s", err.where, err.message);
    cr_assert_eq(oz_run(session, &in, 1, &result, 1, NULL, &err), OZ_OK, "%s: %s", err.where, err.message);
    oz_session_free(session);
    oz_plan_free(plan);
}

/* test_many_layers.c - what opening and inspecting a model takes grows with its layers, not with their
 * square. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ounce/ounce.h>

enum { FEW = 16384, MANY = 4 * FEW, ENTRY = 180, DATA = 24 };

/* A safetensors file of n layers: a matrix of 2 x 2 and a bias each. */
static uint8_t *make_file(size_t n, size_t *bytes) {
    size_t room = 64 + n * (ENTRY + DATA), at = 8;
    uint8_t *file = aligned_alloc(64, (room + 63) / 64 * 64);
    cr_assert_not_null(file);
    memset(file, 0, room);
    for (size_t i = 0; i < n; i++) {
        at += (size_t)snprintf(
            (char *)file + at, room - at,
            "%c\"l%zu.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[%zu,%zu]},"
            "\"l%zu.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[%zu,%zu]}",
            i ? ',' : '{', i, i * DATA, i * DATA + 16, i, i * DATA + 16, (i + 1) * DATA);
    }
    file[at++] = '}';
    uint64_t header = at - 8;
    memcpy(file, &header, sizeof header);
    memset(file + at, 0, n * DATA);
    *bytes = at + n * DATA;
    cr_assert_leq(*bytes, room);
    return file;
}

static double seconds_to_inspect(size_t n) {
    oz_model *m;
    oz_leaf_info leaf;
    oz_error err = {0};
    size_t bytes;
    uint8_t *file = make_file(n, &bytes);
    uint64_t values = 0;
    clock_t start = clock();
    cr_assert_eq(oz_model_open_memory(file, bytes, NULL, &m, &err), OZ_OK, "%s", err.message);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(oz_model_leaf(m, i, 0, &leaf), OZ_OK);
        cr_assert_not(leaf.shared);
        values += leaf.bytes.values;
    }
    clock_t end = clock();
    cr_assert_eq(oz_model_layers(m), n);
    cr_assert_eq(values, n * 16);
    oz_model_free(m);
    free(file);
    return (double)(end - start) / CLOCKS_PER_SEC;
}

Test(many_layers, are_opened_in_time_that_grows_with_them, .timeout = 300) {
    double few = seconds_to_inspect(FEW), many = seconds_to_inspect(MANY);
    cr_assert_lt(many, 10 * few + 0.1, "%d layers: %.2f s, %d: %.2f s", FEW, few, MANY, many);
}

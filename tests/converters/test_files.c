/* test_files.c - writing results, and telling a sound file from a damaged one. */
#include "networks.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char graph[] = "{\"inputs\":{\"x\":[\"N\",6]},\"outputs\":[\"y\"],\"nodes\":["
                            "[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}";
static const test_tensor tensors[] = {{"fc.weight", 2, {4, 6}, NULL}, {"fc.bias", 1, {4}, NULL}};

static void write_over(const char *path, const oz_buffer *file) {
    oz_error err = {0};
    cr_assert_eq(oz_write_file(path, file->data, file->bytes, true, &err), OZ_OK, "%s", err.message);
}

/* Where these numbers begin in the file. */
static size_t find_floats(const oz_buffer *file, const float *wanted, size_t n) {
    const char *data = file->data;
    size_t i = 0, end = file->bytes - n * sizeof *wanted;
    while (i < end && memcmp(data + i, wanted, n * sizeof *wanted) != 0) i++;
    cr_assert_lt(i, end, "the numbers are not in the file");
    return i;
}

Test(files, are_replaced_only_by_force) {
    const char *path = test_path("out");
    oz_error err = {0};
    cr_expect_eq(oz_write_file(path, "one", 3, false, &err), OZ_OK);
    cr_expect_eq(oz_write_file(path, "two", 3, false, &err), OZ_ERR_IO);
    cr_expect_eq(oz_write_file(path, "three", 5, true, &err), OZ_OK);
    char text[8] = "";
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f);
    cr_expect_eq(fread(text, 1, sizeof text, f), 5);
    cr_expect_str_eq(text, "three");
    fclose(f);
    test_drop(path);
    cr_expect_eq(oz_write_file(NULL, "one", 3, false, &err), OZ_ERR_ARGUMENT);
    cr_expect_eq(oz_write_file("no/such/folder", "one", 3, false, &err), OZ_ERR_IO);
}

Test(verify, accepts_what_import_writes_and_sees_a_changed_byte) {
    oz_buffer file;
    oz_error err = {0};
    const char *path = test_path("model");
    oz_model_free(test_import(graph, tensors, 2, &file));
    write_over(path, &file);
    cr_expect_eq(oz_verify(path, NULL, &err), OZ_OK, "%s", err.message);
    ((uint8_t *)file.data)[file.bytes - 70] ^= 1;
    write_over(path, &file);
    cr_expect_eq(oz_verify(path, NULL, &err), OZ_ERR_CHECKSUM);
    test_drop(path);
    oz_buffer_free(&file);
}

Test(verify, names_the_weight_that_is_not_finite) {
    oz_buffer file;
    oz_error err = {0};
    const char *path = test_path("model");
    oz_model_free(test_import(graph, tensors, 2, &file));
    char *data = file.data;
    float weight[2] = {test_number("fc.weight", 20), test_number("fc.weight", 21)}, nan = NAN;
    float bias[2] = {test_number("fc.bias", 0), test_number("fc.bias", 1)};
    size_t at = find_floats(&file, weight, 2), bias_at = find_floats(&file, bias, 2);
    char *hashes = strstr(data + 8, "hashes");
    cr_assert_not_null(hashes);
    memcpy(hashes, "hushes", 6); /* free text now: nothing is left to compare with */
    memcpy(data + at + sizeof nan, &nan, sizeof nan);
    write_over(path, &file);
    cr_expect_eq(oz_verify(path, NULL, &err), OZ_ERR_NUMBER);
    cr_expect(strstr(err.where, "fc") && strstr(err.message, "number 21 is NaN"), "%s: %s", err.where,
              err.message);
    memcpy(data + at, weight, sizeof weight);
    memcpy(data + bias_at + sizeof nan, &nan, sizeof nan);
    write_over(path, &file);
    cr_expect_eq(oz_verify(path, NULL, &err), OZ_ERR_NUMBER);
    cr_expect_str_eq(err.where, "fc.bias");
    cr_expect(strstr(err.message, "number 1 is NaN"), "%s", err.message);
    test_drop(path);
    oz_buffer_free(&file);
}

Test(verify, reads_plain_safetensors_too) {
    oz_error err = {0};
    const char *path = test_path("plain");
    float values[24] = {0};
    const test_tensor plain[] = {{"conv.weight", 4, {2, 3, 2, 2}, values}};
    test_write_tensors(path, plain, 1);
    cr_expect_eq(oz_verify(path, NULL, &err), OZ_OK, "%s", err.message);
    values[17] = INFINITY;
    test_write_tensors(path, plain, 1);
    cr_expect_eq(oz_verify(path, NULL, &err), OZ_ERR_NUMBER);
    cr_expect_str_eq(err.where, "conv.weight");
    cr_expect(strstr(err.message, "number 17 is infinite"), "%s", err.message);
    test_drop(path);
    cr_expect_eq(oz_verify(path, NULL, &err), OZ_ERR_IO);
}

static bool refuse(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    (void)stage;
    *(uint64_t *)ctx += done <= total;
    return false;
}

Test(verify, stops_when_the_host_says_so) {
    oz_buffer file;
    oz_error err = {0};
    uint64_t calls = 0;
    const char *path = test_path("model");
    oz_host host = OZ_HOST_INIT;
    host.progress = refuse;
    host.progress_ctx = &calls;
    oz_model_free(test_import(graph, tensors, 2, &file));
    write_over(path, &file);
    cr_expect_eq(oz_verify(path, &host, &err), OZ_ERR_CANCEL);
    cr_expect_eq(calls, 1);
    test_drop(path);
    oz_buffer_free(&file);
}

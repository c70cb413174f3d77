/* networks.h - small networks in files, as a user would bring them. */
#ifndef OZ_TESTS_CONVERTERS_NETWORKS_H
#define OZ_TESTS_CONVERTERS_NETWORKS_H

#include <ounce/tools.h>

typedef struct test_tensor {
    const char *name;
    uint32_t rank;
    size_t dim[4];
    const float *values; /* NULL: made up from the name */
} test_tensor;

size_t test_count(const test_tensor *t);
/* The numbers that a tensor without values gets: between -1 and 1, always the same. */
float test_number(const char *name, size_t i);

/* Files in the working folder, of this process alone; removed by test_drop. */
const char *test_path(const char *name);
void test_write_text(const char *path, const char *text);
void test_write_tensors(const char *path, const test_tensor *tensors, size_t n);
void test_drop(const char *path);

/* Imports `graph` and the tensors, which must succeed, as an open model; free both. */
oz_model *test_import(const char *graph, const test_tensor *tensors, size_t n, oz_buffer *file);
oz_status test_import_status(const char *graph, const test_tensor *tensors, size_t n, oz_error *err);
/* The first output of a run on one record. */
void test_run(oz_model *m, const float *x, const int64_t *dim, uint32_t rank, float *out, size_t floats);

#endif

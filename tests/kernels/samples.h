/* samples.h - random leaves and activations in guarded memory, and what kernels must make of them. */
#ifndef OZ_TESTS_KERNELS_SAMPLES_H
#define OZ_TESTS_KERNELS_SAMPLES_H

#include "kernels/kernel.h"
#include "tests/support/guard.h"

/* Draws that are the same in every run; tests print the seed that they start from. */
typedef struct draws {
    uint64_t seed, next;
} draws;

uint64_t draw(draws *d);
size_t draw_below(draws *d, size_t n);
float draw_float(draws *d); /* in [-1, 1) */

/* A dense leaf of random bytes (floats: random numbers), every part ending at a guard page. */
typedef struct sample {
    oz_leaf leaf;
    guard part[OZ_MAX_PARTS];
} sample;

sample sample_dense(draws *d, oz_codec codec, size_t rows, size_t cols);
void sample_free(sample *s);

/* m rows of k inputs, as floats and quantised, each array ending at a guard page. */
typedef struct inputs {
    guard f32, i8, scale, sum;
    oz_rows rows;
} inputs;

inputs inputs_new(draws *d, const oz_primitives *p, size_t m, size_t k);
void inputs_free(inputs *x);

/* The same rows as one panel of 64 columns. */
typedef struct columns {
    guard f32, i8, scale, sum;
    oz_columns columns;
} columns;

columns columns_new(const inputs *x, const oz_primitives *p);
void columns_free(columns *x);

/* The integer contract of kernel.h in plain C: row r of the leaf times row i of x, added to y. */
float expect_integer(const oz_leaf *leaf, size_t r, const oz_rows *x, size_t i, float y);
/* The product in double, and the largest error that any order of float additions may make, scales
 * before or behind them. */
double expect_float(const oz_leaf *leaf, size_t r, const oz_rows *x, size_t i, double y, double *tolerance);

#endif

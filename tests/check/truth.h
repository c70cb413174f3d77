/* truth.h - activations, and what a leaf must make of them: floats in double, codes to the bit.
 *
 * All is plain C after the words of kernel.h; no kernel is asked. */
#ifndef OZ_TESTS_CHECK_TRUTH_H
#define OZ_TESTS_CHECK_TRUTH_H

#include "kernels/kernel.h"
#include "tests/check/leaves.h"

typedef struct truth {
    size_t n, k, kq, rows;  /* batch columns, inputs, inputs rounded up to blocks */
    float *f32;             /* [n][k] */
    int8_t *i8;             /* [n][kq] */
    float *scale;           /* [n][kq / 128] */
    int32_t *sum;           /* [n][kq / 32] */
    double *product, *size; /* [n][rows]: W x in double, and the sum of its terms' magnitudes */
    float *codes_product;   /* [n][rows]: acc of kernel.h; NULL if the leaf has no codes */
} truth;

/* Random activations for a leaf of `k` inputs. */
void truth_inputs(truth *t, size_t n, size_t k, chance *c);
/* Makes some of them infinite or NaN. */
void truth_spoil(truth *t, chance *c);
void truth_products(truth *t, const sample *s);
void truth_free(truth *t);

/* How far a sum of `terms` products in floats, in any order, may be from the one in double: as many
 * roundings, one of adding it to what was there, one to spare for the conversion, and two where codes are
 * summed before they are scaled: the scale's own, and that of the weight in `row`. */
double truth_tolerance(size_t terms, double size);

/* Where column c of a few lies in a panel: spread, so that few columns reach every vector of it; and back. */
static inline size_t truth_lane(size_t c, size_t lanes) {
    return c * 13 % lanes;
}
static inline size_t truth_column(size_t lane, size_t lanes) {
    return lane * 5 % lanes;
}
/* The panel [k][lanes] of the first n columns in their lanes, zeros elsewhere; the same of codes, scales and
 * sums. */
void truth_panel(const truth *t, size_t n, size_t lanes, float *f32);
void truth_code_panel(const truth *t, size_t n, size_t lanes, int8_t *i8, float *scale, int32_t *sum);

#endif

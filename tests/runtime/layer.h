/* layer.h - what a weight must make of a row of activations, with the largest error that is allowed.
 *
 * The bound is carried through the terms and factors: rounding of sums of so many products, and where a leaf
 * reads 8-bit activations half a step of their scale. */
#ifndef OZ_TESTS_LAYER_H
#define OZ_TESTS_LAYER_H

#include "tests/runtime/net.h"

/* y[rows] and bound[rows] for one row x of the weight's inputs; `bias` may be NULL. No activation. */
void layer_expect(const net *n, size_t weight, const float *bias, const float *x, double *y, double *bound);

/* An activation by its name in a graph. */
double layer_activate(const char *act, double x, double slope);

#endif

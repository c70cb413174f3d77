/* packed.h - leaves packed from random weights, their parts before forbidden pages, and all that their
 * kernels promise: products and decoders of every instruction set of this machine against the format's own
 * `row` and `codes`. */
#ifndef OZ_TESTS_KERNELS_PACKED_H
#define OZ_TESTS_KERNELS_PACKED_H

#include "kernels/kernel.h"
#include "tests/kernels/samples.h"

/* `text` as a leaf of rows x cols of which about `density` is not zero. */
sample sample_packed(draws *d, const char *text, size_t rows, size_t cols, double density);

/* Every kernel that takes the leaf; fails if a product with float activations is missing, any shape of
 * decoder or, of a leaf of integers, a product with quantised ones. */
void check_kernels(draws *d, const oz_leaf *leaf);

#endif

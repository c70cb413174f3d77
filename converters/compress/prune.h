/* prune.h - which weights stay: counts per layer first, then the largest of each layer.
 *
 * Whatever the scope, a layer keeps its largest magnitudes, because the LAMP score of a weight grows with its
 * magnitude too; a scope only decides how many each layer keeps. */
#ifndef OZ_CONVERTERS_PRUNE_H
#define OZ_CONVERTERS_PRUNE_H

#include "converters/compress/base.h"
#include "converters/compress/method.h"

/* keep[i] of the n layers so that together they lose `sparsity` of their weights; each keeps at least one.
 * Layers must be sorted (oz_base_sort) unless the scope is the layer. */
void oz_prune_counts(oz_base_layer *const *layers, size_t n, oz_scope scope, double sparsity, uint64_t *keep);
/* Zeroes all but the `keep` largest magnitudes of w[n]; of equal ones the earlier stay.
 * scratch: n floats. */
void oz_prune_magnitude(float *w, uint64_t n, uint64_t keep, float *scratch);
/* Zeroes all but `keep` weights that the seed picks. */
void oz_prune_random(float *w, uint64_t n, uint64_t keep, uint64_t seed);
/* In every group of m neighbours of a row, zeroes all but n that the seed picks. */
void oz_prune_random_groups(float *w, uint64_t rows, uint64_t cols, uint64_t n, uint64_t m, uint64_t seed);

#endif

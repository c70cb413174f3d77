/* statistics.h - how sure we may be of an accuracy and of a difference between two.
 *
 * Models are compared on the same inputs, so every pair of them is a paired 2 x 2 table: who was right on
 * which input. Only the inputs on which the two disagree carry information about the difference. */
#ifndef OZ_EVALUATE_STATISTICS_H
#define OZ_EVALUATE_STATISTICS_H

#include <stddef.h>
#include <stdint.h>

/* Two-sided 95 %: the 0.975 quantile of the normal distribution. */
#define OZ_Z95 1.959963984540054
#define OZ_ALPHA 0.05

typedef struct oz_interval {
    double low, high;
} oz_interval;

/* Counts of inputs: both right, only the first, only the second, neither. */
typedef struct oz_pairs {
    uint64_t both, first, second, neither;
} oz_pairs;

/* Wilson's score interval of a proportion; [0, 1] without trials. */
oz_interval oz_wilson(uint64_t successes, uint64_t trials);
double oz_half_width(oz_interval i);

oz_pairs oz_pairs_count(const uint8_t *first, const uint8_t *second, size_t n);
/* First accuracy minus second. */
double oz_pairs_difference(oz_pairs p);
/* Newcombe (1998), method 10: Wilson's intervals of both, squared and added, with the continuity-corrected
 * correlation between the two. */
oz_interval oz_newcombe(oz_pairs p);
/* McNemar's exact conditional test, two-sided: `only_first` of the disagreements under Binomial(n, 1/2).
 * 1 when there are none. */
double oz_mcnemar(uint64_t only_first, uint64_t only_second);

/* Holm's step-down adjustment of n p-values; adjusted[i] belongs to p[i]. */
void oz_holm(const double *p, double *adjusted, size_t n);

/* Interval of the mean of `d` (paired differences of neighbouring blocks of `block` values) by a circular
 * block bootstrap; percentile method. `means` is scratch of `resamples` values. n, block, resamples > 0. */
oz_interval oz_block_bootstrap(const double *d, size_t n, size_t block, size_t resamples, uint64_t seed,
                               double *means);

/* The q-quantile of n values, 0 <= q <= 1, which it sorts; 0 without values. */
double oz_quantile(double *values, size_t n, double q);

#endif

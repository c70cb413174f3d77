/* statistics.c - intervals and tests for proportions, paired where models share their inputs.
 *
 * Everything is closed form or exact; the bootstrap alone draws random numbers, from the frozen stream of
 * a seed, so that a report can be made again. */
#include "evaluate/statistics.h"

#include "base/random.h"

#include <math.h>
#include <stdlib.h>

oz_interval oz_wilson(uint64_t successes, uint64_t trials) {
    if (trials == 0) return (oz_interval){0.0, 1.0};
    double n = (double)trials, p = (double)successes / n, z2 = OZ_Z95 * OZ_Z95;
    double middle = p + z2 / (2.0 * n);
    double spread = OZ_Z95 * sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n));
    oz_interval i = {(middle - spread) / (1.0 + z2 / n), (middle + spread) / (1.0 + z2 / n)};
    if (successes == 0) i.low = 0.0; /* exactly, not up to rounding */
    if (successes == trials) i.high = 1.0;
    return i;
}

double oz_half_width(oz_interval i) {
    return 0.5 * (i.high - i.low);
}

oz_pairs oz_pairs_count(const uint8_t *first, const uint8_t *second, size_t n) {
    oz_pairs p = {0, 0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        if (first[i] && second[i])
            p.both++;
        else if (first[i])
            p.first++;
        else if (second[i])
            p.second++;
        else
            p.neither++;
    }
    return p;
}

static double total(oz_pairs p) {
    return (double)p.both + (double)p.first + (double)p.second + (double)p.neither;
}

double oz_pairs_difference(oz_pairs p) {
    double n = total(p);
    return n > 0.0 ? ((double)p.first - (double)p.second) / n : 0.0;
}

/* Correlation of the two outcomes; a positive product is shrunk by n/2 (the continuity correction), at
 * most to zero. Zero where a margin is empty. */
static double correlation(oz_pairs p) {
    double a = (double)p.both, b = (double)p.first, c = (double)p.second, d = (double)p.neither;
    double margins = (a + b) * (c + d) * (a + c) * (b + d);
    if (margins <= 0.0) return 0.0;
    double product = a * d - b * c;
    if (product > 0.0) product = fmax(product - total(p) / 2.0, 0.0);
    return product / sqrt(margins);
}

static double square_and_add(double x, double y, double phi) {
    return sqrt(fmax(x * x - 2.0 * phi * x * y + y * y, 0.0));
}

oz_interval oz_newcombe(oz_pairs p) {
    double n = total(p);
    if (n <= 0.0) return (oz_interval){-1.0, 1.0};
    uint64_t trials = p.both + p.first + p.second + p.neither;
    oz_interval i1 = oz_wilson(p.both + p.first, trials), i2 = oz_wilson(p.both + p.second, trials);
    double p1 = (double)(p.both + p.first) / n, p2 = (double)(p.both + p.second) / n;
    double phi = correlation(p), difference = oz_pairs_difference(p);
    return (oz_interval){difference - square_and_add(p1 - i1.low, i2.high - p2, phi),
                         difference + square_and_add(i1.high - p1, p2 - i2.low, phi)};
}

/* log of n! / (k! (n - k)!) by the shorter product; a sum of k logs, exact enough for k up to millions. */
static double log_choose(uint64_t n, uint64_t k) {
    double sum = 0.0;
    for (uint64_t i = 1; i <= k; i++) sum += log((double)(n - k + i) / (double)i);
    return sum;
}

/* P(X <= m) for m <= n/2 is the largest term times a series that falls: each step down from k multiplies
 * by k / (n - k + 1) < 1. */
double oz_mcnemar(uint64_t only_first, uint64_t only_second) {
    uint64_t n = only_first + only_second, m = only_first < only_second ? only_first : only_second;
    double term = 1.0, series = 1.0;
    for (uint64_t k = m; k > 0 && term > 1e-18 * series; k--) {
        term *= (double)k / (double)(n - k + 1);
        series += term;
    }
    double tail = exp(log_choose(n, m) - (double)n * log(2.0) + log(series));
    return fmin(1.0, 2.0 * tail);
}

/* How many of p come before p[i] in ascending order; equal values keep their order. */
static size_t rank_of(const double *p, size_t n, size_t i) {
    size_t rank = 0;
    for (size_t j = 0; j < n; j++) rank += p[j] < p[i] || (j < i && p[j] <= p[i]);
    return rank;
}

void oz_holm(const double *p, double *adjusted, size_t n) {
    for (size_t i = 0; i < n; i++) adjusted[i] = fmin(1.0, (double)(n - rank_of(p, n, i)) * p[i]);
    /* Never below that of a smaller p. Raising adjusted[j] before it is read for i does no harm: what it was
     * raised to counts for i too. */
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            if (p[j] <= p[i] && adjusted[j] > adjusted[i]) adjusted[i] = adjusted[j];
        }
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double resampled_mean(const double *d, size_t n, size_t block, uint64_t seed, uint64_t *draws) {
    double sum = 0.0;
    for (size_t taken = 0; taken < n;) {
        size_t start = (size_t)(oz_stream_u64(seed, (*draws)++) % n);
        for (size_t k = 0; k < block && taken < n; k++, taken++) sum += d[(start + k) % n];
    }
    return sum / (double)n;
}

oz_interval oz_block_bootstrap(const double *d, size_t n, size_t block, size_t resamples, uint64_t seed,
                               double *means) {
    uint64_t draws = 0;
    for (size_t r = 0; r < resamples; r++) means[r] = resampled_mean(d, n, block, seed, &draws);
    qsort(means, resamples, sizeof *means, ascending);
    size_t cut = (size_t)floor((double)resamples * OZ_ALPHA / 2.0);
    return (oz_interval){means[cut], means[resamples - 1 - cut]};
}

double oz_quantile(double *values, size_t n, double q) {
    if (n == 0) return 0.0;
    qsort(values, n, sizeof *values, ascending);
    double at = q * (double)(n - 1);
    size_t low = (size_t)at, high = low + 1 < n ? low + 1 : low;
    return values[low] + (at - (double)low) * (values[high] - values[low]);
}

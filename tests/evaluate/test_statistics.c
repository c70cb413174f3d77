/* Statistics against published tables, and at their edges. */
#include "evaluate/statistics.h"

#include "base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void near(double got, double want, double tolerance) {
    cr_assert(fabs(got - want) <= tolerance, "got %.9g, want %.9g within %g", got, want, tolerance);
}

/* Newcombe (1998, Statistics in Medicine 17:857-872), table I, method 3. */
Test(statistics, wilson_published) {
    static const struct {
        uint64_t r, n;
        double low, high;
    } rows[] = {
        {81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0, 0.1611}, {1, 29, 0.0061, 0.1718}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        oz_interval w = oz_wilson(rows[i].r, rows[i].n);
        near(w.low, rows[i].low, 5e-5);
        near(w.high, rows[i].high, 5e-5);
    }
}

Test(statistics, wilson_edges) {
    oz_interval none = oz_wilson(0, 0), all = oz_wilson(10, 10);
    cr_assert(none.low == 0.0 && none.high == 1.0);
    cr_assert(all.high == 1.0 && all.low > 0.7 && all.low < 1.0);
    oz_interval few = oz_wilson(3, 10), mirror = oz_wilson(7, 10);
    near(few.low, 1.0 - mirror.high, 1e-15);
    near(oz_half_width(few), oz_half_width(mirror), 1e-15);
}

/* Fagerland, Lydersen and Laake (2014), "Recommended tests and confidence intervals for paired binomial
 * proportions": airway hyper-responsiveness and complete response, Newcombe's square-and-add interval. */
Test(statistics, newcombe_published) {
    oz_pairs airway = {1, 1, 7, 12}, response = {59, 6, 16, 80};
    near(oz_pairs_difference(airway), -0.286, 5e-4);
    near(oz_newcombe(airway).low, -0.507, 5e-4);
    near(oz_newcombe(airway).high, -0.026, 5e-4);
    near(oz_pairs_difference(response), -0.0621, 5e-5);
    near(oz_newcombe(response).low, -0.1186, 5e-5);
    near(oz_newcombe(response).high, -0.0046, 5e-5);
}

Test(statistics, newcombe_is_antisymmetric) {
    oz_pairs p = {40, 9, 4, 12}, q = {40, 4, 9, 12};
    oz_interval i = oz_newcombe(p), j = oz_newcombe(q);
    near(i.low, -j.high, 1e-15);
    near(i.high, -j.low, 1e-15);
}

Test(statistics, newcombe_edges) {
    oz_pairs same = {90, 0, 0, 10}, empty = {0, 0, 0, 0}, all = {50, 0, 0, 0}, opposite = {0, 30, 0, 0};
    oz_interval i = oz_newcombe(same);
    cr_assert(i.low < 0.0 && i.high > 0.0 && i.high < 0.05);
    near(i.low, -i.high, 1e-15);
    cr_assert(oz_newcombe(empty).low == -1.0 && oz_newcombe(empty).high == 1.0);
    cr_assert(oz_pairs_difference(empty) == 0.0);
    i = oz_newcombe(all);
    cr_assert(i.low <= 0.0 && i.high >= 0.0 && isfinite(i.low) && isfinite(i.high));
    i = oz_newcombe(opposite);
    near(oz_pairs_difference(opposite), 1.0, 0.0);
    near(i.high, 1.0, 1e-12);
}

/* Exact conditional P of the same two tables (Fagerland, Lydersen and Laake 2013: 0.0703, 0.0525), and of
 * Armitage and Berry's culture media (1994, p. 127: 0.0129). */
Test(statistics, mcnemar_published) {
    near(oz_mcnemar(1, 7), 0.0703, 5e-5);
    near(oz_mcnemar(6, 16), 0.0525, 5e-5);
    near(oz_mcnemar(12, 2), 0.0129, 5e-5);
}

/* Agresti's approval ratings (794, 150, 86, 570), z = -4.17: the normal approximation gives 3.1e-5, the
 * exact test a little more. */
Test(statistics, mcnemar_of_approval_ratings) {
    double p = oz_mcnemar(150, 86);
    cr_assert(p > 3.1e-5 && p < 4.5e-5, "p = %g", p);
}

Test(statistics, mcnemar_edges) {
    cr_assert(oz_mcnemar(0, 0) == 1.0);
    cr_assert(oz_mcnemar(5, 5) == 1.0);
    near(oz_mcnemar(0, 1), 1.0, 1e-15);
    near(oz_mcnemar(0, 10), 2.0 / 1024.0, 1e-15);
    cr_assert(oz_mcnemar(3, 9) == oz_mcnemar(9, 3));
    cr_assert(oz_mcnemar(0, 100000) == 0.0); /* 2^-99999 underflows to zero, not to NaN */
    near(oz_mcnemar(500000, 500500), 0.617, 2e-3);
}

Test(statistics, holm) {
    /* 0.01 x 4; 0.02 x 3; 0.03 x 2; 0.04 is raised to the one before. */
    double p[4] = {0.03, 0.01, 0.04, 0.02}, q[4];
    oz_holm(p, q, 4);
    near(q[1], 0.04, 1e-15);
    near(q[3], 0.06, 1e-15);
    near(q[0], 0.06, 1e-15);
    near(q[2], 0.06, 1e-15);
    double ties[3] = {0.02, 0.02, 0.9}, adjusted[3];
    oz_holm(ties, adjusted, 3);
    near(adjusted[0], 0.06, 1e-15);
    near(adjusted[1], 0.06, 1e-15);
    near(adjusted[2], 0.9, 1e-15);
    double large[2] = {0.8, 0.7};
    oz_holm(large, adjusted, 2);
    cr_assert(adjusted[0] == 1.0 && adjusted[1] == 1.0);
}

Test(statistics, pairs_are_counted) {
    uint8_t a[6] = {1, 1, 0, 0, 1, 1}, b[6] = {1, 0, 1, 0, 0, 1};
    oz_pairs p = oz_pairs_count(a, b, 6);
    cr_assert(p.both == 2 && p.first == 2 && p.second == 1 && p.neither == 1);
    near(oz_pairs_difference(p), 1.0 / 6.0, 1e-15);
}

Test(statistics, bootstrap_of_a_constant_has_no_width) {
    double d[17], means[50];
    for (size_t i = 0; i < 17; i++) d[i] = 0.25;
    oz_interval i = oz_block_bootstrap(d, 17, 4, 50, 1, means);
    near(i.low, 0.25, 1e-15);
    near(i.high, 0.25, 1e-15);
}

/* Independent values: the interval must be near the normal one. Values that repeat in runs of 20: blocks
 * of 20 must see that there are twenty times fewer of them, single draws must not. */
Test(statistics, bootstrap_widths) {
    enum { N = 2000, RUN = 20, R = 400 };
    uint64_t seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    double *d = malloc(N * sizeof *d), *means = malloc(R * sizeof *means), sum = 0.0, square = 0.0;
    for (size_t i = 0; i < N; i++) d[i] = (double)(oz_stream_u64(seed, i) >> 11) * 0x1p-53;
    for (size_t i = 0; i < N; i++) sum += d[i], square += d[i] * d[i];
    double deviation = sqrt(square / N - sum / N * sum / N);
    double want = OZ_Z95 * deviation / sqrt((double)N);
    near(oz_half_width(oz_block_bootstrap(d, N, 1, R, seed, means)), want, 0.25 * want);
    for (size_t i = 0; i < N; i++) d[i] = d[i / RUN * RUN];
    double single = oz_half_width(oz_block_bootstrap(d, N, 1, R, seed, means));
    double blocks = oz_half_width(oz_block_bootstrap(d, N, RUN, R, seed, means));
    cr_assert(blocks > 2.5 * single, "blocks %g, single %g", blocks, single);
    free(d);
    free(means);
}

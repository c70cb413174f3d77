/* test_mix.c - the knapsack against all mixes there are. */
#include "converters/compress/mix.h"

#include "tests/support/chance.h"

#include <criterion/criterion.h>
#include <math.h>

enum { ITEMS = 4, EACH = 3, MIXES = 81 };

typedef struct mixed {
    uint64_t bytes;
    double error;
} mixed;

static mixed sum_of(const oz_choice *choices, const size_t *picked) {
    mixed m = {0, 0};
    for (size_t i = 0; i < ITEMS; i++) {
        m.bytes += choices[i * EACH + picked[i]].bytes;
        m.error += choices[i * EACH + picked[i]].error;
    }
    return m;
}

static mixed nth_mix(const oz_choice *choices, size_t n) {
    size_t picked[ITEMS];
    for (size_t i = 0; i < ITEMS; i++, n /= EACH) picked[i] = n % EACH;
    return sum_of(choices, picked);
}

/* The least error within the capacity, then the most bytes within slack of it. */
static mixed best_of_all(const oz_choice *choices, uint64_t capacity, double slack) {
    mixed least = {0, INFINITY}, best;
    for (size_t n = 0; n < MIXES; n++) {
        mixed m = nth_mix(choices, n);
        if (m.bytes <= capacity && m.error < least.error) least = m;
    }
    best = least;
    for (size_t n = 0; n < MIXES; n++) {
        mixed m = nth_mix(choices, n);
        if (m.bytes <= capacity && m.error < least.error + slack && m.bytes > best.bytes) best = m;
    }
    return best;
}

/* Bytes are whole units, so that the program counts exactly. */
static void make(oz_choice *choices, chance *c) {
    for (size_t i = 0; i < ITEMS * EACH; i++)
        choices[i] = (oz_choice){16 * (1 + chance_below(c, 40)), chance_unit(c)};
}

Test(mix, is_the_best_of_all_mixes) {
    oz_choice choices[ITEMS * EACH];
    size_t picked[ITEMS];
    chance c = chance_make();
    for (int trial = 0; trial < 300; trial++) {
        make(choices, &c);
        uint64_t capacity = 16 * (20 + chance_below(&c, 100));
        double slack = trial % 2 ? 0.1 : 0;
        mixed wanted = best_of_all(choices, capacity, slack);
        cr_assert_eq(oz_mix(choices, ITEMS, EACH, capacity, slack, picked, NULL), OZ_OK);
        mixed got = sum_of(choices, picked);
        if (isinf(wanted.error)) continue;
        cr_expect_leq(got.bytes, capacity);
        cr_expect(slack > 0 || got.error == wanted.error, "%g instead of %g", got.error, wanted.error);
        cr_expect(slack == 0 || got.bytes == wanted.bytes, "%llu instead of %llu",
                  (unsigned long long)got.bytes, (unsigned long long)wanted.bytes);
    }
}

Test(mix, takes_the_cheapest_where_nothing_fits) {
    static const oz_choice choices[] = {{500, 0}, {300, 1}, {200, 0}, {400, 0}};
    size_t picked[2];
    cr_assert_eq(oz_mix(choices, 2, 2, 100, 0, picked, NULL), OZ_OK);
    cr_expect_eq(picked[0], 1);
    cr_expect_eq(picked[1], 0);
}

/* More bytes than there are units: rounding costs a little, and never exceeds. */
Test(mix, fits_where_units_are_large) {
    enum { LAYERS = 50 };
    oz_choice choices[LAYERS * 2];
    size_t picked[LAYERS];
    const uint64_t each = 1000003, capacity = 40 * each;
    for (size_t i = 0; i < LAYERS; i++) {
        choices[2 * i] = (oz_choice){0, 1};
        choices[2 * i + 1] = (oz_choice){each, 0};
    }
    cr_assert_eq(oz_mix(choices, LAYERS, 2, capacity, 0, picked, NULL), OZ_OK);
    size_t taken = 0;
    for (size_t i = 0; i < LAYERS; i++) taken += picked[i];
    cr_expect(taken == 39 || taken == 40, "%zu", taken);
}

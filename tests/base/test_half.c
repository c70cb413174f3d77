/* test_half.c - 16-bit numbers against their definition, in double arithmetic. */
#include "base/half.h"
#include "tests/support/chance.h"

#include <criterion/criterion.h>
#include <math.h>

static double value_of_f16(uint16_t h) {
    int exponent = h >> 10 & 31, fraction = h & 0x3ff;
    double magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                       : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                      : ldexp(fraction, -24);
    return h & 0x8000 ? -magnitude : magnitude;
}

/* `f` to `places` significant bits, no finer than 2^lowest, ties to even. */
static double rounded(double f, int places, int lowest) {
    int exponent;
    frexp(f, &exponent);
    int step = exponent - places > lowest ? exponent - places : lowest;
    return ldexp(nearbyint(ldexp(f, -step)), step);
}

static float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

Test(half, every_f16_to_f32_and_back) {
    for (uint32_t h = 0; h <= 0xffff; h++) {
        float got = oz_f16_to_f32((uint16_t)h);
        double want = value_of_f16((uint16_t)h);
        if (isnan(want)) {
            cr_assert(isnan(got) && isnan(oz_f16_to_f32(oz_f32_to_f16(got))), "%04x", h);
            continue;
        }
        cr_assert(got == (float)want && !signbit(got) == !(h & 0x8000), "%04x", h);
        cr_assert_eq(oz_f32_to_f16(got), h, "%04x", h);
    }
}

static void expect_rounding(float f) {
    double want = rounded((double)f, 11, -24);
    if (fabs(want) >= 65536) want = f > 0 ? INFINITY : -INFINITY;
    cr_assert_eq(value_of_f16(oz_f32_to_f16(f)), want, "%a", (double)f);
}

Test(half, f32_to_f16_rounds_to_nearest_even) {
    chance c = chance_make();
    for (int i = 0; i < 1000000; i++) {
        float f = float_of((uint32_t)chance_u64(&c));
        if (isfinite(f)) expect_rounding(f);
        expect_rounding((float)ldexp(chance_unit(&c) - 0.5, (int)chance_below(&c, 48) - 30));
    }
}

Test(half, f32_to_f16_at_halfway_points_and_beside_them) {
    for (uint16_t h = 0; h < 0x7bff; h++) {
        double middle = (value_of_f16(h) + value_of_f16((uint16_t)(h + 1))) / 2;
        float at = (float)middle;
        cr_assert_eq((double)at, middle);
        expect_rounding(at);
        expect_rounding(-at);
        expect_rounding(nextafterf(at, 0));
        expect_rounding(nextafterf(at, INFINITY));
    }
    cr_assert_eq(oz_f32_to_f16(65519.996f), 0x7bff);
    cr_assert_eq(oz_f32_to_f16(65520.f), 0x7c00);
    cr_assert_eq(oz_f32_to_f16(-INFINITY), 0xfc00);
}

Test(half, bf16) {
    chance c = chance_make();
    for (int i = 0; i < 1000000; i++) {
        float f = float_of((uint32_t)chance_u64(&c));
        float got = oz_bf16_to_f32(oz_f32_to_bf16(f));
        if (isnan(f)) {
            cr_assert(isnan(got));
            continue;
        }
        double want = isinf(f) ? (double)f : rounded((double)f, 8, -133);
        if (fabs(want) >= 0x1p128) want = f > 0 ? INFINITY : -INFINITY;
        cr_assert_eq((double)got, want, "%a", (double)f);
    }
    cr_assert(isnan(oz_bf16_to_f32(oz_f32_to_bf16(float_of(0x7f800001)))), "a NaN whose upper bits are zero");
}

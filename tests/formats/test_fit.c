/* test_fit.c - scales that minimise the squared error: against brute force, at the ends of the number
 * range, and without loss where there is nothing to lose. */
#include "tests/formats/packed.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double decoded(const oz_codec *c, oz_group_fit fit, uint8_t q) {
    if (c->offset == OZ_MINIMUM) return (double)fit.scale * q + (double)fit.offset;
    double zero = c->offset == OZ_ZERO_POINT ? (double)fit.offset : oz_codec_zero(c->kind);
    return (double)fit.scale * (q - zero);
}

static double error_of(const oz_codec *c, oz_group_fit fit, const float *w, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)w[i] - decoded(c, fit, oz_codec_encode(c, fit, w[i]));
        sum += d * d;
    }
    return sum;
}

static double largest_of(const float *w, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs((double)w[i]));
    return most;
}

static double brute_force(const oz_codec *c, const float *w, size_t n) {
    double best = INFINITY, widest = 1.2 * largest_of(w, n) / oz_codec_zero(c->kind);
    for (int i = 1; i <= 3000; i++) {
        float s = (float)(widest * i / 3000);
        best = fmin(best, error_of(c, (oz_group_fit){s, 0}, w, n));
        best = fmin(best, error_of(c, (oz_group_fit){-s, 0}, w, n));
    }
    return best;
}

Test(fit, is_as_good_as_brute_force) {
    chance rng = chance_make();
    for (int kind = OZ_CODEC_INT8; kind <= OZ_CODEC_TERNARY; kind++) {
        oz_codec c = {(oz_codec_kind)kind, OZ_SYMMETRIC, 0, true};
        double got = 0, best = 0;
        for (int trial = 0; trial < 12; trial++) {
            size_t n = 16 + chance_below(&rng, 100);
            float *w = random_matrix(&rng, 1, n, 0.8);
            if (trial % 3 == 0) w[0] *= 8; /* an outlier */
            got += error_of(&c, oz_codec_fit(&c, w, n), w, n);
            best += brute_force(&c, w, n);
            free(w);
        }
        double slack = kind == OZ_CODEC_INT8 ? 1.2 : 1.03; /* with 256 levels the error is a jagged line */
        cr_expect_leq(got, slack * best, "%s: %g, best %g", oz_codec_name(c.kind), got, best);
    }
}

/* Max (1960): the least error of a uniform quantiser with that many levels on normal numbers. Its levels lie
 * evenly around 0; ours have one at 0 and one more on one side, which costs 4 % with 8 levels. */
Test(fit, of_normal_weights_has_the_textbook_error) {
    static const struct {
        oz_codec_kind kind;
        double error;
    } want[] = {{OZ_CODEC_INT3, 0.03744},
                {OZ_CODEC_INT4, 0.01154},
                {OZ_CODEC_INT5, 0.00349},
                {OZ_CODEC_INT6, 0.00104},
                {OZ_CODEC_TERNARY, 0.1902}};
    enum { ROWS = 16, N = 4096 };
    chance rng = chance_make();
    float *w = random_matrix(&rng, ROWS, N, 1);
    double power = 0;
    for (size_t i = 0; i < ROWS * N; i++) power += (double)w[i] * (double)w[i];
    for (size_t k = 0; k < sizeof want / sizeof want[0]; k++) {
        oz_codec c = {want[k].kind, OZ_SYMMETRIC, 0, false};
        double error = 0;
        for (size_t r = 0; r < ROWS; r++) {
            error += error_of(&c, oz_codec_fit(&c, w + r * N, N), w + r * N, N) / power;
        }
        cr_expect_lt(error, 1.07 * want[k].error, "%s: %g", oz_codec_name(c.kind), error);
    }
    free(w);
}

Test(fit, offsets_help_lopsided_weights) {
    chance rng = chance_make();
    float w[128];
    for (int i = 0; i < 128; i++) w[i] = (float)(1 + chance_unit(&rng));
    oz_codec c = {OZ_CODEC_INT4, OZ_SYMMETRIC, 0, false};
    double symmetric = error_of(&c, oz_codec_fit(&c, w, 128), w, 128);
    c.offset = OZ_ZERO_POINT;
    double zero = error_of(&c, oz_codec_fit(&c, w, 128), w, 128);
    c.offset = OZ_MINIMUM;
    double minimum = error_of(&c, oz_codec_fit(&c, w, 128), w, 128);
    cr_assert_lt(zero, symmetric / 2);
    cr_assert_lt(minimum, zero / 2);
}

Test(fit, takes_the_sign_that_needs_the_extra_level) {
    oz_codec c = {OZ_CODEC_INT2, OZ_SYMMETRIC, 0, true};
    const float up[] = {2, 1, 0, -1}, down[] = {-2, -1, 0, 1};
    cr_assert_lt(oz_codec_fit(&c, up, 4).scale, 0);
    cr_assert_gt(oz_codec_fit(&c, down, 4).scale, 0);
    cr_assert_eq(error_of(&c, oz_codec_fit(&c, up, 4), up, 4), 0);
    cr_assert_eq(error_of(&c, oz_codec_fit(&c, down, 4), down, 4), 0);
}

static double brute_force_minimum(const oz_codec *c, const float *w, size_t n, double least, double most) {
    double best = INFINITY, levels = oz_codec_levels(c->kind);
    for (int low = 0; low < 80; low++) {
        for (int width = 1; width < 120; width++) {
            float m = (float)(least + (most - least) * low / 160);
            float s = (float)((most - least) * width / 100 / (levels - 1));
            best = fmin(best, error_of(c, (oz_group_fit){s, m}, w, n));
        }
    }
    return best;
}

/* The best range of lopsided weights clips one side only, which no symmetric search would find. */
Test(fit, of_minima_is_as_good_as_brute_force) {
    chance rng = chance_make();
    for (int kind = OZ_CODEC_INT4; kind <= OZ_CODEC_INT2; kind++) {
        oz_codec c = {(oz_codec_kind)kind, OZ_MINIMUM, 0, true};
        double got = 0, best = 0;
        for (int trial = 0; trial < 16; trial++) {
            float *w = random_matrix(&rng, 1, 96, 1), least = 100, most = 0;
            for (size_t i = 0; i < 96; i++) {
                w[i] = 1 + w[i] * w[i];
                least = fminf(least, w[i]);
                most = fmaxf(most, w[i]);
            }
            best += brute_force_minimum(&c, w, 96, (double)least, (double)most);
            for (size_t i = 0; i < 96 && trial % 2; i++) w[i] = -w[i]; /* the mirror image is as hard */
            got += error_of(&c, oz_codec_fit(&c, w, 96), w, 96);
            free(w);
        }
        cr_expect_leq(got, 1.06 * best, "%s: %g, best %g", oz_codec_name(c.kind), got, best);
    }
}

/* Weights made of codes that reach both ends of the range; `lowest` is 0, or 1 as in files that
 * keep to +-(2^(b-1) - 1). */
static void expect_kept(chance *rng, oz_codec c, size_t lowest) {
    size_t highest = oz_codec_levels(c.kind) - 1;
    oz_group_fit made = {0.0625f * (float)(1 + chance_below(rng, 31)), 0};
    if (chance_below(rng, 2) && c.offset != OZ_MINIMUM) made.scale = -made.scale;
    if (c.offset == OZ_ZERO_POINT) made.offset = (float)chance_below(rng, highest + 1);
    if (c.offset == OZ_MINIMUM) made.offset = 0.5f * (float)chance_below(rng, 40) - 10;
    float w[512];
    for (size_t i = 0; i < 512; i++) {
        size_t q = lowest + chance_below(rng, highest + 1 - lowest);
        if (i < 2) q = i ? highest : lowest;
        w[i] = (float)decoded(&c, made, (uint8_t)q);
    }
    double error = error_of(&c, oz_codec_fit(&c, w, 512), w, 512);
    cr_expect_eq(error, 0, "%s, offset %d: %g", oz_codec_name(c.kind), (int)c.offset, error);
}

Test(fit, loses_nothing_that_can_be_kept) {
    chance rng = chance_make();
    for (int trial = 0; trial < 8; trial++) {
        for (int kind = OZ_CODEC_INT8; kind < OZ_CODEC_TERNARY; kind++) {
            for (int offset = 0; offset <= OZ_MINIMUM; offset++) {
                oz_codec c = {(oz_codec_kind)kind, (oz_offset)offset, 0, false};
                expect_kept(&rng, c, offset == OZ_SYMMETRIC && trial % 2);
            }
        }
        expect_kept(&rng, (oz_codec){OZ_CODEC_TERNARY, OZ_SYMMETRIC, 0, false}, 0);
    }
}

Test(fit, of_zeros_is_zero) {
    const float w[5] = {0, -0.0f, 0, 0, 0};
    for (int offset = OZ_SYMMETRIC; offset <= OZ_MINIMUM; offset++) {
        oz_codec c = {OZ_CODEC_INT4, (oz_offset)offset, 0, false};
        oz_group_fit fit = oz_codec_fit(&c, w, 5);
        cr_assert_eq(decoded(&c, fit, oz_codec_encode(&c, fit, 0)), 0);
        fit = oz_codec_fit(&c, w, 0);
        cr_assert_eq(fit.scale, 0);
    }
    oz_codec c = {OZ_CODEC_TERNARY, OZ_SYMMETRIC, 0, false};
    cr_assert_eq(oz_codec_encode(&c, oz_codec_fit(&c, w, 5), 0), 1);
}

Test(fit, of_one_constant) {
    const float w[3] = {0.75f, 0.75f, 0.75f};
    for (int offset = OZ_SYMMETRIC; offset <= OZ_MINIMUM; offset++) {
        oz_codec c = {OZ_CODEC_INT5, (oz_offset)offset, 0, false};
        cr_assert_lt(error_of(&c, oz_codec_fit(&c, w, 3), w, 3), 1e-6);
    }
}

Test(fit, stays_finite_at_the_ends_of_the_range) {
    static const float sizes[] = {1e-45f, 1e-38f, 1e-9f, 1e-7f, 1e6f, 3e38f};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const float w[4] = {sizes[i], -sizes[i], sizes[i] / 2, 0};
        for (int kind = OZ_CODEC_INT8; kind <= OZ_CODEC_TERNARY; kind++) {
            for (int form = 0; form < 6; form++) {
                oz_codec c = {(oz_codec_kind)kind, (oz_offset)(form / 2), 0, form % 2 == 1};
                oz_group_fit fit = oz_codec_fit(&c, w, 4);
                cr_assert(isfinite(fit.scale) && isfinite(fit.offset));
                double power = 2.25 * (double)sizes[i] * (double)sizes[i];
                cr_assert_leq(error_of(&c, fit, w, 4), power * 1.01, "%g", (double)sizes[i]);
                bool reachable = c.scale_f32 ? sizes[i] > 1e-38f : sizes[i] > 1e-8f && sizes[i] < 1e5f;
                if (reachable) cr_assert_lt(error_of(&c, fit, w, 4), power / 2, "%g", (double)sizes[i]);
            }
        }
    }
}

Test(encode, rounds_to_the_nearest_even_and_clamps) {
    oz_codec c = {OZ_CODEC_INT4, OZ_SYMMETRIC, 0, true};
    static const struct {
        float s, w;
        uint8_t q;
    } cases[] = {{1, 0.5f, 8},   {1, 1.5f, 10},  {1, 2.5f, 10},   {1, -0.5f, 8},  {1, -1.5f, 6},
                 {1, 0.51f, 9},  {1, 100, 15},   {1, -100, 0},    {-1, 100, 0},   {-1, -100, 15},
                 {-1, 1.5f, 6},  {-2, 3, 6},     {1e-40f, 1, 15}, {1e-40f, 0, 8}, {0, 5, 8},
                 {1, 1e38f, 15}, {1, -1e38f, 0}, {0.25f, 1, 12}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(oz_codec_encode(&c, (oz_group_fit){cases[i].s, 0}, cases[i].w), cases[i].q, "case %d",
                     (int)i);
    }
    c.offset = OZ_ZERO_POINT;
    cr_assert_eq(oz_codec_encode(&c, (oz_group_fit){1, 3}, 2), 5);
    cr_assert_eq(oz_codec_encode(&c, (oz_group_fit){1, 3}, -9), 0);
    c.offset = OZ_MINIMUM;
    cr_assert_eq(oz_codec_encode(&c, (oz_group_fit){2, -4}, 2), 3);
    cr_assert_eq(oz_codec_encode(&c, (oz_group_fit){2, -4}, 99), 15);
}

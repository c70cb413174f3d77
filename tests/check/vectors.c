/* vectors.c - plain arithmetic over arrays: activations, sums, softmax, against the definitions in double. */
#include "tests/check/check.h"

#include <math.h>
#include <string.h>

#include "kernels/vec.h"
#include "tests/check/report.h"
#include "tests/check/room.h"

typedef struct arrays {
    const oz_vec_primitives *p;
    chance random;
    place at;
    oz_activation act;
} arrays;

static room xs, ys, zs, outs;

/* What rounding and an approximation of exp, tanh or erf may cost, relative to the larger of 1 and the
 * result. */
#define CLOSE 0x1p-20

static void expect_close(const char *what, size_t i, size_t n, float got, double want, double size) {
    if (!(fabs((double)got - want) <= CLOSE * size))
        complain("%s: element %zu of %zu is %.9g, not %.9g", what, i, n, (double)got, want);
}

static size_t length(arrays *a) {
    return 1 + chance_below(&a->random, chance_below(&a->random, 2) ? 40 : 300);
}

/* Numbers of every size that an activation may meet. */
static float *numbers(arrays *a, room *r, size_t n) {
    float *x = room_take(r, a->at, n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = ldexpf(random_number(&a->random), (int)chance_below(&a->random, 14) - 6);
    return x;
}

static double activate(oz_activation act, double x, double slope) {
    switch (act) {
    case OZ_ACT_RELU:
        return fmax(x, 0);
    case OZ_ACT_RELU6:
        return fmin(fmax(x, 0), 6);
    case OZ_ACT_LEAKY:
        return x < 0 ? slope * x : x;
    case OZ_ACT_GELU:
        return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
    case OZ_ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case OZ_ACT_SILU:
        return x / (1 + exp(-x));
    case OZ_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case OZ_ACT_TANH:
        return tanh(x);
    case OZ_ACT_HARDSWISH:
        return x * fmin(fmax(x + 3, 0), 6) / 6;
    default:
        return x;
    }
}

/* Of s * x + t: the argument's own rounding shows in the result. */
static void expect_act(const arrays *a, const char *what, size_t i, size_t n, float got, double x,
                       double argument, double slope) {
    expect_close(what, i, n, got, activate(a->act, argument, slope), 1 + fabs(x) + fabs(argument));
}

static void affine(void *arg) {
    arrays *a = arg;
    size_t n = length(a);
    float *x = numbers(a, &xs, n), *out = room_take(&outs, a->at, n * sizeof *out);
    float scale = random_number(&a->random), shift = random_number(&a->random), slope = 0.125f;
    bool in_place = chance_below(&a->random, 2);
    if (in_place) memcpy(out, x, n * sizeof *x);
    a->p->affine(in_place ? out : x, n, scale, shift, a->act, slope, out);
    for (size_t i = 0; i < n; i++)
        expect_act(a, oz_activation_name(a->act), i, n, out[i], (double)x[i],
                   (double)x[i] * (double)scale + (double)shift, (double)slope);
    if (!room_intact(&outs)) complain("writes outside");
}

static void affine_each(void *arg) {
    arrays *a = arg;
    size_t n = length(a), have = chance_below(&a->random, 4);
    float *x = numbers(a, &xs, n), *out = room_take(&outs, a->at, n * sizeof *out), slope = 0.125f;
    float *scale = have & 1 ? numbers(a, &ys, n) : NULL, *shift = have & 2 ? numbers(a, &zs, n) : NULL;
    a->p->affine_each(x, n, scale, shift, a->act, slope, out);
    for (size_t i = 0; i < n; i++) {
        double s = scale ? (double)scale[i] : 1, t = shift ? (double)shift[i] : 0, product = (double)x[i] * s;
        expect_act(a, oz_activation_name(a->act), i, n, out[i], fabs(product) + fabs(t), product + t,
                   (double)slope);
    }
    if (!room_intact(&outs)) complain("writes outside");
}

static void add(void *arg) {
    arrays *a = arg;
    size_t n = length(a);
    float *x = numbers(a, &xs, n), *y = numbers(a, &ys, n), *out = room_take(&outs, a->at, n * sizeof *out);
    bool in_place = chance_below(&a->random, 2);
    if (in_place) memcpy(out, y, n * sizeof *y);
    a->p->add(x, in_place ? out : y, n, a->act, 0.125f, out);
    for (size_t i = 0; i < n; i++)
        expect_act(a, oz_activation_name(a->act), i, n, out[i], fabs((double)x[i]) + fabs((double)y[i]),
                   (double)x[i] + (double)y[i], 0.125);
    if (!room_intact(&outs)) complain("writes outside");
}

static void mul(void *arg) {
    arrays *a = arg;
    size_t n = length(a);
    float *x = numbers(a, &xs, n), *y = numbers(a, &ys, n), *out = room_take(&outs, a->at, n * sizeof *out);
    a->p->mul(x, y, n, out);
    for (size_t i = 0; i < n; i++)
        if (out[i] != x[i] * y[i]) complain("element %zu of %zu", i, n);
    if (!room_intact(&outs)) complain("writes outside");
}

static void add_scaled(void *arg) {
    arrays *a = arg;
    size_t n = length(a);
    float *x = numbers(a, &xs, n), *before = numbers(a, &ys, n), scale = random_number(&a->random);
    float *y = room_copy(&outs, a->at, before, n * sizeof *y);
    a->p->add_scaled(x, n, scale, y);
    for (size_t i = 0; i < n; i++) {
        double term = (double)scale * (double)x[i], want = (double)before[i] + term;
        if (!(fabs((double)y[i] - want) <= truth_tolerance(0, fabs((double)before[i]) + fabs(term))))
            complain("element %zu of %zu is %.9g, not %.9g", i, n, (double)y[i], want);
    }
    if (!room_intact(&outs)) complain("writes outside");
}

static void softmax(void *arg) {
    arrays *a = arg;
    size_t n = length(a);
    float *x = numbers(a, &xs, n), *out = room_take(&outs, a->at, n * sizeof *out), largest = x[0];
    double total = 0;
    for (size_t i = 0; i < n; i++) largest = fmaxf(largest, x[i]);
    for (size_t i = 0; i < n; i++) total += exp((double)x[i] - (double)largest);
    a->p->softmax(x, n, out);
    for (size_t i = 0; i < n; i++)
        expect_close("softmax", i, n, out[i], exp((double)x[i] - (double)largest) / total, 1);
    if (!room_intact(&outs)) complain("writes outside");
}

static void reductions(void *arg) {
    arrays *a = arg;
    size_t n = length(a);
    float *x = numbers(a, &xs, n), largest = x[0], got = a->p->sum(x, n);
    double sum = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmaxf(largest, x[i]);
        sum += (double)x[i];
        size += fabs((double)x[i]);
    }
    if (!(fabs((double)got - sum) <= truth_tolerance(n, size)))
        complain("sum of %zu: %g, not %g", n, (double)got, sum);
    if (a->p->max(x, n) != largest) complain("maximum of %zu", n);
}

static void find_nonfinite(void *arg) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    arrays *a = arg;
    size_t n = length(a), at = chance_below(&a->random, n), behind = at + chance_below(&a->random, n - at);
    float *x = numbers(a, &xs, n);
    x[chance_below(&a->random, n)] = 3.4028235e38f;
    if (a->p->find_nonfinite(x, n) != n) complain("finds one in %zu finite numbers", n);
    x[at] = bad[chance_below(&a->random, 3)];
    x[behind] = bad[chance_below(&a->random, 3)];
    if (a->p->find_nonfinite(x, n) != at) complain("does not find the one at %zu of %zu", at, n);
}

void check_vectors(oz_isa isa, size_t rounds, uint64_t seed) {
    static const char *const names[] = {"affine",     "affine_each", "add",         "mul",
                                        "add_scaled", "softmax",     "sum and max", "find_nonfinite"};
    static void (*const steps[])(void *) = {affine,     affine_each, add,        mul,
                                            add_scaled, softmax,     reductions, find_nonfinite};
    arrays a = {.p = oz_vec_primitives_of(isa), .random = {seed}};
    room *const rooms[] = {&xs, &ys, &zs, &outs};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0] && !rooms[i]->begin; i++) room_make(rooms[i]);
    report_setting("%s, seed %llu", oz_isa_text(isa), (unsigned long long)seed);
    for (size_t round = 0; round < rounds * OZ_ACT_COUNT; round++) {
        a.at = (place)(round / OZ_ACT_COUNT % PLACES);
        a.act = (oz_activation)(round % OZ_ACT_COUNT);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) report_case(names[i], steps[i], &a);
    }
}

/* test_vec.c - plain arithmetic on every instruction set of this machine against double precision, at the
 * very end of what may be touched. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "base/half.h"
#include "kernels/vec.h"
#include "tests/support/guard.h"

static double reference(oz_activation a, double x) {
    switch (a) {
    case OZ_ACT_RELU:
        return fmax(0, x);
    case OZ_ACT_RELU6:
        return fmin(6, fmax(0, x));
    case OZ_ACT_LEAKY:
        return x < 0 ? 0.25 * x : x;
    case OZ_ACT_GELU:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    case OZ_ACT_GELU_TANH:
        return 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
    case OZ_ACT_SILU:
        return x / (1 + exp(-x));
    case OZ_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case OZ_ACT_TANH:
        return tanh(x);
    case OZ_ACT_HARDSWISH:
        return x * fmin(6, fmax(0, x + 3)) / 6;
    default:
        return x;
    }
}

static double tolerance(oz_activation a, double x, double want) {
    double ulp = ldexp(fabs(want), -23) + 1e-37;
    if (a == OZ_ACT_GELU) return 2e-7 * fabs(x) + 4 * ulp; /* the error function's 1.5e-7 */
    if (a == OZ_ACT_GELU_TANH) return 2e-7 * fabs(x) + 4 * ulp;
    return 6 * ulp + (a == OZ_ACT_TANH ? 1.2e-7 : 0);
}

static const size_t lengths[] = {1, 2, 15, 16, 17, 31, 32, 33, 100, 257};

#define OZ_FOR_EACH_ISA(v)                                                                                   \
    for (int isa = 0; isa <= (int)oz_cpu_isa(); isa++)                                                       \
        for (const oz_vec_primitives *v = oz_vec_primitives_of((oz_isa)isa); v; v = NULL)

Test(vec, activations) {
    OZ_FOR_EACH_ISA(v) {
        for (int a = 0; a < OZ_ACT_COUNT; a++) {
            for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                size_t n = lengths[l];
                guard in = guard_new(n * 4, 4), out = guard_new(n * 4, 4);
                float *x = (float *)(void *)in.data, *y = (float *)(void *)out.data;
                for (size_t i = 0; i < n; i++)
                    x[i] = (float)i * (40.0f / (float)n) - 20.0f + 0.013f * (float)l;
                v->affine(x, n, 1.0f, 0.0f, (oz_activation)a, 0.25f, y);
                for (size_t i = 0; i < n; i++) {
                    double want = reference((oz_activation)a, (double)x[i]);
                    cr_assert(fabs((double)y[i] - want) <= tolerance((oz_activation)a, (double)x[i], want),
                              "%s on %s: f(%.9g) = %.9g, not %.9g", oz_activation_name((oz_activation)a),
                              oz_isa_text(v->isa), (double)x[i], (double)y[i], want);
                }
                guard_free(&in);
                guard_free(&out);
            }
        }
    }
}

Test(vec, extremes_stay_in_range) {
    const float x[] = {-1e30f, -1000, -88, -87.4f, 0, -0.0f, 1e-30f, 87.4f, 89, 1000, 1e30f};
    float y[11];
    OZ_FOR_EACH_ISA(v) {
        v->affine(x, 11, 1, 0, OZ_ACT_SIGMOID, 0, y);
        for (size_t i = 0; i < 11; i++)
            cr_assert(y[i] >= 0 && y[i] <= 1, "sigmoid(%g) = %g", (double)x[i], (double)y[i]);
        v->affine(x, 11, 1, 0, OZ_ACT_TANH, 0, y);
        for (size_t i = 0; i < 11; i++)
            cr_assert(y[i] >= -1 && y[i] <= 1, "tanh(%g) = %g", (double)x[i], (double)y[i]);
        v->softmax(x, 11, y);
        cr_assert_float_eq(y[10], 1, 1e-6);
        v->affine((const float[]){NAN}, 1, 1, 0, OZ_ACT_RELU, 0, y);
        cr_assert(isnan(y[0]), "relu hides a NaN");
    }
}

Test(vec, affine_add_mul) {
    OZ_FOR_EACH_ISA(v) {
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            size_t n = lengths[l];
            guard ga = guard_new(n * 4, 4), gb = guard_new(n * 4, 4), gc = guard_new(n * 4, 4),
                  go = guard_new(n * 4, 4);
            float *a = (float *)(void *)ga.data, *b = (float *)(void *)gb.data, *c = (float *)(void *)gc.data,
                  *out = (float *)(void *)go.data;
            for (size_t i = 0; i < n; i++)
                a[i] = (float)(i % 7) - 3, b[i] = (float)(i % 5) - 2, c[i] = (float)(i % 3);
            v->affine(a, n, 3, -1, OZ_ACT_RELU, 0, out);
            for (size_t i = 0; i < n; i++) cr_assert_eq(out[i], fmaxf(0, 3 * a[i] - 1));
            v->affine_each(a, n, b, c, OZ_ACT_NONE, 0, out);
            for (size_t i = 0; i < n; i++) cr_assert_eq(out[i], a[i] * b[i] + c[i]);
            v->affine_each(a, n, NULL, c, OZ_ACT_NONE, 0, out);
            for (size_t i = 0; i < n; i++) cr_assert_eq(out[i], a[i] + c[i]);
            v->affine_each(a, n, b, NULL, OZ_ACT_LEAKY, 0.5f, out);
            for (size_t i = 0; i < n; i++)
                cr_assert_eq(out[i], a[i] * b[i] < 0 ? 0.5f * a[i] * b[i] : a[i] * b[i]);
            v->add(a, b, n, OZ_ACT_RELU, 0, out);
            for (size_t i = 0; i < n; i++) cr_assert_eq(out[i], fmaxf(0, a[i] + b[i]));
            v->mul(a, b, n, out);
            for (size_t i = 0; i < n; i++) cr_assert_eq(out[i], a[i] * b[i]);
            v->add_scaled(a, n, 2, out);
            for (size_t i = 0; i < n; i++) cr_assert_eq(out[i], a[i] * b[i] + 2 * a[i]);
            guard_free(&ga), guard_free(&gb), guard_free(&gc), guard_free(&go);
        }
    }
}

Test(vec, reductions) {
    OZ_FOR_EACH_ISA(v) {
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            size_t n = lengths[l];
            guard g = guard_new(n * 4, 4), h = guard_new(n * 4, 4);
            float *x = (float *)(void *)g.data, *y = (float *)(void *)h.data;
            double total = 0, weight = 0;
            for (size_t i = 0; i < n; i++) x[i] = -5.0f + (float)(i * 37 % 11), total += (double)x[i];
            cr_assert_eq((double)v->sum(x, n), total);
            float top = -10;
            for (size_t i = 0; i < n; i++) top = fmaxf(top, x[i]);
            cr_assert_eq(v->max(x, n), top);
            v->softmax(x, n, y);
            for (size_t i = 0; i < n; i++) weight += exp((double)x[i]);
            for (size_t i = 0; i < n; i++) cr_assert_float_eq((double)y[i], exp((double)x[i]) / weight, 1e-6);
            cr_assert_eq(v->find_nonfinite(x, n), n);
            const float bad[] = {NAN, INFINITY, -INFINITY};
            for (size_t k = 0; k < 3 * n; k++) {
                float kept = x[k / 3];
                x[k / 3] = bad[k % 3];
                cr_assert_eq(v->find_nonfinite(x, n), k / 3);
                x[k / 3] = kept;
            }
            guard_free(&g);
            guard_free(&h);
        }
    }
}

/* Of either sign, and finite in both formats. */
static uint16_t number_at(size_t i) {
    return (uint16_t)(0x3000 + 71 * i + i % 2 * 0x8000);
}

/* At an even and at an odd address. */
Test(vec, widens_numbers_of_16_bits) {
    OZ_FOR_EACH_ISA(v) {
        for (size_t l = 0; l < 2 * (sizeof lengths / sizeof *lengths); l++) {
            size_t n = lengths[l / 2];
            guard in = guard_new(2 * n + l % 2, 1), out = guard_new(n * 4, 4);
            float *y = (float *)(void *)out.data;
            for (size_t i = 0; i < n; i++) {
                uint16_t number = number_at(i);
                memcpy(in.data + 2 * i, &number, sizeof number);
            }
            v->widen_f16(in.data, n, y);
            for (size_t i = 0; i < n; i++) cr_assert_eq(y[i], oz_f16_to_f32(number_at(i)));
            v->widen_bf16(in.data, n, y);
            for (size_t i = 0; i < n; i++) cr_assert_eq(y[i], oz_bf16_to_f32(number_at(i)));
            guard_free(&in);
            guard_free(&out);
        }
    }
}

Test(vec, finds_large_numbers_finite) {
    float x[40];
    for (size_t i = 0; i < 40; i++) x[i] = 3e38f;
    OZ_FOR_EACH_ISA(v) cr_assert_eq(v->find_nonfinite(x, 40), 40);
}

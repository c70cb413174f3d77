/* vec.body.h - see kernels/vec.h. Every loop runs whole vectors, then one of what is left. */
#include "base/arith.h"
#include "kernels/table.h"
#include "kernels/vec.h"

#include "kernels/vec/activate.body.h"

OZ_INLINE void affine_loop(const float *x, size_t n, float scale, float shift, float slope, float *out,
                           oz_activation act) {
    vf16 a = v_set1(scale), b = v_set1(shift), s = v_set1(slope);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) v_store(out + i, activate(v_muladd(v_load(x + i), a, b), act, s));
    /* Rows of 8 lie side by side: a masked load would wait for the store before it. */
    if (n - i == 8)
        v8_store(out + i, v_low(activate(v_muladd(v_widen(v8_load(x + i)), a, b), act, s)));
    else if (i < n)
        v_store_n(out + i, activate(v_muladd(v_load_n(x + i, n - i), a, b), act, s), n - i);
}

static void affine(const float *x, size_t n, float scale, float shift, oz_activation act, float slope,
                   float *out){
#define CALL(a) affine_loop(x, n, scale, shift, slope, out, a)
    OZ_EACH_ACTIVATION(CALL)
#undef CALL
}

OZ_INLINE void affine_each_loop(const float *x, size_t n, const float *scale, const float *shift, float slope,
                                float *out, oz_activation act) {
    vf16 s = v_set1(slope), one = v_set1(1.0f);
    for (size_t i = 0; i < n; i += 16) {
        size_t lanes = oz_min(16, n - i);
        vf16 a = scale ? v_load_n(scale + i, lanes) : one, b = shift ? v_load_n(shift + i, lanes) : v_zero();
        v_store_n(out + i, activate(v_muladd(v_load_n(x + i, lanes), a, b), act, s), lanes);
    }
}

static void affine_each(const float *x, size_t n, const float *scale, const float *shift, oz_activation act,
                        float slope, float *out){
#define CALL(a) affine_each_loop(x, n, scale, shift, slope, out, a)
    OZ_EACH_ACTIVATION(CALL)
#undef CALL
}

OZ_INLINE
    void add_loop(const float *a, const float *b, size_t n, float slope, float *out, oz_activation act) {
    vf16 s = v_set1(slope);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) v_store(out + i, activate(v_add(v_load(a + i), v_load(b + i)), act, s));
    if (i == n) return;
    vf16 sum = v_add(v_load_n(a + i, n - i), v_load_n(b + i, n - i));
    v_store_n(out + i, activate(sum, act, s), n - i);
}

static void add(const float *a, const float *b, size_t n, oz_activation act, float slope, float *out) {
#define CALL(activation) add_loop(a, b, n, slope, out, activation)
    OZ_EACH_ACTIVATION(CALL)
#undef CALL
}

static void mul(const float *a, const float *b, size_t n, float *out) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) v_store(out + i, v_mul(v_load(a + i), v_load(b + i)));
    if (i < n) v_store_n(out + i, v_mul(v_load_n(a + i, n - i), v_load_n(b + i, n - i)), n - i);
}

static void add_scaled(const float *x, size_t n, float scale, float *y) {
    vf16 s = v_set1(scale);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) v_store(y + i, v_muladd(v_load(x + i), s, v_load(y + i)));
    if (i < n) v_store_n(y + i, v_muladd(v_load_n(x + i, n - i), s, v_load_n(y + i, n - i)), n - i);
}

OZ_INLINE void widen(bool f16, const uint8_t *x, size_t n, float *out) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) v_store(out + i, f16 ? v_load_f16(x + 2 * i) : v_load_bf16(x + 2 * i));
    if (i == n) return;
    vf16 rest = f16 ? v_load_f16_n(x + 2 * i, n - i) : v_load_bf16_n(x + 2 * i, n - i);
    v_store_n(out + i, rest, n - i);
}

static void widen_f16(const void *x, size_t n, float *out) {
    widen(true, x, n, out);
}

static void widen_bf16(const void *x, size_t n, float *out) {
    widen(false, x, n, out);
}

static float sum(const float *x, size_t n) {
    vf16 total = v_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) total = v_add(total, v_load(x + i));
    if (i < n) total = v_add(total, v_load_n(x + i, n - i));
    return v_sum(total);
}

/* The lanes behind the end repeat the first element, which cannot exceed the maximum. */
static float max(const float *x, size_t n) {
    vf16 first = v_set1(x[0]), best = first;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) best = v_max(best, v_load(x + i));
    if (i < n)
        best = v_max(best, v_select(v_mask((uint16_t)((1u << (n - i)) - 1)), v_load_n(x + i, n - i), first));
    return v_largest(best);
}

static void softmax(const float *x, size_t n, float *out) {
    vf16 top = v_set1(max(x, n));
    for (size_t i = 0; i < n; i += 16) {
        size_t lanes = oz_min(16, n - i);
        v_store_n(out + i, exponential(v_sub(v_load_n(x + i, lanes), top)), lanes);
    }
    affine(out, n, 1.0f / sum(out, n), 0.0f, OZ_ACT_NONE, 0.0f, out);
}

/* A number is finite exactly if x - x is 0; any other sum of such differences betrays one that is not. */
OZ_INLINE int all_finite(const float *x, size_t n) {
    vf16 sum[2] = {v_zero(), v_zero()};
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        vf16 a = v_load(x + i), b = v_load(x + i + 16);
        sum[0] = v_add(sum[0], v_sub(a, a));
        sum[1] = v_add(sum[1], v_sub(b, b));
    }
    for (; i < n; i += 16) {
        vf16 a = v_load_n(x + i, oz_min(16, n - i));
        sum[0] = v_add(sum[0], v_sub(a, a));
    }
    return v_sum(v_add(sum[0], sum[1])) == 0.0f;
}

static size_t find_nonfinite(const float *x, size_t n) {
    enum { STRETCH = 512 };
    for (size_t i = 0; i < n; i += STRETCH) {
        size_t count = oz_min(STRETCH, n - i);
        if (all_finite(x + i, count)) continue;
        for (size_t k = i;; k++) {
            float difference = x[k] - x[k];
            if (!(difference == 0.0f)) return k;
        }
    }
    return n;
}

const oz_vec_primitives OZ_NAME(oz_vec_primitives) = {
    .isa = OZ_ISA_ID,
    .affine = affine,
    .affine_each = affine_each,
    .add = add,
    .mul = mul,
    .add_scaled = add_scaled,
    .softmax = softmax,
    .widen_f16 = widen_f16,
    .widen_bf16 = widen_bf16,
    .sum = sum,
    .max = max,
    .find_nonfinite = find_nonfinite,
};

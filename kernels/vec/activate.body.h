/* activate.body.h - exponentials and the activations made of them, 16 lanes at a time.
 *
 * exp: x = n ln 2 + r with |r| <= ln 2 / 2, exp(r) by the Taylor polynomial of degree 7 (whose first term
 * left out is below 2^-29 there), times 2^n by the exponent's bits; within 2 units in the last place, 0 below
 * -87.3 and held at exp(88.3) above. All instruction sets run the same steps, but may round fused
 * products once or twice. */

/* 2^n for integers n in [-126, 127], as floats. */
OZ_INLINE vf16 power_of_two(vf16 n) {
    return v_from_bits(vi_shift_left(vi_add(vi_from_f32(n), vi_set1(127)), 23));
}

OZ_INLINE vf16 exponential(vf16 x) {
    vf16 top = v_set1(88.3f), bottom = v_set1(-87.3f);
    vf16 held = v_min(v_max(x, bottom), top);
    vf16 n = v_round(v_mul(held, v_set1(1.44269504f)));
    /* ln 2 in two parts: the first has few bits, so that n times it is exact. */
    vf16 r = v_muladd(n, v_set1(-0.693359375f), held);
    r = v_muladd(n, v_set1(2.12194440e-4f), r);
    vf16 p = v_set1(1.0f / 5040.0f);
    p = v_muladd(p, r, v_set1(1.0f / 720.0f));
    p = v_muladd(p, r, v_set1(1.0f / 120.0f));
    p = v_muladd(p, r, v_set1(1.0f / 24.0f));
    p = v_muladd(p, r, v_set1(1.0f / 6.0f));
    p = v_muladd(p, r, v_set1(0.5f));
    p = v_muladd(p, r, v_set1(1.0f));
    p = v_muladd(p, r, v_set1(1.0f));
    return v_select(v_less(x, bottom), v_zero(), v_mul(p, power_of_two(n)));
}

OZ_INLINE vf16 negate(vf16 x) {
    return v_sub(v_zero(), x);
}

OZ_INLINE vf16 logistic(vf16 x) {
    return v_div(v_set1(1.0f), v_add(v_set1(1.0f), exponential(negate(x))));
}

/* Near 0, 1 - 2 / (exp(2x) + 1) would lose all digits: an odd polynomial (the Taylor series to x^13, good to
 * 2^-24 relative below 0.5) stands there. */
OZ_INLINE vf16 hyperbolic_tangent(vf16 x) {
    vf16 z = v_mul(x, x), p = v_set1(21844.0f / 6081075.0f);
    p = v_muladd(p, z, v_set1(-1382.0f / 155925.0f));
    p = v_muladd(p, z, v_set1(62.0f / 2835.0f));
    p = v_muladd(p, z, v_set1(-17.0f / 315.0f));
    p = v_muladd(p, z, v_set1(2.0f / 15.0f));
    p = v_muladd(p, z, v_set1(-1.0f / 3.0f));
    vf16 small = v_muladd(v_mul(p, z), x, x);
    vf16 e = exponential(v_add(x, x));
    vf16 large = v_sub(v_set1(1.0f), v_div(v_set1(2.0f), v_add(e, v_set1(1.0f))));
    return v_select(v_less(v_abs(x), v_set1(0.4f)), small, large);
}

/* Abramowitz and Stegun 7.1.26: erf within 1.5e-7 for x >= 0, odd beyond. */
OZ_INLINE vf16 error_function(vf16 x) {
    vf16 a = v_abs(x), t = v_div(v_set1(1.0f), v_muladd(v_set1(0.3275911f), a, v_set1(1.0f)));
    vf16 p = v_set1(1.061405429f);
    p = v_muladd(p, t, v_set1(-1.453152027f));
    p = v_muladd(p, t, v_set1(1.421413741f));
    p = v_muladd(p, t, v_set1(-0.284496736f));
    p = v_muladd(p, t, v_set1(0.254829592f));
    vf16 e = v_sub(v_set1(1.0f), v_mul(v_mul(p, t), exponential(negate(v_mul(a, a)))));
    return v_select(v_less(x, v_zero()), negate(e), e);
}

OZ_INLINE vf16 gelu(vf16 x) {
    vf16 half = v_mul(x, v_set1(0.5f));
    return v_muladd(half, error_function(v_mul(x, v_set1(0.70710678f))), half);
}

OZ_INLINE vf16 gelu_tanh(vf16 x) {
    vf16 cubic = v_muladd(v_mul(v_mul(x, x), x), v_set1(0.044715f), x), half = v_mul(x, v_set1(0.5f));
    return v_muladd(half, hyperbolic_tangent(v_mul(cubic, v_set1(0.79788456f))), half);
}

OZ_INLINE vf16 hardswish(vf16 x) {
    vf16 gate = v_min(v_max(v_add(x, v_set1(3.0f)), v_zero()), v_set1(6.0f));
    return v_mul(x, v_mul(gate, v_set1(1.0f / 6.0f)));
}

/* `act` is constant at every call. NaN stays NaN: v_max gives its second argument where either is. */
OZ_INLINE vf16 activate(vf16 x, oz_activation act, vf16 slope) {
    switch (act) {
    case OZ_ACT_RELU:
        return v_max(v_zero(), x);
    case OZ_ACT_RELU6:
        return v_min(v_set1(6.0f), v_max(v_zero(), x));
    case OZ_ACT_LEAKY:
        return v_select(v_less(x, v_zero()), v_mul(x, slope), x);
    case OZ_ACT_GELU:
        return gelu(x);
    case OZ_ACT_GELU_TANH:
        return gelu_tanh(x);
    case OZ_ACT_SILU:
        return v_mul(x, logistic(x));
    case OZ_ACT_SIGMOID:
        return logistic(x);
    case OZ_ACT_TANH:
        return hyperbolic_tangent(x);
    case OZ_ACT_HARDSWISH:
        return hardswish(x);
    case OZ_ACT_NONE:
    case OZ_ACT_COUNT:
        break;
    }
    return x;
}

/* One loop per activation, so that the choice is made once a call. */
#define OZ_EACH_ACTIVATION(call)                                                                             \
    switch (act) {                                                                                           \
    case OZ_ACT_RELU:                                                                                        \
        call(OZ_ACT_RELU);                                                                                   \
        break;                                                                                               \
    case OZ_ACT_RELU6:                                                                                       \
        call(OZ_ACT_RELU6);                                                                                  \
        break;                                                                                               \
    case OZ_ACT_LEAKY:                                                                                       \
        call(OZ_ACT_LEAKY);                                                                                  \
        break;                                                                                               \
    case OZ_ACT_GELU:                                                                                        \
        call(OZ_ACT_GELU);                                                                                   \
        break;                                                                                               \
    case OZ_ACT_GELU_TANH:                                                                                   \
        call(OZ_ACT_GELU_TANH);                                                                              \
        break;                                                                                               \
    case OZ_ACT_SILU:                                                                                        \
        call(OZ_ACT_SILU);                                                                                   \
        break;                                                                                               \
    case OZ_ACT_SIGMOID:                                                                                     \
        call(OZ_ACT_SIGMOID);                                                                                \
        break;                                                                                               \
    case OZ_ACT_TANH:                                                                                        \
        call(OZ_ACT_TANH);                                                                                   \
        break;                                                                                               \
    case OZ_ACT_HARDSWISH:                                                                                   \
        call(OZ_ACT_HARDSWISH);                                                                              \
        break;                                                                                               \
    case OZ_ACT_NONE:                                                                                        \
    case OZ_ACT_COUNT:                                                                                       \
        call(OZ_ACT_NONE);                                                                                   \
        break;                                                                                               \
    }

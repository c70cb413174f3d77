/* half.c - 16-bit floating-point numbers in integer arithmetic.
 *
 * No conversion instruction is used, so every machine gives the same bits whatever the rounding mode or the
 * treatment of subnormals is.  Both roundings add just under half of the last kept place, plus one if that
 * place is odd, and let the carry run into the exponent. */
#include "base/half.h"

static float float_of_bits(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of_float(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

float oz_f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exponent = (h >> 10) & 0x1f, fraction = h & 0x3ff;
    if (exponent == 31) return float_of_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0) {
        if (fraction == 0) return float_of_bits(sign);
        exponent = 1;
        while (!(fraction & 0x400)) {
            fraction <<= 1;
            exponent--; /* may pass below zero: the sum with 112 is still positive */
        }
        fraction &= 0x3ff;
    }
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

static uint32_t round_shift(uint32_t value, uint32_t shift) {
    uint32_t odd = (value >> shift) & 1;
    return (value + ((1u << (shift - 1)) - 1) + odd) >> shift;
}

uint16_t oz_f32_to_f16(float f) {
    uint32_t bits = bits_of_float(f);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff)); /* quiet NaN */
    if (magnitude >= 0x47800000) return (uint16_t)(sign | 0x7c00); /* 2^16 and up */
    if (magnitude >= 0x38800000) return (uint16_t)(sign | round_shift(magnitude - (112u << 23), 13));
    /* Below 2^-14: subnormal, a multiple of 2^-24. */
    uint32_t exponent = magnitude >> 23;
    if (exponent < 102) return (uint16_t)sign; /* below 2^-25: nearer to zero */
    uint32_t fraction = 0x800000 | (magnitude & 0x7fffff);
    return (uint16_t)(sign | round_shift(fraction, 126 - exponent));
}

uint16_t oz_f32_to_bf16(float f) {
    uint32_t bits = bits_of_float(f);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40); /* quiet NaN */
    return (uint16_t)round_shift(bits, 16);
}

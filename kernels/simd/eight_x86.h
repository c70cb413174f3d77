/* eight_x86.h - vectors of 8 floats, for products of few columns: the same registers on AVX2 and AVX-512,
 * whose headers include it. */
#ifndef OZ_KERNELS_SIMD_EIGHT_X86_H
#define OZ_KERNELS_SIMD_EIGHT_X86_H

#include <immintrin.h>

#include "kernels/simd/common.h"

typedef __m256 vf8;

OZ_INLINE vf8 v8_zero(void) {
    return _mm256_setzero_ps();
}
OZ_INLINE vf8 v8_load(const float *p) {
    return _mm256_loadu_ps(p);
}
OZ_INLINE void v8_store(float *p, vf8 a) {
    _mm256_storeu_ps(p, a);
}
OZ_INLINE vf8 v8_add(vf8 a, vf8 b) {
    return _mm256_add_ps(a, b);
}
OZ_INLINE vf8 v8_muladd(vf8 a, vf8 b, vf8 c) {
    return _mm256_fmadd_ps(a, b, c);
}
/* Of each four lanes the i-th (0 to 3), four times. */
OZ_INLINE vf8 v8_spread(vf8 a, unsigned i) {
    switch (i) {
    case 0:
        return _mm256_permute_ps(a, 0x00);
    case 1:
        return _mm256_permute_ps(a, 0x55);
    case 2:
        return _mm256_permute_ps(a, 0xaa);
    default:
        return _mm256_permute_ps(a, 0xff);
    }
}

#endif

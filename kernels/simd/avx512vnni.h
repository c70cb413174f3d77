/* avx512vnni.h - the vector vocabulary on AVX-512 with VNNI, VBMI and VBMI2: the dot products of bytes are
 * one instruction, exact for every code of 8 bits.
 *
 * vpdpbusd stands as inline assembly: gcc 12 surrounds the intrinsic with register moves when its
 * accumulators are loop-carried, which costs a third of the throughput. */
#ifndef OZ_KERNELS_SIMD_AVX512VNNI_H
#define OZ_KERNELS_SIMD_AVX512VNNI_H

#if !defined(__AVX512VNNI__) || !defined(__AVX512VBMI__) || !defined(__AVX512VBMI2__)
#error "kernels/simd/avx512vnni.h needs -mavx512vnni -mavx512vbmi -mavx512vbmi2 and the flags of avx512.h"
#endif

#define OZ_SIMD_VNNI 1
#define OZ_ISA_SUFFIX avx512vnni
#define OZ_ISA_ID OZ_ISA_AVX512VNNI
#include "kernels/simd/avx512.h"

#define OZ_DOT4_BIAS 0

OZ_INLINE vi16 v_dot4_u8(vi16 acc, vb64 u, vb64 s) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(u), "vm"(s));
    return acc;
}
OZ_INLINE vi16 v_dot4_u7(vi16 acc, vb64 u, vb64 s) {
    return v_dot4_u8(acc, u, s);
}
/* (w + 128) * x summed, less 128 times the sum of x. */
OZ_INLINE vi16 v_dot4_s8(vi16 acc, vb64 w, vb64 x) {
    vi16 sum = v_dot4_u8(vi_zero(), vb_set1(128), x);
    return vi_sub(v_dot4_u8(acc, vb_xor(w, vb_set1(0x80)), x), sum);
}
OZ_INLINE vi16 v_dot4x4_u5(vi16 acc, vb64 u0, vb64 u1, vb64 u2, vb64 u3, vb64 s0, vb64 s1, vb64 s2, vb64 s3) {
    return v_dot4_u8(v_dot4_u8(v_dot4_u8(v_dot4_u8(acc, u0, s0), u1, s1), u2, s2), u3, s3);
}

#endif

/* index_avx512.h - the part of the vocabulary that only formats with indexes need, on AVX-512 with and
 * without VNNI: see README.md.
 *
 * It comes after avx512.h or avx512vnni.h in an instance of such a format. */
#ifndef OZ_KERNELS_SIMD_INDEX_AVX512_H
#define OZ_KERNELS_SIMD_INDEX_AVX512_H

#if !defined(__BMI2__) || !defined(OZ_KERNELS_SIMD_AVX512_H)
#error "kernels/simd/index_avx512.h needs -mbmi2, and avx512.h or avx512vnni.h before it"
#endif

#include "kernels/simd/tables.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"

OZ_INLINE float s_muladd(float a, float b, float c) {
    return __builtin_fmaf(a, b, c);
}

OZ_INLINE uint64_t s_unpack8(uint64_t packed, unsigned bits) {
    return _pdep_u64(packed, ((UINT64_C(1) << bits) - 1) * UINT64_C(0x0101010101010101));
}

/* Bytes are expanded as dwords: without VBMI2 nothing smaller can be. See v_expand_lanes for the asm. */
OZ_INLINE void s_expand16(uint8_t *to, const uint8_t *from, uint16_t mask, uint8_t fill) {
    __m512i codes = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)from));
    __m512i filled = _mm512_set1_epi32(fill);
    __asm__("" : "+v"(filled));
    _mm_storeu_si128((__m128i *)(void *)to,
                     _mm512_cvtepi32_epi8(_mm512_mask_expand_epi32(filled, mask, codes)));
}

OZ_INLINE vf16 v_repeat4(const float *p) {
    return _mm512_broadcast_f32x4(_mm_loadu_ps(p));
}
OZ_INLINE vf16 v_repeat8(const float *p) {
    return _mm512_broadcast_f32x8(_mm256_loadu_ps(p));
}
OZ_INLINE vf16 v_permute_repeated(vf16 a, vi16 index) {
    return v_permute(a, index);
}

OZ_INLINE vi16 vi_load_u16(const void *p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
}
OZ_INLINE __m256i vi_dword_at(const void *p, size_t byte) {
    int32_t four;
    memcpy(&four, (const uint8_t *)p + byte, sizeof four);
    return _mm256_set1_epi32(four);
}
OZ_INLINE vi16 vi_join(__m256i lo, __m256i hi) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(lo), hi, 1);
}
/* Eight indexes of up to 4 bits fit a dword; of 5 bits, four do. */
OZ_INLINE vi16 vi_load_bits(const void *p, unsigned bits) {
    if (bits == 2) {
        const __m512i by2 = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        return _mm512_srlv_epi32(vb_quad(p), by2);
    }
    if (bits == 3) {
        const __m512i by3 = _mm512_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21, 8, 11, 14, 17, 20, 23, 26, 29);
        return _mm512_srlv_epi32(vi_join(vi_dword_at(p, 0), vi_dword_at(p, 2)), by3);
    }
    if (bits == 4) return vi_load_u4(p);
    const __m512i by5 = _mm512_setr_epi32(0, 5, 10, 15, 4, 9, 14, 19, 0, 5, 10, 15, 12, 17, 22, 27);
    __m256i lo = _mm256_blend_epi32(vi_dword_at(p, 0), vi_dword_at(p, 2), 0xf0);
    __m256i hi = _mm256_blend_epi32(vi_dword_at(p, 5), vi_dword_at(p, 6), 0xf0);
    return _mm512_srlv_epi32(vi_join(lo, hi), by5);
}
OZ_INLINE void vi_store_u8(void *p, vi16 a) {
    _mm_storeu_si128(p, _mm512_cvtepi32_epi8(a));
}
OZ_INLINE vm16 vi_equal(vi16 a, vi16 b) {
    return _mm512_cmpeq_epi32_mask(a, b);
}
OZ_INLINE vi16 vi_move_left(vi16 a, vi16 n) {
    return _mm512_sllv_epi32(a, n);
}
OZ_INLINE vi16 vi_move_right(vi16 a, vi16 n) {
    return _mm512_srlv_epi32(a, n);
}

OZ_INLINE vb64 vb_load_repeat8(const void *p) {
    int64_t eight;
    memcpy(&eight, p, sizeof eight);
    return _mm512_set1_epi64(eight);
}
OZ_INLINE vb64 vb_words(vb64 even, vb64 odd) {
    return _mm512_mask_blend_epi16(0xaaaaaaaa, even, odd);
}
OZ_INLINE vb64 vb_mul16(vb64 a, vb64 b) {
    return _mm512_mullo_epi16(a, b);
}

#pragma GCC diagnostic pop

#endif

/* avx512.h - the vector vocabulary on AVX-512 F, BW, VL, DQ: one register is one logical vector.
 *
 * Without VNNI a dot product of bytes goes through 16-bit pairs, so codes of 8 bits are multiplied as
 * |w| * sign(x, w) with w = q - 128: that is what OZ_DOT4_BIAS tells the kernels. */
#ifndef OZ_KERNELS_SIMD_AVX512_H
#define OZ_KERNELS_SIMD_AVX512_H

#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512VL__) || !defined(__AVX512DQ__)
#error "kernels/simd/avx512.h needs -mavx512f -mavx512bw -mavx512vl -mavx512dq"
#endif

#include <immintrin.h>

#include "kernels/simd/common.h"
#include "kernels/simd/eight_x86.h"

#ifndef OZ_ISA_SUFFIX
#define OZ_ISA_SUFFIX avx512
#define OZ_ISA_ID OZ_ISA_AVX512
#endif
#define OZ_VECTOR 64 /* bytes of a register */

/* Compilers disagree on the signedness of immediate arguments. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"

/* Rows x vectors of accumulators that the register file holds in a float multiplication. */
#define OZ_GEMM_ROWS 4
#define OZ_GEMM_VECTORS 4
/* The same where rows of weights are the lanes: columns x panels. */
#define OZ_ROWS_COLUMNS 6
#define OZ_ROWS_PANELS 4
#define OZ_GEMM_LOOP OZ_ROLL
#define OZ_GEMM_U8_ROWS 4
#ifdef OZ_SIMD_VNNI
#define OZ_GEMM_U8_VECTORS 4
#else
#define OZ_GEMM_U8_VECTORS 2
#endif
/* Sets of 64 accumulators that hide the latency of a sum over nonzeros. */
#define OZ_NZ_SETS 2
/* Accumulators of a fused product with up to 4 activation rows. */
#define OZ_MV_SUMS 16
/* Chains of sums that keep the arithmetic units busy and fit the register file beside an operand. */
#define OZ_LIMIT_SUMS 12

typedef __m512 vf16;
typedef __m512i vi16;
typedef __m512i vb64;
typedef __mmask16 vm16;

OZ_INLINE vm16 v_first(size_t n) {
    return (vm16)((1u << n) - 1u);
}

/* ---- floats ---- */
OZ_INLINE vf16 v_zero(void) {
    return _mm512_setzero_ps();
}
OZ_INLINE vf16 v_set1(float f) {
    return _mm512_set1_ps(f);
}
/* The float at p, which need not be aligned, in every lane. */
OZ_INLINE vf16 v_broadcast(const void *p) {
    float f;
    memcpy(&f, p, sizeof f);
    return _mm512_set1_ps(f);
}
OZ_INLINE vf16 v_broadcast_f16(const void *p) {
    int16_t h;
    memcpy(&h, p, sizeof h);
    return _mm512_cvtph_ps(_mm256_set1_epi16(h));
}
OZ_INLINE vf16 v_repeat4(const float *p) {
    return _mm512_broadcast_f32x4(_mm_loadu_ps(p));
}
OZ_INLINE vf16 v_repeat4_n(const float *p, size_t n) {
    return _mm512_maskz_broadcast_f32x4((vm16)(((1u << n) - 1u) * 0x1111u), _mm_loadu_ps(p));
}
/* Of each four lanes the i-th (0 to 3), four times. */
OZ_INLINE vf16 v_spread(vf16 a, unsigned i) {
    switch (i) {
    case 0:
        return _mm512_permute_ps(a, 0x00);
    case 1:
        return _mm512_permute_ps(a, 0x55);
    case 2:
        return _mm512_permute_ps(a, 0xaa);
    default:
        return _mm512_permute_ps(a, 0xff);
    }
}
OZ_INLINE vf16 v_load(const void *p) {
    return _mm512_loadu_ps(p);
}
OZ_INLINE vf8 v_low(vf16 a) {
    return _mm512_castps512_ps256(a);
}
OZ_INLINE vf8 v_high(vf16 a) {
    return _mm512_extractf32x8_ps(a, 1);
}
OZ_INLINE vf16 v_join(vf8 a, vf8 b) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(a), b, 1);
}
OZ_INLINE vf16 v_widen(vf8 a) {
    return _mm512_insertf32x8(_mm512_setzero_ps(), a, 0);
}
OZ_INLINE vf16 v_load_n(const void *p, size_t n) {
    return _mm512_maskz_loadu_ps(v_first(n), p);
}
OZ_INLINE void v_store(float *p, vf16 a) {
    _mm512_storeu_ps(p, a);
}
OZ_INLINE void v_store_n(float *p, vf16 a, size_t n) {
    _mm512_mask_storeu_ps(p, v_first(n), a);
}
OZ_INLINE vf16 v_load_f16(const void *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(p));
}
OZ_INLINE vf16 v_load_f16_n(const void *p, size_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(v_first(n), p));
}
OZ_INLINE vf16 v_load_bf16(const void *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(p)), 16));
}
OZ_INLINE vf16 v_load_bf16_n(const void *p, size_t n) {
    __m256i h = _mm256_maskz_loadu_epi16(v_first(n), p);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
}
OZ_INLINE vf16 v_load_i8(const void *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(p)));
}
OZ_INLINE vf16 v_load_i8_n(const void *p, size_t n) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(v_first(n), p)));
}
OZ_INLINE vf16 v_load_u8(const void *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(p)));
}
OZ_INLINE vf16 v_load_u8_n(const void *p, size_t n) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(v_first(n), p)));
}

OZ_INLINE vf16 v_add(vf16 a, vf16 b) {
    return _mm512_add_ps(a, b);
}
OZ_INLINE vf16 v_sub(vf16 a, vf16 b) {
    return _mm512_sub_ps(a, b);
}
OZ_INLINE vf16 v_mul(vf16 a, vf16 b) {
    return _mm512_mul_ps(a, b);
}
OZ_INLINE vf16 v_div(vf16 a, vf16 b) {
    return _mm512_div_ps(a, b);
}
OZ_INLINE vf16 v_fma(vf16 a, vf16 b, vf16 c) {
    return _mm512_fmadd_ps(a, b, c);
}
OZ_INLINE vf16 v_muladd(vf16 a, vf16 b, vf16 c) {
    return _mm512_fmadd_ps(a, b, c);
}
OZ_INLINE vf16 v_min(vf16 a, vf16 b) {
    return _mm512_min_ps(a, b);
}
OZ_INLINE vf16 v_max(vf16 a, vf16 b) {
    return _mm512_max_ps(a, b);
}
OZ_INLINE vf16 v_abs(vf16 a) {
    return _mm512_abs_ps(a);
}
OZ_INLINE vf16 v_round(vf16 a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
OZ_INLINE vm16 v_less(vf16 a, vf16 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
OZ_INLINE vf16 v_select(vm16 m, vf16 a, vf16 b) {
    return _mm512_mask_blend_ps(m, b, a);
}
OZ_INLINE vm16 v_mask(uint16_t bits) {
    return (vm16)bits;
}
OZ_INLINE vf16 v_load_where(const void *p, vm16 m) {
    return _mm512_maskz_loadu_ps(m, p);
}
OZ_INLINE uint16_t v_mask_bits(vm16 m) {
    return (uint16_t)m;
}
OZ_INLINE float v_sum(vf16 a) {
    __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
OZ_INLINE float v_largest(vf16 a) {
    return _mm512_reduce_max_ps(a);
}
/* Zen 4 waits for the destination of vexpandps even where it zeroes it; a known zero that is moved there
 * costs nothing. The asm hides that zero from the compiler, and the load too: from memory it is slow. */
OZ_INLINE vf16 v_expand_lanes(vf16 a, uint16_t mask) {
    vf16 zero = v_zero();
    __asm__("" : "+v"(a), "+v"(zero));
    return _mm512_mask_expand_ps(zero, mask, a);
}
/* The masked load never touches memory past the values that the mask takes. */
OZ_INLINE vf16 v_expand(const float *p, uint16_t mask) {
    return v_expand_lanes(v_load_n(p, (size_t)__builtin_popcount(mask)), mask);
}
OZ_INLINE vf16 v_expand_open(const float *p, uint16_t mask) {
    return v_expand_lanes(v_load(p), mask);
}
/* Rows become columns. */
OZ_INLINE void v_transpose(vf16 a[16]) {
    OZ_UNROLL
    for (int g = 0; g < 16; g += 4) {
        __m512 t0 = _mm512_unpacklo_ps(a[g], a[g + 1]), t1 = _mm512_unpackhi_ps(a[g], a[g + 1]);
        __m512 t2 = _mm512_unpacklo_ps(a[g + 2], a[g + 3]), t3 = _mm512_unpackhi_ps(a[g + 2], a[g + 3]);
        a[g] = _mm512_shuffle_ps(t0, t2, 0x44);
        a[g + 1] = _mm512_shuffle_ps(t0, t2, 0xee);
        a[g + 2] = _mm512_shuffle_ps(t1, t3, 0x44);
        a[g + 3] = _mm512_shuffle_ps(t1, t3, 0xee);
    }
    OZ_UNROLL
    for (int j = 0; j < 4; j++) {
        __m512 even = _mm512_shuffle_f32x4(a[j], a[4 + j], 0x88),
               odd = _mm512_shuffle_f32x4(a[j], a[4 + j], 0xdd);
        __m512 even2 = _mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0x88);
        __m512 odd2 = _mm512_shuffle_f32x4(a[8 + j], a[12 + j], 0xdd);
        a[j] = _mm512_shuffle_f32x4(even, even2, 0x88);
        a[4 + j] = _mm512_shuffle_f32x4(odd, odd2, 0x88);
        a[8 + j] = _mm512_shuffle_f32x4(even, even2, 0xdd);
        a[12 + j] = _mm512_shuffle_f32x4(odd, odd2, 0xdd);
    }
}
#include "kernels/simd/square.h"
OZ_INLINE vf16 v_permute(vf16 a, vi16 index) {
    return _mm512_permutexvar_ps(index, a);
}
OZ_INLINE vf16 v_evens(vf16 a, vf16 b) {
    const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    return _mm512_permutex2var_ps(a, even, b);
}
OZ_INLINE vf16 v_odds(vf16 a, vf16 b) {
    const __m512i odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    return _mm512_permutex2var_ps(a, odd, b);
}
OZ_INLINE vf16 v_zip_low(vf16 a, vf16 b) {
    const __m512i low = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutex2var_ps(a, low, b);
}
OZ_INLINE vf16 v_zip_high(vf16 a, vf16 b) {
    const __m512i high = _mm512_set_epi32(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8);
    return _mm512_permutex2var_ps(a, high, b);
}
OZ_INLINE vf16 v_follow(vf16 a, vf16 b) {
    return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(b), _mm512_castps_si512(a), 1));
}

/* ---- int32 ---- */
OZ_INLINE vi16 vi_zero(void) {
    return _mm512_setzero_si512();
}
OZ_INLINE vi16 vi_set1(int32_t i) {
    return _mm512_set1_epi32(i);
}
OZ_INLINE vi16 vi_load(const void *p) {
    return _mm512_loadu_si512(p);
}
/* Of 16 numbers of 64 bits the low and the high halves. */
OZ_INLINE void vi_load_split(const uint64_t *p, vi16 *low, vi16 *high) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    __m512i a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 8);
    *low = _mm512_permutex2var_epi32(a, even, b);
    *high = _mm512_permutex2var_epi32(a, odd, b);
}
OZ_INLINE void vi_store(void *p, vi16 a) {
    _mm512_storeu_si512(p, a);
}
OZ_INLINE vi16 vi_load_u8(const void *p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(p));
}
OZ_INLINE vi16 vi_load_i8(const void *p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(p));
}
OZ_INLINE void vi_store_i8(void *p, vi16 a) {
    _mm_storeu_si128(p, _mm512_cvtsepi32_epi8(a));
}
/* 16 indexes of 4 bits, the first in the low bits; what lies above bit 3 of a lane is anything. */
OZ_INLINE vi16 vi_load_u4(const void *p) {
    uint64_t bits;
    memcpy(&bits, p, sizeof bits);
    const __m512i shift = _mm512_set_epi32(28, 24, 20, 16, 12, 8, 4, 0, 28, 24, 20, 16, 12, 8, 4, 0);
    __m256i low = _mm256_set1_epi32((int)(uint32_t)bits),
            high = _mm256_set1_epi32((int)(uint32_t)(bits >> 32));
    return _mm512_srlv_epi32(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1), shift);
}
OZ_INLINE vi16 vi_add(vi16 a, vi16 b) {
    return _mm512_add_epi32(a, b);
}
OZ_INLINE vi16 vi_sub(vi16 a, vi16 b) {
    return _mm512_sub_epi32(a, b);
}
OZ_INLINE vi16 vi_mul(vi16 a, vi16 b) {
    return _mm512_mullo_epi32(a, b);
}
OZ_INLINE vi16 vi_and(vi16 a, vi16 b) {
    return _mm512_and_si512(a, b);
}
OZ_INLINE vi16 vi_or(vi16 a, vi16 b) {
    return _mm512_or_si512(a, b);
}
OZ_INLINE vi16 vi_shift_left(vi16 a, unsigned n) {
    return _mm512_slli_epi32(a, n);
}
OZ_INLINE vi16 vi_shift_right(vi16 a, unsigned n) {
    return _mm512_srli_epi32(a, n);
}
OZ_INLINE vf16 v_from_i32(vi16 a) {
    return _mm512_cvtepi32_ps(a);
}
OZ_INLINE vi16 vi_from_f32(vf16 a) {
    return _mm512_cvtps_epi32(a);
}
OZ_INLINE vf16 v_from_bits(vi16 a) {
    return _mm512_castsi512_ps(a);
}
OZ_INLINE vi16 vi_bits(vf16 a) {
    return _mm512_castps_si512(a);
}
/* Changes the sign of lane i where the top bit of lane i of `bits` is set. */
OZ_INLINE vf16 v_flip_top(vf16 a, vi16 bits) {
    __m512i top = _mm512_set1_epi32(INT32_MIN);
    return v_from_bits(_mm512_ternarylogic_epi32(bits, vi_bits(a), top, 0x6c)); /* a ^ (bits & top) */
}
/* Changes the sign of lane i where bit shift + i (shift <= 16) of the 4 bytes at p is set. In vectors: mask
 * registers are filled by a unit that multiplies, too. */
OZ_INLINE vf16 v_flip(vf16 a, const void *p, unsigned shift) {
    int32_t bits;
    memcpy(&bits, p, sizeof bits);
    const __m512i by = _mm512_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16);
    __m512i up = _mm512_sub_epi32(by, _mm512_set1_epi32((int)shift));
    __asm__("" : "+v"(up)); /* not a constant that every loop reads from memory */
    return v_flip_top(a, _mm512_sllv_epi32(_mm512_set1_epi32(bits), up));
}

/* ---- bytes ---- */
OZ_INLINE vb64 vb_load(const void *p) {
    return _mm512_loadu_si512(p);
}
OZ_INLINE void vb_store(void *p, vb64 a) {
    _mm512_storeu_si512(p, a);
}
/* The top bit of every byte. */
OZ_INLINE uint64_t vb_top_bits(vb64 a) {
    return _mm512_movepi8_mask(a);
}
/* Rows of 16 bytes by twos: four bytes of the first, four of the second, and on. */
OZ_INLINE vb64 vb_pair_fours(vb64 a) {
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15),
                                    a);
}
OZ_INLINE vb64 vb_quad(const void *p) {
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}
/* Byte i (0 to 3) of every quad, unsigned. */
OZ_INLINE vi16 vi_byte(vb64 a, unsigned i) {
    return _mm512_and_si512(_mm512_srli_epi32(a, 8 * i), _mm512_set1_epi32(255));
}
OZ_INLINE vb64 vb_set1(uint8_t b) {
    return _mm512_set1_epi8((char)b);
}
/* The 16 bytes at p in each of the four parts of 16 bytes. */
OZ_INLINE vb64 vb_load_repeat16(const void *p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(p));
}
OZ_INLINE vb64 vb_and(vb64 a, vb64 b) {
    return _mm512_and_si512(a, b);
}
OZ_INLINE vb64 vb_or(vb64 a, vb64 b) {
    return _mm512_or_si512(a, b);
}
OZ_INLINE vb64 vb_xor(vb64 a, vb64 b) {
    return _mm512_xor_si512(a, b);
}
OZ_INLINE vb64 vb_add(vb64 a, vb64 b) {
    return _mm512_add_epi8(a, b);
}
OZ_INLINE vb64 vb_sub(vb64 a, vb64 b) {
    return _mm512_sub_epi8(a, b);
}
/* Bits [n, n + bits of mask) of every byte: (byte >> n) & mask. */
OZ_INLINE vb64 vb_bits(vb64 a, unsigned n, uint8_t mask) {
    return _mm512_and_si512(_mm512_srli_epi16(a, (int)n), _mm512_set1_epi8((char)mask));
}
/* (byte << n) & mask. */
OZ_INLINE vb64 vb_bits_up(vb64 a, unsigned n, uint8_t mask) {
    return _mm512_and_si512(_mm512_slli_epi16(a, (int)n), _mm512_set1_epi8((char)mask));
}
/* 1 where the byte (unsigned) is at least `limit`, which is not 0, else 0. */
OZ_INLINE vb64 vb_at_least(vb64 a, uint8_t limit) {
    return _mm512_maskz_set1_epi8(_mm512_cmpge_epu8_mask(a, _mm512_set1_epi8((char)limit)), 1);
}
/* Within each 16 bytes: out[i] = table[index[i] & 15], 0 where index[i] has its top bit set. */
OZ_INLINE vb64 vb_shuffle16(vb64 table, vb64 index) {
    return _mm512_shuffle_epi8(table, index);
}

/* ---- dot products of bytes: see README.md for the contract ---- */
#ifndef OZ_SIMD_VNNI
#define OZ_DOT4_BIAS 128
#define OZ_PAIRS 1

/* Words: the low, or the high, byte of each word of a, times k <= 127. */
OZ_INLINE vb64 vb_times_low(vb64 a, int16_t k) {
    return _mm512_maddubs_epi16(a, _mm512_set1_epi16(k));
}
OZ_INLINE vb64 vb_times_high(vb64 a, int16_t k) {
    return _mm512_maddubs_epi16(a, _mm512_set1_epi16((int16_t)(k << 8)));
}
/* Words of the high bytes of two words. */
OZ_INLINE vb64 vb_tops(vb64 low, vb64 high) {
    return _mm512_mask_mov_epi8(_mm512_srli_epi16(low, 8), 0xaaaaaaaaaaaaaaaa, high);
}

OZ_INLINE vb64 vb_add_pairs(vb64 acc, vb64 u, vb64 s) {
    return _mm512_add_epi16(acc, _mm512_maddubs_epi16(u, s));
}
OZ_INLINE vi16 vi_widen_pairs(vb64 pairs) {
    return _mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
}

OZ_INLINE vi16 v_dot4_u7(vi16 acc, vb64 u, vb64 s) {
    __m512i pairs = _mm512_maddubs_epi16(u, s);
    return _mm512_add_epi32(acc, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
OZ_INLINE vi16 v_dot4_s8(vi16 acc, vb64 w, vb64 x) {
    __m512i signed_x = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), _mm512_setzero_si512(), x);
    return v_dot4_u7(acc, _mm512_abs_epi8(w), signed_x);
}
OZ_INLINE vi16 v_dot4_u8(vi16 acc, vb64 u, vb64 s) {
    return v_dot4_s8(acc, _mm512_xor_si512(u, _mm512_set1_epi8((char)0x80)), s);
}
OZ_INLINE vi16 v_dot4x4_u5(vi16 acc, vb64 u0, vb64 u1, vb64 u2, vb64 u3, vb64 s0, vb64 s1, vb64 s2, vb64 s3) {
    __m512i a = _mm512_add_epi16(_mm512_maddubs_epi16(u0, s0), _mm512_maddubs_epi16(u1, s1));
    __m512i b = _mm512_add_epi16(_mm512_maddubs_epi16(u2, s2), _mm512_maddubs_epi16(u3, s3));
    return _mm512_add_epi32(acc, _mm512_madd_epi16(_mm512_add_epi16(a, b), _mm512_set1_epi16(1)));
}
#endif

#pragma GCC diagnostic pop

#endif

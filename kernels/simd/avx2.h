/* avx2.h - the vector vocabulary on AVX2, FMA and F16C: two registers are one logical vector.
 *
 * Bytes are multiplied through 16-bit pairs (vpmaddubsw), which saturate unless one side is under 128:
 * codes of 8 bits go as |w| * sign(x, w) with w = q - 128; that is what OZ_DOT4_BIAS tells the kernels. */
#ifndef OZ_KERNELS_SIMD_AVX2_H
#define OZ_KERNELS_SIMD_AVX2_H

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "kernels/simd/avx2.h needs -mavx2 -mfma -mf16c"
#endif

#include <immintrin.h>

#include "kernels/simd/common.h"
#include "kernels/simd/eight_x86.h"
#include "kernels/simd/tables.h"

#define OZ_ISA_SUFFIX avx2
#define OZ_ISA_ID OZ_ISA_AVX2
#define OZ_VECTOR 32 /* bytes of a register */

/* Rows x vectors of accumulators that the register file holds in a float multiplication: 12 of 16. */
#define OZ_GEMM_ROWS 6
#define OZ_GEMM_VECTORS 1
/* The same where rows of weights are the lanes: columns x panels. */
#define OZ_ROWS_COLUMNS 6
#define OZ_ROWS_PANELS 1
/* Before the loop over inputs of both. Its own instructions are 3 of 23 for 12 multiply-adds, too many for a
 * core whose other thread is at work. */
#define OZ_GEMM_LOOP OZ_UNROLL_4
#define OZ_GEMM_U8_ROWS 4
#define OZ_GEMM_U8_VECTORS 1
/* Sets of 64 accumulators that hide the latency of a sum over nonzeros. */
#define OZ_NZ_SETS 1
/* Accumulators of a fused product with up to 4 activation rows. */
#define OZ_MV_SUMS 4
/* Chains of sums that keep the arithmetic units busy and fit the register file beside an operand. */
#define OZ_LIMIT_SUMS 6

typedef struct vf16 {
    __m256 lo, hi;
} vf16;
typedef struct vi16 {
    __m256i lo, hi;
} vi16;
typedef vi16 vb64;
typedef vf16 vm16; /* all bits of a lane set or none */

OZ_INLINE __m256i v_first8(ptrdiff_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* ---- floats ---- */
OZ_INLINE vf16 v_both(__m256 a) {
    return (vf16){a, a};
}
OZ_INLINE vf16 v_zero(void) {
    return v_both(_mm256_setzero_ps());
}
OZ_INLINE vf16 v_set1(float f) {
    return v_both(_mm256_set1_ps(f));
}
/* The float at p, which need not be aligned, in every lane. */
OZ_INLINE vf16 v_broadcast(const void *p) {
    float f;
    memcpy(&f, p, sizeof f);
    return v_set1(f);
}
OZ_INLINE vf16 v_broadcast_f16(const void *p) {
    int16_t h;
    memcpy(&h, p, sizeof h);
    return v_both(_mm256_cvtph_ps(_mm_set1_epi16(h)));
}
OZ_INLINE vf16 v_repeat4(const float *p) {
    return v_both(_mm256_broadcast_ps((const __m128 *)(const void *)p));
}
OZ_INLINE vf16 v_repeat4_n(const float *p, size_t n) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3);
    __m256 live = _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane));
    return v_both(_mm256_and_ps(_mm256_broadcast_ps((const __m128 *)(const void *)p), live));
}
OZ_INLINE vf8 v_low(vf16 a) {
    return a.lo;
}
OZ_INLINE vf8 v_high(vf16 a) {
    return a.hi;
}
OZ_INLINE vf16 v_join(vf8 a, vf8 b) {
    return (vf16){a, b};
}
OZ_INLINE vf16 v_widen(vf8 a) {
    return (vf16){a, _mm256_setzero_ps()};
}
/* Of each four lanes the i-th (0 to 3), four times. */
OZ_INLINE vf16 v_spread(vf16 a, unsigned i) {
    switch (i) {
    case 0:
        return (vf16){_mm256_permute_ps(a.lo, 0x00), _mm256_permute_ps(a.hi, 0x00)};
    case 1:
        return (vf16){_mm256_permute_ps(a.lo, 0x55), _mm256_permute_ps(a.hi, 0x55)};
    case 2:
        return (vf16){_mm256_permute_ps(a.lo, 0xaa), _mm256_permute_ps(a.hi, 0xaa)};
    default:
        return (vf16){_mm256_permute_ps(a.lo, 0xff), _mm256_permute_ps(a.hi, 0xff)};
    }
}
OZ_INLINE vf16 v_load(const void *p) {
    const float *f = p;
    return (vf16){_mm256_loadu_ps(f), _mm256_loadu_ps(f + 8)};
}
OZ_INLINE vf16 v_load_n(const void *p, size_t n) {
    const float *f = p;
    ptrdiff_t left = (ptrdiff_t)n;
    return (vf16){_mm256_maskload_ps(f, v_first8(left)), _mm256_maskload_ps(f + 8, v_first8(left - 8))};
}
OZ_INLINE void v_store(float *p, vf16 a) {
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
/* The first n < 8 lanes. A masked store takes Zen 3 some 25 cycles, where a whole one takes 3. */
OZ_INLINE void v_store_n8(float *p, __m256 a, size_t n) {
    __m128 rest = _mm256_castps256_ps128(a);
    if (n & 4) {
        _mm_storeu_ps(p, rest);
        rest = _mm256_extractf128_ps(a, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, rest);
        rest = _mm_movehl_ps(rest, rest);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, rest);
}
OZ_INLINE void v_store_n(float *p, vf16 a, size_t n) {
    if (n >= 16) {
        v_store(p, a);
    } else if (n >= 8) {
        _mm256_storeu_ps(p, a.lo);
        v_store_n8(p + 8, a.hi, n - 8);
    } else {
        v_store_n8(p, a.lo, n);
    }
}
OZ_INLINE vf16 v_load_f16(const void *p) {
    const __m128i *h = p;
    return (vf16){_mm256_cvtph_ps(_mm_loadu_si128(h)), _mm256_cvtph_ps(_mm_loadu_si128(h + 1))};
}
OZ_INLINE vf16 v_load_f16_n(const void *p, size_t n) {
    uint16_t h[16] = {0};
    memcpy(h, p, 2 * n);
    return v_load_f16(h);
}
OZ_INLINE __m256 v_widen_bf16(__m128i h) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
OZ_INLINE vf16 v_load_bf16(const void *p) {
    const __m128i *h = p;
    return (vf16){v_widen_bf16(_mm_loadu_si128(h)), v_widen_bf16(_mm_loadu_si128(h + 1))};
}
OZ_INLINE vf16 v_load_bf16_n(const void *p, size_t n) {
    uint16_t h[16] = {0};
    memcpy(h, p, 2 * n);
    return v_load_bf16(h);
}

OZ_INLINE vf16 v_add(vf16 a, vf16 b) {
    return (vf16){_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
OZ_INLINE vf16 v_sub(vf16 a, vf16 b) {
    return (vf16){_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
OZ_INLINE vf16 v_mul(vf16 a, vf16 b) {
    return (vf16){_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
OZ_INLINE vf16 v_div(vf16 a, vf16 b) {
    return (vf16){_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
OZ_INLINE vf16 v_fma(vf16 a, vf16 b, vf16 c) {
    return (vf16){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
OZ_INLINE vf16 v_muladd(vf16 a, vf16 b, vf16 c) {
    return v_fma(a, b, c);
}
OZ_INLINE vf16 v_min(vf16 a, vf16 b) {
    return (vf16){_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
OZ_INLINE vf16 v_max(vf16 a, vf16 b) {
    return (vf16){_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
OZ_INLINE vf16 v_abs(vf16 a) {
    __m256 sign = _mm256_set1_ps(-0.0f);
    return (vf16){_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}
OZ_INLINE vf16 v_round(vf16 a) {
    return (vf16){_mm256_round_ps(a.lo, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                  _mm256_round_ps(a.hi, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
OZ_INLINE vm16 v_less(vf16 a, vf16 b) {
    return (vm16){_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
}
OZ_INLINE vf16 v_select(vm16 m, vf16 a, vf16 b) {
    return (vf16){_mm256_blendv_ps(b.lo, a.lo, m.lo), _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}
OZ_INLINE __m256 v_mask8(unsigned bits) {
    __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i set = _mm256_and_si256(_mm256_set1_epi32((int)bits), lane);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, lane));
}
OZ_INLINE vm16 v_mask(uint16_t bits) {
    return (vm16){v_mask8(bits & 255u), v_mask8((unsigned)bits >> 8)};
}
OZ_INLINE vf16 v_load_where(const void *p, vm16 m) {
    const float *f = p;
    return (vf16){_mm256_maskload_ps(f, _mm256_castps_si256(m.lo)),
                  _mm256_maskload_ps(f + 8, _mm256_castps_si256(m.hi))};
}
OZ_INLINE uint16_t v_mask_bits(vm16 m) {
    return (uint16_t)(_mm256_movemask_ps(m.lo) | _mm256_movemask_ps(m.hi) << 8);
}
OZ_INLINE float v_sum(vf16 a) {
    __m256 b = _mm256_add_ps(a.lo, a.hi);
    __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
OZ_INLINE float v_largest(vf16 a) {
    __m256 b = _mm256_max_ps(a.lo, a.hi);
    __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_max_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}
/* A lane without a value has the index 0, whose sign clears it: one instruction, where gcc makes two of a
 * blend with zeros. */
OZ_INLINE __m256 v_expand8(__m256 values, size_t bits) {
    __m256i index =
        _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)oz_expand_lane[bits]));
    __m256i spread = _mm256_castps_si256(_mm256_permutevar8x32_ps(values, index));
    return _mm256_castsi256_ps(_mm256_sign_epi32(spread, index));
}
OZ_INLINE vf16 v_expand(const float *p, uint16_t mask) {
    unsigned lo = mask & 255u, hi = (unsigned)mask >> 8;
    int n_lo = __builtin_popcount(lo), n_hi = __builtin_popcount(hi);
    return (vf16){v_expand8(_mm256_maskload_ps(p, v_first8(n_lo)), lo),
                  v_expand8(_mm256_maskload_ps(p + n_lo, v_first8(n_hi)), hi)};
}
OZ_INLINE vf16 v_expand_open(const float *p, uint16_t mask) {
    unsigned lo = mask & 255u, hi = (unsigned)mask >> 8;
    return (vf16){v_expand8(_mm256_loadu_ps(p), lo),
                  v_expand8(_mm256_loadu_ps(p + __builtin_popcount(lo)), hi)};
}
/* Each half of its own. */
OZ_INLINE void v_transpose4(__m256 a[4]) {
    __m256 t0 = _mm256_unpacklo_ps(a[0], a[1]), t1 = _mm256_unpackhi_ps(a[0], a[1]);
    __m256 t2 = _mm256_unpacklo_ps(a[2], a[3]), t3 = _mm256_unpackhi_ps(a[2], a[3]);
    a[0] = _mm256_shuffle_ps(t0, t2, 0x44);
    a[1] = _mm256_shuffle_ps(t0, t2, 0xee);
    a[2] = _mm256_shuffle_ps(t1, t3, 0x44);
    a[3] = _mm256_shuffle_ps(t1, t3, 0xee);
}
OZ_INLINE void v_transpose8(__m256 a[8]) {
    v_transpose4(a);
    v_transpose4(a + 4);
    OZ_UNROLL
    for (int j = 0; j < 4; j++) {
        __m256 low = a[j], high = a[4 + j];
        a[j] = _mm256_permute2f128_ps(low, high, 0x20);
        a[4 + j] = _mm256_permute2f128_ps(low, high, 0x31);
    }
}
/* Rows become columns: four squares of 8 x 8, the off-diagonal ones exchanged. */
OZ_INLINE void v_transpose(vf16 a[16]) {
    __m256 square[4][8];
    for (int i = 0; i < 8; i++) {
        square[0][i] = a[i].lo;
        square[1][i] = a[i + 8].lo;
        square[2][i] = a[i].hi;
        square[3][i] = a[i + 8].hi;
    }
    for (int s = 0; s < 4; s++) v_transpose8(square[s]);
    for (int i = 0; i < 8; i++) {
        a[i] = (vf16){square[0][i], square[1][i]};
        a[i + 8] = (vf16){square[2][i], square[3][i]};
    }
}
/* Four columns of eight rows; halves are joined by loads, which leaves the shuffles to the rest. */
OZ_INLINE void v_transpose_8x4(const char *from, size_t from_bytes, float *to, size_t to_stride) {
    __m256 a[4];
    OZ_UNROLL
    for (size_t i = 0; i < 4; i++) {
        const float *row = (const float *)(const void *)(from + i * from_bytes);
        const float *fourth = (const float *)(const void *)(from + (i + 4) * from_bytes);
        a[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row)), _mm_loadu_ps(fourth), 1);
    }
    v_transpose4(a);
    OZ_UNROLL
    for (size_t i = 0; i < 4; i++) _mm256_storeu_ps(to + i * to_stride, a[i]);
}
OZ_INLINE void v_copy_transposed(const void *from, size_t from_bytes, float *to, size_t to_stride) {
    const char *rows = from;
    OZ_UNROLL
    for (size_t r = 0; r < 16; r += 8) {
        OZ_UNROLL
        for (size_t c = 0; c < 16; c += 4)
            v_transpose_8x4(rows + r * from_bytes + c * sizeof(float), from_bytes, to + c * to_stride + r,
                            to_stride);
    }
}
/* Bit 3 of an index, shifted into the sign, chooses between the halves. */
OZ_INLINE __m256 v_permute8(vf16 a, __m256i index) {
    __m256 lo = _mm256_permutevar8x32_ps(a.lo, index), hi = _mm256_permutevar8x32_ps(a.hi, index);
    return _mm256_blendv_ps(lo, hi, _mm256_castsi256_ps(_mm256_slli_epi32(index, 28)));
}
OZ_INLINE vf16 v_permute(vf16 a, vi16 index) {
    return (vf16){v_permute8(a, index.lo), v_permute8(a, index.hi)};
}
OZ_INLINE __m256 v_evens8(__m256 a, __m256 b) {
    __m256 pairs = _mm256_shuffle_ps(a, b, 0x88); /* by halves: a0 a2 b0 b2 | a4 a6 b4 b6 */
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(pairs), 0xd8));
}
OZ_INLINE vf16 v_evens(vf16 a, vf16 b) {
    return (vf16){v_evens8(a.lo, a.hi), v_evens8(b.lo, b.hi)};
}
OZ_INLINE __m256 v_odds8(__m256 a, __m256 b) {
    __m256 pairs = _mm256_shuffle_ps(a, b, 0xdd);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(pairs), 0xd8));
}
OZ_INLINE vf16 v_odds(vf16 a, vf16 b) {
    return (vf16){v_odds8(a.lo, a.hi), v_odds8(b.lo, b.hi)};
}
OZ_INLINE vf16 v_zip8(__m256 a, __m256 b) {
    __m256 low = _mm256_unpacklo_ps(a, b), high = _mm256_unpackhi_ps(a, b); /* by halves */
    return (vf16){_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31)};
}
OZ_INLINE vf16 v_zip_low(vf16 a, vf16 b) {
    return v_zip8(a.lo, b.lo);
}
OZ_INLINE vf16 v_zip_high(vf16 a, vf16 b) {
    return v_zip8(a.hi, b.hi);
}
OZ_INLINE __m256 v_follow8(__m256 a, __m256 b) {
    __m256i low = _mm256_castps_si256(a), across = _mm256_castps_si256(_mm256_permute2f128_ps(a, b, 0x21));
    return _mm256_castsi256_ps(_mm256_alignr_epi8(across, low, 4));
}
OZ_INLINE vf16 v_follow(vf16 a, vf16 b) {
    return (vf16){v_follow8(a.lo, a.hi), v_follow8(a.hi, b.lo)};
}

/* ---- int32 ---- */
OZ_INLINE vi16 vi_both(__m256i a) {
    return (vi16){a, a};
}
OZ_INLINE vi16 vi_zero(void) {
    return vi_both(_mm256_setzero_si256());
}
OZ_INLINE vi16 vi_set1(int32_t i) {
    return vi_both(_mm256_set1_epi32(i));
}
OZ_INLINE vi16 vi_load(const void *p) {
    const __m256i *i = p;
    return (vi16){_mm256_loadu_si256(i), _mm256_loadu_si256(i + 1)};
}
/* Of 16 numbers of 64 bits the low and the high halves. */
OZ_INLINE void vi_load_split(const uint64_t *p, vi16 *low, vi16 *high) {
    const float *f = (const float *)p;
    for (size_t i = 0; i < 2; i++) {
        __m256 a = _mm256_loadu_ps(f + 16 * i), b = _mm256_loadu_ps(f + 16 * i + 8);
        __m256d even = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0x88));
        __m256d odd = _mm256_castps_pd(_mm256_shuffle_ps(a, b, 0xdd));
        *(i ? &low->hi : &low->lo) = _mm256_castpd_si256(_mm256_permute4x64_pd(even, 0xd8));
        *(i ? &high->hi : &high->lo) = _mm256_castpd_si256(_mm256_permute4x64_pd(odd, 0xd8));
    }
}
OZ_INLINE void vi_store(void *p, vi16 a) {
    __m256i *to = p;
    _mm256_storeu_si256(to, a.lo);
    _mm256_storeu_si256(to + 1, a.hi);
}
OZ_INLINE vi16 vi_load_u8(const void *p) {
    const uint8_t *b = p;
    return (vi16){_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)b)),
                  _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(b + 8)))};
}
OZ_INLINE vi16 vi_load_i8(const void *p) {
    const uint8_t *b = p;
    return (vi16){_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)b)),
                  _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(b + 8)))};
}
OZ_INLINE void vi_store_i8(void *p, vi16 a) {
    __m256i pairs = _mm256_permute4x64_epi64(_mm256_packs_epi32(a.lo, a.hi), 0xd8);
    __m128i low = _mm256_castsi256_si128(pairs), high = _mm256_extracti128_si256(pairs, 1);
    _mm_storeu_si128(p, _mm_packs_epi16(low, high));
}
/* 16 indexes of 4 bits, the first in the low bits; what lies above bit 3 of a lane is anything. */
OZ_INLINE vi16 vi_load_u4(const void *p) {
    int32_t half[2];
    memcpy(half, p, sizeof half);
    const __m256i shift = _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28);
    return (vi16){_mm256_srlv_epi32(_mm256_set1_epi32(half[0]), shift),
                  _mm256_srlv_epi32(_mm256_set1_epi32(half[1]), shift)};
}
OZ_INLINE vi16 vi_add(vi16 a, vi16 b) {
    return (vi16){_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
OZ_INLINE vi16 vi_sub(vi16 a, vi16 b) {
    return (vi16){_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)};
}
OZ_INLINE vi16 vi_mul(vi16 a, vi16 b) {
    return (vi16){_mm256_mullo_epi32(a.lo, b.lo), _mm256_mullo_epi32(a.hi, b.hi)};
}
OZ_INLINE vi16 vi_and(vi16 a, vi16 b) {
    return (vi16){_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)};
}
OZ_INLINE vi16 vi_or(vi16 a, vi16 b) {
    return (vi16){_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)};
}
OZ_INLINE vi16 vi_shift_left(vi16 a, unsigned n) {
    return (vi16){_mm256_slli_epi32(a.lo, (int)n), _mm256_slli_epi32(a.hi, (int)n)};
}
OZ_INLINE vi16 vi_shift_right(vi16 a, unsigned n) {
    return (vi16){_mm256_srli_epi32(a.lo, (int)n), _mm256_srli_epi32(a.hi, (int)n)};
}
OZ_INLINE vf16 v_from_i32(vi16 a) {
    return (vf16){_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)};
}
OZ_INLINE vi16 vi_from_f32(vf16 a) {
    return (vi16){_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi)};
}
OZ_INLINE vf16 v_from_bits(vi16 a) {
    return (vf16){_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)};
}
OZ_INLINE vi16 vi_bits(vf16 a) {
    return (vi16){_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)};
}
/* Changes the sign of lane i where the top bit of lane i of `bits` is set. */
OZ_INLINE vf16 v_flip_top(vf16 a, vi16 bits) {
    __m256 top = _mm256_set1_ps(-0.0f);
    vf16 b = v_from_bits(bits);
    return (vf16){_mm256_xor_ps(a.lo, _mm256_and_ps(b.lo, top)),
                  _mm256_xor_ps(a.hi, _mm256_and_ps(b.hi, top))};
}
/* Bit shift + i (shift <= 16) of the 4 bytes at p as the top bit of lane i. */
OZ_INLINE vi16 v_bits_to_top(const void *p, unsigned shift) {
    int32_t four;
    memcpy(&four, p, sizeof four);
    __m256i by = _mm256_set1_epi32((int)shift), all = _mm256_set1_epi32(four);
    __m256i lo = _mm256_sub_epi32(_mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24), by);
    __m256i hi = _mm256_sub_epi32(_mm256_setr_epi32(23, 22, 21, 20, 19, 18, 17, 16), by);
    return (vi16){_mm256_sllv_epi32(all, lo), _mm256_sllv_epi32(all, hi)};
}
/* Changes the sign of lane i where bit shift + i (shift <= 16) of the 4 bytes at p is set. */
OZ_INLINE vf16 v_flip(vf16 a, const void *p, unsigned shift) {
    return v_flip_top(a, v_bits_to_top(p, shift));
}
OZ_INLINE vf16 v_load_i8(const void *p) {
    return v_from_i32(vi_load_i8(p));
}
OZ_INLINE vf16 v_load_i8_n(const void *p, size_t n) {
    int8_t b[16] = {0};
    memcpy(b, p, n);
    return v_load_i8(b);
}
OZ_INLINE vf16 v_load_u8(const void *p) {
    return v_from_i32(vi_load_u8(p));
}
OZ_INLINE vf16 v_load_u8_n(const void *p, size_t n) {
    uint8_t b[16] = {0};
    memcpy(b, p, n);
    return v_load_u8(b);
}

/* ---- bytes ---- */
OZ_INLINE vb64 vb_load(const void *p) {
    return vi_load(p);
}
OZ_INLINE void vb_store(void *p, vb64 a) {
    vi_store(p, a);
}
/* The top bit of every byte. */
OZ_INLINE uint64_t vb_top_bits(vb64 a) {
    return (uint32_t)_mm256_movemask_epi8(a.lo) | (uint64_t)(uint32_t)_mm256_movemask_epi8(a.hi) << 32;
}
/* Rows of 16 bytes by twos: four bytes of the first, four of the second, and on. */
OZ_INLINE vb64 vb_pair_fours(vb64 a) {
    const __m256i index = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return (vb64){_mm256_permutevar8x32_epi32(a.lo, index), _mm256_permutevar8x32_epi32(a.hi, index)};
}
OZ_INLINE vb64 vb_quad(const void *p) {
    int32_t four;
    memcpy(&four, p, sizeof four);
    return vi_both(_mm256_set1_epi32(four));
}
/* Byte i (0 to 3) of every quad, unsigned. */
OZ_INLINE vi16 vi_byte(vb64 a, unsigned i) {
    return vi_and(vi_shift_right(a, 8 * i), vi_set1(255));
}
OZ_INLINE vb64 vb_set1(uint8_t b) {
    return vi_both(_mm256_set1_epi8((char)b));
}
/* The 16 bytes at p in each of the four parts of 16 bytes. */
OZ_INLINE vb64 vb_load_repeat16(const void *p) {
    return vi_both(_mm256_broadcastsi128_si256(_mm_loadu_si128(p)));
}
OZ_INLINE vb64 vb_and(vb64 a, vb64 b) {
    return vi_and(a, b);
}
OZ_INLINE vb64 vb_or(vb64 a, vb64 b) {
    return vi_or(a, b);
}
OZ_INLINE vb64 vb_xor(vb64 a, vb64 b) {
    return (vb64){_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)};
}
OZ_INLINE vb64 vb_add(vb64 a, vb64 b) {
    return (vb64){_mm256_add_epi8(a.lo, b.lo), _mm256_add_epi8(a.hi, b.hi)};
}
OZ_INLINE vb64 vb_sub(vb64 a, vb64 b) {
    return (vb64){_mm256_sub_epi8(a.lo, b.lo), _mm256_sub_epi8(a.hi, b.hi)};
}
/* Bits [n, n + bits of mask) of every byte: (byte >> n) & mask. */
OZ_INLINE vb64 vb_bits(vb64 a, unsigned n, uint8_t mask) {
    vb64 shifted = {_mm256_srli_epi16(a.lo, (int)n), _mm256_srli_epi16(a.hi, (int)n)};
    return vb_and(shifted, vb_set1(mask));
}
/* (byte << n) & mask. */
OZ_INLINE vb64 vb_bits_up(vb64 a, unsigned n, uint8_t mask) {
    vb64 shifted = {_mm256_slli_epi16(a.lo, (int)n), _mm256_slli_epi16(a.hi, (int)n)};
    return vb_and(shifted, vb_set1(mask));
}
/* 1 where the byte (unsigned) is at least `limit`, which is not 0, else 0. */
OZ_INLINE vb64 vb_at_least(vb64 a, uint8_t limit) {
    __m256i below = _mm256_set1_epi8((char)(limit - 1)), one = _mm256_set1_epi8(1);
    return (vb64){_mm256_min_epu8(_mm256_subs_epu8(a.lo, below), one),
                  _mm256_min_epu8(_mm256_subs_epu8(a.hi, below), one)};
}
/* Within each 16 bytes: out[i] = table[index[i] & 15], 0 where index[i] has its top bit set. */
OZ_INLINE vb64 vb_shuffle16(vb64 table, vb64 index) {
    return (vb64){_mm256_shuffle_epi8(table.lo, index.lo), _mm256_shuffle_epi8(table.hi, index.hi)};
}

/* ---- dot products of bytes: see README.md for the contract ---- */
#define OZ_DOT4_BIAS 128
#define OZ_PAIRS 1
#define OZ_WORDS 1

/* Words: the low, or the high, byte of each word of a, times k <= 127. */
OZ_INLINE vb64 vb_times_low(vb64 a, int16_t k) {
    const __m256i by = _mm256_set1_epi16(k);
    return (vb64){_mm256_maddubs_epi16(a.lo, by), _mm256_maddubs_epi16(a.hi, by)};
}
OZ_INLINE vb64 vb_times_high(vb64 a, int16_t k) {
    const __m256i by = _mm256_set1_epi16((int16_t)(k << 8));
    return (vb64){_mm256_maddubs_epi16(a.lo, by), _mm256_maddubs_epi16(a.hi, by)};
}
/* Words of the high bytes of two words. */
OZ_INLINE __m256i vb_tops_half(__m256i low, __m256i high) {
    return _mm256_blendv_epi8(_mm256_srli_epi16(low, 8), high, _mm256_set1_epi16((int16_t)0xff00));
}
OZ_INLINE vb64 vb_tops(vb64 low, vb64 high) {
    return (vb64){vb_tops_half(low.lo, high.lo), vb_tops_half(low.hi, high.hi)};
}

/* Left alone, gcc keeps many products to add them in a tree, and spills them. */
OZ_INLINE __m256i vb_add_pairs_half(__m256i acc, __m256i u, __m256i s) {
    acc = _mm256_add_epi16(acc, _mm256_maddubs_epi16(u, s));
    __asm__("" : "+x"(acc));
    return acc;
}
OZ_INLINE vb64 vb_add_pairs(vb64 acc, vb64 u, vb64 s) {
    return (vb64){vb_add_pairs_half(acc.lo, u.lo, s.lo), vb_add_pairs_half(acc.hi, u.hi, s.hi)};
}
OZ_INLINE vi16 vi_widen_pairs(vb64 pairs) {
    return (vi16){_mm256_madd_epi16(pairs.lo, _mm256_set1_epi16(1)),
                  _mm256_madd_epi16(pairs.hi, _mm256_set1_epi16(1))};
}

/* The low, or the high, bytes of words, as signed words; and as 256 times that. */
OZ_INLINE vb64 vb_low_words(vb64 a) {
    return (vb64){_mm256_srai_epi16(_mm256_slli_epi16(a.lo, 8), 8),
                  _mm256_srai_epi16(_mm256_slli_epi16(a.hi, 8), 8)};
}
OZ_INLINE vb64 vb_high_words(vb64 a) {
    return (vb64){_mm256_srai_epi16(a.lo, 8), _mm256_srai_epi16(a.hi, 8)};
}
OZ_INLINE vb64 vb_low_words_up(vb64 a) {
    return (vb64){_mm256_slli_epi16(a.lo, 8), _mm256_slli_epi16(a.hi, 8)};
}
OZ_INLINE vb64 vb_high_words_up(vb64 a) {
    const __m256i high = _mm256_set1_epi16((int16_t)0xff00);
    return (vb64){_mm256_and_si256(a.lo, high), _mm256_and_si256(a.hi, high)};
}
OZ_INLINE vi16 v_dot2(vi16 acc, vb64 a, vb64 b) {
    return (vi16){_mm256_add_epi32(acc.lo, _mm256_madd_epi16(a.lo, b.lo)),
                  _mm256_add_epi32(acc.hi, _mm256_madd_epi16(a.hi, b.hi))};
}

OZ_INLINE __m256i v_dot4_half(__m256i acc, __m256i u, __m256i s) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(u, s), _mm256_set1_epi16(1)));
}
OZ_INLINE vi16 v_dot4_u7(vi16 acc, vb64 u, vb64 s) {
    return (vi16){v_dot4_half(acc.lo, u.lo, s.lo), v_dot4_half(acc.hi, u.hi, s.hi)};
}
OZ_INLINE vi16 v_dot4_s8(vi16 acc, vb64 w, vb64 x) {
    return (vi16){v_dot4_half(acc.lo, _mm256_abs_epi8(w.lo), _mm256_sign_epi8(x.lo, w.lo)),
                  v_dot4_half(acc.hi, _mm256_abs_epi8(w.hi), _mm256_sign_epi8(x.hi, w.hi))};
}
OZ_INLINE vi16 v_dot4_u8(vi16 acc, vb64 u, vb64 s) {
    return v_dot4_s8(acc, vb_xor(u, vb_set1(0x80)), s);
}
OZ_INLINE __m256i v_dot4x4_half(__m256i acc, __m256i a, __m256i b, __m256i c, __m256i d) {
    __m256i pairs = _mm256_add_epi16(_mm256_add_epi16(a, b), _mm256_add_epi16(c, d));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
OZ_INLINE vi16 v_dot4x4_u5(vi16 acc, vb64 u0, vb64 u1, vb64 u2, vb64 u3, vb64 s0, vb64 s1, vb64 s2, vb64 s3) {
    return (vi16){
        v_dot4x4_half(acc.lo, _mm256_maddubs_epi16(u0.lo, s0.lo), _mm256_maddubs_epi16(u1.lo, s1.lo),
                      _mm256_maddubs_epi16(u2.lo, s2.lo), _mm256_maddubs_epi16(u3.lo, s3.lo)),
        v_dot4x4_half(acc.hi, _mm256_maddubs_epi16(u0.hi, s0.hi), _mm256_maddubs_epi16(u1.hi, s1.hi),
                      _mm256_maddubs_epi16(u2.hi, s2.hi), _mm256_maddubs_epi16(u3.hi, s3.hi))};
}

#endif

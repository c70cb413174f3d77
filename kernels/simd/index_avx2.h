/* index_avx2.h - the part of the vocabulary that only formats with indexes need, on AVX2 and BMI2: see
 * README.md.
 *
 * It comes after avx2.h in an instance of such a format. */
#ifndef OZ_KERNELS_SIMD_INDEX_AVX2_H
#define OZ_KERNELS_SIMD_INDEX_AVX2_H

#if !defined(__BMI2__)
#error "kernels/simd/index_avx2.h needs -mbmi2 and the flags of avx2.h"
#endif

#include "kernels/simd/avx2.h"
#include "kernels/simd/tables.h"

#define OZ_8_TIMES(a) a, a, a, a, a, a, a, a
#define OZ_64_TIMES(a)                                                                                       \
    OZ_8_TIMES(a), OZ_8_TIMES(a), OZ_8_TIMES(a), OZ_8_TIMES(a), OZ_8_TIMES(a), OZ_8_TIMES(a), OZ_8_TIMES(a), \
        OZ_8_TIMES(a)

/* Eight codes from the 8 bytes that end with theirs, or begin where the first one's do. */
OZ_INLINE int64_t s_unpack8(const uint8_t *p, unsigned bits, unsigned eighth) {
    const unsigned at = eighth * bits, from = at < 8 * bits - 8 ? at : 8 * bits - 8;
    uint64_t packed;
    memcpy(&packed, p + from, 8);
    return (int64_t)_pdep_u64(packed >> 8 * (at - from),
                              ((UINT64_C(1) << bits) - 1) * UINT64_C(0x0101010101010101));
}
OZ_INLINE __m256i vb_unpack32(const uint8_t *p, unsigned bits, unsigned eighth) {
    return _mm256_setr_epi64x(s_unpack8(p, bits, eighth), s_unpack8(p, bits, eighth + 1),
                              s_unpack8(p, bits, eighth + 2), s_unpack8(p, bits, eighth + 3));
}
OZ_INLINE vb64 vb_unpack(const uint8_t *p, unsigned bits) {
    return (vb64){vb_unpack32(p, bits, 0), vb_unpack32(p, bits, 4)};
}

/* 8 bytes at p, then 8 at q. */
OZ_INLINE __m128i vb_join8(const void *p, const void *q) {
    return _mm_unpacklo_epi64(_mm_loadl_epi64(p), _mm_loadl_epi64(q));
}
/* Two halves of 8 bytes; a byte without a value has an index with its sign set. Each half waits for the count
 * before it, one cycle; that is less than counting from the first bit on costs. */
OZ_INLINE __m128i vb_expand16(__m128i rest, const uint8_t **p, const uint8_t *bits) {
    const uint64_t low = bits[0], high = bits[1];
    const uint8_t *second = *p + __builtin_popcountll(low);
    __m128i index = vb_join8(oz_expand_index[low], oz_expand_index8[high]);
    __m128i bytes = vb_join8(*p, second);
    *p = second + __builtin_popcountll(high);
    return _mm_blendv_epi8(_mm_shuffle_epi8(bytes, index), rest, index);
}
OZ_INLINE __m256i vb_expand32(__m256i rest, const uint8_t **p, const uint8_t *bits) {
    __m128i low = vb_expand16(_mm256_castsi256_si128(rest), p, bits);
    return _mm256_set_m128i(vb_expand16(_mm256_extracti128_si256(rest, 1), p, bits + 2), low);
}
OZ_INLINE size_t vb_list_bits(uint64_t bits, uint8_t first, uint8_t *out) {
    return s_list_bits(bits, first, out);
}
OZ_INLINE vb64 vb_expand64(vb64 rest, const uint8_t *p, const void *mask) {
    const uint8_t *bits = mask;
    __m256i low = vb_expand32(rest.lo, &p, bits);
    return (vb64){low, vb_expand32(rest.hi, &p, bits + 4)};
}
OZ_INLINE __m256i vb_keep32(__m256i a, __m256i segments, uint8_t segment, int n, int first) {
    const __m256i place = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18,
                                           19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
    __m256i live = _mm256_cmpgt_epi8(_mm256_set1_epi8((char)(n - first)), place);
    __m256i here = _mm256_cmpeq_epi8(segments, _mm256_set1_epi8((char)segment));
    return _mm256_and_si256(a, _mm256_and_si256(live, here));
}
OZ_INLINE vb64 vb_keep(vb64 a, vb64 index, unsigned shift, uint8_t segment, size_t n) {
    const vb64 segments = vb_bits(index, shift, (uint8_t)(255u >> shift));
    const int count = n < 64 ? (int)n : 64;
    return (vb64){vb_keep32(a.lo, segments.lo, segment, count, 0),
                  vb_keep32(a.hi, segments.hi, segment, count, 32)};
}

/* Rows are short: the second half is mostly not there. */
OZ_INLINE __m256i v_dot4_first32(__m256i acc, const uint8_t *q, __m256i zero, const int8_t *x, __m256i live) {
    __m256i w = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)(const void *)q), zero);
    __m256i in = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)x), live);
    return v_dot4_half(acc, _mm256_abs_epi8(w), _mm256_sign_epi8(in, w));
}
OZ_INLINE vi16 v_dot4_first(vi16 acc, const uint8_t *q, vb64 zero, const int8_t *x, size_t n) {
    static const int8_t first[128] = {OZ_64_TIMES(-1)};
    const vb64 live = vb_load(first + 64 - (n < 64 ? n : 64));
    acc.lo = v_dot4_first32(acc.lo, q, zero.lo, x, live.lo);
    if (n > 32) acc.hi = v_dot4_first32(acc.hi, q + 32, zero.hi, x + 32, live.hi);
    return acc;
}
/* Eight tables of 16 bytes, each but the first as what it changes of the one before: an index finds all
 * those up to its own, since a shuffle gives 0 where an index has become negative. */
typedef struct vb_table {
    __m256i change[8];
} vb_table;
OZ_INLINE vb_table vb_tabulate(const int8_t *x) {
    vb_table t;
    __m256i before = _mm256_setzero_si256();
    OZ_UNROLL
    for (size_t i = 0; i < 8; i++) {
        __m256i here = vb_load_repeat16(x + 16 * i).lo;
        t.change[i] = _mm256_xor_si256(here, before);
        before = here;
    }
    return t;
}
/* Left alone, gcc keeps all that is found to join it in a tree, and spills it. */
OZ_INLINE __m256i vb_find32(const vb_table *t, __m256i index) {
    __m256i found = _mm256_shuffle_epi8(t->change[0], index);
    OZ_UNROLL
    for (size_t i = 1; i < 8; i++) {
        index = _mm256_subs_epi8(index, _mm256_set1_epi8(16));
        found = _mm256_xor_si256(found, _mm256_shuffle_epi8(t->change[i], index));
        __asm__("" : "+x"(found));
    }
    return found;
}
OZ_INLINE vb64 vb_find(const vb_table *t, vb64 index) {
    return (vb64){vb_find32(t, index.lo), vb_find32(t, index.hi)};
}

/* Each step waits for the count before it, one cycle; that is less than counting from the first bit on costs.
 */
OZ_INLINE __m256 v_expand_next(const float *p, size_t *at, uint64_t bits) {
    __m256 values = _mm256_loadu_ps(p + *at);
    *at += (size_t)__builtin_popcountll(bits);
    return v_expand8(values, bits);
}
OZ_INLINE void v_expand64(const float *p, const void *mask, vf16 out[4]) {
    const uint8_t *bits = mask;
    size_t at = 0;
    OZ_UNROLL
    for (unsigned i = 0; i < 4; i++) {
        out[i].lo = v_expand_next(p, &at, bits[2 * i]);
        out[i].hi = v_expand_next(p, &at, bits[2 * i + 1]);
    }
}
OZ_INLINE void vi_extremes(vi16 a, size_t *least, size_t *most) {
    const __m256i words = _mm256_packus_epi32(a.lo, a.hi);
    const __m128i low = _mm256_castsi256_si128(words), high = _mm256_extracti128_si256(words, 1);
    *least = (size_t)_mm_extract_epi16(_mm_minpos_epu16(_mm_min_epu16(low, high)), 0);
    const __m128i not_most = _mm_xor_si128(_mm_max_epu16(low, high), _mm_set1_epi16(-1));
    *most = 0xffff ^ (size_t)_mm_extract_epi16(_mm_minpos_epu16(not_most), 0);
}
OZ_INLINE vf16 v_add_first(vf16 a, const float *p, const int32_t *n) {
    const vf16 all = v_load(p), live = v_load(oz_first_lanes + OZ_MOST_FIRST - *n);
    return (vf16){_mm256_add_ps(a.lo, _mm256_and_ps(all.lo, live.lo)),
                  _mm256_add_ps(a.hi, _mm256_and_ps(all.hi, live.hi))};
}

#define OZ_LOOKED_UP 16
typedef struct v_table {
    const float *x;
} v_table;
OZ_INLINE v_table v_tabulate(const float *x, size_t n) {
    (void)n;
    return (v_table){x};
}
/* A load for each number, and of its index no more than a part of one. Left alone, gcc loads a number before
 * it inserts it. */
#define INSERT(a, lane, number) __asm__("vinsertps %2, %1, %0, %0" : "+x"(a) : "m"(number), "i"((lane) << 4))
OZ_INLINE __m128 v_look_up4(const float *x, uint32_t index) {
    __m128 a = _mm_load_ss(x + (index & 255));
    INSERT(a, 1, x[index >> 8 & 255]);
    INSERT(a, 2, x[index >> 16 & 255]);
    INSERT(a, 3, x[index >> 24]);
    return a;
}
#undef INSERT
OZ_INLINE __m256 v_look_up8(const float *x, const uint8_t *index) {
    uint64_t eight;
    memcpy(&eight, index, sizeof eight);
    return _mm256_set_m128(v_look_up4(x, (uint32_t)(eight >> 32)), v_look_up4(x, (uint32_t)eight));
}
OZ_INLINE void v_look_up(const v_table *t, size_t n, const uint8_t *index, vf16 out[1]) {
    (void)n;
    out[0] = (vf16){v_look_up8(t->x, index), v_look_up8(t->x, index + 8)};
}

OZ_INLINE vf16 v_repeat8(const float *p) {
    return v_both(_mm256_loadu_ps(p));
}
OZ_INLINE vf16 v_permute_repeated(vf16 a, vi16 index) {
    return (vf16){_mm256_permutevar8x32_ps(a.lo, index.lo), _mm256_permutevar8x32_ps(a.lo, index.hi)};
}

OZ_INLINE vi16 vi_load_u16(const void *p) {
    const __m128i *h = p;
    return (vi16){_mm256_cvtepu16_epi32(_mm_loadu_si128(h)), _mm256_cvtepu16_epi32(_mm_loadu_si128(h + 1))};
}
OZ_INLINE __m256i vi_dword_at(const void *p, size_t byte) {
    int32_t four;
    memcpy(&four, (const uint8_t *)p + byte, sizeof four);
    return _mm256_set1_epi32(four);
}
/* Eight indexes of up to 4 bits fit a dword; of 5 bits, four do. */
OZ_INLINE vi16 vi_load_bits(const void *p, unsigned bits) {
    const __m256i by2 = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14),
                  by3 = _mm256_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21);
    if (bits == 2) {
        __m256i all = vi_dword_at(p, 0);
        return (vi16){_mm256_srlv_epi32(all, by2),
                      _mm256_srlv_epi32(all, _mm256_add_epi32(by2, _mm256_set1_epi32(16)))};
    }
    if (bits == 3) {
        return (vi16){_mm256_srlv_epi32(vi_dword_at(p, 0), by3),
                      _mm256_srlv_epi32(vi_dword_at(p, 2), _mm256_add_epi32(by3, _mm256_set1_epi32(8)))};
    }
    if (bits == 4) return vi_load_u4(p);
    __m256i lo = _mm256_blend_epi32(vi_dword_at(p, 0), vi_dword_at(p, 2), 0xf0);
    __m256i hi = _mm256_blend_epi32(vi_dword_at(p, 5), vi_dword_at(p, 6), 0xf0);
    return (vi16){_mm256_srlv_epi32(lo, _mm256_setr_epi32(0, 5, 10, 15, 4, 9, 14, 19)),
                  _mm256_srlv_epi32(hi, _mm256_setr_epi32(0, 5, 10, 15, 12, 17, 22, 27))};
}
OZ_INLINE void vi_store_u8(void *p, vi16 a) {
    const __m256i low = _mm256_set1_epi32(255);
    __m256i pairs = _mm256_packus_epi32(_mm256_and_si256(a.lo, low), _mm256_and_si256(a.hi, low));
    pairs = _mm256_permute4x64_epi64(pairs, 0xd8);
    _mm_storeu_si128(p, _mm_packus_epi16(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1)));
}
OZ_INLINE vm16 vi_equal(vi16 a, vi16 b) {
    return (vm16){_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.lo, b.lo)),
                  _mm256_castsi256_ps(_mm256_cmpeq_epi32(a.hi, b.hi))};
}
OZ_INLINE vi16 vi_move_left(vi16 a, vi16 n) {
    return (vi16){_mm256_sllv_epi32(a.lo, n.lo), _mm256_sllv_epi32(a.hi, n.hi)};
}

/* Sums of pairs of lanes, of a in the low and of b in the high half of each 128 bits. */
OZ_INLINE __m256i vi_sum_pairs(__m256i a, __m256i b) {
    return _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
}
OZ_INLINE __m256i vi_sum_8_rows(const vi16 a[8]) {
    __m256i four[4], two[2];
    OZ_UNROLL
    for (int i = 0; i < 4; i++) {
        __m256i even = _mm256_add_epi32(a[2 * i].lo, a[2 * i].hi),
                odd = _mm256_add_epi32(a[2 * i + 1].lo, a[2 * i + 1].hi);
        four[i] = _mm256_add_epi32(_mm256_unpacklo_epi32(even, odd), _mm256_unpackhi_epi32(even, odd));
    }
    two[0] = vi_sum_pairs(four[0], four[1]);
    two[1] = vi_sum_pairs(four[2], four[3]);
    return _mm256_add_epi32(_mm256_permute2x128_si256(two[0], two[1], 0x20),
                            _mm256_permute2x128_si256(two[0], two[1], 0x31));
}
OZ_INLINE vi16 vi_sum_rows(const vi16 a[16]) {
    return (vi16){vi_sum_8_rows(a), vi_sum_8_rows(a + 8)};
}

OZ_INLINE vb64 vb_from_i32(vi16 a) {
    return a;
}
OZ_INLINE vi16 vi_quads(vb64 a) {
    return a;
}
OZ_INLINE vb64 vb_shift_right_each(vb64 a, vi16 n) {
    return (vb64){_mm256_srlv_epi32(a.lo, n.lo), _mm256_srlv_epi32(a.hi, n.hi)};
}
OZ_INLINE vb64 vb_load_repeat8(const void *p) {
    int64_t eight;
    memcpy(&eight, p, sizeof eight);
    return vi_both(_mm256_set1_epi64x(eight));
}
OZ_INLINE vb64 vb_words(vb64 even, vb64 odd) {
    return (vb64){_mm256_blend_epi16(even.lo, odd.lo, 0xaa), _mm256_blend_epi16(even.hi, odd.hi, 0xaa)};
}
OZ_INLINE vb64 vb_right16(vb64 a, unsigned n) {
    return (vb64){_mm256_srli_epi16(a.lo, (int)n), _mm256_srli_epi16(a.hi, (int)n)};
}
OZ_INLINE vb64 vb_mul16(vb64 a, vb64 b) {
    return (vb64){_mm256_mullo_epi16(a.lo, b.lo), _mm256_mullo_epi16(a.hi, b.hi)};
}

#endif

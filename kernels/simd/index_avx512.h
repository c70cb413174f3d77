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

#ifndef OZ_SIMD_VNNI
/* Eight codes from the 8 bytes that begin with theirs, or end where the last one's do. */
OZ_INLINE int64_t s_unpack8(const uint8_t *p, unsigned bits, unsigned eighth) {
    const unsigned at = eighth * bits, from = at < 8 * bits - 8 ? at : 8 * bits - 8;
    uint64_t packed;
    memcpy(&packed, p + from, 8);
    return (int64_t)_pdep_u64(packed >> 8 * (at - from),
                              ((UINT64_C(1) << bits) - 1) * UINT64_C(0x0101010101010101));
}
OZ_INLINE vb64 vb_unpack(const uint8_t *p, unsigned bits) {
    return _mm512_setr_epi64(s_unpack8(p, bits, 0), s_unpack8(p, bits, 1), s_unpack8(p, bits, 2),
                             s_unpack8(p, bits, 3), s_unpack8(p, bits, 4), s_unpack8(p, bits, 5),
                             s_unpack8(p, bits, 6), s_unpack8(p, bits, 7));
}

/* As dwords: without VBMI2 nothing smaller can be expanded. */
OZ_INLINE __m128i vb_expand16(__m128i rest, const uint8_t *p, uint16_t mask) {
    __m512i dwords = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm512_cvtepi32_epi8(_mm512_mask_expand_epi32(_mm512_cvtepu8_epi32(rest), mask, dwords));
}
OZ_INLINE vb64 vb_expand64(vb64 rest, const uint8_t *p, const void *mask) {
    uint64_t bits;
    memcpy(&bits, mask, sizeof bits);
    __m128i a = vb_expand16(_mm512_castsi512_si128(rest), p, (uint16_t)bits);
    __m128i b = vb_expand16(_mm512_extracti32x4_epi32(rest, 1), p + __builtin_popcountll(bits & 0xffff),
                            (uint16_t)(bits >> 16));
    __m128i c = vb_expand16(_mm512_extracti32x4_epi32(rest, 2), p + __builtin_popcountll(bits & 0xffffffff),
                            (uint16_t)(bits >> 32));
    __m128i d = vb_expand16(_mm512_extracti32x4_epi32(rest, 3), p + __builtin_popcountll(bits << 16),
                            (uint16_t)(bits >> 48));
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(b, a)), _mm256_set_m128i(d, c), 1);
}
OZ_INLINE vb64 vb_keep(vb64 a, vb64 index, unsigned shift, uint8_t segment, size_t n) {
    const __mmask64 live = n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
    __m512i segments = vb_bits(index, shift, (uint8_t)(255u >> shift));
    return _mm512_maskz_mov_epi8(_mm512_mask_cmpeq_epi8_mask(live, segments, vb_set1(segment)), a);
}

OZ_INLINE vi16 v_dot4_first(vi16 acc, const uint8_t *q, vb64 zero, const int8_t *x, size_t n) {
    const __mmask64 live = n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
    return v_dot4_s8(acc, vb_sub(vb_load(q), zero), _mm512_maskz_mov_epi8(live, vb_load(x)));
}
/* Eight tables of 16 bytes, each but the first as what it changes of the one before: an index finds all
 * those up to its own, since a shuffle gives 0 where an index has become negative. */
typedef struct vb_table {
    __m512i change[8];
} vb_table;
OZ_INLINE vb_table vb_tabulate(const int8_t *x) {
    vb_table t;
    __m512i before = _mm512_setzero_si512();
    OZ_UNROLL
    for (size_t i = 0; i < 8; i++) {
        __m512i here = vb_load_repeat16(x + 16 * i);
        t.change[i] = _mm512_xor_si512(here, before);
        before = here;
    }
    return t;
}
OZ_INLINE vb64 vb_find(const vb_table *t, vb64 index) {
    vb64 found = _mm512_shuffle_epi8(t->change[0], index);
    OZ_UNROLL
    for (size_t i = 1; i < 8; i++) {
        index = _mm512_subs_epi8(index, _mm512_set1_epi8(16));
        found = _mm512_xor_si512(found, _mm512_shuffle_epi8(t->change[i], index));
    }
    return found;
}

OZ_INLINE size_t vb_list_bits(uint64_t bits, uint8_t first, uint8_t *out) {
    return s_list_bits(bits, first, out);
}
#else
/* Byte i of the eighth's codes lies in the 8 bytes from its first: bits [bits * i, bits * i + bits). */
OZ_INLINE vb64 vb_unpack(const uint8_t *p, unsigned bits) {
    const uint64_t b = bits, each = UINT64_C(0x0706050403020100);
    const __m512i eighth = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7),
                  ones = _mm512_set1_epi64(0x0101010101010101);
    __m512i gather =
        _mm512_add_epi8(_mm512_set1_epi64((int64_t)each),
                        _mm512_mullo_epi64(_mm512_mullo_epi64(eighth, ones), _mm512_set1_epi64((int64_t)b)));
    __m512i packed = _mm512_maskz_loadu_epi8(~UINT64_C(0) >> (64 - 8 * bits), p);
    __m512i bytes = _mm512_permutexvar_epi8(gather, packed);
    __m512i codes = _mm512_multishift_epi64_epi8(_mm512_set1_epi64((int64_t)(each * b)), bytes);
    return _mm512_and_si512(codes, _mm512_set1_epi8((char)((1u << bits) - 1)));
}

#define OZ_LOOK_UP 1
/* The bytes whose index >> shift is `segment`. */
OZ_INLINE __mmask64 vb_in_segment(vb64 index, unsigned shift, uint8_t segment) {
    if (shift == 7) return segment ? _mm512_movepi8_mask(index) : ~_mm512_movepi8_mask(index);
    vb64 segments = vb_bits(index, shift, (uint8_t)(255u >> shift));
    return _mm512_cmpeq_epi8_mask(segments, _mm512_set1_epi8((char)segment));
}
/* table[index & 127] where `live` has a bit and index >> shift is `segment`, else 0. */
OZ_INLINE vb64 vb_look_up(const int8_t *table, vb64 index, unsigned shift, uint8_t segment, uint64_t live) {
    return _mm512_maskz_permutex2var_epi8(live & vb_in_segment(index, shift, segment), vb_load(table), index,
                                          vb_load(table + 64));
}
OZ_INLINE vb64 vb_load_two(const void *low, const void *high) {
    __m512i a = _mm512_castsi256_si512(_mm256_loadu_si256(low));
    return _mm512_inserti64x4(a, _mm256_loadu_si256(high), 1);
}

/* Merged, not zeroed: what follows the list is free, and the emulator Bochs 2.7 zeroes all 64 where all are
 * listed. */
OZ_INLINE size_t vb_list_bits(uint64_t bits, uint8_t first, uint8_t *out) {
    const uint64_t each = UINT64_C(0x0706050403020100), eighth = UINT64_C(0x0808080808080808);
    const __m512i place = _mm512_setr_epi64((int64_t)each, (int64_t)(each + eighth),
                                            (int64_t)(each + 2 * eighth), (int64_t)(each + 3 * eighth),
                                            (int64_t)(each + 4 * eighth), (int64_t)(each + 5 * eighth),
                                            (int64_t)(each + 6 * eighth), (int64_t)(each + 7 * eighth));
    __m512i places = _mm512_add_epi8(place, _mm512_set1_epi8((char)first));
    _mm512_storeu_si512(out, _mm512_mask_compress_epi8(places, bits, places));
    return (size_t)__builtin_popcountll(bits);
}

/* See v_expand_lanes for the asm, v_mask_at for the other. */
OZ_INLINE vb64 vb_expand64(vb64 rest, const uint8_t *p, const void *mask) {
    __m512i bytes = _mm512_loadu_si512(p);
    __mmask64 m;
    __asm__("kmovq %1, %0" : "=k"(m) : "m"(*(const char(*)[8])mask));
    __asm__("" : "+v"(bytes));
    return _mm512_mask_expand_epi8(rest, m, bytes);
}
#endif

/* Compilers fetch a mask by way of a general register, which costs twice the time. */
OZ_INLINE vm16 v_mask_at(const void *p) {
    vm16 m;
    __asm__("kmovw %1, %0" : "=k"(m) : "m"(*(const char(*)[2])p));
    return m;
}
/* The same of the second 16 bits of 32. Intel's cores move and expand on one port: every other mask is made
 * on another. */
OZ_INLINE vm16 v_mask_behind(const void *p) {
    const __m512i to_the_top = _mm512_setr_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    int32_t bits;
    memcpy(&bits, p, sizeof bits);
    return _mm512_movepi32_mask(_mm512_sllv_epi32(_mm512_set1_epi32(bits), to_the_top));
}
/* No quarter's place waits for the one before. */
OZ_INLINE void v_expand64(const float *p, const void *mask, vf16 out[4]) {
    const uint8_t *at = mask;
    uint64_t bits;
    memcpy(&bits, mask, sizeof bits);
    out[0] = v_expand_open(p, v_mask_at(at));
    out[1] = v_expand_open(p + __builtin_popcountll(bits & 0xffff), v_mask_behind(at));
    out[2] = v_expand_open(p + __builtin_popcountll(bits & 0xffffffff), v_mask_at(at + 4));
    out[3] = v_expand_open(p + __builtin_popcountll(bits << 16), v_mask_behind(at + 4));
}
OZ_INLINE void vi_extremes(vi16 a, size_t *least, size_t *most) {
    const __m256i words = _mm512_cvtepi32_epi16(a);
    const __m128i low = _mm256_castsi256_si128(words), high = _mm256_extracti128_si256(words, 1);
    *least = (size_t)_mm_extract_epi16(_mm_minpos_epu16(_mm_min_epu16(low, high)), 0);
    const __m128i not_most = _mm_xor_si128(_mm_max_epu16(low, high), _mm_set1_epi16(-1));
    *most = 0xffff ^ (size_t)_mm_extract_epi16(_mm_minpos_epu16(not_most), 0);
}
/* The compare takes the number from memory into all lanes. */
OZ_INLINE vf16 v_add_first(vf16 a, const float *p, const int32_t *n) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_mask_add_ps(a, _mm512_cmplt_epi32_mask(lane, _mm512_set1_epi32(*n)), a, v_load(p));
}

#ifdef OZ_LOOK_UP
/* Up to 256 floats stay in registers, cut into their four bytes: a table of bytes has four times the entries
 * of one of floats, and one look-up finds 64 of them. */
#define OZ_LOOKED_UP 64
typedef struct v_table {
    __m512i byte[4][4];
} v_table;
/* 64 floats: each dword of the four bytes of one kind in their order. */
OZ_INLINE void v_cut_bytes(const float *x, __m512i byte[4]) {
    const __m512i by_kind =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m512i four[4];
    OZ_UNROLL
    for (size_t i = 0; i < 4; i++) { /* floats 4 i to 4 i + 3 of each 16 */
        const __m128i *p = (const __m128i *)(const void *)(x + 4 * i);
        __m512i a = _mm512_castsi128_si512(_mm_loadu_si128(p));
        a = _mm512_inserti32x4(a, _mm_loadu_si128(p + 4), 1);
        a = _mm512_inserti32x4(a, _mm_loadu_si128(p + 8), 2);
        a = _mm512_inserti32x4(a, _mm_loadu_si128(p + 12), 3);
        four[i] = _mm512_shuffle_epi8(a, by_kind);
    }
    __m512i a = _mm512_unpacklo_epi32(four[0], four[1]), b = _mm512_unpacklo_epi32(four[2], four[3]);
    __m512i c = _mm512_unpackhi_epi32(four[0], four[1]), d = _mm512_unpackhi_epi32(four[2], four[3]);
    byte[0] = _mm512_unpacklo_epi64(a, b);
    byte[1] = _mm512_unpackhi_epi64(a, b);
    byte[2] = _mm512_unpacklo_epi64(c, d);
    byte[3] = _mm512_unpackhi_epi64(c, d);
}
OZ_INLINE v_table v_tabulate(const float *x, size_t n) {
    v_table t;
    OZ_UNROLL
    for (size_t q = 0; q < n / 64; q++) {
        __m512i byte[4];
        v_cut_bytes(x + 64 * q, byte);
        OZ_UNROLL
        for (size_t i = 0; i < 4; i++) t.byte[i][q] = byte[i];
    }
    return t;
}
/* Lanes are joined within 128 bits, so the dwords of the index are put where their floats shall be. */
OZ_INLINE void v_look_up(const v_table *t, size_t n, const uint8_t *index, vf16 out[4]) {
    const __m512i across = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i i = _mm512_permutexvar_epi32(across, _mm512_loadu_si512(index));
    const __mmask64 bit7 = _mm512_movepi8_mask(i);
    __m512i byte[4];
    OZ_UNROLL
    for (size_t b = 0; b < 4; b++) {
        byte[b] = _mm512_permutex2var_epi8(t->byte[b][0], i, t->byte[b][1]);
        if (n <= 128) continue;
        __m512i high = _mm512_permutex2var_epi8(t->byte[b][2], i, t->byte[b][3]);
        byte[b] = _mm512_mask_blend_epi8(bit7, byte[b], high);
    }
    __m512i low = _mm512_unpacklo_epi8(byte[0], byte[1]), low2 = _mm512_unpacklo_epi8(byte[2], byte[3]);
    __m512i high = _mm512_unpackhi_epi8(byte[0], byte[1]), high2 = _mm512_unpackhi_epi8(byte[2], byte[3]);
    out[0] = _mm512_castsi512_ps(_mm512_unpacklo_epi16(low, low2));
    out[1] = _mm512_castsi512_ps(_mm512_unpackhi_epi16(low, low2));
    out[2] = _mm512_castsi512_ps(_mm512_unpacklo_epi16(high, high2));
    out[3] = _mm512_castsi512_ps(_mm512_unpackhi_epi16(high, high2));
}
#else
#define OZ_LOOKED_UP 16
/* Up to 256 floats stay in registers; bits 5 to 7 of an index choose between pairs of them. */
typedef struct v_table {
    vf16 x[16];
} v_table;
OZ_INLINE v_table v_tabulate(const float *x, size_t n) {
    v_table t;
    OZ_UNROLL
    for (size_t v = 0; v < n / 16; v++) t.x[v] = v_load(x + 16 * v);
    return t;
}
OZ_INLINE vf16 v_look_up64(const vf16 x[4], vi16 index, vm16 bit5) {
    vf16 low = _mm512_permutex2var_ps(x[0], index, x[1]);
    vf16 high = _mm512_permutex2var_ps(x[2], index, x[3]);
    return _mm512_mask_blend_ps(bit5, low, high);
}
OZ_INLINE vf16 v_look_up128(const vf16 x[8], vi16 index, vm16 bit5, vm16 bit6) {
    return _mm512_mask_blend_ps(bit6, v_look_up64(x, index, bit5), v_look_up64(x + 4, index, bit5));
}
OZ_INLINE void v_look_up(const v_table *t, size_t n, const uint8_t *index, vf16 out[1]) {
    vi16 i = vi_load_u8(index);
    vm16 bit5 = _mm512_test_epi32_mask(i, vi_set1(32)), bit6 = _mm512_test_epi32_mask(i, vi_set1(64));
    out[0] = v_look_up128(t->x, i, bit5, bit6);
    if (n <= 128) return;
    vm16 bit7 = _mm512_test_epi32_mask(i, vi_set1(128));
    out[0] = _mm512_mask_blend_ps(bit7, out[0], v_look_up128(t->x + 8, i, bit5, bit6));
}
#endif

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

/* Four rows at a time: lane j of each 128 bits is a sum of four lanes of row j. */
OZ_INLINE __m512i vi_sum_4_rows(const vi16 a[4]) {
    __m512i low = _mm512_add_epi32(_mm512_unpacklo_epi32(a[0], a[1]), _mm512_unpackhi_epi32(a[0], a[1]));
    __m512i high = _mm512_add_epi32(_mm512_unpacklo_epi32(a[2], a[3]), _mm512_unpackhi_epi32(a[2], a[3]));
    return _mm512_add_epi32(_mm512_unpacklo_epi64(low, high), _mm512_unpackhi_epi64(low, high));
}
OZ_INLINE vi16 vi_sum_rows(const vi16 a[16]) {
    __m512i q0 = vi_sum_4_rows(a), q1 = vi_sum_4_rows(a + 4), q2 = vi_sum_4_rows(a + 8),
            q3 = vi_sum_4_rows(a + 12);
    __m512i low = _mm512_add_epi32(_mm512_shuffle_i32x4(q0, q1, 0x88), _mm512_shuffle_i32x4(q0, q1, 0xdd));
    __m512i high = _mm512_add_epi32(_mm512_shuffle_i32x4(q2, q3, 0x88), _mm512_shuffle_i32x4(q2, q3, 0xdd));
    return _mm512_add_epi32(_mm512_shuffle_i32x4(low, high, 0x88), _mm512_shuffle_i32x4(low, high, 0xdd));
}

#ifdef OZ_LOOK_UP
/* Lane 2 r = the sum of a[r]'s lower eight lanes, 2 r + 1 of its upper. */
OZ_INLINE vi16 vi_sum_halves(const vi16 a[8]) {
    __m512i q0 = vi_sum_4_rows(a), q1 = vi_sum_4_rows(a + 4);
    __m512i sum = _mm512_add_epi32(_mm512_shuffle_i32x4(q0, q1, 0x88), _mm512_shuffle_i32x4(q0, q1, 0xdd));
    return vb_pair_fours(sum);
}
#endif

OZ_INLINE vb64 vb_from_i32(vi16 a) {
    return a;
}
OZ_INLINE vi16 vi_quads(vb64 a) {
    return a;
}
OZ_INLINE vb64 vb_shift_right_each(vb64 a, vi16 n) {
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
OZ_INLINE vb64 vb_right16(vb64 a, unsigned n) {
    return _mm512_srli_epi16(a, n);
}
OZ_INLINE vb64 vb_mul16(vb64 a, vb64 b) {
    return _mm512_mullo_epi16(a, b);
}

#pragma GCC diagnostic pop

#endif

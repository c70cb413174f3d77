/* index_scalar.h - the part of the vocabulary that only formats with indexes need, in plain C: see README.md.
 *
 * It comes after scalar.h in an instance of such a format. */
#ifndef OZ_KERNELS_SIMD_INDEX_SCALAR_H
#define OZ_KERNELS_SIMD_INDEX_SCALAR_H

#include "kernels/simd/scalar.h"
#include "kernels/simd/tables.h"

/* Halves the run of codes three times: 8 codes become 2 x 4, 4 x 2, 8 x 1, each in its own byte. */
OZ_INLINE uint64_t s_unpack8(uint64_t packed, unsigned bits) {
    const uint64_t ones = (UINT64_C(1) << bits) - 1, twos = ones | ones << bits,
                   fours = twos | twos << 2 * bits;
    const uint64_t twice = twos * UINT64_C(0x0000000100000001), ones4 = ones * UINT64_C(0x0001000100010001);
    uint64_t a = (packed & fours) | (packed >> 4 * bits & fours) << 32;
    a = (a & twice) | (a >> 2 * bits & twice) << 16;
    return (a & ones4) | (a >> bits & ones4) << 8;
}
OZ_INLINE vb64 vb_unpack(const uint8_t *p, unsigned bits) {
    vb64 out;
    for (unsigned i = 0; i < 64; i += 8, p += bits) {
        uint64_t packed = 0;
        memcpy(&packed, p, bits);
        packed = s_unpack8(packed, bits);
        memcpy(out.byte + i, &packed, 8);
    }
    return out;
}
OZ_INLINE size_t vb_list_bits(uint64_t bits, uint8_t first, uint8_t *out) {
    return s_list_bits(bits, first, out);
}
OZ_INLINE vb64 vb_expand64(vb64 rest, const uint8_t *p, const void *mask) {
    const uint8_t *bits = mask;
    for (int i = 0; i < 64; i++) {
        if (bits[i / 8] >> (i % 8) & 1) rest.byte[i] = *p++;
    }
    return rest;
}
OZ_INLINE vb64 vb_keep(vb64 a, vb64 index, unsigned shift, uint8_t segment, size_t n) {
    for (size_t i = 0; i < 64; i++) {
        if (i >= n || index.byte[i] >> shift != segment) a.byte[i] = 0;
    }
    return a;
}

OZ_INLINE vi16 v_dot4_first(vi16 acc, const uint8_t *q, vb64 zero, const int8_t *x, size_t n) {
    return v_dot4_s8(acc, vb_sub(vb_load(q), zero), vb_keep(vb_load(x), vb_set1(0), 0, 0, n));
}
typedef struct vb_table {
    const int8_t *x;
} vb_table;
OZ_INLINE vb_table vb_tabulate(const int8_t *x) {
    return (vb_table){x};
}
OZ_INLINE vb64 vb_find(const vb_table *t, vb64 index) {
    for (int i = 0; i < 64; i++) index.byte[i] = index.byte[i] < 128 ? (uint8_t)t->x[index.byte[i]] : 0;
    return index;
}

OZ_INLINE void v_expand64(const float *p, const void *mask, vf16 out[4]) {
    const uint8_t *bits = mask;
    for (int i = 0; i < 64; i++) out[i / 16].lane[i % 16] = bits[i / 8] >> (i % 8) & 1 ? *p++ : 0;
}
OZ_INLINE void vi_extremes(vi16 a, size_t *least, size_t *most) {
    *least = *most = (size_t)a.lane[0];
    for (int i = 1; i < 16; i++) {
        *least = (size_t)a.lane[i] < *least ? (size_t)a.lane[i] : *least;
        *most = (size_t)a.lane[i] > *most ? (size_t)a.lane[i] : *most;
    }
}
OZ_INLINE vf16 v_add_first(vf16 a, const float *p, const int32_t *n) {
    OZ_EACH(a.lane, i, 16, i < *n ? a.lane[i] + p[i] : a.lane[i]);
    return a;
}

#define OZ_LOOKED_UP 16
typedef struct v_table {
    const float *x;
} v_table;
OZ_INLINE v_table v_tabulate(const float *x, size_t n) {
    (void)n;
    return (v_table){x};
}
OZ_INLINE void v_look_up(const v_table *t, size_t n, const uint8_t *index, vf16 out[1]) {
    (void)n;
    OZ_EACH(out[0].lane, i, 16, t->x[index[i]]);
}

OZ_INLINE vf16 v_repeat8(const float *p) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, p[i & 7]);
    return out;
}
OZ_INLINE vf16 v_permute_repeated(vf16 a, vi16 index) {
    return v_permute(a, index);
}

OZ_INLINE vi16 vi_load_u16(const void *p) {
    uint16_t h[16];
    memcpy(h, p, sizeof h);
    vi16 out;
    OZ_EACH(out.lane, i, 16, h[i]);
    return out;
}
OZ_INLINE vi16 vi_load_bits(const void *p, unsigned bits) {
    uint64_t half[2] = {0, 0};
    memcpy(&half[0], p, bits);
    memcpy(&half[1], (const uint8_t *)p + bits, bits);
    vi16 out;
    OZ_EACH(out.lane, i, 16, (int32_t)(half[i / 8] >> ((unsigned)i % 8 * bits) & UINT32_MAX >> 1));
    return out;
}
OZ_INLINE void vi_store_u8(void *p, vi16 a) {
    uint8_t *b = p;
    OZ_EACH(b, i, 16, (uint8_t)a.lane[i]);
}
OZ_INLINE vm16 vi_equal(vi16 a, vi16 b) {
    unsigned bits = 0;
    for (int i = 0; i < 16; i++) bits |= (unsigned)(a.lane[i] == b.lane[i]) << i;
    return (vm16)bits;
}
OZ_INLINE vi16 vi_move_left(vi16 a, vi16 n) {
    OZ_EACH(a.lane, i, 16, (uint32_t)n.lane[i] > 31 ? 0 : (int32_t)((uint32_t)a.lane[i] << n.lane[i]));
    return a;
}

OZ_INLINE vi16 vi_sum_rows(const vi16 a[16]) {
    vi16 out = vi_zero();
    for (int i = 0; i < 16; i++) {
        for (int lane = 0; lane < 16; lane++) out.lane[i] += a[i].lane[lane];
    }
    return out;
}

OZ_INLINE vb64 vb_from_i32(vi16 a) {
    vb64 out;
    memcpy(&out, &a, sizeof out);
    return out;
}
OZ_INLINE vi16 vi_quads(vb64 a) {
    vi16 out;
    memcpy(&out, &a, sizeof out);
    return out;
}
OZ_INLINE vb64 vb_shift_right_each(vb64 a, vi16 n) {
    for (int i = 0; i < 16; i++) {
        uint32_t quad;
        memcpy(&quad, a.byte + 4 * i, 4);
        quad >>= n.lane[i];
        memcpy(a.byte + 4 * i, &quad, 4);
    }
    return a;
}
OZ_INLINE vb64 vb_load_repeat8(const void *p) {
    vb64 out;
    for (int i = 0; i < 64; i += 8) memcpy(out.byte + i, p, 8);
    return out;
}
OZ_INLINE vb64 vb_words(vb64 even, vb64 odd) {
    for (int i = 0; i < 64; i += 4) memcpy(even.byte + i + 2, odd.byte + i + 2, 2);
    return even;
}
OZ_INLINE vb64 vb_right16(vb64 a, unsigned n) {
    for (int i = 0; i < 64; i += 2) {
        uint16_t x;
        memcpy(&x, a.byte + i, 2);
        x = (uint16_t)(x >> n);
        memcpy(a.byte + i, &x, 2);
    }
    return a;
}
OZ_INLINE vb64 vb_mul16(vb64 a, vb64 b) {
    for (int i = 0; i < 64; i += 2) {
        uint16_t x, y;
        memcpy(&x, a.byte + i, 2);
        memcpy(&y, b.byte + i, 2);
        x = (uint16_t)((uint32_t)x * y);
        memcpy(a.byte + i, &x, 2);
    }
    return a;
}

#endif

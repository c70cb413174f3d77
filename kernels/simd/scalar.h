/* scalar.h - the vector vocabulary in plain C: the reference of every other one, and what runs where there
 * is no AVX2.
 *
 * v_fma rounds once here too (fmaf), because integer kernels promise the same bits on every
 * instruction set; v_muladd may round twice and is the one for everything else. */
#ifndef OZ_KERNELS_SIMD_SCALAR_H
#define OZ_KERNELS_SIMD_SCALAR_H

#include <math.h>

#include "base/half.h"
#define OZ_SIMD_SCALAR 1
#include "kernels/simd/common.h"

#define OZ_ISA_SUFFIX scalar
#define OZ_ISA_ID OZ_ISA_SCALAR
#define OZ_VECTOR 16 /* bytes of a register */

#define OZ_GEMM_ROWS 4
#define OZ_GEMM_VECTORS 1
/* The same where rows of weights are the lanes: columns x panels. */
#define OZ_ROWS_COLUMNS 4
#define OZ_ROWS_PANELS 1
#define OZ_GEMM_LOOP OZ_ROLL
#define OZ_GEMM_U8_ROWS 1
#define OZ_GEMM_U8_VECTORS 1
#define OZ_NZ_SETS 1
#define OZ_MV_SUMS 1
/* Chains of sums that keep the arithmetic units busy and fit the register file beside an operand. */
#define OZ_LIMIT_SUMS 1

typedef struct vf16 {
    float lane[16];
} vf16;
typedef struct vi16 {
    int32_t lane[16];
} vi16;
typedef struct vb64 {
    uint8_t byte[64];
} vb64;
typedef uint16_t vm16;
typedef struct vf8 {
    float lane[8];
} vf8;

#define OZ_EACH(vector, i, count, value)                                                                     \
    do {                                                                                                     \
        for (int i = 0; i < (count); i++) (vector)[i] = (value);                                             \
    } while (0)

/* ---- floats ---- */
OZ_INLINE vf16 v_set1(float f) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, f);
    return out;
}
OZ_INLINE vf16 v_zero(void) {
    return v_set1(0.0f);
}
/* The float at p, which need not be aligned, in every lane. */
OZ_INLINE vf16 v_broadcast(const void *p) {
    float f;
    memcpy(&f, p, sizeof f);
    return v_set1(f);
}
OZ_INLINE vf16 v_broadcast_f16(const void *p) {
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return v_set1(oz_f16_to_f32(h));
}
OZ_INLINE vf16 v_repeat4(const float *p) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, p[i & 3]);
    return out;
}
OZ_INLINE vf16 v_repeat4_n(const float *p, size_t n) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, (size_t)i % 4 < n ? p[i % 4] : 0);
    return out;
}
/* Of each four lanes the i-th (0 to 3), four times. */
OZ_INLINE vf16 v_spread(vf16 a, unsigned i) {
    vf16 out;
    for (unsigned j = 0; j < 16; j++) out.lane[j] = a.lane[j / 4 * 4 + i];
    return out;
}
OZ_INLINE vf16 v_load(const void *p) {
    vf16 out;
    memcpy(out.lane, p, sizeof out.lane);
    return out;
}
OZ_INLINE vf16 v_load_n(const void *p, size_t n) {
    vf16 out = v_zero();
    memcpy(out.lane, p, n * sizeof(float));
    return out;
}
OZ_INLINE void v_store(float *p, vf16 a) {
    memcpy(p, a.lane, sizeof a.lane);
}
OZ_INLINE void v_store_n(float *p, vf16 a, size_t n) {
    memcpy(p, a.lane, n * sizeof(float));
}
OZ_INLINE vf16 v_load_f16_n(const void *p, size_t n) {
    uint16_t h[16] = {0};
    memcpy(h, p, 2 * n);
    vf16 out;
    OZ_EACH(out.lane, i, 16, oz_f16_to_f32(h[i]));
    return out;
}
OZ_INLINE vf16 v_load_f16(const void *p) {
    return v_load_f16_n(p, 16);
}
OZ_INLINE vf16 v_load_bf16_n(const void *p, size_t n) {
    uint16_t h[16] = {0};
    memcpy(h, p, 2 * n);
    vf16 out;
    OZ_EACH(out.lane, i, 16, oz_bf16_to_f32(h[i]));
    return out;
}
OZ_INLINE vf16 v_load_bf16(const void *p) {
    return v_load_bf16_n(p, 16);
}
OZ_INLINE vf16 v_load_i8_n(const void *p, size_t n) {
    int8_t b[16] = {0};
    memcpy(b, p, n);
    vf16 out;
    OZ_EACH(out.lane, i, 16, (float)b[i]);
    return out;
}
OZ_INLINE vf16 v_load_i8(const void *p) {
    return v_load_i8_n(p, 16);
}
OZ_INLINE vf16 v_load_u8_n(const void *p, size_t n) {
    uint8_t b[16] = {0};
    memcpy(b, p, n);
    vf16 out;
    OZ_EACH(out.lane, i, 16, (float)b[i]);
    return out;
}
OZ_INLINE vf16 v_load_u8(const void *p) {
    return v_load_u8_n(p, 16);
}

OZ_INLINE vf16 v_add(vf16 a, vf16 b) {
    OZ_EACH(a.lane, i, 16, a.lane[i] + b.lane[i]);
    return a;
}
OZ_INLINE vf16 v_sub(vf16 a, vf16 b) {
    OZ_EACH(a.lane, i, 16, a.lane[i] - b.lane[i]);
    return a;
}
OZ_INLINE vf16 v_mul(vf16 a, vf16 b) {
    OZ_EACH(a.lane, i, 16, a.lane[i] * b.lane[i]);
    return a;
}
OZ_INLINE vf16 v_div(vf16 a, vf16 b) {
    OZ_EACH(a.lane, i, 16, a.lane[i] / b.lane[i]);
    return a;
}
OZ_INLINE vf16 v_fma(vf16 a, vf16 b, vf16 c) {
    OZ_EACH(a.lane, i, 16, fmaf(a.lane[i], b.lane[i], c.lane[i]));
    return a;
}
OZ_INLINE vf16 v_muladd(vf16 a, vf16 b, vf16 c) {
    OZ_EACH(a.lane, i, 16, a.lane[i] * b.lane[i] + c.lane[i]);
    return a;
}
OZ_INLINE vf16 v_min(vf16 a, vf16 b) {
    OZ_EACH(a.lane, i, 16, a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]);
    return a;
}
OZ_INLINE vf16 v_max(vf16 a, vf16 b) {
    OZ_EACH(a.lane, i, 16, a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
    return a;
}
OZ_INLINE vf16 v_abs(vf16 a) {
    OZ_EACH(a.lane, i, 16, fabsf(a.lane[i]));
    return a;
}
OZ_INLINE vf16 v_round(vf16 a) {
    OZ_EACH(a.lane, i, 16, rintf(a.lane[i]));
    return a;
}
OZ_INLINE vm16 v_less(vf16 a, vf16 b) {
    unsigned bits = 0;
    for (int i = 0; i < 16; i++) bits |= (unsigned)(a.lane[i] < b.lane[i]) << i;
    return (vm16)bits;
}
OZ_INLINE vf16 v_select(vm16 m, vf16 a, vf16 b) {
    OZ_EACH(a.lane, i, 16, m >> i & 1 ? a.lane[i] : b.lane[i]);
    return a;
}
OZ_INLINE vm16 v_mask(uint16_t bits) {
    return bits;
}
OZ_INLINE vf16 v_load_where(const void *p, vm16 m) {
    vf16 out = v_zero();
    for (int i = 0; i < 16; i++)
        if (m >> i & 1) memcpy(&out.lane[i], (const char *)p + 4 * i, 4);
    return out;
}
OZ_INLINE uint16_t v_mask_bits(vm16 m) {
    return m;
}
OZ_INLINE float v_sum(vf16 a) {
    for (int step = 8; step > 0; step /= 2)
        for (int i = 0; i < step; i++) a.lane[i] += a.lane[i + step];
    return a.lane[0];
}
OZ_INLINE float v_largest(vf16 a) {
    float largest = a.lane[0];
    for (int i = 1; i < 16; i++) largest = a.lane[i] > largest ? a.lane[i] : largest;
    return largest;
}
OZ_INLINE vf16 v_expand(const float *p, uint16_t mask) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, mask >> i & 1 ? *p++ : 0.0f);
    return out;
}
OZ_INLINE vf16 v_expand_open(const float *p, uint16_t mask) {
    return v_expand(p, mask);
}
/* Rows become columns. */
OZ_INLINE void v_transpose(vf16 a[16]) {
    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < i; j++) {
            float swap = a[i].lane[j];
            a[i].lane[j] = a[j].lane[i];
            a[j].lane[i] = swap;
        }
    }
}
#include "kernels/simd/square.h"
OZ_INLINE vf16 v_permute(vf16 a, vi16 index) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, a.lane[index.lane[i] & 15]);
    return out;
}

OZ_INLINE vf16 v_evens(vf16 a, vf16 b) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, i < 8 ? a.lane[2 * i] : b.lane[2 * i - 16]);
    return out;
}
OZ_INLINE vf16 v_odds(vf16 a, vf16 b) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, i < 8 ? a.lane[2 * i + 1] : b.lane[2 * i - 15]);
    return out;
}
OZ_INLINE vf16 v_zip_low(vf16 a, vf16 b) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, i % 2 ? b.lane[i / 2] : a.lane[i / 2]);
    return out;
}
OZ_INLINE vf16 v_zip_high(vf16 a, vf16 b) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, i % 2 ? b.lane[8 + i / 2] : a.lane[8 + i / 2]);
    return out;
}
OZ_INLINE vf16 v_follow(vf16 a, vf16 b) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, i < 15 ? a.lane[i + 1] : b.lane[0]);
    return out;
}

/* ---- 8 lanes ---- */
OZ_INLINE vf8 v8_zero(void) {
    return (vf8){{0}};
}
OZ_INLINE vf8 v8_load(const float *p) {
    vf8 out;
    memcpy(out.lane, p, sizeof out.lane);
    return out;
}
OZ_INLINE void v8_store(float *p, vf8 a) {
    memcpy(p, a.lane, sizeof a.lane);
}
OZ_INLINE vf8 v8_add(vf8 a, vf8 b) {
    OZ_EACH(a.lane, i, 8, a.lane[i] + b.lane[i]);
    return a;
}
OZ_INLINE vf8 v8_muladd(vf8 a, vf8 b, vf8 c) {
    OZ_EACH(c.lane, i, 8, a.lane[i] * b.lane[i] + c.lane[i]);
    return c;
}
OZ_INLINE vf8 v8_spread(vf8 a, unsigned i) {
    vf8 out;
    for (unsigned j = 0; j < 8; j++) out.lane[j] = a.lane[j / 4 * 4 + i];
    return out;
}
OZ_INLINE vf8 v_low(vf16 a) {
    vf8 out;
    OZ_EACH(out.lane, i, 8, a.lane[i]);
    return out;
}
OZ_INLINE vf8 v_high(vf16 a) {
    vf8 out;
    OZ_EACH(out.lane, i, 8, a.lane[8 + i]);
    return out;
}
OZ_INLINE vf16 v_join(vf8 a, vf8 b) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, i < 8 ? a.lane[i] : b.lane[i - 8]);
    return out;
}
OZ_INLINE vf16 v_widen(vf8 a) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, i < 8 ? a.lane[i] : 0);
    return out;
}

/* ---- int32: sums wrap, as on the other instruction sets ---- */
OZ_INLINE vi16 vi_set1(int32_t value) {
    vi16 out;
    OZ_EACH(out.lane, i, 16, value);
    return out;
}
OZ_INLINE vi16 vi_zero(void) {
    return vi_set1(0);
}
OZ_INLINE vi16 vi_load(const void *p) {
    vi16 out;
    memcpy(out.lane, p, sizeof out.lane);
    return out;
}
/* Of 16 numbers of 64 bits the low and the high halves. */
OZ_INLINE void vi_load_split(const uint64_t *p, vi16 *low, vi16 *high) {
    for (size_t i = 0; i < 16; i++) {
        low->lane[i] = (int32_t)(uint32_t)p[i];
        high->lane[i] = (int32_t)(uint32_t)(p[i] >> 32);
    }
}
OZ_INLINE void vi_store(void *p, vi16 a) {
    memcpy(p, a.lane, sizeof a.lane);
}
OZ_INLINE vi16 vi_load_u8(const void *p) {
    const uint8_t *b = p;
    vi16 out;
    OZ_EACH(out.lane, i, 16, b[i]);
    return out;
}
OZ_INLINE vi16 vi_load_i8(const void *p) {
    const int8_t *b = p;
    vi16 out;
    OZ_EACH(out.lane, i, 16, b[i]);
    return out;
}
OZ_INLINE void vi_store_i8(void *p, vi16 a) {
    int8_t *b = p;
    OZ_EACH(b, i, 16, (int8_t)(a.lane[i] > 127 ? 127 : a.lane[i] < -128 ? -128 : a.lane[i]));
}
/* 16 indexes of 4 bits, the first in the low bits. */
OZ_INLINE vi16 vi_load_u4(const void *p) {
    const uint8_t *b = p;
    vi16 out;
    OZ_EACH(out.lane, i, 16, b[i / 2] >> (i % 2 * 4) & 15);
    return out;
}
OZ_INLINE vi16 vi_add(vi16 a, vi16 b) {
    OZ_EACH(a.lane, i, 16, (int32_t)((uint32_t)a.lane[i] + (uint32_t)b.lane[i]));
    return a;
}
OZ_INLINE vi16 vi_sub(vi16 a, vi16 b) {
    OZ_EACH(a.lane, i, 16, (int32_t)((uint32_t)a.lane[i] - (uint32_t)b.lane[i]));
    return a;
}
OZ_INLINE vi16 vi_mul(vi16 a, vi16 b) {
    OZ_EACH(a.lane, i, 16, (int32_t)((uint32_t)a.lane[i] * (uint32_t)b.lane[i]));
    return a;
}
OZ_INLINE vi16 vi_and(vi16 a, vi16 b) {
    OZ_EACH(a.lane, i, 16, a.lane[i] & b.lane[i]);
    return a;
}
OZ_INLINE vi16 vi_or(vi16 a, vi16 b) {
    OZ_EACH(a.lane, i, 16, a.lane[i] | b.lane[i]);
    return a;
}
OZ_INLINE vi16 vi_shift_left(vi16 a, unsigned n) {
    OZ_EACH(a.lane, i, 16, (int32_t)((uint32_t)a.lane[i] << n));
    return a;
}
OZ_INLINE vi16 vi_shift_right(vi16 a, unsigned n) {
    OZ_EACH(a.lane, i, 16, (int32_t)((uint32_t)a.lane[i] >> n));
    return a;
}
OZ_INLINE vf16 v_from_i32(vi16 a) {
    vf16 out;
    OZ_EACH(out.lane, i, 16, (float)a.lane[i]);
    return out;
}
/* What does not fit (and NaN) becomes INT32_MIN, as on the other instruction sets. */
OZ_INLINE vi16 vi_from_f32(vf16 a) {
    vi16 out;
    for (int i = 0; i < 16; i++) {
        bool fits = a.lane[i] >= -0x1p31f && a.lane[i] < 0x1p31f;
        out.lane[i] = fits ? (int32_t)rintf(a.lane[i]) : INT32_MIN;
    }
    return out;
}
OZ_INLINE vf16 v_from_bits(vi16 a) {
    vf16 out;
    memcpy(&out, &a, sizeof out);
    return out;
}
OZ_INLINE vi16 vi_bits(vf16 a) {
    vi16 out;
    memcpy(&out, &a, sizeof out);
    return out;
}
/* Changes the sign of lane i where bit shift + i (shift <= 16) of the 4 bytes at p is set. */
OZ_INLINE vf16 v_flip(vf16 a, const void *p, unsigned shift) {
    vi16 u = vi_bits(a);
    uint32_t bits;
    memcpy(&bits, p, sizeof bits);
    bits >>= shift;
    OZ_EACH(u.lane, i, 16, (bits & 1u << i) == 0 ? u.lane[i] : u.lane[i] ^ INT32_MIN);
    return v_from_bits(u);
}
/* Changes the sign of lane i where the top bit of lane i of `bits` is set. */
OZ_INLINE vf16 v_flip_top(vf16 a, vi16 bits) {
    vi16 u = vi_bits(a);
    OZ_EACH(u.lane, i, 16, u.lane[i] ^ (bits.lane[i] & INT32_MIN));
    return v_from_bits(u);
}

/* ---- bytes ---- */
OZ_INLINE vb64 vb_load(const void *p) {
    vb64 out;
    memcpy(out.byte, p, sizeof out.byte);
    return out;
}
OZ_INLINE void vb_store(void *p, vb64 a) {
    memcpy(p, a.byte, sizeof a.byte);
}
OZ_INLINE vb64 vb_quad(const void *p) {
    vb64 out;
    for (int i = 0; i < 64; i += 4) memcpy(out.byte + i, p, 4);
    return out;
}
/* Byte i (0 to 3) of every quad, unsigned. */
OZ_INLINE vi16 vi_byte(vb64 a, unsigned i) {
    vi16 out;
    OZ_EACH(out.lane, lane, 16, a.byte[4 * (unsigned)lane + i]);
    return out;
}
OZ_INLINE vb64 vb_set1(uint8_t b) {
    vb64 out;
    memset(out.byte, b, sizeof out.byte);
    return out;
}
/* The 16 bytes at p in each of the four parts of 16 bytes. */
OZ_INLINE vb64 vb_load_repeat16(const void *p) {
    vb64 out;
    for (int i = 0; i < 64; i += 16) memcpy(out.byte + i, p, 16);
    return out;
}
OZ_INLINE vb64 vb_and(vb64 a, vb64 b) {
    OZ_EACH(a.byte, i, 64, (uint8_t)(a.byte[i] & b.byte[i]));
    return a;
}
OZ_INLINE vb64 vb_or(vb64 a, vb64 b) {
    OZ_EACH(a.byte, i, 64, (uint8_t)(a.byte[i] | b.byte[i]));
    return a;
}
OZ_INLINE vb64 vb_xor(vb64 a, vb64 b) {
    OZ_EACH(a.byte, i, 64, (uint8_t)(a.byte[i] ^ b.byte[i]));
    return a;
}
/* The top bit of every byte. */
OZ_INLINE uint64_t vb_top_bits(vb64 a) {
    uint64_t bits = 0;
    for (size_t i = 0; i < 64; i++) bits |= (uint64_t)(a.byte[i] >> 7) << i;
    return bits;
}
/* Rows of 16 bytes by twos: four bytes of the first, four of the second, and on. */
OZ_INLINE vb64 vb_pair_fours(vb64 a) {
    vb64 out;
    OZ_EACH(out.byte, i, 64, a.byte[i / 32 * 32 + i / 4 % 2 * 16 + i / 8 % 4 * 4 + i % 4]);
    return out;
}
OZ_INLINE vb64 vb_add(vb64 a, vb64 b) {
    OZ_EACH(a.byte, i, 64, (uint8_t)(a.byte[i] + b.byte[i]));
    return a;
}
OZ_INLINE vb64 vb_sub(vb64 a, vb64 b) {
    OZ_EACH(a.byte, i, 64, (uint8_t)(a.byte[i] - b.byte[i]));
    return a;
}
/* Bits [n, n + bits of mask) of every byte: (byte >> n) & mask. */
OZ_INLINE vb64 vb_bits(vb64 a, unsigned n, uint8_t mask) {
    OZ_EACH(a.byte, i, 64, (uint8_t)(a.byte[i] >> n & mask));
    return a;
}
/* (byte << n) & mask. */
OZ_INLINE vb64 vb_bits_up(vb64 a, unsigned n, uint8_t mask) {
    OZ_EACH(a.byte, i, 64, (uint8_t)(a.byte[i] << n & mask));
    return a;
}
/* 1 where the byte (unsigned) is at least `limit`, which is not 0, else 0. */
OZ_INLINE vb64 vb_at_least(vb64 a, uint8_t limit) {
    OZ_EACH(a.byte, i, 64, a.byte[i] >= limit);
    return a;
}
/* Within each 16 bytes: out[i] = table[index[i] & 15], 0 where index[i] has its top bit set. */
OZ_INLINE vb64 vb_shuffle16(vb64 table, vb64 index) {
    vb64 out;
    OZ_EACH(out.byte, i, 64,
            (uint8_t)(index.byte[i] & 128 ? 0 : table.byte[(i & 48) | (index.byte[i] & 15)]));
    return out;
}

/* ---- dot products of bytes: see README.md for the contract ---- */
#define OZ_DOT4_BIAS 0

OZ_INLINE vi16 v_dot4_u8(vi16 acc, vb64 u, vb64 s) {
    for (int i = 0; i < 64; i++) acc.lane[i / 4] += u.byte[i] * (int8_t)s.byte[i];
    return acc;
}
OZ_INLINE vi16 v_dot4_u7(vi16 acc, vb64 u, vb64 s) {
    return v_dot4_u8(acc, u, s);
}
OZ_INLINE vi16 v_dot4_s8(vi16 acc, vb64 w, vb64 x) {
    for (int i = 0; i < 64; i++) acc.lane[i / 4] += (int8_t)w.byte[i] * (int8_t)x.byte[i];
    return acc;
}
OZ_INLINE vi16 v_dot4x4_u5(vi16 acc, vb64 u0, vb64 u1, vb64 u2, vb64 u3, vb64 s0, vb64 s1, vb64 s2, vb64 s3) {
    return v_dot4_u8(v_dot4_u8(v_dot4_u8(v_dot4_u8(acc, u0, s0), u1, s1), u2, s2), u3, s3);
}

#endif

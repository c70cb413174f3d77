/* signs.body.h - the signs of hashed weights, many at a time, and how they are put on.
 *
 * A sign is one bit; adding it, moved to bit 31, to the bits of a float flips the float's sign. Hashed signs
 * come 64 to a hash, and that hash is XXH3 of exactly 8 bytes, which is short enough to stand here
 * in a form that the compiler can interleave (base/hash.h is what it must agree with). */
#include "base/arith.h"
#include "formats/hashed/hashed.h"

#define SEGMENT 1024 /* inputs whose signs and scales are prepared at once */

/* The mixing of XXH3_64bits_withSeed for 8 bytes: `key` is what depends on the seed alone. */
OZ_INLINE uint64_t sign_key(const oz_leaf *leaf) {
    const uint64_t secret = UINT64_C(0x1cad21f72c81017c) ^ UINT64_C(0xdb979083e96dd4de);
    uint64_t seed = leaf->param[OZ_HASHED_SEED];
    return secret - (seed ^ (uint64_t)__builtin_bswap32((uint32_t)seed) << 32);
}
OZ_INLINE uint64_t sign_word(uint64_t key, uint64_t index) {
    const uint64_t prime = UINT64_C(0x9fb21c651e98df25);
    uint64_t h = (index << 32 | index >> 32) ^ key;
    h ^= (h << 49 | h >> 15) ^ (h << 24 | h >> 40);
    h *= prime;
    h ^= (h >> 35) + 8;
    h *= prime;
    return h ^ h >> 28;
}

/* Weight i + j has its sign at bit first + j. Room for whole words around the segment, and for reading four
 * bytes at the last one. */
typedef struct sign_bits {
    size_t first;
    uint64_t words[SEGMENT / 64 + 3];
} sign_bits;

OZ_INLINE void signs_prepare(sign_bits *s, const oz_leaf *leaf, uint64_t i, size_t n) {
    uint64_t rule = leaf->param[OZ_HASHED_SIGN];
    if (rule == OZ_HASHED_SIGN_HASH) {
        uint64_t x = leaf->param[OZ_HASHED_START] + i, key = sign_key(leaf);
        size_t count = (size_t)((x + n - 1) / 64 - x / 64 + 1);
        for (size_t w = 0; w < count; w++) s->words[w] = sign_word(key, x / 64 + w);
        s->words[count] = 0;
        s->first = x % 64;
    } else if (rule == OZ_HASHED_SIGN_MASK) {
        const uint8_t *bits = leaf->part[OZ_HASHED_SIGNS].data;
        size_t bytes = (size_t)((i + n - 1) / 8 - i / 8 + 1);
        memcpy(s->words, bits + i / 8, bytes);
        s->first = i % 8;
    } else {
        memset(s->words, 0, n / 8 + 8);
        s->first = 0;
    }
}

/* How far bit j + lane of a word that starts at a multiple of 8 bits is from bit 31. */
OZ_INLINE vi16 sign_shift(size_t bit) {
    static const int32_t from_top[16] = {31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16};
    return vi_sub(vi_load(from_top), vi_set1((int32_t)(bit % 8)));
}
/* Sixteen weights with the signs at `bit`; `shift` is sign_shift of it. */
OZ_INLINE vf16 with_signs(vf16 w, const sign_bits *s, size_t bit, vi16 shift) {
    int32_t bits;
    memcpy(&bits, (const char *)s->words + bit / 8, sizeof bits);
    vi16 top = vi_and(vi_shift_left_each(vi_set1(bits), shift), vi_set1(INT32_MIN));
    return v_from_bits(vi_add(vi_bits(w), top));
}

/* Signs of 16 rows x 64 inputs, one row a lane: input j is bit j of low, or bit j - 32 of high. */
typedef struct sign_lanes {
    vi16 low, high;
} sign_lanes;

/* What is kept of each row from one block of 64 inputs to the next: the last word hashed. */
typedef struct sign_rows {
    uint64_t key, last[OZ_PANEL];
} sign_rows;

OZ_INLINE void sign_rows_begin(sign_rows *s, const oz_leaf *leaf, size_t r0, size_t rows, size_t k0) {
    s->key = sign_key(leaf);
    if (leaf->param[OZ_HASHED_SIGN] != OZ_HASHED_SIGN_HASH) return;
    for (size_t r = 0; r < rows; r++) {
        uint64_t x = leaf->param[OZ_HASHED_START] + (r0 + r) * leaf->cols + k0;
        s->last[r] = sign_word(s->key, x / 64);
    }
}

/* The next min(64, cols - k0) inputs of the rows; blocks must be asked for in order. */
OZ_INLINE sign_lanes sign_rows_next(sign_rows *s, const oz_leaf *leaf, size_t r0, size_t rows, size_t k0) {
    int32_t low[OZ_PANEL] = {0}, high[OZ_PANEL] = {0};
    uint64_t rule = leaf->param[OZ_HASHED_SIGN];
    for (size_t r = 0; r < rows && rule != OZ_HASHED_SIGN_NONE; r++) {
        uint64_t i = (r0 + r) * leaf->cols + k0, bits;
        if (rule == OZ_HASHED_SIGN_HASH) {
            uint64_t x = leaf->param[OZ_HASHED_START] + i, next = sign_word(s->key, x / 64 + 1);
            bits = x % 64 ? s->last[r] >> x % 64 | next << (64 - x % 64) : s->last[r];
            s->last[r] = next;
        } else {
            bits = oz_hashed_signs(leaf, i, (uint32_t)oz_min(64, leaf->cols - k0));
        }
        low[r] = (int32_t)(uint32_t)bits;
        high[r] = (int32_t)(uint32_t)(bits >> 32);
    }
    return (sign_lanes){vi_load(low), vi_load(high)};
}

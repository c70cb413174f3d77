/* signs.body.h - the signs of hashed weights, many at a time.
 *
 * Hashed signs come 64 to a hash, and that hash is XXH3 of exactly 8 bytes, which is short enough to stand
 * here in a form that the compiler turns into vectors (base/hash.h is what it must agree with). */
#include "base/arith.h"
#include "formats/hashed/hashed.h"

#define SEGMENT 1024 /* inputs whose signs are prepared at once */
#define HASHES 8     /* at once */

/* What of XXH3_64bits_withSeed of 8 bytes depends on the seed alone, and the rest of it. */
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

/* Bit j is the sign of the j-th weight of a segment; four bytes can be read where the last one is, and whole
 * vectors written. */
typedef struct sign_bits {
    uint64_t words[SEGMENT / 64 + HASHES];
} sign_bits;

/* `count` words from `index` on, and those behind them that make whole vectors. */
OZ_INLINE void hash_words(uint64_t *words, uint64_t key, uint64_t index, size_t count) {
    for (size_t w = 0; w < count; w += HASHES) {
        for (size_t j = 0; j < HASHES; j++) words[w + j] = sign_word(key, index + w + j);
    }
}

/* words[w] = bits [64 w + shift, 64 w + shift + 64) of the stream, w < n. */
OZ_INLINE void join_words(uint64_t *words, const uint64_t *stream, size_t n, uint64_t shift) {
    for (size_t w = 0; w < n; w++) words[w] = stream[w] >> shift | stream[w + 1] << 1 << (63 - shift);
    words[n] = 0;
}

/* The signs of weights [i, i + n), n <= SEGMENT. */
OZ_INLINE void signs_prepare(sign_bits *s, const oz_leaf *leaf, uint64_t i, size_t n) {
    uint64_t stream[SEGMENT / 64 + HASHES], rule = leaf->param[OZ_HASHED_SIGN];
    const size_t count = oz_div_up(n, 64); /* of words; the stream may have one more */
    if (rule == OZ_HASHED_SIGN_HASH) {
        uint64_t x = leaf->param[OZ_HASHED_START] + i;
        hash_words(x % 64 ? stream : s->words, sign_key(leaf), x / 64, oz_div_up(x % 64 + n, 64));
        if (x % 64) join_words(s->words, stream, count, x % 64);
    } else if (rule == OZ_HASHED_SIGN_MASK) {
        const uint8_t *bits = leaf->part[OZ_HASHED_SIGNS].data;
        memset(stream, 0, (count + 1) * sizeof *stream);
        memcpy(stream, bits + i / 8, (size_t)((i + n - 1) / 8 - i / 8 + 1));
        join_words(s->words, stream, count, i % 8);
    } else {
        memset(s->words, 0, (count + 1) * sizeof *s->words);
    }
}

/* Signs of 16 rows x 64 inputs, one row a lane: input j is bit j of low, or bit j - 32 of high. */
typedef struct sign_lanes {
    vi16 low, high;
} sign_lanes;

/* The signs of 16 rows go on from one block of 64 inputs to the next: of each row the word last hashed. */
typedef struct sign_rows {
    uint64_t key, index[OZ_PANEL], shift[OZ_PANEL], word[OZ_PANEL];
} sign_rows;

OZ_INLINE void sign_rows_begin(sign_rows *s, const oz_leaf *leaf, size_t r0, size_t k0) {
    s->key = sign_key(leaf);
    for (size_t r = 0; r < OZ_PANEL; r++) {
        uint64_t x = leaf->param[OZ_HASHED_START] + (r0 + r) * leaf->cols + k0;
        s->index[r] = x / 64;
        s->shift[r] = x % 64;
        s->word[r] = sign_word(s->key, x / 64);
    }
}

OZ_INLINE void hash_lanes(sign_rows *s, int32_t low[OZ_PANEL], int32_t high[OZ_PANEL]) {
    for (size_t r = 0; r < OZ_PANEL; r++) {
        uint64_t next = sign_word(s->key, ++s->index[r]);
        uint64_t bits = s->word[r] >> s->shift[r] | next << 1 << (63 - s->shift[r]);
        s->word[r] = next;
        low[r] = (int32_t)(uint32_t)bits;
        high[r] = (int32_t)(uint32_t)(bits >> 32);
    }
}

/* Inputs k0 ... k0 + 63 of rows r0 ... r0 + 15; blocks are asked for in order. Rows and inputs that the leaf
 * does not have get any sign. */
OZ_INLINE sign_lanes sign_rows_next(sign_rows *s, const oz_leaf *leaf, size_t r0, size_t k0) {
    int32_t low[OZ_PANEL] = {0}, high[OZ_PANEL] = {0};
    if (leaf->param[OZ_HASHED_SIGN] == OZ_HASHED_SIGN_HASH) {
        hash_lanes(s, low, high);
    } else {
        size_t rows = oz_min(OZ_PANEL, leaf->rows - r0);
        uint32_t n = (uint32_t)oz_min(64, leaf->cols - k0);
        for (size_t r = 0; r < rows; r++) {
            uint64_t bits = oz_hashed_signs(leaf, (r0 + r) * leaf->cols + k0, n);
            low[r] = (int32_t)(uint32_t)bits;
            high[r] = (int32_t)(uint32_t)(bits >> 32);
        }
    }
    return (sign_lanes){vi_load(low), vi_load(high)};
}

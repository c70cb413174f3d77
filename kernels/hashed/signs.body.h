/* signs.body.h - the signs of hashed weights, many at a time.
 *
 * Hashed signs come 64 to a hash, and that hash is XXH3 of exactly 8 bytes, which is short enough to stand
 * here in a form that the compiler turns into vectors (base/hash.h is what it must agree with). */
#include "base/arith.h"
#include "formats/hashed/hashed.h"

#define SIGN_WORDS 544 /* that are prepared at once, at most: for 4 rows of 8192 inputs, and some */
#define HASHES (OZ_VECTOR / 8)
#define MOST_SIGNS (64 * (SIGN_WORDS - 1))

/* A register of hashes: wider ones would be taken to pieces by way of memory. */
typedef uint64_t hash_vector __attribute__((vector_size(OZ_VECTOR)));

/* from, from + step, from + 2 step, ... */
OZ_INLINE hash_vector hash_series(uint64_t from, uint64_t step) {
    hash_vector each;
    for (size_t i = 0; i < HASHES; i++) each[i] = i;
    return each * step + from;
}

/* What of XXH3_64bits_withSeed of 8 bytes depends on the seed alone, and the rest of it, for several
 * indexes. */
OZ_INLINE uint64_t sign_key(const oz_leaf *leaf) {
    const uint64_t secret = UINT64_C(0x1cad21f72c81017c) ^ UINT64_C(0xdb979083e96dd4de);
    uint64_t seed = leaf->param[OZ_HASHED_SEED];
    return secret - (seed ^ (uint64_t)__builtin_bswap32((uint32_t)seed) << 32);
}
OZ_INLINE void hash_indexes(hash_vector *index, uint64_t key) {
    const uint64_t prime = UINT64_C(0x9fb21c651e98df25);
    hash_vector h = (*index << 32 | *index >> 32) ^ key;
    h ^= (h << 49 | h >> 15) ^ (h << 24 | h >> 40);
    h *= prime;
    h ^= (h >> 35) + 8;
    h *= prime;
    *index = h ^ h >> 28;
}

/* The signs of weights [from, to): that of weight i is bit i - from. Four bytes can be read where the last
 * one is. */
typedef struct sign_bits {
    uint64_t from, to, words[SIGN_WORDS + HASHES + 1];
} sign_bits;

/* `count` words from `index` on, and those behind them that make a whole vector. */
OZ_INLINE void hash_words(uint64_t *words, uint64_t key, uint64_t index, size_t count) {
    for (size_t w = 0; w < count; w += HASHES) {
        hash_vector h = hash_series(index + w, 1);
        hash_indexes(&h, key);
        memcpy(words + w, &h, sizeof h);
    }
}

/* Words 0 ... n - 1 move down by `shift` < 64 bits; there are some behind. */
OZ_INLINE void shift_words(uint64_t *words, size_t n, uint64_t shift) {
    for (size_t w = 0; w < n; w += HASHES) {
        hash_vector low, high;
        memcpy(&low, words + w, sizeof low);
        memcpy(&high, words + w + 1, sizeof high);
        low = low >> shift | high << 1 << (63 - shift);
        memcpy(words + w, &low, sizeof low);
    }
}

/* n <= MOST_SIGNS. */
OZ_INLINE void signs_prepare(sign_bits *s, const oz_leaf *leaf, uint64_t i, size_t n) {
    uint64_t rule = leaf->param[OZ_HASHED_SIGN], shift = 0;
    s->from = i;
    s->to = i + n;
    if (rule == OZ_HASHED_SIGN_HASH) {
        uint64_t x = leaf->param[OZ_HASHED_START] + i;
        shift = x % 64;
        hash_words(s->words, sign_key(leaf), x / 64, oz_div_up(shift + n, 64));
    } else if (rule == OZ_HASHED_SIGN_MASK) {
        const uint8_t *bits = leaf->part[OZ_HASHED_SIGNS].data;
        shift = i % 8;
        memcpy(s->words, bits + i / 8, (size_t)((i + n - 1) / 8 - i / 8 + 1));
    } else {
        memset(s->words, 0, oz_div_up(n, 64) * sizeof *s->words);
    }
    if (shift) shift_words(s->words, oz_div_up(n, 64), shift);
}

/* Signs are hashed in bursts that are short enough to overlap the arithmetic that they serve, and long enough
 * to fill vectors. */
#define SIGN_BURST 4096

/* Weights [i, i + n) are among those of s; if not, so are those up to i + more and some behind them, up to
 * `end`; n <= more <= MOST_SIGNS. */
OZ_INLINE void signs_reach(sign_bits *s, const oz_leaf *leaf, uint64_t i, size_t n, size_t more,
                           uint64_t end) {
    if (i >= s->from && i + n <= s->to) return;
    signs_prepare(s, leaf, i, oz_min(end - i, oz_max(more, SIGN_BURST)));
}

/* Signs of 16 rows x 64 inputs, one row a lane: input j is bit j of low, or bit j - 32 of high. */
typedef struct sign_lanes {
    vi16 low, high;
} sign_lanes;

/* The signs of 16 rows go on from one block of 64 inputs to the next: of each row the word last hashed. */
typedef struct sign_rows {
    uint64_t key;
    hash_vector index[OZ_PANEL / HASHES], shift[OZ_PANEL / HASHES], word[OZ_PANEL / HASHES];
} sign_rows;

OZ_INLINE void sign_rows_begin(sign_rows *s, const oz_leaf *leaf, size_t r0, size_t k0) {
    const uint64_t x = leaf->param[OZ_HASHED_START] + r0 * leaf->cols + k0;
    s->key = sign_key(leaf);
    OZ_UNROLL
    for (size_t i = 0; i < OZ_PANEL / HASHES; i++) {
        hash_vector first = hash_series(x + i * HASHES * leaf->cols, leaf->cols);
        s->index[i] = first / 64;
        s->shift[i] = first % 64;
        s->word[i] = s->index[i];
        hash_indexes(&s->word[i], s->key);
    }
}

/* The next 64 inputs. */
OZ_INLINE void hash_lanes(sign_rows *s, uint64_t bits[OZ_PANEL]) {
    OZ_UNROLL
    for (size_t i = 0; i < OZ_PANEL / HASHES; i++) {
        hash_vector next = s->index[i] += 1;
        hash_indexes(&next, s->key);
        hash_vector of_rows = s->word[i] >> s->shift[i] | next << 1 << (63 - s->shift[i]);
        memcpy(bits + i * HASHES, &of_rows, sizeof of_rows);
        s->word[i] = next;
    }
}

/* Inputs k0 ... k0 + 63 of rows r0 ... r0 + 15; blocks are asked for in order. Rows and inputs that the leaf
 * does not have get any sign. */
OZ_INLINE sign_lanes sign_rows_next(sign_rows *s, const oz_leaf *leaf, size_t r0, size_t k0) {
    uint64_t bits[OZ_PANEL] = {0};
    if (leaf->param[OZ_HASHED_SIGN] == OZ_HASHED_SIGN_HASH) {
        hash_lanes(s, bits);
    } else {
        const size_t rows = oz_min(OZ_PANEL, leaf->rows - r0);
        const uint32_t n = (uint32_t)oz_min(64, leaf->cols - k0);
        for (size_t r = 0; r < rows; r++) bits[r] = oz_hashed_signs(leaf, (r0 + r) * leaf->cols + k0, n);
    }
    sign_lanes lanes;
    vi_load_split(bits, &lanes.low, &lanes.high);
    return lanes;
}

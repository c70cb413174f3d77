/* map.c - which slot and which sign a weight has.
 *
 * The hashes are those of the published code of randomised parameter sharing: polynomials in signed
 * 64-bit arithmetic that wraps, then two remainders that are never negative. */
#include "formats/hashed/hashed.h"

#include "base/arith.h"
#include "base/hash.h"
#include "base/random.h"

#include <string.h>

/* (v as a signed number) mod p, in [0, p); p < 2^63. Without a branch: the sign is a coin. */
static uint64_t floor_mod(uint64_t v, uint64_t p) {
    uint64_t negative = 0 - (v >> 63);
    uint64_t rest = ((v ^ negative) - negative) % p;
    uint64_t reflected = p - rest;
    reflected &= 0 - (uint64_t)(rest != 0);
    return (rest & ~negative) | (reflected & negative);
}

/* Where a run may begin: at or before a hash, so that it fits where the hash does. */
static uint64_t aligned(const oz_leaf *leaf, uint64_t slot) {
    return slot & (0 - leaf->param[OZ_HASHED_ALIGN]);
}

/* h(x) of one number. */
static uint64_t hash1(const oz_leaf *leaf, uint64_t x, uint64_t range) {
    const uint64_t *v = leaf->param;
    uint64_t sum = x * v[OZ_HASHED_R0] + x * x * v[OZ_HASHED_R1] + v[OZ_HASHED_R2];
    return floor_mod(sum, v[OZ_HASHED_P]) % range;
}

/* h(a, b) of two. */
static uint64_t hash2(const oz_leaf *leaf, uint64_t a, uint64_t b, uint64_t range) {
    const uint64_t *v = leaf->param;
    uint64_t sum = a * v[OZ_HASHED_R0] + b * v[OZ_HASHED_R1] + v[OZ_HASHED_R2];
    return floor_mod(sum, v[OZ_HASHED_P]) % range;
}

uint64_t oz_hashed_tile(const oz_leaf *leaf, uint64_t k, uint64_t n) {
    const uint64_t *v = leaf->param;
    uint64_t range = v[OZ_HASHED_SLOTS] - v[OZ_HASHED_BLOCK_K] * v[OZ_HASHED_BLOCK_N];
    return aligned(leaf, hash2(leaf, k + v[OZ_HASHED_START], n + v[OZ_HASHED_START] + leaf->cols, range));
}

static oz_hashed_run pareto_run(const oz_leaf *leaf, uint64_t x) {
    uint64_t slots = leaf->param[OZ_HASHED_SLOTS];
    uint64_t fold = x / slots, within = x % slots;
    uint64_t start = aligned(leaf, hash1(leaf, fold, slots));
    uint64_t until_wrap = slots - start;
    if (within < until_wrap) return (oz_hashed_run){start + within, 1, until_wrap - within};
    return (oz_hashed_run){within - until_wrap, 1, slots - within};
}

static oz_hashed_run roast_run(const oz_leaf *leaf, uint64_t r, uint64_t c) {
    uint64_t block_k = leaf->param[OZ_HASHED_BLOCK_K], block_n = leaf->param[OZ_HASHED_BLOCK_N];
    uint64_t base = oz_hashed_tile(leaf, c / block_k, r / block_n);
    uint64_t k = c % block_k;
    return (oz_hashed_run){base + k * block_n + r % block_n, block_n, block_k - k};
}

static oz_hashed_run robe_run(const oz_leaf *leaf, uint64_t r, uint64_t c) {
    uint64_t chunk = leaf->param[OZ_HASHED_CHUNK];
    uint64_t range = leaf->param[OZ_HASHED_SLOTS] - chunk + 1;
    uint64_t base = aligned(leaf, hash2(leaf, r + leaf->param[OZ_HASHED_START], c / chunk, range));
    return (oz_hashed_run){base + c % chunk, 1, chunk - c % chunk};
}

oz_hashed_run oz_hashed_run_at(const oz_leaf *leaf, uint64_t r, uint64_t c, uint64_t most) {
    uint64_t x = leaf->param[OZ_HASHED_START] + r * leaf->cols + c;
    oz_hashed_run run;
    switch (leaf->param[OZ_HASHED_MAP]) {
    case OZ_HASHED_PARETO:
        run = pareto_run(leaf, x);
        break;
    case OZ_HASHED_ROAST:
        run = roast_run(leaf, r, c);
        break;
    case OZ_HASHED_ROBE:
        run = robe_run(leaf, r, c);
        break;
    default:
        run = (oz_hashed_run){hash1(leaf, x, leaf->param[OZ_HASHED_SLOTS]), 1, 1};
    }
    if (run.n > most) run.n = most;
    return run;
}

/* `n` bits of two neighbouring words, from bit `shift` of the first one. */
static uint64_t join_bits(uint64_t low, uint64_t high, uint32_t shift) {
    return shift ? low >> shift | high << (64 - shift) : low;
}

static uint64_t hashed_signs(const oz_leaf *leaf, uint64_t x, uint32_t n) {
    uint64_t seed = leaf->param[OZ_HASHED_SEED];
    uint32_t shift = (uint32_t)(x % 64);
    uint64_t low = oz_hash_u64(x / 64, seed);
    uint64_t high = shift + n > 64 ? oz_hash_u64(x / 64 + 1, seed) : 0;
    return join_bits(low, high, shift);
}

/* Bits [i, i + n) of a stream of bytes; reads no byte that holds none of them. */
static uint64_t stored_signs(const uint8_t *bits, uint64_t i, uint32_t n) {
    uint32_t shift = (uint32_t)(i % 8);
    uint32_t bytes = (shift + n + 7) / 8;
    uint64_t low = 0, high = 0;
    for (uint32_t b = 0; b < bytes && b < 8; b++) low |= (uint64_t)bits[i / 8 + b] << (8 * b);
    if (bytes > 8) high = bits[i / 8 + 8];
    return join_bits(low, high, shift);
}

uint64_t oz_hashed_signs(const oz_leaf *leaf, uint64_t i, uint32_t n) {
    uint64_t bits = 0;
    if (leaf->param[OZ_HASHED_SIGN] == OZ_HASHED_SIGN_HASH) {
        bits = hashed_signs(leaf, leaf->param[OZ_HASHED_START] + i, n);
    } else if (leaf->param[OZ_HASHED_SIGN] == OZ_HASHED_SIGN_MASK) {
        bits = stored_signs(leaf->part[OZ_HASHED_SIGNS].data, i, n);
    }
    return n < 64 ? bits & ((UINT64_C(1) << n) - 1) : bits;
}

uint64_t oz_hashed_group(const oz_leaf *leaf) {
    return leaf->codec.group ? leaf->codec.group : 64;
}

static float scale_of(const oz_leaf *leaf, uint64_t slot) {
    oz_codec_kind kind = leaf->codec.scale_f32 ? OZ_CODEC_F32 : OZ_CODEC_F16;
    return oz_float_get(kind, leaf->part[OZ_HASHED_SCALES].data, slot / oz_hashed_group(leaf));
}

void oz_hashed_read(const oz_leaf *leaf, oz_hashed_run run, float *out) {
    const uint8_t *array = leaf->part[OZ_HASHED_ARRAY].data;
    if (leaf->codec.kind == OZ_CODEC_INT8) {
        for (uint64_t j = 0, slot = run.slot; j < run.n; j++, slot += run.step)
            out[j] = scale_of(leaf, slot) * (float)(array[slot] - 128);
    } else if (leaf->codec.kind == OZ_CODEC_F32 && run.step == 1) {
        memcpy(out, array + 4 * run.slot, 4 * (size_t)run.n);
    } else {
        for (uint64_t j = 0, slot = run.slot; j < run.n; j++, slot += run.step)
            out[j] = oz_float_get(leaf->codec.kind, array, slot);
    }
}

void oz_hashed_constants(uint64_t seed, bool old_torch, uint64_t r[3]) {
    const int64_t high = 2038074743 / 2 - 1;
    oz_mt19937 g;
    oz_mt19937_seed(&g, (uint32_t)seed);
    for (int i = 0; i < 3; i++) {
        int64_t draw = old_torch ? oz_torch_randint_old(&g, 1, high) : oz_torch_randint(&g, 1, high);
        r[i] = 2 * (uint64_t)draw + 1;
    }
}

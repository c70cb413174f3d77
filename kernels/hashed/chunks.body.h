/* chunks.body.h - map robe: the chunks of a row, one after the other.
 *
 * Where a chunk lies is a hash of its row and number, so no prefetcher guesses it: those ahead are found, and
 * fetched, while one is read. The sums that are hashed grow by r1 from chunk to chunk, so their remainders do
 * too, as long as none of them wraps. */
#include "base/arith.h"
#include "formats/hashed/hashed.h"

/* From sums that grow by the same step to slots: what is kept is the sum's remainder. */
typedef struct hash_rule {
    uint64_t range, step, modulus, unaligned;
} hash_rule;

OZ_INLINE hash_rule hash_rule_of(const oz_leaf *leaf, uint64_t range, uint64_t step) {
    const uint64_t *v = leaf->param;
    return (hash_rule){range, step % v[OZ_HASHED_P], v[OZ_HASHED_P], v[OZ_HASHED_ALIGN] - 1};
}

/* a r0 + b r1 + r2, which two-dimensional maps hash; false if it wraps. */
OZ_INLINE bool hash_sum(const oz_leaf *leaf, uint64_t a, uint64_t b, uint64_t *sum) {
    const uint64_t *v = leaf->param;
    return !__builtin_mul_overflow(a, v[OZ_HASHED_R0], &a) &&
           !__builtin_mul_overflow(b, v[OZ_HASHED_R1], &b) && !__builtin_add_overflow(a, b, &a) &&
           !__builtin_add_overflow(a, v[OZ_HASHED_R2], sum) && *sum <= INT64_MAX;
}

/* Where the hash leads to; short divisions are several times faster. */
OZ_INLINE uint64_t hash_slot(const hash_rule *rule, uint64_t hash) {
    uint64_t slot = (hash | rule->range) >> 32 ? hash % rule->range : (uint32_t)hash % (uint32_t)rule->range;
    return slot & ~rule->unaligned;
}

OZ_INLINE uint64_t next_hash(const hash_rule *rule, uint64_t hash) {
    hash += rule->step;
    return hash >= rule->modulus ? hash - rule->modulus : hash;
}

/* What all rows share. */
typedef struct chunk_rule {
    bool steady; /* no sum of the leaf wraps */
    uint64_t inputs;
    hash_rule hash;
    const uint8_t *array;
    size_t width, bytes; /* of a slot, of a chunk */
} chunk_rule;

#define CHUNKS_AHEAD 8 /* a power of two */

/* The chunk of a row that was last asked for, and those that follow. */
typedef struct chunk_walk {
    uint64_t row, first;         /* its first input */
    uint64_t slot[CHUNKS_AHEAD]; /* of them, in a ring that begins at `turn` */
    uint64_t hash;               /* of the one behind the last */
    size_t turn, left;           /* left: chunks of the row that are not in the ring */
} chunk_walk;

/* The sum that chunk `chunk` of row `row` hashes; false if it wraps. */
OZ_INLINE bool chunk_sum(const oz_leaf *leaf, uint64_t row, uint64_t chunk, uint64_t *sum) {
    return hash_sum(leaf, row + leaf->param[OZ_HASHED_START], chunk, sum);
}

OZ_INLINE chunk_rule chunk_rule_of(const oz_leaf *leaf, size_t width) {
    const uint64_t *v = leaf->param;
    uint64_t largest;
    chunk_rule rule = {.inputs = v[OZ_HASHED_CHUNK]};
    rule.hash = hash_rule_of(leaf, v[OZ_HASHED_SLOTS] - rule.inputs + 1, v[OZ_HASHED_R1]);
    rule.array = leaf->part[OZ_HASHED_ARRAY].data;
    rule.width = width;
    rule.bytes = rule.inputs * width;
    rule.steady = chunk_sum(leaf, leaf->rows, leaf->cols / rule.inputs + 1, &largest);
    return rule;
}

/* The row's next chunk that is not in the ring takes the place of the one that was read. */
OZ_INLINE void find_chunk(const chunk_rule *rule, chunk_walk *w) {
    const size_t turn = w->turn;
    w->turn = (turn + 1) % CHUNKS_AHEAD;
    if (w->left == 0) return;
    w->left--;
    const uint64_t slot = hash_slot(&rule->hash, w->hash);
    w->hash = next_hash(&rule->hash, w->hash);
    const uint8_t *p = rule->array + slot * rule->width;
    for (size_t byte = 0; byte < rule->bytes; byte += 64) __builtin_prefetch(p + byte);
    w->slot[turn] = slot;
}

static void enter_row(const chunk_rule *rule, chunk_walk *w, const oz_leaf *leaf, uint64_t row,
                      uint64_t input) {
    uint64_t chunk = input / rule->inputs, sum = 0;
    chunk_sum(leaf, row, chunk, &sum);
    *w = (chunk_walk){.row = row,
                      .first = chunk * rule->inputs,
                      .hash = sum % rule->hash.modulus,
                      .left = oz_div_up(leaf->cols, rule->inputs) - chunk};
    for (size_t i = 0; i < CHUNKS_AHEAD; i++) find_chunk(rule, w);
}

/* The run of slots that begins at (r, c), cut at `most` weights. */
OZ_INLINE oz_hashed_run chunk_run(const chunk_rule *rule, chunk_walk *w, const oz_leaf *leaf, uint64_t r,
                                  uint64_t c, uint64_t most) {
    if (!rule->steady) return oz_hashed_run_at(leaf, r, c, most);
    if (w->row == r && c - w->first == rule->inputs) {
        w->first = c;
        find_chunk(rule, w);
    } else if (w->row != r || c - w->first > rule->inputs) {
        enter_row(rule, w, leaf, r, c);
    }
    const uint64_t within = c - w->first;
    return (oz_hashed_run){w->slot[w->turn] + within, 1, oz_min(most, rule->inputs - within)};
}

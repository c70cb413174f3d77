/* use.c - see use.h.
 *
 * A changed digit can make a leaf a thousand times larger than its file, because formats that compute their
 * weights need no bytes for them. That is no fault of theirs; the caps below keep the test's time in bounds.
 */
#include "tests/hostile/use.h"

#include "base/hash.h"
#include "formats/container/contents.h"
#include "formats/container/image.h"
#include "formats/container/reading.h"
#include "tests/hostile/run.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WEIGHTS = 1 << 13, MOST_DRAWS = 1 << 16, PIECE = 256 };

/* Random numbers that a leaf of the format `basis` draws for one pass over its rows. */
static uint64_t draws(const oz_leaf *leaf) {
    uint64_t k = oz_leaf_param(leaf, "k"), skip = oz_leaf_param(leaf, "skip");
    return skip + k * leaf->rows * leaf->cols * leaf->rows;
}

static bool is_large(const oz_leaf *leaf) {
    return leaf->rows * leaf->cols > MOST_WEIGHTS || draws(leaf) > MOST_DRAWS;
}

static void use_row(const oz_leaf *leaf, uint64_t r) {
    float values[PIECE];
    uint8_t codes[PIECE];
    for (uint64_t c = 0; c < leaf->cols; c += PIECE) {
        uint64_t n = leaf->cols - c < PIECE ? leaf->cols - c : PIECE;
        leaf->format->row(leaf, r, c, n, values);
        if (leaf->format->codes && oz_codec_is_integer(leaf->codec.kind))
            leaf->format->codes(leaf, r, c, n, codes);
    }
}

/* All rows, or of a large leaf the corners, where an index that is wrong would be wrong. */
static void use_leaf(const oz_leaf *leaf, usage *u) {
    if (is_large(leaf)) {
        float value;
        u->too_large++;
        if (draws(leaf) / leaf->rows > MOST_DRAWS) return;
        leaf->format->row(leaf, 0, 0, 1, &value);
        leaf->format->row(leaf, leaf->rows - 1, leaf->cols - 1, 1, &value);
        return;
    }
    for (uint64_t r = 0; r < leaf->rows; r++) use_row(leaf, r);
    oz_leaf_nonzeros(leaf);
}

static bool use_leaves(const oz_weight *w, usage *u) {
    bool small = w->rows * w->cols <= MOST_WEIGHTS;
    for (size_t t = 0; t < w->n_terms; t++)
        for (size_t f = 0; f < w->terms[t].n_factors; f++) {
            use_leaf(&w->terms[t].factors[f], u);
            small = small && !is_large(&w->terms[t].factors[f]);
        }
    return small;
}

static bool use_weight(const oz_weight *w, oz_arena *arena, usage *u) {
    static float out[MOST_WEIGHTS];
    oz_error err = {0};
    if (!use_leaves(w, u)) return false;
    cr_assert_eq(oz_weight_unpack(w, out, arena, &err), OZ_OK, "%s", err.message);
    return true;
}

/* True if every weight is small. */
static bool use_contents(const oz_safetensors *file, const oz_contents *c, oz_arena *arena, usage *u) {
    oz_error err = {0};
    oz_bytes total;
    uint64_t size;
    bool small = true;
    for (size_t i = 0; i < c->n_weights; i++) small = use_weight(&c->weights[i], arena, u) && small;
    for (size_t i = 0; i < c->n_vectors; i++)
        for (uint64_t j = 0; j < c->vectors[i].count; j++) (void)oz_vector_get(&c->vectors[i], j);
    u->verified += oz_contents_verify(file, NULL) == OZ_OK;
    cr_assert_eq(oz_contents_bytes(c, file, &total, NULL, arena, &err), OZ_OK, "%s", err.message);
    uint64_t parts = total.values + total.index + total.scales + total.vectors + total.padding;
    cr_assert_eq(parts + total.header, file->bytes);
    if (oz_image_size(c, &size, arena, &err) != OZ_OK) cr_assert(strlen(err.message) > 0);
    return small;
}

oz_status use_model(const void *data, size_t bytes, usage *u) {
    oz_arena arena = {0};
    oz_safetensors file;
    oz_contents contents;
    oz_limits limits;
    oz_error err = {0};
    cr_assert_eq(oz_limits_resolve(NULL, bytes, &limits, NULL), OZ_OK);
    arena.limit = limits.max_alloc_bytes;
    oz_status status = oz_safetensors_read(&file, data, bytes, &limits, &arena, &err);
    if (status == OZ_OK) status = oz_contents_read(&contents, &file, &limits, &arena, &err);
    if (status == OZ_OK) {
        bool small = use_contents(&file, &contents, &arena, u);
        if (small) run_model(data, bytes, u);
    } else
        cr_assert(err.status == status && status != OZ_ERR_MEMORY && err.message[0], "%s without words",
                  oz_status_name(status));
    u->opened++;
    u->accepted += status == OZ_OK;
    oz_arena_free(&arena);
    return status;
}

/* Hex digits need no escapes, so the value's text in the file is the value. */
bool fix_hashes(void *data, size_t bytes) {
    oz_arena arena = {0};
    oz_safetensors file;
    bool fixed = false;
    if (oz_safetensors_read(&file, data, bytes, NULL, &arena, NULL) == OZ_OK) {
        const oz_meta *hashes = oz_safetensors_meta(&file, "hashes");
        fixed = hashes && strlen(hashes->value) == 16 * file.count;
        uint64_t around =
            fixed ? oz_header_hash(file.data, file.header_bytes, hashes->offset, 16 * file.count) : 0;
        for (size_t i = 0; fixed && i < file.count; i++) {
            char digits[17];
            snprintf(digits, sizeof digits, "%016" PRIx64,
                     oz_hash(file.tensors[i].data, (size_t)file.tensors[i].bytes) ^ around);
            memcpy((char *)data + hashes->offset + 16 * i, digits, 16);
        }
    }
    oz_arena_free(&arena);
    return fixed;
}

/* scratch.c - see scratch.h. */
#include "runtime/multiply/scratch.h"

#include "base/arith.h"
#include "runtime/multiply.h"

/* Hands out pieces of a slot; with base NULL it only measures. */
typedef struct oz_bump {
    uint8_t *base;
    size_t used;
} oz_bump;

static void *take(oz_bump *b, size_t bytes) {
    void *p = b->base ? b->base + b->used : NULL;
    b->used += oz_round_up(bytes, 64);
    return p;
}

static oz_operand take_operand(oz_bump *b, size_t k, size_t lanes, bool quantised) {
    size_t kq = oz_round_up(k, OZ_BLOCK);
    oz_operand o = {.f32 = take(b, k * lanes * sizeof(float))};
    if (quantised) {
        o.i8 = take(b, kq * lanes);
        o.scale = take(b, kq / OZ_BLOCK * lanes * sizeof(float));
        o.sum = take(b, kq / 32 * lanes * sizeof(int32_t));
    }
    return o;
}

static const oz_leaf *leaf_at(const oz_layer *layer, size_t term, size_t factor) {
    return layer->run[term][factor];
}

static bool leaf_quantised(const oz_layer *layer, size_t term, size_t factor) {
    return oz_leaf_reads_i8(leaf_at(layer, term, factor), layer->weight->act_i8);
}

bool oz_input_read(const oz_layer *layer, bool quantised) {
    for (size_t t = 0; t < layer->weight->n_terms; t++) {
        if (leaf_quantised(layer, t, layer->weight->terms[t].n_factors - 1) == quantised) return true;
    }
    return false;
}

/* The operand that factor f of term t writes into and factor f - 1 reads; a chain of more than two
 * factors has several, all kept: they are small. */
static oz_slot carve(oz_bump *b, const oz_layer *layer, size_t lanes) {
    const oz_weight *w = layer->weight;
    oz_slot slot = {.x = take_operand(b, w->cols, lanes, oz_input_read(layer, true))};
    size_t inner = 0;
    for (size_t t = 0; t < w->n_terms; t++) inner += w->terms[t].n_factors;
    slot.inner = take(b, inner * sizeof *slot.inner);
    for (size_t t = 0, i = 0; t < w->n_terms; t++) {
        for (size_t f = 0; f < w->terms[t].n_factors; f++, i++) {
            if (f == 0) continue;
            oz_operand o = take_operand(b, oz_round_up(leaf_at(layer, t, f)->rows, OZ_PANEL), lanes,
                                        leaf_quantised(layer, t, f - 1));
            if (slot.inner) slot.inner[i] = o;
        }
    }
    return slot;
}

enum { NARROWEST = 16 }; /* lanes that a kernel may like best */

static size_t slot_bytes(const oz_layer *layer, size_t lanes) {
    oz_bump b = {0};
    carve(&b, layer, lanes);
    return b.used;
}

size_t oz_slot_bytes(const oz_layer *layer, size_t lanes) {
    return oz_max(slot_bytes(layer, lanes), lanes / NARROWEST * slot_bytes(layer, NARROWEST));
}

static oz_worker carve_worker(oz_bump *b, size_t sums) {
    oz_worker w;
    uint8_t *scratch = take(b, oz_scratch_bytes());
    w.scratch = scratch ? oz_scratch_at(scratch) : (oz_scratch){0};
    w.y = take(b, sums * sizeof(float));
    w.acc = take(b, sums * sizeof(float));
    return w;
}

size_t oz_tallest(const oz_layer *layer) {
    size_t rows = layer->weight->rows;
    for (size_t t = 0; t < layer->weight->n_terms; t++) {
        for (size_t f = 1; f < layer->weight->terms[t].n_factors; f++)
            rows = oz_max(rows, leaf_at(layer, t, f)->rows);
    }
    return oz_round_up(rows, OZ_PANEL);
}

/* Sums that one worker has under way: of a few rows, or of a chunk of a group of tiles; if they are narrower
 * than OZ_COLUMNS there is but one. */
static size_t sums_of(const oz_layer *layer, size_t lanes) {
    size_t rows = oz_tallest(layer) * OZ_MV_BATCH, tiles = lanes < OZ_COLUMNS ? 1 : OZ_GROUP;
    return lanes == OZ_MV_BATCH ? rows : oz_max(OZ_CHUNK_ROWS * tiles * lanes, rows);
}

size_t oz_worker_bytes(const oz_layer *layer, size_t lanes) {
    oz_bump b = {0};
    carve_worker(&b, sums_of(layer, lanes));
    return b.used;
}

size_t oz_slot_count(int threads, size_t tiles) {
    const size_t width = (size_t)threads, of_each = width * oz_max(1, tiles);
    return oz_min(OZ_GROUP * width, of_each <= 2 * OZ_GROUP ? of_each : oz_round_up(tiles, width));
}

oz_slot oz_carve_slot(uint8_t *memory, const oz_layer *layer, size_t lanes) {
    oz_bump b = {.base = memory};
    return carve(&b, layer, lanes);
}

oz_worker oz_carve_worker(uint8_t *memory, const oz_layer *layer, size_t lanes) {
    oz_bump b = {.base = memory};
    return carve_worker(&b, sums_of(layer, lanes));
}

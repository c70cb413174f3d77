/* multiply.c - see multiply.h. */
#include "runtime/multiply.h"

#include <stdatomic.h>
#include <string.h>

#include "base/arith.h"
#include "kernels/onednn.h"
#include "runtime/cost.h"
#include "runtime/fallback.h"
#include "runtime/session.h"

#define CHUNK_ROWS (OZ_CHUNK * OZ_PANEL)

/* ---- scratch: slots hold what prepare makes, workers what finish needs ---------------- */

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

/* Activations as one leaf reads them: rows or columns share all sizes but the number of lanes. */
typedef struct oz_operand {
    float *f32;
    int8_t *i8;
    float *scale;
    int32_t *sum;
} oz_operand;

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

typedef struct oz_slot {
    oz_operand x;
    oz_operand *inner; /* [term]: what the leftmost factor of a product reads */
} oz_slot;

static const oz_leaf *leaf_at(const oz_layer *layer, size_t term, size_t factor) {
    return layer->run[term][factor];
}

static bool leaf_quantised(const oz_layer *layer, size_t term, size_t factor) {
    return oz_leaf_reads_i8(leaf_at(layer, term, factor), layer->weight->act_i8);
}

/* Whether a leaf that reads the layer's input wants it quantised, or not. */
static bool input_read(const oz_layer *layer, bool quantised) {
    for (size_t t = 0; t < layer->weight->n_terms; t++) {
        if (leaf_quantised(layer, t, layer->weight->terms[t].n_factors - 1) == quantised) return true;
    }
    return false;
}

/* The operand that factor f of term t writes into and factor f - 1 reads; a chain of more than two
 * factors has several, all kept: they are small. */
static oz_slot carve(oz_bump *b, const oz_layer *layer, size_t lanes) {
    const oz_weight *w = layer->weight;
    oz_slot slot = {.x = take_operand(b, w->cols, lanes, input_read(layer, true))};
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

size_t oz_slot_bytes(const oz_layer *layer, size_t lanes) {
    oz_bump b = {0};
    carve(&b, layer, lanes);
    return b.used;
}

typedef struct oz_worker {
    oz_scratch scratch;
    float *y, *acc; /* mm: OZ_GROUP x [CHUNK_ROWS][lanes]; mv: rows of the leaf */
} oz_worker;

static oz_worker carve_worker(oz_bump *b, size_t sums) {
    oz_worker w;
    w.scratch.tile = take(b, OZ_CHUNK * OZ_TILE_FLOATS * sizeof(float));
    w.scratch.nonzeros = take(b, OZ_CHUNK * sizeof *w.scratch.nonzeros);
    w.y = take(b, sums * sizeof(float));
    w.acc = take(b, sums * sizeof(float));
    return w;
}

static size_t tallest(const oz_layer *layer) {
    size_t rows = layer->weight->rows;
    for (size_t t = 0; t < layer->weight->n_terms; t++) {
        for (size_t f = 1; f < layer->weight->terms[t].n_factors; f++)
            rows = oz_max(rows, leaf_at(layer, t, f)->rows);
    }
    return oz_round_up(rows, OZ_PANEL);
}

/* Sums that one worker has under way: of a few rows, or of a chunk of a group of tiles. */
static size_t sums_of(const oz_layer *layer, size_t lanes) {
    size_t columns = CHUNK_ROWS * OZ_GROUP * OZ_COLUMNS;
    return lanes == OZ_MV_BATCH ? tallest(layer) * OZ_MV_BATCH
                                : oz_max(columns, tallest(layer) * OZ_MV_BATCH);
}

size_t oz_worker_bytes(const oz_layer *layer, size_t lanes) {
    oz_bump b = {0};
    carve_worker(&b, sums_of(layer, lanes));
    return b.used;
}

size_t oz_slot_count(int threads, size_t tiles) {
    return oz_min(OZ_GROUP * (size_t)threads, tiles);
}

/* ---- one layer under way ----------------------------------------------------------------- */

typedef struct oz_call {
    oz_session *s;
    const oz_job *job;
    const oz_layer *layer;
    const oz_layer_plan *plan;
    const oz_primitives *prim;
    const float *row_scale, *bias; /* NULL = none */
    size_t first, tiles;           /* the tiles under way */
    size_t group, groups;          /* tiles of a group; groups of the tiles under way */
    size_t panel0, panel1, chunks, chunk_panels;
    atomic_size_t next;
} oz_call;

static oz_slot slot_of(const oz_call *c, size_t index, size_t lanes) {
    oz_bump b = {.base = c->s->slots + index * c->s->plan->slot_bytes};
    return carve(&b, c->layer, lanes);
}

static oz_worker worker_of(const oz_call *c, size_t index, size_t lanes) {
    oz_bump b = {.base = c->s->workers + index * c->s->plan->worker_bytes};
    return carve_worker(&b, sums_of(c->layer, lanes));
}

static size_t tile_columns(const oz_call *c, size_t tile) {
    return oz_min(OZ_COLUMNS, c->job->columns - tile * OZ_COLUMNS);
}

/* The width of a panel decides in which order some kernels add. */
static size_t tile_lanes(const oz_call *c, size_t tile) {
    return c->s->plan->reproducible ? OZ_COLUMNS : oz_lanes_for(tile_columns(c, tile));
}

/* ---- mm: one leaf times one panel of columns ---------------------------------------- */

static oz_columns as_columns(const oz_operand *o, size_t k, size_t lanes) {
    return (oz_columns){.k = k, .lanes = lanes, .f32 = o->f32, .i8 = o->i8, .scale = o->scale, .sum = o->sum};
}

/* One leaf on its way through some panels of rows. */
typedef struct oz_product {
    const oz_primitives *prim;
    const oz_leaf *leaf;
    const oz_decoder *decoder;
    const oz_columns *x;
    size_t tiles, block;
    const oz_scratch *scratch;
    oz_tile f32[OZ_CHUNK];
} oz_product;

static void decode_block(oz_product *m, size_t i, size_t panel, size_t k0, size_t n) {
    const oz_decoder *d = m->decoder;
    float *room = m->scratch->tile + i * OZ_TILE_FLOATS;
    if (d->u8) {
        uint8_t *tile = (uint8_t *)room;
        for (size_t k = 0; k < n; k += OZ_BLOCK)
            d->u8(m->leaf, panel, k0 + k, oz_min(OZ_BLOCK, n - k), tile + k * OZ_PANEL);
    } else if (d->nz) {
        d->nz(m->leaf, panel, k0, n, &m->scratch->nonzeros[i]);
    } else {
        m->f32[i] = d->f32(m->leaf, panel, k0, n, room);
        if (m->tiles > 1 && m->f32[i].p != room) m->f32[i] = m->prim->pack_f32(m->f32[i], n, room);
    }
}

static void multiply_block(const oz_product *m, size_t i, size_t panel, size_t k0, size_t n,
                           const oz_columns *x, float *y) {
    const oz_decoder *d = m->decoder;
    if (d->u8)
        m->prim->gemm_u8(m->leaf, panel, k0, n, (const uint8_t *)(m->scratch->tile + i * OZ_TILE_FLOATS), x,
                         y);
    else if (d->nz)
        m->prim->gemm_nz(&m->scratch->nonzeros[i], x->f32 + k0 * x->lanes, x->lanes, y);
    else
        m->prim->gemm_f32(m->f32[i], n, x->f32 + k0 * x->lanes, x->lanes, y);
}

/* Asks for a piece of a tile's activations, one of `pieces`, before they are wanted. */
static void ask_for(const oz_product *m, size_t tile, size_t k0, size_t piece, size_t pieces) {
    const oz_columns *x = &m->x[tile];
    if (k0 >= m->leaf->cols) return;
    const bool codes = m->decoder->u8 != NULL;
    const char *from = codes ? (const char *)(x->i8 + k0 * x->lanes) : (const char *)(x->f32 + k0 * x->lanes);
    size_t width = codes ? 1 : sizeof(float);
    size_t bytes = oz_min(m->block, m->leaf->cols - k0) * x->lanes * width;
    for (size_t b = bytes / pieces * piece; b < bytes / pieces * (piece + 1); b += 64)
        __builtin_prefetch(from + b, 0, 2);
}

/* Block of inputs by block of inputs: the activations of one block and tile stay in the first-level cache
 * while the panels go by, what was decoded in the second-level cache while the tiles do. */
static void multiply_chunk(oz_product *m, size_t panel0, size_t panels, float *const *y) {
    const size_t block = m->block;
    for (size_t k0 = 0; k0 < m->leaf->cols; k0 += block) {
        size_t n = oz_min(block, m->leaf->cols - k0);
        for (size_t i = 0; i < panels; i++) decode_block(m, i, panel0 + i, k0, n);
        for (size_t t = 0; t < m->tiles; t++) {
            bool last = t + 1 == m->tiles;
            for (size_t i = 0; i < panels; i++) {
                ask_for(m, last ? 0 : t + 1, last ? k0 + block : k0, i, panels);
                multiply_block(m, i, panel0 + i, k0, n, &m->x[t], y[t] + i * OZ_PANEL * m->x[t].lanes);
            }
        }
    }
}

static void decode_and_multiply(const oz_primitives *prim, const oz_leaf *leaf, const oz_decoder *d,
                                size_t panel0, size_t panel1, const oz_columns *x, size_t tiles,
                                const oz_scratch *scratch, float *const *acc) {
    oz_product m = {.prim = prim, .leaf = leaf, .decoder = d, .x = x, .tiles = tiles, .scratch = scratch};
    m.block = d->u8 ? OZ_CODES_BLOCK : d->block ? d->block(leaf) : OZ_BLOCK;
    for (size_t p = panel0; p < panel1; p += OZ_CHUNK) {
        float *y[OZ_GROUP];
        for (size_t t = 0; t < tiles; t++) y[t] = acc[t] + (p - panel0) * OZ_PANEL * x[t].lanes;
        multiply_chunk(&m, p, oz_min(OZ_CHUNK, panel1 - p), y);
    }
}

void oz_multiply_leaf(const oz_primitives *prim, const oz_leaf *leaf, const oz_choice *choice,
                      const float *unpacked, size_t panel0, size_t panel1, const oz_columns *x, size_t tiles,
                      const oz_scratch *scratch, float *const *acc) {
    size_t rows = oz_min(panel1 * OZ_PANEL, leaf->rows) - panel0 * OZ_PANEL;
    const float *dense =
        choice->way == OZ_WAY_UNPACK ? unpacked : (const float *)(const void *)leaf->part[0].data;
    bool done = choice->way != OZ_WAY_MM;
    for (size_t t = 0; done && t < tiles; t++)
        done = oz_dnnl_panel(dense + panel0 * OZ_PANEL * leaf->cols, rows, leaf->cols, x[t].f32, x[t].lanes,
                             acc[t]);
    if (done) return;
    for (size_t t = 0; t < tiles; t++)
        memset(acc[t], 0, oz_round_up(rows, OZ_PANEL) * x[t].lanes * sizeof(float));
    const oz_decoder *d = choice->way == OZ_WAY_MM ? choice->decoder : &oz_row_decoder;
    decode_and_multiply(prim, leaf, d, panel0, panel1, x, tiles, scratch, acc);
}

static void multiply_leaf(const oz_call *c, const oz_leaf_plan *lp, size_t panel0, size_t panel1,
                          const oz_columns *x, size_t tiles, const oz_worker *w, float *const *acc) {
    oz_multiply_leaf(c->prim, lp->leaf, &lp->large, c->s->unpacked, panel0, panel1, x, tiles, &w->scratch,
                     acc);
}

static void quantise_columns(const oz_call *c, oz_operand *o, size_t k, size_t lanes) {
    if (o->i8) c->prim->quantise_columns(o->f32, k, lanes, o->i8, o->scale, o->sum);
}

/* The activations of a tile as its leaves read them. */
static void gather(const oz_call *c, size_t tile, size_t lanes, oz_operand *x) {
    const oz_job *job = c->job;
    size_t first = tile * OZ_COLUMNS, n = tile_columns(c, tile);
    if (job->x && !input_read(c->layer, false)) {
        c->prim->quantise_panel(job->x + first * job->ldx, n, job->k, job->ldx, lanes, x->i8, x->scale,
                                x->sum);
    } else {
        job->gather(job, first, n, lanes, x->f32);
        quantise_columns(c, x, job->k, lanes);
    }
}

static void prepare(const oz_call *c, size_t tile, oz_slot *slot, const oz_worker *w) {
    const size_t lanes = tile_lanes(c, tile);
    gather(c, tile, lanes, &slot->x);
    for (size_t t = 0, i = 0; t < c->layer->weight->n_terms; t++) {
        size_t n = c->layer->weight->terms[t].n_factors;
        const oz_operand *x = &slot->x;
        for (size_t f = n - 1; f > 0; f--) {
            oz_operand *out = &slot->inner[i + f];
            const oz_leaf_plan *lp = &c->plan->leaf[t][f];
            oz_columns columns = as_columns(x, lp->leaf->cols, lanes);
            multiply_leaf(c, lp, 0, oz_div_up(lp->leaf->rows, OZ_PANEL), &columns, 1, w, &out->f32);
            quantise_columns(c, out, lp->leaf->rows, lanes);
            x = out;
        }
        i += n;
    }
}

/* Row scale, bias and activation in place, then out. */
static void epilogue(const oz_call *c, size_t tile, size_t row, size_t rows, float *y) {
    const oz_job *job = c->job;
    size_t n = tile_columns(c, tile), lanes = tile_lanes(c, tile);
    const oz_vec_primitives *vec = c->s->plan->vec;
    for (size_t r = 0; r < rows; r++) {
        float scale = c->row_scale ? c->row_scale[row + r] : 1.0f, bias = c->bias ? c->bias[row + r] : 0.0f;
        vec->affine(y + r * lanes, n, scale, bias, job->act, job->slope, y + r * lanes);
    }
    job->scatter(job, tile * OZ_COLUMNS, n, row, rows, lanes, y);
}

/* Panels [panel0, panel1) of tiles [tile, tile + tiles), prepared in slots from `slot` on. */
static void finish(const oz_call *c, size_t tile, size_t tiles, size_t slot, size_t panel0, size_t panel1,
                   const oz_worker *w) {
    const oz_weight *weight = c->layer->weight;
    size_t row = panel0 * OZ_PANEL, rows = oz_min(panel1 * OZ_PANEL, c->job->row1) - row;
    oz_slot slots[OZ_GROUP];
    for (size_t i = 0; i < tiles; i++) slots[i] = slot_of(c, slot + i, OZ_COLUMNS);
    for (size_t t = 0, factor = 0; t < weight->n_terms; t++) {
        const oz_leaf_plan *lp = &c->plan->leaf[t][0];
        size_t n = weight->terms[t].n_factors;
        float scale = weight->terms[t].scale, *sums = t == 0 ? w->y : w->acc, *to[OZ_GROUP];
        oz_columns x[OZ_GROUP];
        for (size_t i = 0; i < tiles; i++) {
            const oz_operand *o = n > 1 ? &slots[i].inner[factor + 1] : &slots[i].x;
            x[i] = as_columns(o, lp->leaf->cols, tile_lanes(c, tile + i));
            to[i] = sums + i * CHUNK_ROWS * OZ_COLUMNS;
        }
        multiply_leaf(c, lp, panel0, panel1, x, tiles, w, to);
        for (size_t i = 0; i < tiles; i++) {
            if (t > 0)
                c->s->plan->vec->add_scaled(to[i], rows * x[i].lanes, scale,
                                            w->y + i * CHUNK_ROWS * OZ_COLUMNS);
            else if (scale != 1.0f)
                c->s->plan->vec->affine(to[i], rows * x[i].lanes, scale, 0.0f, OZ_ACT_NONE, 0.0f, to[i]);
        }
        factor += n;
    }
    for (size_t i = 0; i < tiles; i++) epilogue(c, tile + i, row, rows, w->y + i * CHUNK_ROWS * OZ_COLUMNS);
}

/* ---- mm: who does what ------------------------------------------------------------------ */

static size_t group_tiles(const oz_call *c, size_t group) {
    return oz_min(c->group, c->tiles - group * c->group);
}

static void finish_chunk(const oz_call *c, size_t group, size_t slot, size_t chunk, const oz_worker *w) {
    size_t panel0 = c->panel0 + chunk * c->chunk_panels;
    finish(c, c->first + group * c->group, group_tiles(c, group), slot, panel0,
           oz_min(panel0 + c->chunk_panels, c->panel1), w);
}

static void whole_groups(void *arg, size_t index) {
    oz_call *c = arg;
    oz_worker w = worker_of(c, index, OZ_COLUMNS);
    for (size_t group; (group = atomic_fetch_add(&c->next, 1)) < c->groups;) {
        for (size_t i = 0; i < group_tiles(c, group); i++) {
            oz_slot slot = slot_of(c, index * c->group + i, OZ_COLUMNS);
            prepare(c, group * c->group + i, &slot, &w);
        }
        for (size_t chunk = 0; chunk < c->chunks; chunk++)
            finish_chunk(c, group, index * c->group, chunk, &w);
    }
}

static void prepare_tiles(void *arg, size_t index) {
    oz_call *c = arg;
    oz_worker w = worker_of(c, index, OZ_COLUMNS);
    for (size_t tile; (tile = atomic_fetch_add(&c->next, 1)) < c->tiles;) {
        oz_slot slot = slot_of(c, tile, OZ_COLUMNS);
        prepare(c, c->first + tile, &slot, &w);
    }
}

static void finish_chunks(void *arg, size_t index) {
    oz_call *c = arg;
    oz_worker w = worker_of(c, index, OZ_COLUMNS);
    for (size_t task; (task = atomic_fetch_add(&c->next, 1)) < c->groups * c->chunks;) {
        size_t group = task / c->chunks;
        finish_chunk(c, group, group * c->group, task % c->chunks, &w);
    }
}

static void unpack_panels(void *arg, size_t panel) {
    oz_call *c = arg;
    const oz_leaf_plan *lp = &c->plan->leaf[0][0];
    size_t row = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, lp->leaf->rows - row);
    for (size_t r = 0; r < rows; r++)
        lp->leaf->format->row(lp->leaf, row + r, 0, lp->leaf->cols,
                              c->s->unpacked + (row + r) * lp->leaf->cols);
}

static void cut_rows(oz_call *c, size_t wanted) {
    size_t panels = c->panel1 - c->panel0;
    c->chunk_panels = oz_min(OZ_CHUNK, oz_div_up(panels, oz_min(wanted, panels)));
    c->chunks = oz_div_up(panels, c->chunk_panels);
}

/* Few groups: as many tiles as there are slots are prepared first, then their rows are shared out. */
static void few_groups(oz_call *c, const oz_threads *threads, size_t workers) {
    const size_t all = c->tiles, slots = oz_slot_count(threads->width, all);
    for (c->first = 0; c->first < all; c->first += slots) {
        c->tiles = oz_min(slots, all - c->first);
        c->groups = oz_div_up(c->tiles, c->group);
        cut_rows(c, oz_max(1, 2 * workers / c->groups));
        atomic_store(&c->next, 0);
        oz_parallel(threads, oz_min(workers, c->tiles), prepare_tiles, c);
        atomic_store(&c->next, 0);
        oz_parallel(threads, oz_min(workers, c->groups * c->chunks), finish_chunks, c);
    }
}

static oz_threads threads_of(const oz_call *c, bool in_rows) {
    const oz_job *job = c->job;
    oz_threads threads = c->s->plan->threads;
    double part = (double)(job->row1 - job->row0) / (double)c->layer->weight->rows;
    double ns = in_rows ? oz_cost_rows_ns(c->plan, job->columns) : oz_cost_tiles_ns(c->plan, job->columns);
    if (part * ns < c->s->plan->serial_ns) threads.width = 1;
    return threads;
}

static void multiply_columns(oz_call *c) {
    oz_threads threads = threads_of(c, false);
    const oz_job *job = c->job;
    if (c->plan->leaf[0][0].large.way == OZ_WAY_UNPACK) {
        oz_parallel(&threads, oz_div_up(c->layer->weight->rows, OZ_PANEL), unpack_panels, c);
    }
    size_t workers = (size_t)threads.width;
    c->tiles = oz_div_up(job->columns, OZ_COLUMNS);
    c->panel0 = job->row0 / OZ_PANEL;
    c->panel1 = oz_div_up(job->row1, OZ_PANEL);
    c->group = oz_group_tiles(c->panel1 - c->panel0);
    c->groups = oz_div_up(c->tiles, c->group);
    cut_rows(c, 1);
    atomic_init(&c->next, 0);
    if (workers == 1 || c->groups >= 2 * workers) {
        oz_parallel(&threads, workers, whole_groups, c);
    } else {
        few_groups(c, &threads, workers);
    }
}

/* ---- mv: up to four rows ------------------------------------------------------------------ */

void oz_multiply_rows(const oz_primitives *prim, const oz_leaf *leaf, const oz_choice *choice, size_t panel0,
                      size_t panel1, const oz_rows *x, float *y, size_t ldy) {
    if (choice->way == OZ_WAY_MV)
        choice->mv->run(leaf, panel0, panel1, x, y, ldy);
    else
        prim->mv_blocks(choice->decoder, leaf, panel0, panel1, x, y, ldy);
}

static oz_rows as_rows(const oz_operand *o, const float *f32, size_t ld, size_t m, size_t k) {
    return (oz_rows){.m = m, .k = k, .f32 = f32, .ld = ld, .i8 = o->i8, .scale = o->scale, .sum = o->sum};
}

typedef struct oz_mv_call {
    oz_call *c;
    oz_slot slot;
    const oz_leaf_plan *leaf; /* of an inner factor */
    oz_rows x;
    float *y;
    size_t ldy, panels, chunk;
} oz_mv_call;

static void inner_chunk(void *arg, size_t index) {
    oz_mv_call *v = arg;
    size_t p0 = index * v->chunk, p1 = oz_min(p0 + v->chunk, v->panels);
    oz_multiply_rows(v->c->prim, v->leaf->leaf, &v->leaf->small, p0, p1, &v->x, v->y, v->ldy);
}

static void quantise_rows(const oz_call *c, oz_operand *o, const float *x, size_t m, size_t k, size_t ld) {
    if (o->i8) c->prim->quantise_rows(x, m, k, ld, o->i8, o->scale, o->sum);
}

static oz_threads share(oz_mv_call *v, size_t rows) {
    oz_threads threads = threads_of(v->c, true);
    v->panels = oz_div_up(rows, OZ_PANEL);
    v->chunk = oz_div_up(v->panels, (size_t)threads.width);
    return threads;
}

/* The inner factors of every product, right to left; each leaves rows [m][its rows]. */
static void inner_factors(oz_mv_call *v) {
    oz_call *c = v->c;
    size_t m = c->job->columns;
    for (size_t t = 0, i = 0; t < c->layer->weight->n_terms; t++) {
        size_t n = c->layer->weight->terms[t].n_factors;
        oz_rows x = as_rows(&v->slot.x, c->job->x, c->job->ldx, m, c->job->k);
        for (size_t f = n - 1; f > 0; f--) {
            oz_operand *out = &v->slot.inner[i + f];
            v->leaf = &c->plan->leaf[t][f];
            v->ldy = oz_round_up(v->leaf->leaf->rows, OZ_PANEL);
            v->x = x;
            v->y = out->f32;
            memset(v->y, 0, m * v->ldy * sizeof(float));
            oz_threads threads = share(v, v->leaf->leaf->rows);
            oz_parallel(&threads, oz_div_up(v->panels, v->chunk), inner_chunk, v);
            quantise_rows(c, out, out->f32, m, v->leaf->leaf->rows, v->ldy);
            x = as_rows(out, out->f32, v->ldy, m, v->leaf->leaf->rows);
        }
        i += n;
    }
}

/* All terms of one chunk of rows, then its epilogue. A term with a scale goes through the worker's
 * scratch, which serves as rows here. */
static void outer_chunk(void *arg, size_t index) {
    oz_mv_call *v = arg;
    oz_call *c = v->c;
    const oz_job *job = c->job;
    oz_worker w = worker_of(c, index, OZ_MV_BATCH);
    size_t p0 = index * v->chunk, p1 = oz_min(p0 + v->chunk, v->panels), m = job->columns;
    size_t row = p0 * OZ_PANEL, rows = oz_min(p1 * OZ_PANEL, job->row1) - row;
    for (size_t b = 0; b < m; b++) memset(job->y + b * job->ldy + row, 0, rows * sizeof(float));
    for (size_t t = 0, i = 0; t < c->layer->weight->n_terms; t++) {
        const oz_term *term = &c->layer->weight->terms[t];
        const oz_leaf_plan *lp = &c->plan->leaf[t][0];
        const oz_operand *o = term->n_factors > 1 ? &v->slot.inner[i + 1] : &v->slot.x;
        size_t k = lp->leaf->cols, ld = oz_round_up(k, OZ_PANEL);
        oz_rows x = term->n_factors > 1 ? as_rows(o, o->f32, ld, m, k) : as_rows(o, job->x, job->ldx, m, k);
        if (term->scale == 1.0f) {
            oz_multiply_rows(c->prim, lp->leaf, &lp->small, p0, p1, &x, job->y, job->ldy);
        } else {
            size_t ldy = tallest(c->layer);
            for (size_t b = 0; b < m; b++) memset(w.acc + b * ldy + row, 0, rows * sizeof(float));
            oz_multiply_rows(c->prim, lp->leaf, &lp->small, p0, p1, &x, w.acc, ldy);
            for (size_t b = 0; b < m; b++)
                c->s->plan->vec->add_scaled(w.acc + b * ldy + row, rows, term->scale,
                                            job->y + b * job->ldy + row);
        }
        i += term->n_factors;
    }
    for (size_t b = 0; b < m; b++) {
        float *y = job->y + b * job->ldy + row;
        c->s->plan->vec->affine_each(y, rows, c->row_scale ? c->row_scale + row : NULL,
                                     c->bias ? c->bias + row : NULL, job->act, job->slope, y);
    }
}

static void multiply_rows(oz_call *c) {
    const oz_job *job = c->job;
    oz_mv_call v = {.c = c, .slot = slot_of(c, 0, OZ_MV_BATCH)};
    quantise_rows(c, &v.slot.x, job->x, job->columns, job->k, job->ldx);
    inner_factors(&v);
    oz_threads threads = share(&v, c->layer->weight->rows);
    oz_parallel(&threads, oz_div_up(v.panels, v.chunk), outer_chunk, &v);
}

static bool all_read_rows(const oz_layer_plan *plan) {
    for (size_t t = 0; t < plan->layer->weight->n_terms; t++) {
        for (size_t f = 0; f < plan->layer->weight->terms[t].n_factors; f++) {
            if (!oz_reads_rows(&plan->leaf[t][f].small)) return false;
        }
    }
    return true;
}

size_t oz_layer_lanes(const oz_layer_plan *lp) {
    return lp->rows && lp->columns <= OZ_MV_BATCH && all_read_rows(lp) ? OZ_MV_BATCH : OZ_COLUMNS;
}

void oz_multiply(oz_session *s, const oz_job *job) {
    const oz_layer_plan *plan = &s->plan->layers[job->layer];
    oz_call c = {.s = s, .job = job, .layer = plan->layer, .plan = plan, .prim = s->plan->primitives};
    c.row_scale = oz_session_floats(&plan->layer->weight->row_scale, s->row_scale);
    c.bias = oz_session_floats(plan->layer->bias, s->bias);
    if (job->x && job->columns <= OZ_MV_BATCH && all_read_rows(plan)) {
        multiply_rows(&c);
    } else {
        multiply_columns(&c);
    }
}

/* columns.c - a layer times any number of columns. They are cut into tiles of 64, the last of which is as
 * wide as it must be, 16, 32 or 64; or, up to 64 of them, into tiles that are as wide as a kernel likes:
 *
 *     prepare(tile)         gather [k][lanes], quantise it, run the inner factors of products
 *     finish(group, rows)   the leftmost factor of every term, epilogue, scatter, for up to OZ_GROUP tiles
 *
 * A core takes longer to fetch what another has written than to write it again. So each worker prepares and
 * finishes whole groups, if those can be shared out evenly; of a single group it finishes some rows, for
 * which it prepares all tiles itself. Of products, and where rows are many beside the columns, all tiles are
 * prepared first, and then the rows are shared out. */
#include <string.h>

#include "base/arith.h"
#include "base/shares.h"
#include "runtime/cost.h"
#include "runtime/multiply/gather.h"

typedef struct oz_columns_call {
    const oz_call *call;
    size_t first, tiles;  /* the tiles under way */
    size_t group, groups; /* tiles of a group, at most; groups of the tiles under way */
    size_t panel0, panel1, chunks, chunk_panels;
    oz_shares shares;
} oz_columns_call;

static size_t tile_columns(const oz_call *c, size_t tile) {
    return oz_min(c->tile, c->job->columns - tile * c->tile);
}

/* The width of a panel decides in which order some kernels add. */
static size_t tile_lanes(const oz_call *c, size_t tile) {
    const size_t columns = tile_columns(c, tile);
    if (c->tile < OZ_COLUMNS || c->s->plan->reproducible) return c->tile;
    return columns <= 8 && c->takes_8 ? 8 : oz_lanes_for(columns);
}

static void multiply_leaf(const oz_call *c, const oz_leaf_plan *lp, size_t panel0, size_t panel1,
                          const oz_columns *x, size_t tiles, const oz_worker *w, float *const *acc) {
    oz_multiply_leaf(c->prim, lp->leaf, oz_call_choice(c, lp), c->s->unpacked, panel0, panel1, x, tiles,
                     &w->scratch, acc);
}

static void prepare(const oz_call *c, size_t tile, oz_slot *slot, const oz_worker *w) {
    const size_t lanes = tile_lanes(c, tile);
    oz_gather(c, tile * c->tile, tile_columns(c, tile), lanes, &slot->x);
    for (size_t t = 0, i = 0; t < c->layer->weight->n_terms; t++) {
        size_t n = c->layer->weight->terms[t].n_factors;
        const oz_operand *x = &slot->x;
        for (size_t f = n - 1; f > 0; f--) {
            oz_operand *out = &slot->inner[i + f];
            const oz_leaf_plan *lp = &c->plan->leaf[t][f];
            oz_columns columns = oz_operand_columns(x, lp->leaf->cols, lanes);
            multiply_leaf(c, lp, 0, oz_div_up(lp->leaf->rows, OZ_PANEL), &columns, 1, w, &out->f32);
            oz_quantise_columns(c, out, lp->leaf->rows, lanes);
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
    const bool plain = !c->row_scale && !c->bias && job->act == OZ_ACT_NONE;
    for (size_t r = 0; !plain && r < rows; r++) {
        float scale = c->row_scale ? c->row_scale[row + r] : 1.0f, bias = c->bias ? c->bias[row + r] : 0.0f;
        vec->affine(y + r * lanes, n, scale, bias, job->act, job->slope, y + r * lanes);
    }
    const size_t first = tile * c->tile;
    if (job->scatter)
        job->scatter(job, first, n, row, rows, lanes, y);
    else
        c->prim->panel_to_rows(y, rows, n, lanes, job->y + first * job->ldy + row, job->ldy);
}

/* Panels [panel0, panel1) of tiles [tile, tile + tiles), prepared in slots from `slot` on. */
static void finish(const oz_call *c, size_t tile, size_t tiles, size_t slot, size_t panel0, size_t panel1,
                   const oz_worker *w) {
    const oz_weight *weight = c->layer->weight;
    size_t row = panel0 * OZ_PANEL, rows = oz_min(panel1 * OZ_PANEL, c->job->row1) - row;
    oz_slot slots[OZ_GROUP];
    for (size_t i = 0; i < tiles; i++) slots[i] = oz_slot_of(c, slot + i);
    for (size_t t = 0, factor = 0; t < weight->n_terms; t++) {
        const oz_leaf_plan *lp = &c->plan->leaf[t][0];
        size_t n = weight->terms[t].n_factors;
        float scale = weight->terms[t].scale, *sums = t == 0 ? w->y : w->acc, *to[OZ_GROUP];
        oz_columns x[OZ_GROUP];
        for (size_t i = 0; i < tiles; i++) {
            const oz_operand *o = n > 1 ? &slots[i].inner[factor + 1] : &slots[i].x;
            x[i] = oz_operand_columns(o, lp->leaf->cols, tile_lanes(c, tile + i));
            to[i] = sums + i * OZ_CHUNK_ROWS * c->tile;
        }
        multiply_leaf(c, lp, panel0, panel1, x, tiles, w, to);
        for (size_t i = 0; i < tiles; i++) {
            if (t > 0)
                c->s->plan->vec->add_scaled(to[i], rows * x[i].lanes, scale,
                                            w->y + i * OZ_CHUNK_ROWS * c->tile);
            else if (scale != 1.0f)
                c->s->plan->vec->affine(to[i], rows * x[i].lanes, scale, 0.0f, OZ_ACT_NONE, 0.0f, to[i]);
        }
        factor += n;
    }
    for (size_t i = 0; i < tiles; i++) epilogue(c, tile + i, row, rows, w->y + i * OZ_CHUNK_ROWS * c->tile);
}

/* ---- who does what ------------------------------------------------------------------------ */

/* The first tile of a group: none has more than one tile less than another. */
static size_t group_first(const oz_columns_call *c, size_t group) {
    return group * c->tiles / c->groups;
}

static size_t group_tiles(const oz_columns_call *c, size_t group) {
    return group_first(c, group + 1) - group_first(c, group);
}

static void finish_chunk(const oz_columns_call *c, size_t group, size_t slot, size_t chunk,
                         const oz_worker *w) {
    size_t panel0 = c->panel0 + chunk * c->chunk_panels;
    finish(c->call, c->first + group_first(c, group), group_tiles(c, group), slot, panel0,
           oz_min(panel0 + c->chunk_panels, c->panel1), w);
}

static void whole_groups(void *arg, size_t index) {
    oz_columns_call *c = arg;
    oz_worker w = oz_worker_of(c->call, index);
    for (size_t group; oz_shares_take(&c->shares, index, &group);) {
        for (size_t i = 0; i < group_tiles(c, group); i++) {
            oz_slot slot = oz_slot_of(c->call, index * c->group + i);
            prepare(c->call, group_first(c, group) + i, &slot, &w);
        }
        for (size_t chunk = 0; chunk < c->chunks; chunk++)
            finish_chunk(c, group, index * c->group, chunk, &w);
    }
}

static void prepare_tiles(void *arg, size_t index) {
    oz_columns_call *c = arg;
    oz_worker w = oz_worker_of(c->call, index);
    for (size_t tile; oz_shares_take(&c->shares, index, &tile);) {
        oz_slot slot = oz_slot_of(c->call, tile);
        prepare(c->call, c->first + tile, &slot, &w);
    }
}

/* All groups of a chunk of rows before the next: it is weights that a core had best keep. */
static void finish_chunks(void *arg, size_t index) {
    oz_columns_call *c = arg;
    oz_worker w = oz_worker_of(c->call, index);
    for (size_t task; oz_shares_take(&c->shares, index, &task);) {
        size_t group = task % c->groups;
        finish_chunk(c, group, group_first(c, group), task / c->groups, &w);
    }
}

/* A group's rows, whose tiles each worker prepares in slots of its own. */
static void own_tiles(void *arg, size_t index) {
    oz_columns_call *c = arg;
    oz_worker w = oz_worker_of(c->call, index);
    const size_t slot = index * c->tiles;
    size_t prepared = 0;
    for (size_t chunk; oz_shares_take(&c->shares, index, &chunk);) {
        for (; prepared < c->tiles; prepared++) {
            oz_slot own = oz_slot_of(c->call, slot + prepared);
            prepare(c->call, prepared, &own, &w);
        }
        finish_chunk(c, 0, slot, chunk, &w);
    }
}

static void unpack_panels(void *arg, size_t panel) {
    oz_columns_call *c = arg;
    const oz_leaf_plan *lp = &c->call->plan->leaf[0][0];
    size_t row = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, lp->leaf->rows - row);
    for (size_t r = 0; r < rows; r++)
        lp->leaf->format->row(lp->leaf, row + r, 0, lp->leaf->cols,
                              c->call->s->unpacked + (row + r) * lp->leaf->cols);
}

/* Of inner factors it always multiplies all rows. */
static bool calls_onednn(const oz_call *c) {
    for (size_t t = 0; t < c->layer->weight->n_terms; t++) {
        if (oz_calls_onednn(oz_call_choice(c, &c->plan->leaf[t][0]))) return true;
    }
    return false;
}

/* oneDNN's bits depend on how many rows it is given, so of its layers the number of rows alone decides: there
 * are pieces enough for a few threads. */
enum { ONEDNN_PIECES = 4 };

static void cut_rows(oz_columns_call *c, size_t wanted) {
    if (calls_onednn(c->call)) wanted = ONEDNN_PIECES;
    oz_cut_rows(c->panel1 - c->panel0, wanted, &c->chunk_panels, &c->chunks);
}

/* Inputs that are few beside the weights had better be fetched than the weights decoded once more. */
static bool is_tall(const oz_columns_call *c) {
    const oz_job *job = c->call->job;
    return job->row1 - job->row0 > 4 * job->columns;
}

/* Whether no worker waits for long while others have a tile more. */
static bool are_shared_evenly(size_t tiles, size_t workers) {
    return 8 * oz_round_up(tiles, workers) <= 9 * tiles;
}

/* Groups for each worker alone, which may have to be smaller; false if these do not pay. */
static bool cut_groups(oz_columns_call *c, size_t workers) {
    const bool wide = c->call->tile == OZ_COLUMNS && !is_tall(c) && are_shared_evenly(c->tiles, workers);
    if (!wide && !oz_takes_whole(c->groups, workers)) return false;
    c->groups = oz_min(oz_round_up(c->groups, workers), c->tiles);
    c->group = oz_div_up(c->tiles, c->groups);
    return true;
}

/* Inner factors are better shared out, unless it is a single tile's. Narrow tiles always have room. */
static bool own_tiles_pay(const oz_columns_call *c, size_t workers) {
    if (c->tiles == 1) return true;
    const bool narrow = c->call->tile < OZ_COLUMNS, have_room = workers * c->tiles <= c->call->s->plan->slots;
    return c->groups == 1 && (narrow || (have_room && !is_tall(c))) &&
           !oz_weight_has_products(c->call->layer->weight);
}

/* Few groups: as many tiles as there are slots are prepared first, then their rows are shared out. */
static void few_groups(oz_columns_call *c, const oz_threads *threads) {
    const size_t workers = (size_t)threads->width;
    const size_t all = c->tiles, slots = oz_slot_count(threads->width, all);
    for (c->first = 0; c->first < all; c->first += slots) {
        c->tiles = oz_min(slots, all - c->first);
        c->groups = oz_div_up(c->tiles, c->group);
        cut_rows(c, 2 * workers / c->groups);
        oz_share_out(threads, &c->shares, c->tiles, prepare_tiles, c);
        oz_share_out(threads, &c->shares, c->groups * c->chunks, finish_chunks, c);
    }
}

void oz_call_columns(const oz_call *call) {
    const oz_job *job = call->job;
    oz_threads threads = oz_call_threads(call, oz_cost_layer_ns(call->plan, job->columns));
    size_t workers = (size_t)threads.width;
    oz_columns_call c = {.call = call,
                         .tiles = oz_div_up(job->columns, call->tile),
                         .panel0 = job->row0 / OZ_PANEL,
                         .panel1 = oz_div_up(job->row1, OZ_PANEL)};
    c.group = OZ_GROUP;
    if (call->tile == OZ_COLUMNS)
        c.group = oz_group_tiles(call->s->plan->costs->cache_bytes, c.panel1 - c.panel0, c.tiles);
    c.groups = oz_div_up(c.tiles, c.group);
    const bool whole = workers == 1 || cut_groups(&c, workers), own = !whole && own_tiles_pay(&c, workers);
    cut_rows(&c, own ? 2 * workers : 1);
    if (oz_call_choice(call, &call->plan->leaf[0][0])->way == OZ_WAY_UNPACK)
        oz_parallel(&threads, oz_div_up(call->layer->weight->rows, OZ_PANEL), unpack_panels, &c);
    if (whole)
        oz_share_out(&threads, &c.shares, c.groups, whole_groups, &c);
    else if (own)
        oz_share_out(&threads, &c.shares, c.chunks, own_tiles, &c);
    else
        few_groups(&c, &threads);
}

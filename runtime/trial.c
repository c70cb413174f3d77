/* trial.c - timing one way to multiply by one leaf, with the caller's clock.
 *
 * The leaf runs on made-up activations, a group of tiles or some rows of them, its panels shared among the
 * plan's threads as they would be in a layer, from rows to rows where the layer's lie so; what a tile costs
 * is then counted as often as there are tiles. Short runs are timed in groups. The fastest of several timings
 * is taken: whatever disturbs a run only makes it slower. */
#include <string.h>

#include "base/arith.h"
#include "runtime/cost.h"
#include "runtime/multiply/scratch.h"

enum { GROUPS = 3 };

/* Of a group: beside it the clock's own time, the steps it may count in and the waking of a thread are small.
 */
#define LEAST_NS 50000
#define MOST_IN_GROUP 1000
/* So long a run is not much longer for being the first. */
#define LONG_NS 1000000

typedef struct oz_trial {
    const oz_leaf_plan *lp;
    const oz_choice *choice;
    const oz_plan *plan;
    size_t lanes; /* rows, or columns of a tile */
    size_t tiles; /* of a group; 1 for rows */
    oz_threads threads;
    size_t panels, chunk; /* of one thread */
    size_t pieces;        /* of a tile's inputs, which threads gather */
    oz_scratch *scratch;  /* one for each */
    oz_operand in[OZ_GROUP];
    float *x, *out; /* [columns of all tiles][inputs], [..][outputs] */
    float *y, *unpacked;
} oz_trial;

/* Inputs [k0, k1) of one tile as the leaf reads them. */
static void gather(const oz_trial *t, size_t tile, size_t k0, size_t k1) {
    const oz_primitives *prim = t->plan->primitives;
    const size_t k = t->lp->leaf->cols, lanes = t->lanes;
    const float *x = t->x + tile * lanes * k + k0;
    const oz_operand *in = &t->in[tile];
    if (t->lp->reads_i8)
        prim->quantise_panel(x, lanes, k1 - k0, k, lanes, in->i8 + k0 * lanes,
                             in->scale + k0 / OZ_BLOCK * lanes, in->sum + k0 / 32 * lanes);
    else
        prim->rows_to_panel(x, lanes, k1 - k0, k, lanes, in->f32 + k0 * lanes);
    if (t->choice->way == OZ_WAY_MM && t->choice->decoder->nz_codes)
        prim->widen_columns(in->i8 + k0 * lanes, k1 - k0, lanes, in->f32 + k0 * lanes);
}

static void gather_piece(void *arg, size_t index) {
    const oz_trial *t = arg;
    const size_t inputs = oz_round_up(oz_div_up(t->lp->leaf->cols, t->pieces), OZ_BLOCK);
    const size_t k0 = index % t->pieces * inputs;
    if (k0 < t->lp->leaf->cols) gather(t, index / t->pieces, k0, oz_min(k0 + inputs, t->lp->leaf->cols));
}

static void take_inputs(oz_trial *t) {
    const oz_operand *in = &t->in[0];
    const size_t k = t->lp->leaf->cols;
    if (!oz_reads_rows(t->choice))
        oz_parallel(&t->threads, t->tiles * t->pieces, gather_piece, t);
    else if (t->lp->reads_i8)
        t->plan->primitives->quantise_rows(t->x, t->lanes, k, k, in->i8, in->scale, in->sum);
}

static bool take_operand(const oz_trial *t, oz_operand *in, oz_arena *a) {
    const size_t kq = oz_round_up(t->lp->leaf->cols, OZ_BLOCK);
    in->f32 = oz_arena_array(a, kq * t->lanes, sizeof *in->f32);
    in->i8 = oz_arena_alloc(a, kq * t->lanes, 64);
    in->scale = oz_arena_array(a, kq / OZ_BLOCK * t->lanes, sizeof *in->scale);
    in->sum = oz_arena_array(a, kq / 32 * t->lanes, sizeof *in->sum);
    return in->f32 && in->i8 && in->scale && in->sum;
}

static bool take_activations(oz_trial *t, oz_arena *a) {
    const size_t columns = t->lanes * t->tiles, count = columns * t->lp->leaf->cols;
    t->x = oz_arena_array(a, count, sizeof *t->x);
    t->out = oz_arena_array(a, columns * t->panels * OZ_PANEL, sizeof *t->out);
    if (!t->x || !t->out) return false;
    for (size_t i = 0; i < count; i++) t->x[i] = (float)(i * 2654435761u % 2001) / 1000.0f - 1.0f;
    for (size_t i = 0; i < t->tiles; i++) {
        if (!take_operand(t, &t->in[i], a)) return false;
    }
    take_inputs(t);
    return true;
}

static bool take_scratch(oz_trial *t, oz_arena *a) {
    bool unpacks = t->choice->way == OZ_WAY_UNPACK;
    t->y = oz_arena_array(a, t->tiles * t->panels * OZ_PANEL * t->lanes, sizeof *t->y);
    t->unpacked =
        unpacks ? oz_arena_array(a, t->lp->leaf->rows * t->lp->leaf->cols, sizeof *t->unpacked) : NULL;
    t->scratch = oz_arena_array(a, (size_t)t->threads.width, sizeof *t->scratch);
    if (!t->y || !t->scratch || (unpacks && !t->unpacked)) return false;
    for (int i = 0; i < t->threads.width; i++) {
        uint8_t *memory = oz_arena_alloc(a, oz_scratch_bytes(), 64);
        if (!memory) return false;
        t->scratch[i] = oz_scratch_at(memory);
    }
    return true;
}

static void multiply_chunk(void *arg, size_t index) {
    oz_trial *t = arg;
    const oz_primitives *prim = t->plan->primitives;
    size_t p0 = index * t->chunk, p1 = oz_min(p0 + t->chunk, t->panels), ld = t->panels * OZ_PANEL;
    if (oz_reads_rows(t->choice)) {
        const size_t k = t->lp->leaf->cols;
        const oz_rows rows = oz_operand_rows(&t->in[0], t->x, k, t->lanes, k);
        oz_multiply_rows(prim, t->lp, t->choice, p0, p1, &rows, t->y, ld);
        return;
    }
    float *y[OZ_GROUP];
    oz_columns x[OZ_GROUP];
    for (size_t i = 0; i < t->tiles; i++) {
        y[i] = t->y + (i * t->panels + p0) * OZ_PANEL * t->lanes;
        x[i] = oz_operand_columns(&t->in[i], t->lp->leaf->cols, t->lanes);
    }
    oz_multiply_leaf(prim, t->lp->leaf, t->choice, t->unpacked, p0, p1, x, t->tiles, &t->scratch[index], y);
    for (size_t i = 0; t->lp->gives_rows && i < t->tiles; i++)
        prim->panel_to_rows(y[i], (p1 - p0) * OZ_PANEL, t->lanes, t->lanes,
                            t->out + i * t->lanes * ld + p0 * OZ_PANEL, ld);
}

static void multiply_once(oz_trial *t) {
    if (t->lp->takes_rows) take_inputs(t);
    oz_parallel(&t->threads, oz_div_up(t->panels, t->chunk), multiply_chunk, t);
}

static void unpack_chunk(void *arg, size_t index) {
    oz_trial *t = arg;
    size_t last = oz_min((index + 1) * t->chunk * OZ_PANEL, t->lp->leaf->rows);
    for (size_t r = index * t->chunk * OZ_PANEL; r < last; r++)
        t->lp->leaf->format->row(t->lp->leaf, r, 0, t->lp->leaf->cols, t->unpacked + r * t->lp->leaf->cols);
}

static void unpack_once(oz_trial *t) {
    oz_parallel(&t->threads, oz_div_up(t->panels, t->chunk), unpack_chunk, t);
}

static double time_group(oz_trial *t, void (*once)(oz_trial *t), size_t group, uint64_t (*clock_ns)(void)) {
    uint64_t start = clock_ns();
    for (size_t i = 0; i < group; i++) once(t);
    return (double)(clock_ns() - start) / (double)group;
}

/* The first run is the warm-up, in which some libraries generate code; the second says how many make a group.
 */
static double fastest(oz_trial *t, void (*once)(oz_trial *t), uint64_t (*clock_ns)(void), double hopeless) {
    double best = time_group(t, once, 1, clock_ns);
    if (best > LONG_NS && best > 2 * hopeless) return best;
    double ns = time_group(t, once, 1, clock_ns);
    size_t group = (size_t)oz_min((uint64_t)(LEAST_NS / (ns + 1)) + 1, MOST_IN_GROUP);
    for (int i = 0; i < GROUPS && (i == 0 || best <= hopeless); i++) {
        best = ns < best ? ns : best;
        ns = time_group(t, once, group, clock_ns);
    }
    return ns < best ? ns : best;
}

static size_t group_tiles(const oz_plan *plan, const oz_leaf_plan *leaf, const oz_choice *choice,
                          uint64_t columns) {
    if (oz_reads_rows(choice)) return 1;
    const size_t tile = oz_choice_tile(plan->primitives, choice, columns), tiles = oz_div_up(columns, tile);
    if (tile < OZ_COLUMNS) return tiles;
    return oz_min(oz_group_tiles(oz_div_up(leaf->leaf->rows, OZ_PANEL), tiles), tiles);
}

/* Whether a layer's threads would take whole groups of tiles, or parts of its rows, not panels of one. */
static bool takes_whole_groups(const oz_plan *plan, const oz_leaf_plan *leaf, const oz_choice *choice,
                               uint64_t columns) {
    const size_t tiles = oz_div_up(columns, oz_choice_tile(plan->primitives, choice, columns));
    const size_t groups = oz_div_up(tiles, group_tiles(plan, leaf, choice, columns));
    return oz_takes_whole(groups, (size_t)plan->threads.width);
}

/* A leaf that is too small to be shared out runs as it would in a layer, on the calling thread; so does a
 * group of tiles that a thread takes whole. */
static oz_threads threads_for(const oz_plan *plan, const oz_leaf_plan *leaf, const oz_choice *choice,
                              uint64_t columns) {
    oz_cost cost;
    oz_cost_of(plan->costs, leaf, choice, oz_reads_rows(choice) ? oz_min(columns, OZ_COLUMNS) : columns,
               &cost);
    oz_threads threads = oz_plan_threads(plan, oz_cost_ns(plan->costs, oz_choice_name(choice), &cost));
    if (takes_whole_groups(plan, leaf, choice, columns)) threads.width = 1;
    return threads;
}

oz_status oz_trial_ns(const oz_leaf_plan *lp, const oz_choice *choice, const oz_plan *plan, uint64_t columns,
                      uint64_t (*clock_ns)(void), double hopeless_ns, double *ns, oz_error *err) {
    oz_arena arena = {.allocator = plan->arena.allocator};
    oz_trial t = {.lp = lp, .choice = choice, .plan = plan};
    bool rows = oz_reads_rows(choice);
    if (plan->reproducible) columns = oz_round_up(columns, OZ_COLUMNS); /* none of its tiles is narrower */
    const size_t tile = oz_min(columns, oz_choice_tile(plan->primitives, choice, columns));
    t.lanes = rows ? tile : oz_choice_lanes(choice, tile);
    t.tiles = group_tiles(plan, lp, choice, columns);
    t.threads = threads_for(plan, lp, choice, columns);
    t.panels = oz_div_up(lp->leaf->rows, OZ_PANEL);
    t.chunk = oz_div_up(t.panels, (size_t)t.threads.width);
    t.pieces = oz_gather_pieces(t.tiles, t.lanes, lp->leaf->cols, (size_t)t.threads.width);
    double all = rows ? (double)columns : oz_cost_padded(plan->primitives, choice, columns);
    double times = all / (double)(t.lanes * t.tiles);
    if (takes_whole_groups(plan, lp, choice, columns)) times /= plan->threads.width;
    oz_status status = OZ_OK;
    if (take_scratch(&t, &arena) && take_activations(&t, &arena)) {
        double unpacking = t.unpacked ? fastest(&t, unpack_once, clock_ns, hopeless_ns) : 0;
        double hopeless = (hopeless_ns - unpacking) / times;
        *ns = unpacking + times * fastest(&t, multiply_once, clock_ns, hopeless);
    } else {
        status = oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, lp->leaf->name, "out of memory");
    }
    oz_arena_free(&arena);
    return status;
}

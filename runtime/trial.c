/* trial.c - timing one way to multiply by one leaf, with the caller's clock.
 *
 * The leaf runs on made-up activations, one thread, one tile or up to four rows; what a tile costs is
 * then counted as often as there are tiles. The fastest of several runs is taken: whatever disturbs a run
 * only makes it slower. */
#include <string.h>

#include "base/arith.h"
#include "runtime/cost.h"
#include "runtime/multiply.h"

#define OZ_TRIAL_RUNS 5

typedef struct oz_trial {
    const oz_leaf *leaf;
    const oz_choice *choice;
    const oz_plan *plan;
    size_t lanes; /* rows, or columns of the tile */
    oz_scratch scratch;
    oz_columns columns;
    oz_rows rows;
    float *y, *unpacked;
} oz_trial;

static bool take_activations(oz_trial *t, bool reads_i8, oz_arena *a) {
    size_t k = t->leaf->cols, kq = oz_round_up(k, OZ_BLOCK);
    float *x = oz_arena_array(a, k * t->lanes, sizeof *x);
    int8_t *q = oz_arena_alloc(a, kq * t->lanes, 64);
    float *scale = oz_arena_array(a, kq / OZ_BLOCK * t->lanes, sizeof *scale);
    int32_t *sum = oz_arena_array(a, kq / 32 * t->lanes, sizeof *sum);
    t->y = oz_arena_array(a, oz_round_up(t->leaf->rows, OZ_PANEL) * t->lanes, sizeof *t->y);
    t->scratch.tile = oz_arena_alloc(a, OZ_CHUNK * OZ_TILE_FLOATS * sizeof(float), 64);
    t->scratch.nonzeros = oz_arena_alloc(a, OZ_CHUNK * sizeof *t->scratch.nonzeros, 64);
    bool unpacks = t->choice->way == OZ_WAY_UNPACK;
    t->unpacked = unpacks ? oz_arena_array(a, t->leaf->rows * k, sizeof *t->unpacked) : NULL;
    if (!x || !q || !scale || !sum || !t->y || !t->scratch.tile || !t->scratch.nonzeros ||
        (unpacks && !t->unpacked))
        return false;
    for (size_t i = 0; i < k * t->lanes; i++) x[i] = (float)(i * 2654435761u % 2001) / 1000.0f - 1.0f;
    if (t->lanes <= OZ_MV_BATCH) {
        if (reads_i8) t->plan->primitives->quantise_rows(x, t->lanes, k, k, q, scale, sum);
        t->rows = (oz_rows){.m = t->lanes, .k = k, .f32 = x, .ld = k, .i8 = q, .scale = scale, .sum = sum};
    } else {
        if (reads_i8) t->plan->primitives->quantise_columns(x, k, t->lanes, q, scale, sum);
        t->columns = (oz_columns){.k = k, .lanes = t->lanes, .f32 = x, .i8 = q, .scale = scale, .sum = sum};
    }
    return true;
}

static void run_once(oz_trial *t) {
    size_t panels = oz_div_up(t->leaf->rows, OZ_PANEL);
    if (oz_reads_rows(t->choice)) {
        oz_multiply_rows(t->plan->primitives, t->leaf, t->choice, 0, panels, &t->rows, t->y,
                         oz_round_up(t->leaf->rows, OZ_PANEL));
        return;
    }
    if (t->unpacked) oz_leaf_unpack(t->leaf, t->unpacked);
    oz_multiply_leaf(t->plan->primitives, t->leaf, t->choice, t->unpacked, 0, panels, &t->columns, 1,
                     &t->scratch, &t->y);
}

oz_status oz_trial_ns(const oz_leaf *leaf, const oz_choice *choice, bool reads_i8, const oz_plan *plan,
                      uint64_t columns, uint64_t (*clock_ns)(void), double *ns, oz_error *err) {
    oz_arena arena = {.allocator = plan->arena.allocator};
    oz_trial t = {.leaf = leaf, .choice = choice, .plan = plan};
    t.lanes = oz_reads_rows(choice) ? oz_min(columns, OZ_MV_BATCH)
              : plan->reproducible  ? OZ_COLUMNS
                                    : oz_lanes_for(columns);
    oz_status status = OZ_OK;
    if (take_activations(&t, reads_i8, &arena)) {
        uint64_t best = UINT64_MAX;
        for (int i = 0; i < OZ_TRIAL_RUNS; i++) {
            uint64_t start = clock_ns();
            run_once(&t);
            uint64_t spent = clock_ns() - start;
            best = spent < best ? spent : best;
        }
        *ns = (double)best * (double)oz_div_up(columns, t.lanes);
    } else {
        status = oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, leaf->name, "out of memory");
    }
    oz_arena_free(&arena);
    return status;
}

/* trial.c - timing one way to multiply by one leaf, with the caller's clock.
 *
 * A layer is made of nothing but the leaf, planned in that one way, and multiplied on made-up activations as
 * a run would do it, on the plan's threads. Where the leaf is not the first of its layer to read, or the last
 * to write, columns lie ready, and stay where they are. Short runs are timed in groups. The fastest of
 * several timings is taken: whatever disturbs a run only makes it slower. */
#include "base/arith.h"
#include "runtime/candidates.h"
#include "runtime/multiply.h"
#include "runtime/multiply/leaf.h"
#include "runtime/session.h"

enum { LEAST_GROUPS = 3 };

/* Of a group: beside it the clock's own time, the steps it may count in and the waking of a thread are small;
 * still it often ends before a neighbour on a rented machine takes a part of the core again, which happens
 * every few milliseconds. */
#define GROUP_NS 150000
#define MOST_IN_GROUP 1000
/* All groups together: threads that have slept have come to run as they will go on, which may take some
 * milliseconds, and the neighbour has paused. */
#define TRIAL_NS 4000000
/* So long a run is not much longer for being the first; so long a trial has seen enough. */
#define LONG_NS 1000000
#define ENOUGH_NS 100000000

typedef struct oz_trial {
    oz_term term;
    oz_weight weight;
    const oz_leaf *leaf, **factors;
    oz_layer layer;
    oz_leaf_plan leaf_plan, *factor_plans;
    oz_layer_plan layer_plan;
    oz_plan plan;
    oz_session session;
    oz_job job;
} oz_trial;

/* It is of zeros, which take no other time. */
static void leave_panel(const oz_job *job, size_t first, size_t n, size_t lanes, float *panel) {
    (void)job, (void)first, (void)n, (void)lanes, (void)panel;
}

static void leave_sums(const oz_job *job, size_t first, size_t n, size_t row, size_t rows, size_t lanes,
                       const float *y) {
    (void)job, (void)first, (void)n, (void)row, (void)rows, (void)lanes, (void)y;
}

static void make_layer(oz_trial *t, const oz_leaf_plan *lp) {
    t->leaf = lp->leaf;
    t->factors = &t->leaf;
    t->term = (oz_term){.scale = 1.0f, .n_factors = 1};
    t->weight = (oz_weight){.name = lp->leaf->name,
                            .rows = lp->leaf->rows,
                            .cols = lp->leaf->cols,
                            .terms = &t->term,
                            .n_terms = 1,
                            .act_i8 = lp->reads_i8};
    t->layer = (oz_layer){.weight = &t->weight, .run = &t->factors};
}

/* Predicted times decide only how many threads are called. */
static void plan_layer(oz_trial *t, const oz_leaf_plan *lp, const oz_choice *choice, double tile_ns,
                       uint64_t columns) {
    oz_layer_plan *layer = &t->layer_plan;
    t->leaf_plan = *lp;
    t->leaf_plan.narrow = t->leaf_plan.large = *choice;
    for (size_t i = 0; i < OZ_MV_BATCH; i++) t->leaf_plan.rows[i] = *choice;
    t->factor_plans = &t->leaf_plan;
    *layer = (oz_layer_plan){
        .layer = &t->layer, .leaf = &t->factor_plans, .columns = columns, .rows = lp->takes_rows};
    for (size_t i = 0; i <= OZ_COLUMNS; i++) layer->reads_rows[i] = oz_reads_rows(choice);
    for (size_t i = 0; i < OZ_COLUMNS; i++) layer->rows_ns[i] = tile_ns;
    for (size_t i = 0; i < OZ_TILE_WIDTHS; i++) layer->tile_ns[i] = tile_ns;
}

static bool make_session(oz_trial *t, const oz_plan *plan, oz_arena *a) {
    oz_plan *p = &t->plan;
    *p = (oz_plan){.isa = plan->isa,
                   .threads = plan->threads,
                   .reproducible = plan->reproducible,
                   .costs = plan->costs,
                   /* As in a run once its threads look for work. */
                   .serial_ns = plan->serial_awake_ns,
                   .serial_awake_ns = plan->serial_awake_ns,
                   .primitives = plan->primitives,
                   .vec = plan->vec,
                   .layers = &t->layer_plan};
    oz_multiply_size(p, &t->layer_plan);
    t->session = (oz_session){
        .plan = p,
        .slots = oz_arena_alloc(a, p->slots * p->slot_bytes, 64),
        .workers = oz_arena_alloc(a, (size_t)p->threads.width * p->worker_bytes, 64),
        .unpacked = oz_arena_array(a, p->unpack_floats, sizeof(float)),
    };
    return t->session.slots && t->session.workers && t->session.unpacked;
}

static bool make_job(oz_trial *t, oz_arena *a) {
    const oz_leaf_plan *lp = &t->leaf_plan;
    const size_t columns = t->layer_plan.columns, k = lp->leaf->cols, rows = lp->leaf->rows;
    float *x = oz_arena_array(a, columns * k, sizeof *x), *y = oz_arena_array(a, columns * rows, sizeof *y);
    if (!x || !y) return false;
    for (size_t i = 0; i < columns * k; i++) x[i] = (float)(i * 2654435761u % 2001) / 1000.0f - 1.0f;
    const bool by_rows = oz_reads_rows(&lp->large);
    t->job = (oz_job){.columns = columns,
                      .k = k,
                      .row1 = rows,
                      .gather = leave_panel,
                      .scatter = lp->gives_rows ? NULL : leave_sums,
                      .x = by_rows || lp->takes_rows ? x : NULL,
                      .y = y,
                      .ldx = k,
                      .ldy = rows};
    return true;
}

static double time_group(oz_trial *t, size_t group, uint64_t (*clock_ns)(void)) {
    uint64_t start = clock_ns();
    for (size_t i = 0; i < group; i++) oz_multiply(&t->session, &t->job);
    return (double)(clock_ns() - start) / (double)group;
}

/* The first run is the warm-up, in which some libraries generate code; the second says how many make a group.
 */
static double fastest(oz_trial *t, uint64_t (*clock_ns)(void), double hopeless) {
    double best = time_group(t, 1, clock_ns);
    if (best > LONG_NS && best > 2 * hopeless) return best;
    double ns = time_group(t, 1, clock_ns);
    const size_t group = oz_min((uint64_t)(GROUP_NS / (ns + 1)) + 1, MOST_IN_GROUP);
    const uint64_t wanted = oz_max(LEAST_GROUPS, (uint64_t)(TRIAL_NS / ((ns + 1) * (double)group)));
    const uint64_t groups = oz_min(wanted, (uint64_t)(ENOUGH_NS / (ns + 1)) + 1);
    for (uint64_t i = 0; i < groups && (i < oz_div_up(groups, 4) || best <= hopeless); i++) {
        best = ns < best ? ns : best;
        ns = time_group(t, group, clock_ns);
    }
    return ns < best ? ns : best;
}

/* Of more columns the first are timed: so many that each thread has groups of tiles for itself. */
static uint64_t timed_columns(const oz_plan *plan, uint64_t columns) {
    return oz_min(columns, UINT64_C(2) * OZ_GROUP * OZ_COLUMNS * (uint64_t)plan->threads.width);
}

oz_status oz_trial_ns(const oz_leaf_plan *lp, const oz_option *o, const oz_plan *plan, uint64_t columns,
                      uint64_t (*clock_ns)(void), double hopeless_ns, double *ns, oz_error *err) {
    oz_arena arena = {.allocator = plan->arena.allocator};
    oz_trial t;
    const uint64_t timed = timed_columns(plan, columns);
    const double times = (double)columns / (double)timed;
    oz_status status = OZ_OK;
    make_layer(&t, lp);
    plan_layer(&t, lp, &o->choice, o->predicted / (double)oz_div_up(columns, OZ_COLUMNS), timed);
    if (make_session(&t, plan, &arena) && make_job(&t, &arena))
        *ns = times * fastest(&t, clock_ns, hopeless_ns / times);
    else
        status = oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, lp->leaf->name, "out of memory");
    oz_arena_free(&arena);
    return status;
}

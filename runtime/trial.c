/* trial.c - timing one way to multiply by one leaf, or by several leaves in turn, with the caller's clock.
 *
 * A layer is made of nothing but the leaf, planned in that one way, and multiplied on made-up activations as
 * a run would do it, on the plan's threads. Where the leaf is not the first of its layer to read, or the last
 * to write, columns lie ready, and stay where they are. One leaf's short runs are timed in groups. Leaves in
 * turn share their scratch and drive each other's weights out of the caches, as the layers of a model do.
 * The fastest of several timings is taken: whatever disturbs a run only makes it slower. */
#include <math.h>
#include <string.h>

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
    double times; /* the columns asked for, of those that are timed */
} oz_trial;

/* What all trials use, one after another: the largest of each. */
typedef struct scratch {
    size_t slot_bytes, worker_bytes, unpack_floats, x_floats, y_floats;
    uint8_t *slots, *workers;
    float *unpacked, *x, *y;
} scratch;

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

static void make_plan(oz_trial *t, const oz_plan *plan) {
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
}

/* Of more columns the first are timed: so many that each thread has groups of tiles for itself. */
static uint64_t timed_columns(const oz_plan *plan, uint64_t columns) {
    return oz_min(columns, UINT64_C(2) * OZ_GROUP * OZ_COLUMNS * (uint64_t)plan->threads.width);
}

static void make_trial(oz_trial *t, const oz_plan *plan, const oz_timing *what) {
    const uint64_t timed = timed_columns(plan, what->columns);
    t->times = (double)what->columns / (double)timed;
    make_layer(t, what->leaf);
    plan_layer(t, what->leaf, &what->choice, what->predicted / (double)oz_div_up(what->columns, OZ_COLUMNS),
               timed);
    make_plan(t, plan);
}

static void grow(scratch *s, const oz_trial *t) {
    const oz_plan *p = &t->plan;
    const size_t columns = t->layer_plan.columns;
    s->slot_bytes = oz_max(s->slot_bytes, p->slots * p->slot_bytes);
    s->worker_bytes = oz_max(s->worker_bytes, (size_t)p->threads.width * p->worker_bytes);
    s->unpack_floats = oz_max(s->unpack_floats, p->unpack_floats);
    s->x_floats = oz_max(s->x_floats, columns * t->leaf->cols);
    s->y_floats = oz_max(s->y_floats, columns * t->leaf->rows);
}

static bool allocate(scratch *s, oz_arena *a) {
    s->slots = oz_arena_alloc(a, s->slot_bytes, 64);
    s->workers = oz_arena_alloc(a, s->worker_bytes, 64);
    s->unpacked = oz_arena_array(a, s->unpack_floats, sizeof(float));
    s->x = oz_arena_array(a, s->x_floats, sizeof(float));
    s->y = oz_arena_array(a, s->y_floats, sizeof(float));
    if (!s->slots || !s->workers || !s->unpacked || !s->x || !s->y) return false;
    for (size_t i = 0; i < s->x_floats; i++) s->x[i] = (float)(i * 2654435761u % 2001) / 1000.0f - 1.0f;
    return true;
}

static void make_job(oz_trial *t, const scratch *s) {
    const oz_leaf_plan *lp = &t->leaf_plan;
    const size_t k = lp->leaf->cols, rows = lp->leaf->rows;
    t->session =
        (oz_session){.plan = &t->plan, .slots = s->slots, .workers = s->workers, .unpacked = s->unpacked};
    t->job = (oz_job){.columns = t->layer_plan.columns,
                      .k = k,
                      .row1 = rows,
                      .gather = leave_panel,
                      .scatter = lp->gives_rows ? NULL : leave_sums,
                      .x = oz_reads_rows(&lp->large) || lp->takes_rows ? s->x : NULL,
                      .y = s->y,
                      .ldx = k,
                      .ldy = rows};
}

static bool make_trials(oz_trial *trials, const oz_plan *plan, const oz_timing *what, size_t n, oz_arena *a) {
    scratch s = {0};
    for (size_t i = 0; i < n; i++) {
        make_trial(&trials[i], plan, &what[i]);
        grow(&s, &trials[i]);
    }
    if (!allocate(&s, a)) return false;
    for (size_t i = 0; i < n; i++) make_job(&trials[i], &s);
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

/* Turns until they have taken as long as a group; the time of each leaf's run, and of all. */
static double time_turns(oz_trial *trials, size_t n, uint64_t (*clock_ns)(void), oz_timing *what) {
    double all = 0;
    size_t turns = 0;
    for (size_t i = 0; i < n; i++) what[i].ns = 0;
    do {
        for (size_t i = 0; i < n; i++) {
            const double ns = time_group(&trials[i], 1, clock_ns);
            what[i].ns += ns;
            all += ns;
        }
    } while (++turns < MOST_IN_GROUP && all < GROUP_NS);
    for (size_t i = 0; i < n; i++) what[i].ns *= trials[i].times / (double)turns;
    return all / (double)turns;
}

/* The first group is the warm-up; of the others the fastest counts. */
static void take_turns(oz_trial *trials, size_t n, uint64_t (*clock_ns)(void), oz_timing *what,
                       oz_timing *best) {
    const double group_ns = fmax(GROUP_NS, time_turns(trials, n, clock_ns, what));
    double least = HUGE_VAL;
    for (size_t i = 0; i < LEAST_GROUPS || (double)i * group_ns < ENOUGH_NS; i++) {
        const double ns = time_turns(trials, n, clock_ns, what);
        if (ns < least) memcpy(best, what, n * sizeof *what);
        least = fmin(least, ns);
    }
    memcpy(what, best, n * sizeof *what);
}

static oz_status no_memory(const char *leaf, oz_error *err) {
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, leaf, "out of memory");
}

oz_status oz_time_leaf(const oz_plan *plan, oz_timing *what, uint64_t (*clock_ns)(void), double hopeless_ns,
                       oz_error *err) {
    oz_arena arena = {.allocator = plan->arena.allocator};
    oz_trial t;
    const bool made = make_trials(&t, plan, what, 1, &arena);
    if (made) what->ns = t.times * fastest(&t, clock_ns, hopeless_ns / t.times);
    oz_arena_free(&arena);
    return made ? OZ_OK : no_memory(what->leaf->leaf->name, err);
}

/* A single leaf needs no clock between its runs. */
oz_status oz_time_in_turn(const oz_plan *plan, oz_timing *what, size_t n, uint64_t (*clock_ns)(void),
                          oz_error *err) {
    if (n == 1) return oz_time_leaf(plan, what, clock_ns, HUGE_VAL, err);
    oz_arena arena = {.allocator = plan->arena.allocator};
    oz_trial *trials = oz_arena_array(&arena, n, sizeof *trials);
    oz_timing *best = oz_arena_array(&arena, n, sizeof *best);
    const bool made = trials && best && make_trials(trials, plan, what, n, &arena);
    if (made) take_turns(trials, n, clock_ns, what, best);
    oz_arena_free(&arena);
    return made ? OZ_OK : no_memory("", err);
}

/* compare_times.c - latency at batch 1 and throughput at the large batch, measured in turns.
 *
 * A machine that slows down or is disturbed for a while must not decide who is faster. So all models are run
 * again and again, a few runs each, every other round in the opposite order, and each one's median counts. A
 * model is opened for its turn and closed after it: the large batch's activations of all would not fit. */
#include "evaluate/compare.h"

#include "evaluate/runner.h"

enum { MOST_RUNS = 45 };

/* How a batch size is measured. */
typedef struct course {
    const char *stage;
    size_t rounds, runs;
    oz_plan_options plan;
} course;

typedef struct timing {
    double times[MOST_RUNS];
    size_t n;
} timing;

/* One run to warm the caches, then those that count. */
static oz_status run_turn(oz_work *w, const course *k, oz_runner *r, timing *t, size_t round, oz_error *err) {
    oz_runner_load(r, w->opt.data, round % w->c->records, r->batch, w->c->records);
    OZ_TRY(oz_runner_run(r, err));
    for (size_t i = 0; i < k->runs; i++) {
        uint64_t start = w->opt.clock_ns();
        OZ_TRY(oz_runner_run(r, err));
        t->times[t->n++] = (double)(w->opt.clock_ns() - start);
    }
    return OZ_OK;
}

static oz_status visit(oz_work *w, const course *k, size_t model, timing *t, size_t round, oz_error *err) {
    oz_runner r;
    OZ_TRY(oz_runner_open(&r, w->live[model].model, w->opt.data, &k->plan, err));
    oz_status status = run_turn(w, k, &r, t, round, err);
    oz_runner_close(&r);
    return status == OZ_OK ? oz_work_step(w, err) : status;
}

static oz_status measure(oz_work *w, const course *k, timing *all, oz_error *err) {
    w->stage = k->stage;
    w->done = 0;
    w->total = (uint64_t)k->rounds * w->n_live;
    for (size_t i = 0; i < w->n_live; i++) all[i].n = 0;
    for (size_t round = 0; round < k->rounds; round++) {
        for (size_t i = 0; i < w->n_live; i++) {
            size_t model = round % 2 ? w->n_live - 1 - i : i;
            OZ_TRY(visit(w, k, model, &all[model], round, err));
        }
    }
    return OZ_OK;
}

static oz_status measure_latency(oz_work *w, timing *all, oz_error *err) {
    bool quick = w->opt.quick;
    course k = {"measure latency", quick ? 5 : 15, quick ? 1 : 3, w->plan};
    k.plan.max_batch = 1;
    OZ_TRY(measure(w, &k, all, err));
    for (size_t i = 0; i < w->n_live; i++) {
        oz_variant *v = w->live[i].variant;
        v->latency_ns = oz_quantile(all[i].times, all[i].n, 0.5);
        v->latency_low_ns = oz_quantile(all[i].times, all[i].n, 0.25);
        v->latency_high_ns = oz_quantile(all[i].times, all[i].n, 0.75);
    }
    return OZ_OK;
}

static oz_status measure_throughput(oz_work *w, timing *all, oz_error *err) {
    course k = {"measure throughput", w->opt.quick ? 3 : 5, 1, w->plan};
    OZ_TRY(measure(w, &k, all, err));
    for (size_t i = 0; i < w->n_live; i++) {
        double ns = oz_quantile(all[i].times, all[i].n, 0.5);
        w->live[i].variant->throughput = ns > 0.0 ? 1e9 * (double)w->plan.max_batch / ns : 0.0;
    }
    return OZ_OK;
}

oz_status oz_work_time(oz_work *w, oz_error *err) {
    if (!w->opt.clock_ns) return OZ_OK;
    oz_arena arena = {.allocator = w->host.allocator};
    timing *all = oz_arena_array(&arena, w->n_live, sizeof *all);
    if (!all) return oz_work_memory(err);
    oz_status status = measure_latency(w, all, err);
    if (status == OZ_OK) status = measure_throughput(w, all, err);
    oz_arena_free(&arena);
    w->c->timed = status == OZ_OK;
    return status;
}

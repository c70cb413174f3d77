/* compare_times.c - latency at batch 1, measured in turns.
 *
 * A machine that slows down or is disturbed for a while must not decide who is faster. So all models are run
 * again and again, a few runs each, every other round in the opposite order, and each one's median counts. */
#include "evaluate/compare.h"

#include "evaluate/runner.h"

enum { ROUNDS = 15, RUNS = 3, QUICK_ROUNDS = 5, QUICK_RUNS = 1 };

typedef struct timing {
    oz_runner runner;
    double *times;
    size_t n;
} timing;

/* One run to warm the caches, then those that count. */
static oz_status visit(oz_work *w, timing *t, size_t round, size_t runs, oz_error *err) {
    oz_runner_load(&t->runner, w->opt.data, round % w->c->records, 1, w->c->records);
    OZ_TRY(oz_runner_run(&t->runner, err));
    for (size_t i = 0; i < runs; i++) {
        uint64_t start = w->opt.clock_ns();
        OZ_TRY(oz_runner_run(&t->runner, err));
        t->times[t->n++] = (double)(w->opt.clock_ns() - start);
    }
    return OZ_OK;
}

static oz_status measure(oz_work *w, timing *all, oz_error *err) {
    size_t rounds = w->opt.quick ? QUICK_ROUNDS : ROUNDS, runs = w->opt.quick ? QUICK_RUNS : RUNS;
    w->stage = "measure latency";
    w->done = 0;
    w->total = (uint64_t)rounds * w->n_live;
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < w->n_live; i++) {
            OZ_TRY(visit(w, &all[round % 2 ? w->n_live - 1 - i : i], round, runs, err));
            OZ_TRY(oz_work_step(w, err));
        }
    }
    for (size_t i = 0; i < w->n_live; i++) {
        oz_variant *v = w->live[i].variant;
        v->latency_ns = oz_quantile(all[i].times, all[i].n, 0.5);
        v->latency_low_ns = oz_quantile(all[i].times, all[i].n, 0.25);
        v->latency_high_ns = oz_quantile(all[i].times, all[i].n, 0.75);
    }
    return OZ_OK;
}

static oz_status open_all(oz_work *w, timing *all, oz_arena *arena, oz_error *err) {
    oz_plan_options plan = w->plan;
    plan.max_batch = 1;
    for (size_t i = 0; i < w->n_live; i++) {
        all[i].times = oz_arena_array(arena, ROUNDS * RUNS, sizeof(double));
        if (!all[i].times) return oz_work_memory(err);
        OZ_TRY(oz_runner_open(&all[i].runner, w->live[i].model, w->opt.data, &plan, err));
    }
    return OZ_OK;
}

oz_status oz_work_time(oz_work *w, oz_error *err) {
    if (!w->opt.clock_ns) return OZ_OK;
    oz_arena arena = {.allocator = w->host.allocator};
    timing *all = oz_arena_array(&arena, w->n_live, sizeof *all);
    if (!all) return oz_work_memory(err);
    oz_status status = open_all(w, all, &arena, err);
    if (status == OZ_OK) status = measure(w, all, err);
    for (size_t i = 0; i < w->n_live; i++) oz_runner_close(&all[i].runner);
    oz_arena_free(&arena);
    w->c->timed = status == OZ_OK;
    return status;
}

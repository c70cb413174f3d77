/* limits.c - measuring what a machine can do at best.
 *
 * All threads run the same loop at once, each on a share of its own, again and again until enough time has
 * passed; the median of several such runs counts. Of round trips, two threads make them together. */
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "base/options.h"
#include "kernels/limits.h"
#include "runtime/ping_pong.h"
#include "runtime/plan.h"

enum { SAMPLES = 7, READ_STEP = 512 };
/* Short ones and many: another process on the machine interrupts few of them. */
enum { TRIP_SAMPLES = 31, TRIPS = 1000 };
#define SAMPLE_NS 2000000u

typedef struct oz_measurement {
    oz_limit what;
    const oz_limit_kernels *kernels;
    uint8_t *memory; /* to read; a share for each thread */
    size_t share;
    size_t rounds;
    oz_ping_pong line; /* to send round */
    bool apart;        /* its players were not there at the same time */
} oz_measurement;

static void work(void *arg, size_t thread) {
    oz_measurement *m = arg;
    float sink[16] = {0};
    switch (m->what) {
    case OZ_LIMIT_MULTIPLY_ADD:
        m->kernels->multiply_add(m->rounds, sink);
        break;
    case OZ_LIMIT_DOT:
        m->kernels->dot(m->rounds, sink);
        break;
    case OZ_LIMIT_READ:
        for (size_t r = 0; r < m->rounds; r++)
            m->kernels->read(m->memory + thread * m->share, m->share, sink);
        break;
    case OZ_LIMIT_ROUND_TRIP:
        oz_ping_pong_play(&m->line, thread);
        break;
    }
}

static uint64_t time_once(oz_measurement *m, const oz_threads *threads, uint64_t (*clock_ns)(void)) {
    const bool trips = m->what == OZ_LIMIT_ROUND_TRIP;
    oz_ping_pong_start(&m->line, m->rounds);
    uint64_t start = clock_ns();
    oz_parallel(threads, trips ? 2 : (size_t)threads->width, work, m);
    uint64_t spent = clock_ns() - start;
    m->apart = trips && !oz_ping_pong_done(&m->line);
    return spent;
}

/* Operations, bytes or round trips of all threads. */
static double done_in_a_round(const oz_measurement *m, const oz_threads *threads) {
    if (m->what == OZ_LIMIT_ROUND_TRIP) return 1;
    return (double)(m->what == OZ_LIMIT_READ ? m->share : m->kernels->round_ops) * threads->width;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void choose_rounds(oz_measurement *m, const oz_threads *threads, uint64_t (*clock_ns)(void)) {
    m->rounds = TRIPS;
    if (m->what == OZ_LIMIT_ROUND_TRIP) return;
    for (m->rounds = 1; time_once(m, threads, clock_ns) < SAMPLE_NS && m->rounds < SIZE_MAX / 4;)
        m->rounds *= 2;
}

/* Nothing, once m->apart. */
static double measure(oz_measurement *m, const oz_threads *threads, uint64_t (*clock_ns)(void)) {
    const double done = done_in_a_round(m, threads);
    const size_t samples = m->what == OZ_LIMIT_ROUND_TRIP ? TRIP_SAMPLES : SAMPLES;
    double per_ns[TRIP_SAMPLES] = {0};
    choose_rounds(m, threads, clock_ns);
    for (size_t i = 0; i < samples && !m->apart; i++) {
        uint64_t spent = oz_max(1, time_once(m, threads, clock_ns));
        per_ns[i] = done * (double)m->rounds / (double)spent;
    }
    qsort(per_ns, samples, sizeof *per_ns, by_size);
    return per_ns[samples / 2];
}

static oz_status never_met(oz_error *err) {
    return oz_fail(err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, "threads",
                   "a round trip needs two that run at the same time: allow more, or another executor");
}

static oz_status run(oz_measurement *m, uint64_t bytes, const oz_plan_options *opt,
                     const oz_allocator *allocator, const oz_threads *threads, double *per_ns,
                     oz_error *err) {
    size_t width = (size_t)threads->width, all = 0;
    if (m->what == OZ_LIMIT_ROUND_TRIP && width < 2) return never_met(err);
    if (m->what == OZ_LIMIT_READ) {
        m->share = oz_round_up(oz_max(1, (size_t)bytes / width), READ_STEP);
        all = m->share * width;
        m->memory = oz_alloc(allocator, all, 64);
        if (!m->memory) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
        memset(m->memory, 1, all);
    }
    *per_ns = measure(m, threads, opt->clock_ns);
    if (m->memory) oz_release(allocator, m->memory, all);
    return m->apart ? never_met(err) : OZ_OK;
}

oz_status oz_machine_limit(oz_limit what, uint64_t bytes, const oz_plan_options *given, double *per_ns,
                           oz_error *err) {
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_host host = OZ_HOST_INIT;
    oz_isa isa;
    OZ_TRY(oz_options_take(&opt, sizeof opt, given, "plan options", err));
    if (opt.host) OZ_TRY(oz_options_take(&host, sizeof host, opt.host, "host", err));
    OZ_TRY(oz_choose_isa(opt.isa, &isa, err));
    if (!opt.clock_ns || !per_ns)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "measuring needs a clock and a result");
    if (what == OZ_LIMIT_READ && bytes > SIZE_MAX / 2)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "bytes", "too many to read");
    oz_executor *own = NULL;
    if (!host.executor) OZ_TRY(oz_executor_create(opt.threads, host.allocator, &own, err));
    oz_threads threads = oz_threads_make(own ? own : host.executor, opt.threads);
    oz_measurement m = {.what = what, .kernels = oz_limit_kernels_of(isa)};
    oz_status status = run(&m, bytes, &opt, host.allocator, &threads, per_ns, err);
    oz_executor_free(own);
    return status;
}

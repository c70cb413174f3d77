/* limits.c - measuring what a machine can do at best.
 *
 * All threads run the same loop at once, each on a share of its own, again and again until enough time has
 * passed; the median of several such runs counts. */
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "base/options.h"
#include "kernels/limits.h"
#include "runtime/plan.h"

enum { SAMPLES = 7, READ_STEP = 512 };
#define SAMPLE_NS 2000000u

typedef struct oz_measurement {
    oz_limit what;
    const oz_limit_kernels *kernels;
    uint8_t *memory; /* to read; a share for each thread */
    size_t share;
    size_t rounds;
} oz_measurement;

static void work(void *arg, size_t thread) {
    const oz_measurement *m = arg;
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
    }
}

static uint64_t time_once(oz_measurement *m, const oz_threads *threads, uint64_t (*clock_ns)(void)) {
    uint64_t start = clock_ns();
    oz_parallel(threads, (size_t)threads->width, work, m);
    return clock_ns() - start;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double measure(oz_measurement *m, const oz_threads *threads, uint64_t (*clock_ns)(void)) {
    double done = m->what == OZ_LIMIT_READ ? (double)m->share : (double)m->kernels->round_ops;
    double per_ns[SAMPLES];
    for (m->rounds = 1; time_once(m, threads, clock_ns) < SAMPLE_NS && m->rounds < SIZE_MAX / 4;)
        m->rounds *= 2;
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t spent = oz_max(1, time_once(m, threads, clock_ns));
        per_ns[i] = done * (double)m->rounds * threads->width / (double)spent;
    }
    qsort(per_ns, SAMPLES, sizeof *per_ns, by_size);
    return per_ns[SAMPLES / 2];
}

static oz_status run(oz_measurement *m, uint64_t bytes, const oz_plan_options *opt,
                     const oz_allocator *allocator, const oz_threads *threads, double *per_ns,
                     oz_error *err) {
    size_t width = (size_t)threads->width, all = 0;
    if (m->what == OZ_LIMIT_READ) {
        m->share = oz_round_up(oz_max(1, (size_t)bytes / width), READ_STEP);
        all = m->share * width;
        m->memory = oz_alloc(allocator, all, 64);
        if (!m->memory) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
        memset(m->memory, 1, all);
    }
    *per_ns = measure(m, threads, opt->clock_ns);
    if (m->memory) oz_release(allocator, m->memory, all);
    return OZ_OK;
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

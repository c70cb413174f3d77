/* test_limits.c - what a machine can do at best, and what is refused. */
#include <criterion/criterion.h>

#include <ounce/ounce.h>

#include "base/clock.h"
#include "base/parallel.h"
#include "runtime/ping_pong.h"

static oz_plan_options with_clock(void) {
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.clock_ns = oz_clock_ns;
    opt.threads = 1;
    return opt;
}

static double measure(oz_limit what, uint64_t bytes) {
    oz_plan_options opt = with_clock();
    oz_error err = {0};
    double per_ns = 0;
    cr_assert_eq(oz_machine_limit(what, bytes, &opt, &per_ns, &err), OZ_OK, "%s", err.message);
    return per_ns;
}

/* No CPU that this is for is slower than 10 MB/s or faster than 1000 floats a cycle. */
Test(limits, are_measured) {
    double floats = measure(OZ_LIMIT_MULTIPLY_ADD, 0), bytes = measure(OZ_LIMIT_DOT, 0);
    cr_expect(floats > 0.01 && floats < 1e4, "%g", floats);
    cr_expect(bytes > 0.01 && bytes < 1e5, "%g", bytes);
    double cache = measure(OZ_LIMIT_READ, 16384), one = measure(OZ_LIMIT_READ, 1);
    cr_expect(cache > 0.01 && cache < 1e4, "%g", cache);
    cr_expect(one > 0.01, "%g", one);
}

Test(limits, all_instruction_sets) {
    static const char *const isas[] = {"scalar", "avx2", "avx512", "avx512vnni"};
    for (size_t i = 0; i < 4; i++) {
        oz_plan_options opt = with_clock();
        oz_error err = {0};
        double per_ns = 0;
        opt.isa = isas[i];
        oz_status status = oz_machine_limit(OZ_LIMIT_DOT, 0, &opt, &per_ns, &err);
        cr_expect(status == OZ_ERR_SUPPORT || per_ns > 0, "%s", isas[i]);
    }
}

static oz_status round_trip(int threads, const oz_executor *executor, double *per_ns) {
    oz_plan_options opt = with_clock();
    oz_host host = OZ_HOST_INIT;
    oz_error err = {0};
    host.executor = executor;
    opt.host = &host;
    opt.threads = threads;
    oz_status status = oz_machine_limit(OZ_LIMIT_ROUND_TRIP, 0, &opt, per_ns, &err);
    cr_expect(status == OZ_OK || *err.message);
    return status;
}

/* No line crosses a chip in 5 ns, and no two threads that share a processor need a millisecond. A machine
 * that is busy may not run both at once. */
Test(limits, round_trips_of_two_threads, .timeout = 60) {
    for (int threads = 2; threads <= 3; threads++) {
        double per_ns = 0;
        oz_status status = OZ_ERR_SUPPORT;
        for (int tries = 0; tries < 50 && status == OZ_ERR_SUPPORT; tries++)
            status = round_trip(threads, NULL, &per_ns);
        cr_assert_eq(status, OZ_OK);
        cr_expect(per_ns > 1e-6 && per_ns < 0.2, "%d threads: %g ns", threads, 1 / per_ns);
    }
}

static void forwards(void *ctx, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    (void)ctx;
    for (size_t i = 0; i < n; i++) fn(arg, i);
}

static void backwards(void *ctx, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    (void)ctx;
    while (n-- > 0) fn(arg, n);
}

Test(limits, round_trips_need_threads_that_run_at_once, .timeout = 30) {
    const oz_executor one_after_the_other[] = {{.width = 2, .run = forwards}, {.width = 2, .run = backwards}};
    double per_ns = 0;
    cr_expect_eq(round_trip(1, NULL, &per_ns), OZ_ERR_SUPPORT);
    for (size_t i = 0; i < 2; i++)
        cr_expect_eq(round_trip(2, &one_after_the_other[i], &per_ns), OZ_ERR_SUPPORT, "%zu", i);
}

static void play(void *arg, size_t player) {
    oz_ping_pong_play(arg, player);
}

static bool is_played(size_t rounds, const oz_executor *executor) {
    oz_ping_pong p;
    oz_ping_pong_start(&p, rounds);
    oz_threads two = oz_threads_make(executor, 2);
    oz_parallel(&two, 2, play, &p);
    return oz_ping_pong_done(&p);
}

/* A single round, too, needs both: the first player awaits its answer. */
Test(limits, players_meet_or_give_up, .timeout = 30) {
    const oz_executor sequential[] = {{.width = 2, .run = forwards}, {.width = 2, .run = backwards}};
    oz_executor *pool;
    cr_assert_eq(oz_executor_create(2, NULL, &pool, NULL), OZ_OK);
    for (size_t rounds = 1; rounds <= 100; rounds *= 10) {
        int tries = 0;
        while (tries < 50 && !is_played(rounds, pool)) tries++;
        cr_expect(tries < 50, "%zu", rounds);
        for (size_t i = 0; i < 2; i++) cr_expect_not(is_played(rounds, &sequential[i]), "%zu", rounds);
    }
    oz_executor_free(pool);
}

Test(limits, refuse) {
    oz_plan_options opt = with_clock();
    oz_error err = {0};
    double per_ns;
    opt.isa = "mmx";
    cr_expect_eq(oz_machine_limit(OZ_LIMIT_DOT, 0, &opt, &per_ns, &err), OZ_ERR_ARGUMENT);
    opt.isa = NULL;
    cr_expect_eq(oz_machine_limit(OZ_LIMIT_READ, UINT64_MAX, &opt, &per_ns, &err), OZ_ERR_ARGUMENT);
    cr_expect_eq(oz_machine_limit(OZ_LIMIT_DOT, 0, &opt, NULL, &err), OZ_ERR_ARGUMENT);
    opt.clock_ns = NULL;
    cr_expect_eq(oz_machine_limit(OZ_LIMIT_DOT, 0, &opt, &per_ns, &err), OZ_ERR_ARGUMENT);
}

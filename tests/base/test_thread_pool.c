/* test_thread_pool.c - the executor of our own: every index once, from many callers, and quiet when idle. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <ounce/ounce.h>

#include "base/cpu.h"
#include "base/parallel.h"

enum { MOST = 300 };

static oz_executor *make(int threads) {
    oz_executor *pool = NULL;
    oz_error err = {0};
    cr_assert_eq(oz_executor_create(threads, NULL, &pool, &err), OZ_OK, "%s", err.message);
    return pool;
}

static void count(void *arg, size_t i) {
    atomic_fetch_add(&((atomic_int *)arg)[i], 1);
}

static void check_loop(const oz_executor *pool, size_t n) {
    atomic_int seen[MOST + 1];
    for (size_t i = 0; i <= MOST; i++) atomic_init(&seen[i], 0);
    pool->run(pool->ctx, n, count, seen);
    for (size_t i = 0; i <= MOST; i++)
        cr_assert_eq(seen[i], i < n ? 1 : 0, "index %zu of %zu on %d threads", i, n, pool->width);
}

Test(thread_pool, each_index_once) {
    for (int threads = 1; threads <= 9; threads++) {
        oz_executor *pool = make(threads);
        cr_assert_eq(pool->width, threads);
        for (size_t n = 0; n <= 20; n++) check_loop(pool, n);
        check_loop(pool, MOST);
        oz_executor_free(pool);
    }
}

static void nothing(void *arg, size_t i) {
    (void)arg, (void)i;
}

static void one_after_the_other(void *ctx, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    (void)ctx;
    for (size_t i = 0; i < n; i++) fn(arg, i);
}

/* Pauses between loops are of all lengths around what a thread waits before it sleeps. */
Test(thread_pool, loops_back_to_back_and_apart) {
    oz_executor *pool = make(3);
    for (int i = 0; i < 20000; i++) pool->run(pool->ctx, 3, nothing, NULL);
    for (long i = 0; i < 300; i++) {
        nanosleep(&(struct timespec){.tv_nsec = i * 700}, NULL);
        check_loop(pool, 1 + (size_t)i % 7);
    }
    oz_executor_free(pool);
}

/* After a loop its threads look for work for a moment, then they sleep. The moment is short, so a machine
 * that takes the processor away in it gets further tries. */
Test(thread_pool, threads_look_for_work_after_a_loop) {
    oz_executor *pool = make(2);
    const oz_threads two = {.executor = pool, .width = 2}, none = {.width = 1};
    const oz_executor host = {.width = 2, .run = one_after_the_other};
    bool looks = false;
    for (int i = 0; i < 1000 && !looks; i++) {
        pool->run(pool->ctx, 2, nothing, NULL);
        looks = oz_threads_look(&two);
    }
    cr_expect_eq(looks, oz_cpu_count() > 1);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    cr_expect_not(oz_threads_look(&two));
    cr_expect_not(oz_threads_look(&none));
    cr_expect_not(oz_threads_look(&(oz_threads){.executor = &host, .width = 2}));
    oz_executor_free(pool);
}

static void loop_inside(void *arg, size_t i) {
    const oz_executor *pool = arg;
    (void)i;
    check_loop(pool, 10);
}

Test(thread_pool, a_loop_inside_of_a_loop) {
    oz_executor *pool = make(4);
    pool->run(pool->ctx, 8, loop_inside, pool);
    oz_executor_free(pool);
}

static void *call_often(void *arg) {
    for (int i = 0; i < 500; i++) check_loop(arg, 1 + (size_t)i % 50);
    return NULL;
}

Test(thread_pool, several_callers) {
    oz_executor *pool = make(2);
    pthread_t callers[4];
    for (int i = 0; i < 4; i++) cr_assert_eq(pthread_create(&callers[i], NULL, call_often, pool), 0);
    for (int i = 0; i < 4; i++) pthread_join(callers[i], NULL);
    oz_executor_free(pool);
}

Test(thread_pool, made_and_freed_often) {
    for (int i = 0; i < 200; i++) {
        oz_executor *pool = make(i % 5 + 1);
        if (i % 2) check_loop(pool, (size_t)i);
        oz_executor_free(pool);
    }
    oz_executor_free(NULL);
}

static double cpu_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

/* Under 1 % of a processor, 100 ms after the last loop. */
Test(thread_pool, is_quiet_when_idle) {
    oz_executor *pool = make(4);
    for (int i = 0; i < 1000; i++) check_loop(pool, 8);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    double before = cpu_ms();
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    double spent = cpu_ms() - before;
    cr_assert_lt(spent, 5.0, "%.2f ms in 500", spent);
    oz_executor_free(pool);
}

Test(thread_pool, refuses) {
    oz_executor *pool = NULL;
    cr_assert_eq(oz_executor_create(-1, NULL, &pool, NULL), OZ_ERR_ARGUMENT);
    cr_assert_null(pool);
    cr_assert_eq(oz_executor_create(1, NULL, NULL, NULL), OZ_ERR_ARGUMENT);
    pool = make(0);
    cr_assert_geq(pool->width, 1);
    oz_executor_free(pool);
}

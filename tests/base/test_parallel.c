/* test_parallel.c - every index exactly once, on no more threads than asked for. */
#include "base/parallel.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

enum { MOST = 1000 };

typedef struct tally {
    atomic_int seen[MOST];
    atomic_int running, most_running;
    pthread_t caller;
    atomic_int elsewhere;
} tally;

static void count(void *arg, size_t i) {
    tally *t = arg;
    int running = atomic_fetch_add(&t->running, 1) + 1, most = atomic_load(&t->most_running);
    while (running > most && !atomic_compare_exchange_weak(&t->most_running, &most, running)) continue;
    if (!pthread_equal(pthread_self(), t->caller)) atomic_fetch_add(&t->elsewhere, 1);
    atomic_fetch_add(&t->seen[i], 1);
    atomic_fetch_sub(&t->running, 1);
}

/* Threads that were not on the caller's own. */
static int check_loop(const oz_threads *threads, size_t n) {
    static tally t;
    t = (tally){.caller = pthread_self()};
    oz_parallel(threads, n, count, &t);
    for (size_t i = 0; i < MOST; i++) cr_assert_eq(t.seen[i], i < n ? 1 : 0, "index %zu of %zu", i, n);
    cr_assert_leq(t.most_running, threads->width);
    return t.elsewhere;
}

Test(parallel, each_index_once) {
    oz_executor *pool;
    cr_assert_eq(oz_executor_create(5, NULL, &pool, NULL), OZ_OK);
    for (int wanted = 0; wanted <= 6; wanted++) {
        oz_threads threads = oz_threads_make(pool, wanted);
        cr_assert_eq(threads.width, wanted == 0 || wanted > 5 ? 5 : wanted);
        for (size_t n = 0; n <= 9; n++) check_loop(&threads, n);
        check_loop(&threads, MOST);
    }
    oz_executor_free(pool);
}

Test(parallel, one_thread_or_one_index_stay_on_the_calling_thread) {
    oz_executor *pool;
    cr_assert_eq(oz_executor_create(4, NULL, &pool, NULL), OZ_OK);
    oz_threads one = oz_threads_make(pool, 1), many = oz_threads_make(pool, 0),
               none = oz_threads_make(NULL, 4);
    cr_assert_eq(check_loop(&one, MOST), 0);
    cr_assert_eq(check_loop(&many, 1), 0);
    cr_assert_eq(check_loop(&none, MOST), 0, "without an executor there are no other threads");
    oz_executor_free(pool);
}

/* An executor with as many threads as indices that it is given. */
typedef struct job {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t i;
} job;

static void *run_job(void *p) {
    job *j = p;
    j->fn(j->arg, j->i);
    return NULL;
}

static void spawn(void *ctx, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    enum { AT_ONCE = 4 };
    *(size_t *)ctx = n;
    for (size_t start = 0; start < n; start += AT_ONCE) {
        pthread_t threads[AT_ONCE];
        job jobs[AT_ONCE];
        size_t batch = n - start < AT_ONCE ? n - start : AT_ONCE;
        for (size_t k = 0; k < batch; k++) {
            jobs[k] = (job){fn, arg, start + k};
            cr_assert_eq(pthread_create(&threads[k], NULL, run_job, &jobs[k]), 0);
        }
        for (size_t k = 0; k < batch; k++) pthread_join(threads[k], NULL);
    }
}

Test(parallel, the_hosts_executor) {
    size_t asked = 0;
    oz_executor e = {.ctx = &asked, .width = 4, .run = spawn};
    oz_threads all = oz_threads_make(&e, 0), too_many = oz_threads_make(&e, 9), two = oz_threads_make(&e, 2);
    cr_assert_eq(all.width, 4);
    cr_assert_eq(too_many.width, 4);
    cr_assert_eq(two.width, 2);
    cr_assert_eq(check_loop(&all, 100), 100);
    cr_assert_eq(asked, 100);
    cr_assert_eq(check_loop(&two, 100), 100, "an executor's loop runs on its threads");
    cr_assert_eq(asked, 2, "two workers share the indices");

    asked = 0;
    oz_threads one = oz_threads_make(&e, 1);
    check_loop(&one, 100);
    cr_assert_eq(asked, 0);
    oz_executor none = {.ctx = &asked, .width = 0, .run = spawn};
    cr_assert_eq(oz_threads_make(&none, 0).width, 1);
}

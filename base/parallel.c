/* parallel.c - the one parallel loop: the host's executor, OpenMP, or none.
 *
 * Indices are handed out one at a time; whoever calls makes the pieces large enough.  Nothing about the order
 * or the number of threads may show in a result, so callers give each index its own output. */
#include "base/parallel.h"

#include <stdatomic.h>

#if defined OZ_OPENMP || defined OZ_ONEDNN
#include <omp.h>
#endif

enum { MAX_WIDTH = 1024 };

static int most_threads(const oz_executor *executor) {
    if (executor) return executor->width;
#ifdef OZ_OPENMP
    return omp_get_thread_limit();
#else
    return 1;
#endif
}

static int usual_threads(const oz_executor *executor) {
    if (executor) return executor->width;
#ifdef OZ_OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

oz_threads oz_threads_make(const oz_executor *executor, int wanted) {
    int width = wanted > 0 ? wanted : usual_threads(executor);
    int most = most_threads(executor);
    if (width > most) width = most;
    if (width > MAX_WIDTH) width = MAX_WIDTH;
    if (width < 1) width = 1;
    return (oz_threads){.executor = executor, .width = width};
}

/* An executor uses all its threads; to use fewer, that many workers share one counter. */
typedef struct shared_loop {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t n;
    atomic_size_t next;
} shared_loop;

static void take_indices(void *arg, size_t worker) {
    (void)worker;
    shared_loop *loop = arg;
    for (;;) {
        size_t i = atomic_fetch_add_explicit(&loop->next, 1, memory_order_relaxed);
        if (i >= loop->n) return;
        loop->fn(loop->arg, i);
    }
}

static void run_on_executor(const oz_threads *t, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    const oz_executor *e = t->executor;
    if (t->width >= e->width || (size_t)t->width >= n) {
        e->run(e->ctx, n, fn, arg);
        return;
    }
    shared_loop loop = {.fn = fn, .arg = arg, .n = n};
    atomic_init(&loop.next, 0);
    e->run(e->ctx, (size_t)t->width, take_indices, &loop);
}

static void run_here(size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    for (size_t i = 0; i < n; i++) fn(arg, i);
}

#ifdef OZ_OPENMP
static void run_on_openmp(int width, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    if (n < (size_t)width) width = (int)n;
#pragma omp parallel for schedule(dynamic, 1) num_threads(width)
    for (size_t i = 0; i < n; i++) fn(arg, i);
}
#endif

void oz_parallel(const oz_threads *t, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    if (n == 0) return;
    if (t->width <= 1 || n == 1)
        run_here(n, fn, arg);
    else if (t->executor)
        run_on_executor(t, n, fn, arg);
    else
#ifdef OZ_OPENMP
        run_on_openmp(t->width, n, fn, arg);
#else
        run_here(n, fn, arg);
#endif
}

int oz_threads_confine(void) {
#if defined OZ_OPENMP || defined OZ_ONEDNN
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    return before;
#else
    return 1;
#endif
}

void oz_threads_restore(int confined) {
#if defined OZ_OPENMP || defined OZ_ONEDNN
    omp_set_num_threads(confined);
#else
    (void)confined;
#endif
}

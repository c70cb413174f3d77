/* parallel.c - the one parallel loop.
 *
 * Indices are handed out one at a time; whoever calls makes the pieces large enough.  Nothing about the order
 * or the number of threads may show in a result, so callers give each index its own output. */
#include "base/parallel.h"

#include <stdatomic.h>

oz_threads oz_threads_make(const oz_executor *executor, int wanted) {
    int width = executor ? executor->width : 1;
    if (wanted > 0 && wanted < width) width = wanted;
    return (oz_threads){.executor = executor, .width = width < 1 ? 1 : width};
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

void oz_parallel(const oz_threads *t, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    if (n == 0) return;
    if (t->width > 1 && n > 1) {
        run_on_executor(t, n, fn, arg);
        return;
    }
    for (size_t i = 0; i < n; i++) fn(arg, i);
}

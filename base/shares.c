/* shares.c - see shares.h. */
#include "base/shares.h"

#include "base/arith.h"

void oz_shares_cut(oz_shares *s, size_t tasks, size_t workers) {
    s->n = oz_min(oz_max(workers, 1), OZ_SHARES);
    for (size_t k = 0; k < s->n; k++) {
        atomic_init(&s->share[k].next, tasks * k / s->n);
        s->share[k].end = tasks * (k + 1) / s->n;
    }
}

void oz_share_out(const oz_threads *t, oz_shares *s, size_t tasks, void (*fn)(void *arg, size_t worker),
                  void *arg) {
    const size_t workers = oz_min((size_t)t->width, tasks);
    oz_shares_cut(s, tasks, workers);
    oz_parallel(t, workers, fn, arg);
}

/* The order of the counters does not matter: whoever starts the loop has set them before, and whatever a task
 * writes is handed over when the loop ends. */
bool oz_shares_take(oz_shares *s, size_t worker, size_t *task) {
    for (size_t k = 0; k < s->n; k++) {
        oz_share *share = &s->share[(worker + k) % s->n];
        if (atomic_load_explicit(&share->next, memory_order_relaxed) >= share->end) continue;
        *task = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
        if (*task < share->end) return true;
    }
    return false;
}

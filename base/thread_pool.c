/* thread_pool.c - the executor of our own: threads that stay, and share out the indices of one loop at a
 * time.
 *
 * Each thread has a seat, the caller of a loop the first, and each seat a share of the indices (shares.h).
 * All that a thread and its caller say to each other is one word of the seat, its state:
 *
 *     IDLE ─ call ─> CALLED ─ join ─> WORKING ─ leave ─> IDLE
 *
 * A caller that has run out of indices takes back the calls that nobody has answered, so it only waits for
 * threads that are at work: one that the system has not let run costs nothing. Whoever waits spins for a
 * moment, because the next layer of a network follows within microseconds, then sleeps (ASLEEP, AWAITED)
 * until the other, who sees that in the word it replaces, wakes it. */
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include "base/arith.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/memory.h"
#include "base/parallel.h"
#include "base/shares.h"
#include "base/signals.h"

enum { CACHE_LINE = 64, MAX_WIDTH = 1024 };

/* About what waking a sleeping thread takes: spinning longer could not save more than it has cost. */
#define SPIN_NS 50000

enum { IDLE, ASLEEP, CALLED, WORKING, AWAITED, STOPPED };

typedef struct seat {
    alignas(CACHE_LINE) atomic_int state;
    alignas(CACHE_LINE) struct pool *pool;
    pthread_t thread;
    pthread_mutex_t lock; /* to sleep and to wake; the state itself is not under it */
    pthread_cond_t turned;
} seat;

typedef struct pool {
    oz_executor executor;
    const oz_allocator *allocator;
    size_t bytes;
    uint64_t spin_ns;
    alignas(CACHE_LINE) atomic_bool busy;
    void (*fn)(void *arg, size_t i); /* the loop under way, fixed while any seat is CALLED or WORKING */
    void *arg;
    size_t sharers;
    oz_shares shares; /* of its indices, one a seat */
    seat seats[];
} pool;

/* ---- waiting -------------------------------------------------------------------------- */

static void pause_briefly(void) {
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb");
#endif
}

/* The state once it is another than `value`, or `value` if it stays that for the time. */
static int spin_while(seat *s, int value) {
    enum { LOOKS = 64 }; /* between two looks at the clock */
    uint64_t patience = s->pool->spin_ns, start = 0;
    for (unsigned i = 1;; i++) {
        int state = atomic_load_explicit(&s->state, memory_order_acquire);
        if (state != value || patience == 0) return state;
        if (i % LOOKS == 0) {
            uint64_t now = oz_clock_ns();
            if (!start) start = now;
            if (now - start >= patience) return state;
        }
        pause_briefly();
    }
}

/* Turns the state from `value`, unless it is another by now, into `asleep`, and sleeps until it is turned on.
 * No wake is lost: who turns it on takes the lock after, and so finds us waiting or past the test. */
static void sleep_while(seat *s, int value, int asleep) {
    pthread_mutex_lock(&s->lock);
    if (atomic_compare_exchange_strong_explicit(&s->state, &value, asleep, memory_order_acq_rel,
                                                memory_order_acquire)) {
        while (atomic_load_explicit(&s->state, memory_order_acquire) == asleep)
            pthread_cond_wait(&s->turned, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

/* Release, so that who finds the state finds what was written before; acquire, for the way back. */
static void turn(seat *s, int state) {
    int before = atomic_exchange_explicit(&s->state, state, memory_order_acq_rel);
    if (before != ASLEEP && before != AWAITED) return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_signal(&s->turned);
    pthread_mutex_unlock(&s->lock);
}

/* ---- one loop --------------------------------------------------------------------------- */

/* The shares are cut before any seat is called, and empty before all have left. */
static void take_indices(pool *p, size_t k) {
    for (size_t i; oz_shares_take(&p->shares, k, &i);) p->fn(p->arg, i);
}

static void *work(void *arg) {
    seat *s = arg;
    for (;;) {
        int state = spin_while(s, IDLE);
        if (state == STOPPED) return NULL;
        if (state == IDLE) sleep_while(s, IDLE, ASLEEP);
        state = CALLED;
        if (!atomic_compare_exchange_strong_explicit(&s->state, &state, WORKING, memory_order_acq_rel,
                                                     memory_order_acquire))
            continue;
        take_indices(s->pool, (size_t)(s - s->pool->seats));
        turn(s, IDLE);
    }
}

/* Takes back the call of a seat, or waits until it is left. */
static void dismiss(seat *s) {
    int state = CALLED;
    if (atomic_compare_exchange_strong_explicit(&s->state, &state, IDLE, memory_order_acq_rel,
                                                memory_order_acquire))
        return;
    if (state == WORKING && spin_while(s, WORKING) == WORKING) sleep_while(s, WORKING, AWAITED);
}

/* A pool runs one loop at a time. Who comes meanwhile, from another thread or from inside of the loop, runs
 * its own alone: all the threads have work. */
static void run(void *ctx, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    pool *p = ctx;
    if (n <= 1 || p->executor.width <= 1 || atomic_exchange_explicit(&p->busy, true, memory_order_acquire)) {
        for (size_t i = 0; i < n; i++) fn(arg, i);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    p->sharers = oz_min(n, (size_t)p->executor.width);
    oz_shares_cut(&p->shares, n, p->sharers);
    for (size_t k = 1; k < p->sharers; k++) turn(&p->seats[k], CALLED);
    take_indices(p, 0);
    for (size_t k = 1; k < p->sharers; k++) dismiss(&p->seats[k]);
    atomic_store_explicit(&p->busy, false, memory_order_release);
}

bool oz_threads_look(const oz_threads *t) {
    if (!t->executor || t->executor->run != run) return false;
    pool *p = t->executor->ctx;
    for (int k = 1; k < t->width; k++) {
        if (atomic_load_explicit(&p->seats[k].state, memory_order_relaxed) == ASLEEP) return false;
    }
    return true;
}

/* ---- making and freeing -------------------------------------------------------------------- */

static bool take_seat(pool *p, seat *s) {
    s->pool = p;
    atomic_init(&s->state, IDLE);
    if (pthread_mutex_init(&s->lock, NULL) != 0) return false;
    if (pthread_cond_init(&s->turned, NULL) == 0) {
        if (pthread_create(&s->thread, NULL, work, s) == 0) return true;
        pthread_cond_destroy(&s->turned);
    }
    pthread_mutex_destroy(&s->lock);
    return false;
}

/* The application's signals are for its own threads. */
static void take_seats(pool *p, int width) {
    sigset_t signals;
    oz_hold_signals(&signals);
    while (p->executor.width < width && take_seat(p, &p->seats[p->executor.width])) p->executor.width++;
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
}

oz_status oz_executor_create(int threads, const oz_allocator *allocator, oz_executor **out, oz_error *err) {
    if (!out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "out is NULL");
    *out = NULL;
    if (threads < 0) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "threads", "must be at least 0");
    int processors = oz_cpu_count(), width = threads ? threads : processors;
    if (width > MAX_WIDTH) width = MAX_WIDTH;
    size_t bytes = sizeof(pool) + (size_t)width * sizeof(seat);
    pool *p = oz_alloc(allocator, bytes, CACHE_LINE);
    if (!p) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
    memset(p, 0, bytes);
    p->executor = (oz_executor){.ctx = p, .width = 1, .run = run};
    p->allocator = allocator;
    p->bytes = bytes;
    p->spin_ns = width <= processors ? SPIN_NS : 0; /* else who spins is in the way of who works */
    atomic_init(&p->busy, false);
    take_seats(p, width);
    *out = &p->executor;
    return OZ_OK;
}

void oz_executor_free(oz_executor *e) {
    if (!e) return;
    pool *p = e->ctx;
    for (int k = 1; k < e->width; k++) turn(&p->seats[k], STOPPED);
    for (int k = 1; k < e->width; k++) {
        pthread_join(p->seats[k].thread, NULL);
        pthread_cond_destroy(&p->seats[k].turned);
        pthread_mutex_destroy(&p->seats[k].lock);
    }
    oz_release(p->allocator, p, p->bytes);
}

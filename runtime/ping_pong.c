/* ping_pong.c - see ping_pong.h. */
#include "runtime/ping_pong.h"

#include <sched.h>
#include <stdint.h>

#include "base/clock.h"

/* Longer than a thread sleeps or waits for a processor, on a machine that has other work besides. */
#define PATIENCE_NS 100000000u
#define GIVEN_UP SIZE_MAX

enum { LOOKS = 4096 }; /* longer than a trip between two processors */

void oz_ping_pong_start(oz_ping_pong *p, size_t rounds) {
    atomic_init(&p->hits, 0);
    p->rounds = rounds;
}

/* Whether it comes to so many hits, before the patience of the whole game is over; *since is when the first
 * long wait began, 0 = not yet. There is no pause between two looks: that would be measured, too. Whoever
 * waits for long may be on the other's processor, and makes way. */
static bool await(oz_ping_pong *p, size_t hits, uint64_t *since) {
    for (unsigned i = 1;; i++) {
        size_t now = atomic_load_explicit(&p->hits, memory_order_acquire);
        if (now == hits || now == GIVEN_UP) return now == hits;
        if (i % LOOKS != 0) continue;
        uint64_t time = oz_clock_ns();
        if (!*since) *since = time;
        if (time - *since >= PATIENCE_NS) break;
        sched_yield();
    }
    atomic_store_explicit(&p->hits, GIVEN_UP, memory_order_release);
    return false;
}

/* Not if the other has given up: that is final. */
static bool hit(oz_ping_pong *p, size_t hits) {
    return atomic_compare_exchange_strong_explicit(&p->hits, &hits, hits + 1, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* The first player also awaits the last answer: else both could play a single round one after the other. */
void oz_ping_pong_play(oz_ping_pong *p, size_t player) {
    const size_t end = 2 * p->rounds;
    uint64_t since = 0;
    if (player == 0) {
        for (size_t k = 0; k < end && hit(p, k) && await(p, k + 2, &since);) k += 2;
    } else {
        for (size_t k = 1; k < end && await(p, k, &since) && hit(p, k);) k += 2;
    }
}

bool oz_ping_pong_done(oz_ping_pong *p) {
    return atomic_load_explicit(&p->hits, memory_order_acquire) == 2 * p->rounds;
}

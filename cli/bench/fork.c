/* fork.c - see fork.h. */
#include "cli/bench/fork.h"

#include <time.h>

#include "cli/bench/median.h"
#include "cli/terminal.h"
#include "cli/verb.h"

enum { TURNS = 201 };

/* A piece of work lasts about as long as the least that is worth sharing. */
#define PIECE_NS 3000

static void work(void *arg, size_t i) {
    const unsigned *steps = arg;
    volatile unsigned x = (unsigned)i;
    for (unsigned k = 0; k < *steps; k++) x = x * 1664525u + 1013904223u;
}

/* Median time of a loop of n pieces, each after a pause of so many ns. */
static double loop_ns(const oz_executor *e, size_t n, unsigned *steps, long pause) {
    double times[TURNS];
    for (size_t i = 0; i < TURNS; i++) {
        if (pause) nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
        uint64_t start = oz_terminal_clock_ns();
        e->run(e->ctx, n, work, steps);
        times[i] = (double)(oz_terminal_clock_ns() - start);
    }
    return oz_median(times, TURNS);
}

static double positive(double ns) {
    return ns > 0 ? ns : 0;
}

int oz_bench_fork(double *awake, double *asleep) {
    oz_executor *e;
    oz_error err = {0};
    if (oz_executor_create(2, NULL, &e, &err) != OZ_OK) return oz_report_error(NULL, &err);
    unsigned steps = 1000;
    const long sleep = 1000000;
    steps = (unsigned)(1000.0 * PIECE_NS / loop_ns(e, 1, &steps, 0)) + 1;
    *awake = positive(loop_ns(e, 2, &steps, 0) - loop_ns(e, 1, &steps, 0));
    double both = 2 * loop_ns(e, 1, &steps, sleep);
    *asleep = positive(loop_ns(e, 2, &steps, sleep) - both);
    oz_executor_free(e);
    return EXIT_DONE;
}

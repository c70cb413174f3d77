/* parallel.h - one parallel loop, on the threads of an executor: ours (thread_pool.c) or the host's. */
#ifndef OZ_BASE_PARALLEL_H
#define OZ_BASE_PARALLEL_H

#include <stdbool.h>

#include <ounce/ounce.h>

typedef struct oz_threads {
    const oz_executor *executor; /* NULL = none: loops run on the calling thread */
    int width;                   /* threads to use, at least 1 */
} oz_threads;

/* Threads wanted (0 = all of the executor's) -> a width that it has. */
oz_threads oz_threads_make(const oz_executor *executor, int wanted);

/* Whether the threads look for work just now, so that calling them costs little. Of a host's nobody knows:
 * no. */
bool oz_threads_look(const oz_threads *t);

/* fn(arg, i) for every i in [0, n), in any order, on any threads; returns when all are done.
 * With width 1 or n 1 it runs on the calling thread. */
void oz_parallel(const oz_threads *t, size_t n, void (*fn)(void *arg, size_t i), void *arg);

#endif

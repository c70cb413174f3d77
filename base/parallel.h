/* parallel.h - one parallel loop; the only file that knows of OpenMP is parallel.c. */
#ifndef OZ_BASE_PARALLEL_H
#define OZ_BASE_PARALLEL_H

#include <ounce/ounce.h>

typedef struct oz_threads {
    const oz_executor *executor; /* NULL = OpenMP, or serial in a build without it */
    int width;                   /* threads to use, at least 1 */
} oz_threads;

/* threads wanted (0 = as many as there are) -> a width that can be had. */
oz_threads oz_threads_make(const oz_executor *executor, int wanted);

/* fn(arg, i) for every i in [0, n), in any order, on any threads; returns when all are done.
 * With width 1 or n 1 it runs on the calling thread. */
void oz_parallel(const oz_threads *t, size_t n, void (*fn)(void *arg, size_t i), void *arg);

/* Between these two, other users of OpenMP that the calling thread calls (oneDNN) run on it alone. */
int oz_threads_confine(void);
void oz_threads_restore(int confined);

#endif

/* calm.h - whether a virtual machine's processors are what they have been at best.
 *
 * Its host moves them about, for seconds or minutes: so far apart that a layer on two threads takes up to
 * half as long again, or onto one core, where they are nearer than ever but compute half as much. */
#ifndef OZ_CLI_BENCH_CALM_H
#define OZ_CLI_BENCH_CALM_H

#include <stdbool.h>

/* The best that was seen; begins as zeros. */
typedef struct oz_calm {
    double multiply_adds; /* of all threads together, per ns */
    double round_trip_ns; /* of a line of the cache, between threads on cores of their own */
} oz_calm;

/* Whether that is about as much, and as near, as it was at best, which it may become itself. */
bool oz_is_calm(oz_calm *best, double multiply_adds, double round_trip_ns);

#endif

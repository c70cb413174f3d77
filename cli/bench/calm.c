/* calm.c - see calm.h. */
#include "cli/bench/calm.h"

#include <math.h>

/* A core's two threads have half of what two cores have; clocks and neighbours take less than a quarter. */
#define SHARED_CORE 0.75

bool oz_is_calm(oz_calm *best, double multiply_adds, double round_trip_ns) {
    if (best->multiply_adds < SHARED_CORE * multiply_adds) best->round_trip_ns = round_trip_ns;
    best->multiply_adds = fmax(best->multiply_adds, multiply_adds);
    if (multiply_adds < SHARED_CORE * best->multiply_adds) return false;
    best->round_trip_ns = fmin(best->round_trip_ns, round_trip_ns);
    return round_trip_ns <= 2 * best->round_trip_ns;
}

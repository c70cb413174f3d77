/* chance.c - SplitMix64 (Steele, Lea and Flood, 2014): any seed is a good one. */
#include "tests/support/chance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

chance chance_make(void) {
    const char *wanted = getenv("OZ_TEST_SEED");
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = wanted ? strtoull(wanted, NULL, 0)
                           : ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) % 1000000000;
    fprintf(stderr, "OZ_TEST_SEED=%" PRIu64 "\n", seed);
    return (chance){seed};
}

uint64_t chance_u64(chance *c) {
    uint64_t z = c->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t chance_below(chance *c, size_t n) {
    return (size_t)(chance_u64(c) % n);
}

double chance_unit(chance *c) {
    return (double)(chance_u64(c) >> 11) * 0x1p-53;
}

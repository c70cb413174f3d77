/* chance.h - random numbers for tests, which another run can repeat. */
#ifndef OZ_TESTS_CHANCE_H
#define OZ_TESTS_CHANCE_H

#include <stddef.h>
#include <stdint.h>

typedef struct chance {
    uint64_t state;
} chance;

/* Seeded from OZ_TEST_SEED, or from the clock; prints the seed. */
chance chance_make(void);
uint64_t chance_u64(chance *c);
size_t chance_below(chance *c, size_t n); /* in [0, n) */
double chance_unit(chance *c);            /* in [0, 1) */

#endif

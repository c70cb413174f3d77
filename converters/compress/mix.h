/* mix.h - one choice for each item, so that errors are least and bytes do not exceed a capacity.
 *
 * The multiple-choice knapsack problem, by dynamic programming over bytes (Kellerer, Pferschy and Pisinger,
 * "Knapsack Problems", 2004, section 11.5). Bytes are counted in units of 16, or of more where that would be
 * too many units, and rounded up, so that the answer always fits. */
#ifndef OZ_CONVERTERS_MIX_H
#define OZ_CONVERTERS_MIX_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct oz_choice {
    uint64_t bytes;
    double error;
} oz_choice;

/* choices [items][each], each <= 256; picked [items] gets the number of each item's choice. Of all mixes
 * whose error is less than `slack` above the least one, that with the most bytes; the cheapest choices where
 * not even these fit. Errors: MEMORY. */
oz_status oz_mix(const oz_choice *choices, size_t items, size_t each, uint64_t capacity, double slack,
                 size_t *picked, oz_error *err);

#endif

/* guard.h - memory between two pages that nobody may touch: a kernel that reads or writes past the end of
 * its data dies in the test instead of passing by luck. */
#ifndef OZ_TESTS_SUPPORT_GUARD_H
#define OZ_TESTS_SUPPORT_GUARD_H

#include <stddef.h>
#include <stdint.h>

typedef struct guard {
    uint8_t *data; /* `bytes` of them, ending as close to the forbidden page as the alignment allows */
    size_t bytes;
    void *map;
    size_t mapped;
} guard;

guard guard_new(size_t bytes, size_t align);
/* The same at an odd address for an even number of bytes; one byte behind them may be touched. */
guard guard_new_unaligned(size_t bytes);
void guard_free(guard *g);

#endif

/* allocator.h - a host allocator for tests: counts, checks sizes, and fails when told to. */
#ifndef OZ_TESTS_ALLOCATOR_H
#define OZ_TESTS_ALLOCATOR_H

#include <ounce/ounce.h>

/* Initialise with {0} or {.fail_at = k}; not for several threads at once. */
typedef struct test_allocator {
    uint64_t calls;   /* of alloc, failed ones included */
    uint64_t fail_at; /* the call, counted from 1, from which all fail; 0 = never */
    uint64_t live_blocks, live_bytes, peak_bytes;
    uint64_t wrong_sizes; /* releases whose size was not the one asked for */
} test_allocator;

oz_allocator test_allocator_of(test_allocator *state);

#endif

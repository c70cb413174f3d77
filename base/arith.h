/* arith.h - arithmetic on sizes that came from a file.
 *
 * Until `open` has returned, every product and sum of sizes goes through these; they return
 * false instead of wrapping.  Kernels, which run on proved sizes, use plain operators. */
#ifndef OZ_BASE_ARITH_H
#define OZ_BASE_ARITH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool oz_mul(uint64_t a, uint64_t b, uint64_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}

static inline bool oz_add(uint64_t a, uint64_t b, uint64_t *out) {
    return !__builtin_add_overflow(a, b, out);
}

/* n rounded up to a multiple of `step`; the caller knows that it does not wrap. */
static inline size_t oz_round_up(size_t n, size_t step) {
    return (n + step - 1) / step * step;
}

static inline size_t oz_div_up(size_t n, size_t step) {
    return (n + step - 1) / step;
}

static inline size_t oz_min(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t oz_max(size_t a, size_t b) {
    return a > b ? a : b;
}

#endif

/* limits.h - what a machine can do at best: the loops that every kernel is held against.
 *
 * Contract between kernels/limits/ (one body, four instruction sets) and the runtime, which times them. */
#ifndef OZ_KERNELS_LIMITS_H
#define OZ_KERNELS_LIMITS_H

#include "base/cpu.h"

#include <stddef.h>

/* Each leaves something in sink[16] that depends on all that was done, so that nothing can be left out. */
typedef struct oz_limit_kernels {
    oz_isa isa;
    size_t round_ops; /* of one round of either; a multiplication and its addition are two */
    /* Multiply-adds of floats in registers, in as many chains as registers hold. */
    void (*multiply_add)(size_t rounds, float *sink);
    /* Dot products of four bytes, the instruction set's own sequence, likewise. */
    void (*dot)(size_t rounds, float *sink);
    /* Reads `bytes`, a multiple of 512, once. */
    void (*read)(const void *p, size_t bytes, float *sink);
} oz_limit_kernels;

const oz_limit_kernels *oz_limit_kernels_of(oz_isa isa); /* NULL if not in this build */

#endif

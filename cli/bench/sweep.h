/* sweep.h - a list of layers, in every form and for every batch that is asked for.
 *
 *     threads N...                         of the layers that follow,
 *     batches N...                         as many as the next line of its kind
 *     methods METHOD...
 *     layer NAME ROWSxCOLS [PIXELS]        a random layer; a convolution has PIXELS columns an image (1)
 *
 * "#" begins a comment. */
#ifndef OZ_CLI_BENCH_SWEEP_H
#define OZ_CLI_BENCH_SWEEP_H

#include "cli/verb.h"

typedef struct oz_sweep_case {
    const char *layer, *method;
    oz_model *model; /* that layer alone */
    uint64_t threads;
    uint32_t batch, columns; /* columns = batch x pixels */
} oz_sweep_case;

typedef struct oz_sweep {
    const oz_common *common;
    const char *path, *only; /* cases with this text in "LAYER METHOD"; NULL = all */
    uint64_t seed;
    void *ctx;
    int (*each)(void *ctx, const oz_sweep_case *c); /* gives an exit code; the first that is not 0 ends all */
} oz_sweep;

/* Methods that a layer is too small for are left out. */
int oz_sweep_run(const oz_sweep *sweep);

#endif

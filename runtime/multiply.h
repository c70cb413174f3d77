/* multiply.h - y = act(diag(r) (sum of terms) x + bias) for one layer, on all threads.
 *
 * A linear layer gives its activations as rows, a convolution as columns that are gathered a
 * panel at a time; both end in the same place. With up to 4 rows the mv kernels read the rows as they are.
 * Otherwise columns are cut into tiles of 64, the last of which is as wide as it must be, 16, 32 or 64:
 *
 *     prepare(tile)         gather [k][lanes], quantise it, run the inner factors of products
 *     finish(tile, rows)    the leftmost factor of every term, epilogue, scatter
 *
 * With many tiles each worker prepares and finishes whole tiles; with few, all tiles are prepared first
 * and the rows are shared out. Either way one output element is computed by one thread in one order, so
 * results do not depend on the number of threads. */
#ifndef OZ_RUNTIME_MULTIPLY_H
#define OZ_RUNTIME_MULTIPLY_H

#include "runtime/plan.h"

typedef struct oz_job {
    size_t layer;
    size_t columns;    /* batch rows, or images x output pixels */
    size_t k;          /* inputs of one column */
    size_t row0, row1; /* rows of the weight to compute, row0 a multiple of 16 */
    oz_activation act;
    float slope;
    /* Columns [first, first + n) to panel[k][lanes]; what is past n must be zero. */
    void (*gather)(const struct oz_job *job, size_t first, size_t n, size_t lanes, float *panel);
    /* y[row1 - row0 or fewer][lanes]: rows [row, row + rows) of columns [first, first + n), finished. */
    void (*scatter)(const struct oz_job *job, size_t first, size_t n, size_t row, size_t rows, size_t lanes,
                    const float *y);
    const void *ctx;
    const oz_primitives *primitives;
    /* Rows, if the activations lie so: x[columns][ldx] and y[columns][ldy]. */
    const float *x;
    float *y;
    size_t ldx, ldy;
} oz_job;

void oz_multiply(struct oz_session *s, const oz_job *job);

/* What a decoded block needs. */
typedef struct oz_scratch {
    float *tile; /* 16 x 256 floats, 64-byte aligned; also a u8 tile */
    oz_nonzeros *nonzeros;
} oz_scratch;

/* y[m][ldy] += W x for the rows of some panels of one leaf, in a way that reads rows. */
void oz_multiply_rows(const oz_primitives *prim, const oz_leaf *leaf, const oz_choice *choice, size_t panel0,
                      size_t panel1, const oz_rows *x, float *y, size_t ldy);
/* acc[16 * (panel1 - panel0)][x->lanes] = W x for one leaf and one panel of columns, in any other way.
 * `unpacked` is the dense leaf for OZ_WAY_UNPACK. */
void oz_multiply_leaf(const oz_primitives *prim, const oz_leaf *leaf, const oz_choice *choice,
                      const float *unpacked, size_t panel0, size_t panel1, const oz_columns *x,
                      const oz_scratch *scratch, float *acc);

/* Columns that a layer's scratch must hold: a whole panel, or no more than the mv kernels take where only
 * they will run. Once kernels are chosen. */
size_t oz_layer_lanes(const oz_layer_plan *lp);
/* Bytes that one slot and one worker need for a layer of so many lanes. */
size_t oz_slot_bytes(const oz_layer *layer, size_t lanes);
size_t oz_worker_bytes(const oz_layer *layer, size_t lanes);
/* Slots that may be in use at once with so many threads. */
size_t oz_slot_count(int threads);

#endif

/* multiply.h - y = act(diag(r) (sum of terms) x + bias) for one layer, on all threads.
 *
 * A linear layer gives its activations as rows, a convolution as columns that are gathered a
 * panel at a time; both end in the same place. With up to 4 rows the mv kernels read the rows as they are.
 * Otherwise columns are cut into tiles of 64, the last of which is as wide as it must be, 16, 32 or 64:
 *
 *     prepare(tile)         gather [k][lanes], quantise it, run the inner factors of products
 *     finish(group, rows)   the leftmost factor of every term, epilogue, scatter, for up to OZ_GROUP tiles
 *
 * With many groups each worker prepares and finishes whole groups; with few, all tiles are prepared first
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

#define OZ_CHUNK 8         /* panels of rows that are decoded together */
#define OZ_GROUP 8         /* tiles of columns that share what was decoded */
#define OZ_CODES_BLOCK 512 /* inputs of codes that are decoded together */
#define OZ_TILE_FLOATS (OZ_PANEL * OZ_MAX_BLOCK)

/* Tiles that share what is decoded of so many panels: where all of a leaf is decoded at once, each thread
 * takes tiles of its own. */
static inline size_t oz_group_tiles(size_t panels) {
    return panels > OZ_CHUNK ? OZ_GROUP : 1;
}

/* What decoded blocks need: OZ_CHUNK of each. */
typedef struct oz_scratch {
    float *tile; /* OZ_TILE_FLOATS each, 64-byte aligned; also codes */
    oz_nonzeros *nonzeros;
} oz_scratch;

/* y[m][ldy] += W x for the rows of some panels of one leaf, in a way that reads rows. */
void oz_multiply_rows(const oz_primitives *prim, const oz_leaf *leaf, const oz_choice *choice, size_t panel0,
                      size_t panel1, const oz_rows *x, float *y, size_t ldy);
/* acc[t][16 * (panel1 - panel0)][x[t].lanes] = W x[t] for one leaf and up to OZ_GROUP tiles of columns, in
 * any other way. `unpacked` is the dense leaf for OZ_WAY_UNPACK. */
void oz_multiply_leaf(const oz_primitives *prim, const oz_leaf *leaf, const oz_choice *choice,
                      const float *unpacked, size_t panel0, size_t panel1, const oz_columns *x, size_t tiles,
                      const oz_scratch *scratch, float *const *acc);

/* Columns that a layer's scratch must hold: a whole panel, or no more than the mv kernels take where only
 * they will run. Once kernels are chosen. */
size_t oz_layer_lanes(const oz_layer_plan *lp);
/* Bytes that one slot and one worker need for a layer of so many lanes. */
size_t oz_slot_bytes(const oz_layer *layer, size_t lanes);
size_t oz_worker_bytes(const oz_layer *layer, size_t lanes);
/* Slots, one a tile, that may be in use at once with so many threads and tiles. */
size_t oz_slot_count(int threads, size_t tiles);

#endif

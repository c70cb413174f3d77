/* multiply.h - y = act(diag(r) (sum of terms) x + bias) for one layer, on all threads.
 *
 * A linear layer gives its activations as rows, a convolution as columns that are gathered a panel at a
 * time; both end in the same place. Rows are read as they are where that is faster (multiply/rows.c),
 * and so are many of them where the weight is one leaf of floats (multiply/direct.c); otherwise columns are
 * cut into tiles (multiply/columns.c). Whichever way, one output element is computed by one thread in one
 * order, so results do not depend on the number of threads. */
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
    /* Columns [first, first + n) to panel[k][lanes], what is past n being zero; NULL where they lie as rows.
     */
    void (*gather)(const struct oz_job *job, size_t first, size_t n, size_t lanes, float *panel);
    /* y[row1 - row0 or fewer][lanes]: rows [row, row + rows) of columns [first, first + n), finished; NULL
     * where they shall lie as rows. */
    void (*scatter)(const struct oz_job *job, size_t first, size_t n, size_t row, size_t rows, size_t lanes,
                    const float *y);
    const void *ctx;
    /* Rows, if the activations lie so: x[columns][ldx] and y[columns][ldy]. */
    const float *x;
    float *y;
    size_t ldx, ldy;
} oz_job;

void oz_multiply(struct oz_session *s, const oz_job *job);
/* Makes room in the plan's sessions for that, with the kernels that the layer has by now. */
void oz_multiply_size(oz_plan *plan, const oz_layer_plan *lp);

#endif

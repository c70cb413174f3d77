/* gemm_nz.body.h - the nonzeros of 16 rows x a panel of columns: for each a broadcast, an index, and one
 * multiply-add per vector of columns. Rows have numbers of nonzeros of their own (sparse), or all the same
 * (nm: even_rows.body.h). */
#include "base/arith.h"
#include "kernels/kernel.h"

#include "kernels/gemm/inputs.body.h"

#define NZ_VECTORS (OZ_COLUMNS / 16)

/* Four nonzeros: one load has their weights, another their columns. */
OZ_INLINE void add_step(vf16 acc[OZ_NZ_STEP][NZ_VECTORS], size_t sets, vf16 weights, const uint8_t *columns,
                        oz_inputs x, size_t vectors) {
    uint32_t places;
    memcpy(&places, columns, sizeof places);
    OZ_UNROLL
    for (unsigned j = 0; j < OZ_NZ_STEP; j++) {
        const vf16 w = v_spread(weights, j);
        const float *in = input_at(x, places >> 8 * j & 255);
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++)
            acc[j % sets][v] = v_muladd(w, v_load(in + 16 * v), acc[j % sets][v]);
    }
}

/* The sums of a row stay in registers; further sets take turns with the nonzeros where one set's chain of
 * additions would be waited for. Every row ends with a step of up to four. */
OZ_INLINE void gemm_uneven_lanes(const oz_nonzeros *w, oz_inputs x, float *y, size_t lanes) {
    const size_t vectors = lanes / 16, most = OZ_NZ_SETS * NZ_VECTORS / vectors,
                 sets = most < OZ_NZ_STEP ? most : OZ_NZ_STEP;
    size_t i = 0;
    for (size_t r = 0; r < OZ_PANEL; r++, y += lanes) {
        const size_t end = w->end[r];
        vf16 acc[OZ_NZ_STEP][NZ_VECTORS];
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) {
            acc[0][v] = v_load(y + 16 * v);
            OZ_UNROLL
            for (size_t set = 1; set < sets; set++) acc[set][v] = v_zero();
        }
        OZ_ROLL
        for (; i + OZ_NZ_STEP < end; i += OZ_NZ_STEP)
            add_step(acc, sets, v_repeat4(w->value + i), w->column + i, x, vectors);
        add_step(acc, sets, v_repeat4_n(w->value + i, end - i), w->column + i, x, vectors);
        i = end;
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) {
            OZ_UNROLL
            for (size_t set = 1; set < sets; set++) acc[0][v] = v_add(acc[0][v], acc[set][v]);
            v_store(y + 16 * v, acc[0][v]);
        }
    }
}

#include "kernels/gemm/eight_columns.body.h"
#include "kernels/gemm/even_rows.body.h"

OZ_INLINE void gemm_nz_lanes(const oz_nonzeros *w, oz_inputs x, float *y, size_t lanes) {
    if (lanes == 8)
        gemm_eight_columns(w, x, y);
    else if (w->each)
        gemm_even_lanes(w, x, y, lanes);
    else
        gemm_uneven_lanes(w, x, y, lanes);
}

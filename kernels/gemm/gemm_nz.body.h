/* gemm_nz.body.h - the nonzeros of 16 rows x a panel of columns: for each a broadcast, an index, and one
 * multiply-add per vector of columns. Rows have numbers of nonzeros of their own (sparse), or all the same
 * (nm: even_rows.body.h). */
#include "base/arith.h"
#include "kernels/kernel.h"

#define NZ_VECTORS (OZ_COLUMNS / 16)

OZ_INLINE void add_weighted(vf16 *acc, float weight, const float *x, size_t vectors) {
    vf16 w = v_set1(weight);
    OZ_UNROLL
    for (size_t v = 0; v < vectors; v++) acc[v] = v_muladd(w, v_load(x + 16 * v), acc[v]);
}

/* The sums of a row stay in registers; further sets take turns with the nonzeros where one set's chain of
 * additions would be waited for. */
OZ_INLINE void gemm_nz_lanes(const oz_nonzeros *w, const float *x, float *y, size_t lanes) {
    const size_t vectors = lanes / 16, sets = OZ_NZ_SETS * NZ_VECTORS / vectors;
    size_t i = 0;
    for (size_t r = 0; r < OZ_PANEL; r++, y += lanes) {
        size_t end = w->end[r];
        vf16 acc[OZ_NZ_SETS * NZ_VECTORS][NZ_VECTORS];
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) {
            acc[0][v] = v_load(y + 16 * v);
            OZ_UNROLL
            for (size_t set = 1; set < sets; set++) acc[set][v] = v_zero();
        }
        for (; i + sets <= end; i += sets) {
            OZ_UNROLL
            for (size_t set = 0; set < sets; set++)
                add_weighted(acc[set], w->value[i + set], x + (size_t)w->column[i + set] * lanes, vectors);
        }
        for (; i < end; i++) add_weighted(acc[0], w->value[i], x + (size_t)w->column[i] * lanes, vectors);
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) {
            OZ_UNROLL
            for (size_t set = 1; set < sets; set++) acc[0][v] = v_add(acc[0][v], acc[set][v]);
            v_store(y + 16 * v, acc[0][v]);
        }
    }
}

#include "kernels/gemm/even_rows.body.h"

static void gemm_nz(const oz_nonzeros *w, const float *x, size_t lanes, float *y) {
    if (w->each)
        OZ_WITH_LANES(lanes, gemm_even_lanes(w, x, y, LANES));
    else
        OZ_WITH_LANES(lanes, gemm_nz_lanes(w, x, y, LANES));
}

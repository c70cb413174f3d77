/* gemm_nz.body.h - the nonzeros of 16 rows x a panel of columns: for each a broadcast, an index, and one
 * multiply-add per vector of columns. Rows have numbers of nonzeros of their own (sparse), or all the same
 * (nm: even_rows.body.h). */
#include "base/arith.h"
#include "kernels/kernel.h"

#include "kernels/gemm/ahead.body.h"
#include "kernels/gemm/inputs.body.h"
#include "kernels/gemm/sums.body.h"

#define NZ_VECTORS (OZ_COLUMNS / 16)

/* The columns of eight nonzeros, read here: they are asked for a step before they are wanted, as a load that
 * others wait for must not stand behind those of activations, and the asm keeps the compiler from moving it.
 */
OZ_INLINE uint64_t columns_from(const uint8_t *column) {
    uint64_t columns;
    memcpy(&columns, column, sizeof columns);
    __asm__ volatile("" : "+r"(columns));
    return columns;
}

/* The sums of a row. Further sets take turns with the nonzeros where one set's chain of additions would be
 * waited for. */
typedef struct row_sums {
    vf16 set[OZ_NZ_STEP][NZ_VECTORS];
} row_sums;

OZ_INLINE size_t sets_for(size_t vectors) {
    const size_t most = OZ_NZ_SETS * NZ_VECTORS / vectors;
    return most < OZ_NZ_STEP ? most : OZ_NZ_STEP;
}

/* Further sets than the first, which the caller begins. */
OZ_INLINE void begin_sets(row_sums *acc, size_t vectors) {
    OZ_UNROLL
    for (size_t set = 1; set < sets_for(vectors); set++) {
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) acc->set[set][v] = v_zero();
    }
}

OZ_INLINE vf16 sum_of_row(const row_sums *acc, size_t v, size_t vectors) {
    vf16 sum = acc->set[0][v];
    OZ_UNROLL
    for (size_t set = 1; set < sets_for(vectors); set++) sum = v_add(sum, acc->set[set][v]);
    return sum;
}

/* Nonzeros [j0, j1) of the four whose weights one load has; their columns are the low bytes. */
OZ_INLINE void add_step(row_sums *acc, unsigned j0, unsigned j1, vf16 weights, uint64_t columns, oz_inputs x,
                        size_t vectors) {
    OZ_UNROLL
    for (unsigned j = j0; j < j1; j++) {
        const vf16 w = v_spread(weights, j);
        const float *in = input_found(x, columns >> 8 * (j - j0) & 255);
        vf16 *set = acc->set[j % sets_for(vectors)];
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) set[v] = v_muladd(w, v_load(in + 16 * v), set[v]);
    }
}

/* Steps of four, the last of which is filled with zeros: where a nonzero is little work, branches cost more.
 */
OZ_INLINE void add_row_padded(row_sums *acc, const oz_nonzeros *w, size_t i, size_t end, uint64_t *columns,
                              oz_inputs x, size_t vectors) {
    uint64_t now = *columns;
    OZ_ROLL
    for (; i + OZ_NZ_STEP < end; i += OZ_NZ_STEP) {
        *columns = columns_from(w->column + i + OZ_NZ_STEP);
        add_step(acc, 0, OZ_NZ_STEP, v_repeat4(w->value + i), now, x, vectors);
        now = *columns;
    }
    *columns = columns_from(w->column + end);
    add_step(acc, 0, OZ_NZ_STEP, v_repeat4_n(w->value + i, end - i), now, x, vectors);
}

/* Steps of eight, four, two and one. */
OZ_INLINE void add_row_exactly(row_sums *acc, const oz_nonzeros *w, size_t i, size_t end, uint64_t *columns,
                               oz_inputs x, size_t vectors) {
    uint64_t now = *columns;
    OZ_ROLL
    for (; i + 2 * OZ_NZ_STEP <= end; i += 2 * OZ_NZ_STEP) {
        *columns = columns_from(w->column + i + 2 * OZ_NZ_STEP);
        add_step(acc, 0, OZ_NZ_STEP, v_repeat4(w->value + i), now, x, vectors);
        add_step(acc, 0, OZ_NZ_STEP, v_repeat4(w->value + i + OZ_NZ_STEP), now >> 32, x, vectors);
        now = *columns;
    }
    *columns = columns_from(w->column + end);
    if ((end - i) & 4) {
        add_step(acc, 0, OZ_NZ_STEP, v_repeat4(w->value + i), now, x, vectors);
        now >>= 32;
        i += OZ_NZ_STEP;
    }
    const size_t left = end - i;
    const vf16 last = v_repeat4(w->value + i);
    if (left >= 2) add_step(acc, 0, 2, last, now, x, vectors);
    if (left == 3) add_step(acc, 2, 3, last, now >> 16, x, vectors);
    if (left == 1) add_step(acc, 0, 1, last, now, x, vectors);
}

/* Nonzeros [i, end), which are of one row; *columns those from i on, then those from `end` on. */
OZ_INLINE void add_row_of(row_sums *acc, const oz_nonzeros *w, size_t i, size_t end, uint64_t *columns,
                          oz_inputs x, size_t lanes) {
    if (lanes > 32)
        add_row_exactly(acc, w, i, end, columns, x, lanes / 16);
    else
        add_row_padded(acc, w, i, end, columns, x, lanes / 16);
}

OZ_INLINE void gemm_uneven_lanes(const oz_nonzeros *w, oz_inputs x, oz_sums sums, size_t lanes,
                                 const oz_extents *ahead) {
    const size_t vectors = lanes / 16;
    uint64_t columns = columns_from(w->column);
    for (size_t r = 0, i = 0; r < OZ_PANEL; i = w->end[r++]) {
        row_sums acc;
        ask_for_shares(ahead, r, 1);
        begin_sums(sums, r, 0, lanes, acc.set[0], vectors);
        begin_sets(&acc, vectors);
        add_row_of(&acc, w, i, w->end[r], &columns, x, lanes);
        vf16 sum[NZ_VECTORS];
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) sum[v] = sum_of_row(&acc, v, vectors);
        end_sums(sums, r, 0, lanes, sum, vectors);
    }
}

#include "kernels/gemm/eight_columns.body.h"
#include "kernels/gemm/even_rows.body.h"

OZ_INLINE void gemm_nz_lanes(const oz_nonzeros *w, oz_inputs x, oz_sums sums, size_t lanes,
                             const oz_extents *ahead) {
    if (lanes == 8)
        gemm_eight_columns(w, x.x, sums.y, ahead);
    else if (w->each)
        gemm_even_lanes(w, x, sums, lanes, ahead);
    else
        gemm_uneven_lanes(w, x, sums, lanes, ahead);
}

/* gemm.body.h - the primitives of one instruction set: multiplications of a decoded block with a panel of 64
 * columns, and the table that holds them.
 *
 * A block of rows x vectors of accumulators stays in registers while the inputs of the block run past:
 * each weight is broadcast, each vector of activations serves all rows. */
#include "base/arith.h"
#include "kernels/kernel.h"

#include "kernels/gemm/gemm_u8.body.h"
#include "kernels/gemm/panels.body.h"
#include "kernels/gemm/quantise.body.h"
#include "kernels/gemm/rows.body.h"
#include "kernels/table.h"

/* `rows` (at most OZ_GEMM_ROWS) rows x OZ_GEMM_VECTORS vectors of y. */
OZ_INLINE void multiply_f32(oz_tile w, size_t n, const float *x, float *y, int rows) {
    vf16 acc[OZ_GEMM_ROWS][OZ_GEMM_VECTORS];
    OZ_UNROLL
    for (int r = 0; r < rows; r++) {
        OZ_UNROLL
        for (int v = 0; v < OZ_GEMM_VECTORS; v++) acc[r][v] = v_load(y + r * OZ_COLUMNS + 16 * v);
    }
    const char *column = (const char *)w.p;
    for (size_t k = 0; k < n; k++) {
        vf16 in[OZ_GEMM_VECTORS];
        OZ_UNROLL
        for (int v = 0; v < OZ_GEMM_VECTORS; v++) in[v] = v_load(x + k * OZ_COLUMNS + 16 * (size_t)v);
        OZ_UNROLL
        for (int r = 0; r < rows; r++) {
            vf16 weight = v_broadcast(column + (size_t)r * w.row_stride * sizeof(float));
            OZ_UNROLL
            for (int v = 0; v < OZ_GEMM_VECTORS; v++) acc[r][v] = v_muladd(weight, in[v], acc[r][v]);
        }
        column += w.k_stride * sizeof(float);
    }
    OZ_UNROLL
    for (int r = 0; r < rows; r++) {
        OZ_UNROLL
        for (int v = 0; v < OZ_GEMM_VECTORS; v++) v_store(y + r * OZ_COLUMNS + 16 * v, acc[r][v]);
    }
}

/* Weights that lie in a foreign file may have any alignment: they are only reached through v_broadcast. */
static oz_tile tile_from_row(oz_tile w, size_t row) {
    w.p = (const float *)(const void *)((const char *)w.p + row * w.row_stride * sizeof(float));
    return w;
}

static void gemm_f32(oz_tile w, size_t n, const float *x, float *y) {
    for (size_t c = 0; c < OZ_COLUMNS; c += 16 * OZ_GEMM_VECTORS) {
        size_t r = 0;
        for (; r + OZ_GEMM_ROWS <= OZ_PANEL; r += OZ_GEMM_ROWS) {
            multiply_f32(tile_from_row(w, r), n, x + c, y + r * OZ_COLUMNS + c, OZ_GEMM_ROWS);
        }
        if (r < OZ_PANEL) {
            multiply_f32(tile_from_row(w, r), n, x + c, y + r * OZ_COLUMNS + c, OZ_PANEL % OZ_GEMM_ROWS);
        }
    }
}

#define NZ_VECTORS (OZ_COLUMNS / 16)

OZ_INLINE void add_weighted(vf16 acc[NZ_VECTORS], float weight, const float *x) {
    vf16 w = v_set1(weight);
    OZ_UNROLL
    for (int v = 0; v < NZ_VECTORS; v++) acc[v] = v_muladd(w, v_load(x + 16 * v), acc[v]);
}

/* The 64 sums of a row stay in registers; a second set takes every other nonzero where one set's chain of
 * additions would be waited for. */
static void gemm_nz(const oz_nonzeros *w, const float *x, float *y) {
    size_t i = 0;
    for (size_t r = 0; r < OZ_PANEL; r++, y += OZ_COLUMNS) {
        size_t end = w->end[r];
        vf16 acc[OZ_NZ_SETS][NZ_VECTORS];
        OZ_UNROLL
        for (int v = 0; v < NZ_VECTORS; v++) {
            acc[0][v] = v_load(y + 16 * v);
            for (int set = 1; set < OZ_NZ_SETS; set++) acc[set][v] = v_zero();
        }
        for (; i + OZ_NZ_SETS <= end; i += OZ_NZ_SETS) {
            OZ_UNROLL
            for (size_t set = 0; set < OZ_NZ_SETS; set++) {
                add_weighted(acc[set], w->value[i + set], x + (size_t)w->column[i + set] * OZ_COLUMNS);
            }
        }
        for (; i < end; i++) add_weighted(acc[0], w->value[i], x + (size_t)w->column[i] * OZ_COLUMNS);
        OZ_UNROLL
        for (int v = 0; v < NZ_VECTORS; v++) {
            for (int set = 1; set < OZ_NZ_SETS; set++) acc[0][v] = v_add(acc[0][v], acc[set][v]);
            v_store(y + 16 * v, acc[0][v]);
        }
    }
}

const oz_primitives OZ_NAME(oz_primitives) = {
    .isa = OZ_ISA_ID,
    .gemm_f32 = gemm_f32,
    .gemm_nz = gemm_nz,
    .gemm_u8 = gemm_u8,
    .mv_blocks = mv_blocks,
    .quantise_rows = quantise_rows,
    .quantise_columns = quantise_columns,
    .rows_to_panel = rows_to_panel,
    .panel_to_rows = panel_to_rows,
};

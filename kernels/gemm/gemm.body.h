/* gemm.body.h - the primitives of one instruction set: multiplications of a decoded block with a panel of
 * columns, and the table that holds them.
 *
 * A block of rows x vectors of accumulators stays in registers while the inputs of the block run past:
 * each weight is broadcast, each vector of activations serves all rows. */
#include "base/arith.h"
#include "kernels/kernel.h"

#include "kernels/gemm/gemm_nz.body.h"
#include "kernels/gemm/gemm_u8.body.h"
#include "kernels/gemm/panels.body.h"
#include "kernels/gemm/quantise.body.h"
#include "kernels/gemm/rows.body.h"
#include "kernels/table.h"

/* Accumulators that a product may have, rows x vectors, and rows of them: fewer columns leave room for more.
 */
#define MOST_SUMS (OZ_GEMM_ROWS * OZ_GEMM_VECTORS)
#define MOST_ROWS (MOST_SUMS < 8 ? MOST_SUMS : 8)

/* `rows` rows x `vectors` vectors of y. */
OZ_INLINE void multiply_f32(oz_tile w, size_t n, const float *x, size_t lanes, float *y, int rows,
                            int vectors) {
    vf16 acc[MOST_ROWS][OZ_GEMM_VECTORS];
    OZ_UNROLL
    for (int r = 0; r < rows; r++) {
        OZ_UNROLL
        for (int v = 0; v < vectors; v++) acc[r][v] = v_load(y + (size_t)r * lanes + 16 * v);
    }
    const char *column = (const char *)w.p;
    for (size_t k = 0; k < n; k++) {
        vf16 in[OZ_GEMM_VECTORS];
        OZ_UNROLL
        for (int v = 0; v < vectors; v++) in[v] = v_load(x + k * lanes + 16 * (size_t)v);
        OZ_UNROLL
        for (int r = 0; r < rows; r++) {
            vf16 weight = v_broadcast(column + (size_t)r * w.row_stride * sizeof(float));
            OZ_UNROLL
            for (int v = 0; v < vectors; v++) acc[r][v] = v_muladd(weight, in[v], acc[r][v]);
        }
        column += w.k_stride * sizeof(float);
    }
    OZ_UNROLL
    for (int r = 0; r < rows; r++) {
        OZ_UNROLL
        for (int v = 0; v < vectors; v++) v_store(y + (size_t)r * lanes + 16 * v, acc[r][v]);
    }
}

/* Weights that lie in a foreign file may have any alignment: they are only reached through v_broadcast. */
static oz_tile tile_from_row(oz_tile w, size_t row) {
    w.p = (const float *)(const void *)((const char *)w.p + row * w.row_stride * sizeof(float));
    return w;
}

OZ_INLINE void gemm_f32_lanes(oz_tile w, size_t n, const float *x, float *y, size_t lanes) {
    const int vectors = lanes / 16 < OZ_GEMM_VECTORS ? (int)lanes / 16 : OZ_GEMM_VECTORS;
    const int rows = MOST_SUMS / vectors < MOST_ROWS ? MOST_SUMS / vectors : MOST_ROWS;
    for (size_t c = 0; c < lanes; c += 16 * (size_t)vectors) {
        size_t r = 0;
        for (; r + (size_t)rows <= OZ_PANEL; r += (size_t)rows)
            multiply_f32(tile_from_row(w, r), n, x + c, lanes, y + r * lanes + c, rows, vectors);
        if (r < OZ_PANEL)
            multiply_f32(tile_from_row(w, r), n, x + c, lanes, y + r * lanes + c, OZ_PANEL % rows, vectors);
    }
}

static oz_tile pack_f32(oz_tile w, size_t n, float *buffer) {
    const oz_tile packed = {.p = buffer, .row_stride = 1, .k_stride = OZ_PANEL};
    if (w.row_stride == 1 && w.k_stride == OZ_PANEL) return w;
    for (size_t k0 = 0; k0 < n; k0 += 16) {
        size_t inputs = oz_min(16, n - k0);
        vf16 square[OZ_PANEL];
        for (size_t r = 0; r < OZ_PANEL; r++) {
            const char *row = (const char *)w.p + (r * w.row_stride + k0) * sizeof(float);
            __builtin_prefetch(row + n * sizeof(float));
            square[r] = inputs == 16 ? v_load(row) : v_load_n(row, inputs);
        }
        v_transpose(square);
        for (size_t i = 0; i < inputs; i++) v_store(buffer + (k0 + i) * OZ_PANEL, square[i]);
    }
    return packed;
}

static void gemm_f32(oz_tile w, size_t n, const float *x, size_t lanes, float *y) {
    OZ_WITH_LANES(lanes, gemm_f32_lanes(w, n, x, y, LANES));
}

const oz_primitives OZ_NAME(oz_primitives) = {
    .isa = OZ_ISA_ID,
    .gemm_f32 = gemm_f32,
    .pack_f32 = pack_f32,
    .gemm_nz = gemm_nz,
    .gemm_u8 = gemm_u8,
    .mv_blocks = mv_blocks,
    .quantise_rows = quantise_rows,
    .quantise_columns = quantise_columns,
    .quantise_panel = quantise_panel,
    .rows_to_panel = rows_to_panel,
    .panel_to_rows = panel_to_rows,
};

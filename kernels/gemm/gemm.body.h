/* gemm.body.h - the primitives of one instruction set: multiplications of a decoded block with a panel of
 * columns, and the table that holds them. */
#include "base/arith.h"
#include "kernels/kernel.h"

#include "kernels/gemm/gemm_f32.body.h"
#include "kernels/gemm/gemm_nz.body.h"
#include "kernels/gemm/gemm_nz_codes.body.h"
#include "kernels/gemm/gemm_rows.body.h"
#include "kernels/gemm/gemm_u8.body.h"
#include "kernels/gemm/panels.body.h"
#include "kernels/gemm/quantise.body.h"
#include "kernels/gemm/rows.body.h"
#include "kernels/table.h"

/* Rows of weights are to a packed panel what rows of activations are to a panel of columns. */
static oz_tile pack_f32(oz_tile w, size_t n, float *buffer) {
    if (w.row_stride == 1 && w.k_stride == OZ_PANEL) return w;
    rows_to_panel(w.p, OZ_PANEL, n, w.row_stride, OZ_PANEL, buffer);
    return (oz_tile){.p = buffer, .row_stride = 1, .k_stride = OZ_PANEL};
}

static void gemm_f32(oz_tile w, size_t n, const float *x, size_t lanes, float *y, const oz_extents *ahead) {
    OZ_WITH_LANES(lanes, gemm_f32_lanes(w, n, in_panel(x, LANES), sums_of_panel(y), LANES, ahead));
}

static void gemm_nz(const oz_nonzeros *w, const float *x, size_t lanes, float *y, const oz_extents *ahead) {
    OZ_WITH_LANES_OR(8, lanes, gemm_nz_lanes(w, in_panel(x, LANES), sums_of_panel(y), LANES, ahead));
}

const oz_primitives OZ_NAME(oz_primitives) = {
    .isa = OZ_ISA_ID,
    .strip = OZ_LANES * OZ_GEMM_VECTORS,
    .gemm_f32 = gemm_f32,
    .pack_f32 = pack_f32,
    .gemm_rows = gemm_rows,
    .gemm_nz = gemm_nz,
    .gemm_nz_codes = gemm_nz_codes,
    .gemm_u8 = gemm_u8,
    .mv_blocks = mv_blocks,
    .quantise_rows = quantise_rows,
    .quantise_columns = quantise_columns,
    .quantise_panel = quantise_panel,
    .widen_columns = widen_columns,
    .rows_to_panel = rows_to_panel,
    .panel_to_rows = panel_to_rows,
};

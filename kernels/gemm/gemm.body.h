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

/* 16 inputs of 16 rows, or fewer inputs. The same inputs of the block that follows, `ahead` of them, are
 * asked for: rows lie far apart, and no hardware looks ahead. */
OZ_INLINE void pack_square(const char *row, size_t row_bytes, size_t inputs, size_t ahead, float *out) {
    if (inputs == OZ_LANES) {
        OZ_UNROLL
        for (size_t r = 0; r < OZ_PANEL; r++) __builtin_prefetch(row + r * row_bytes + ahead);
        v_copy_transposed(row, row_bytes, out, OZ_PANEL);
        return;
    }
    vf16 square[OZ_PANEL];
    OZ_UNROLL
    for (size_t r = 0; r < OZ_PANEL; r++, row += row_bytes) square[r] = v_load_n(row, inputs);
    v_transpose(square);
    OZ_UNROLL
    for (size_t i = 0; i < OZ_LANES; i++) {
        if (i < inputs) v_store(out + i * OZ_PANEL, square[i]);
    }
}

static oz_tile pack_f32(oz_tile w, size_t n, float *buffer) {
    const oz_tile packed = {.p = buffer, .row_stride = 1, .k_stride = OZ_PANEL};
    if (w.row_stride == 1 && w.k_stride == OZ_PANEL) return w;
    const char *from = (const char *)w.p;
    const size_t row_bytes = w.row_stride * sizeof(float), ahead = n * sizeof(float);
    for (; n >= OZ_LANES; n -= OZ_LANES, from += OZ_LANES * sizeof(float), buffer += OZ_LANES * OZ_PANEL)
        pack_square(from, row_bytes, OZ_LANES, ahead, buffer);
    if (n > 0) pack_square(from, row_bytes, n, ahead, buffer);
    return packed;
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

/* gemm_nz_codes.body.h - the nonzero codes of 16 rows x a panel of quantised activations, both as floats. The
 * sum of a segment is a whole number below 2^24, so floats hold it as exactly as integers would; then one
 * scaled addition, as kernel.h promises. */
#include "kernels/scales.body.h"

/* What scales the segments of a block: rows of the panel, and columns. */
typedef struct segment_scales {
    float row[2][OZ_PANEL];
    const float *column[2];
} segment_scales;

OZ_INLINE segment_scales segment_scales_of(const oz_leaf *leaf, size_t panel, size_t k0, size_t segments,
                                           const oz_columns *x, size_t lanes) {
    const oz_scales scales = scales_of(leaf, panel);
    segment_scales s;
    for (size_t i = 0, k = k0; i < segments; i++, k += OZ_BLOCK) {
        v_store(s.row[i], scale_at(&scales, k / scales.inputs));
        s.column[i] = x->scale + k / OZ_BLOCK * lanes;
    }
    return s;
}

OZ_INLINE void gemm_nz_codes_lanes(const oz_nonzeros *w, const segment_scales *scales, size_t segments,
                                   oz_inputs x, float *y, size_t lanes, const oz_extents *ahead) {
    const size_t vectors = lanes / 16;
    uint64_t columns = columns_from(w->column);
    for (size_t r = 0, i = 0; r < OZ_PANEL; r++, y += lanes) {
        vf16 total[NZ_VECTORS];
        ask_for_shares(ahead, r, 1);
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) total[v] = v_load(y + 16 * v);
        for (size_t s = 0; s < segments; s++) {
            const size_t end = s + 1 == segments ? w->end[r] : w->half[r];
            const vf16 scale = v_set1(scales->row[s][r]);
            row_sums acc;
            OZ_UNROLL
            for (size_t v = 0; v < vectors; v++) acc.set[0][v] = v_zero();
            begin_sets(&acc, vectors);
            add_row_of(&acc, w, i, end, &columns, x, lanes);
            OZ_UNROLL
            for (size_t v = 0; v < vectors; v++) {
                vf16 both = v_mul(scale, v_load(scales->column[s] + 16 * v));
                total[v] = v_fma(both, sum_of_row(&acc, v, vectors), total[v]);
            }
            i = end;
        }
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) v_store(y + 16 * v, total[v]);
    }
}

static void gemm_nz_codes(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, const oz_nonzeros *w,
                          const oz_columns *x, float *y, const oz_extents *ahead) {
    const size_t segments = n > OZ_BLOCK ? 2 : 1;
    const segment_scales scales = segment_scales_of(leaf, panel, k0, segments, x, x->lanes);
    OZ_WITH_LANES(x->lanes, gemm_nz_codes_lanes(w, &scales, segments, in_panel(x->f32 + k0 * LANES, LANES), y,
                                                LANES, ahead));
}

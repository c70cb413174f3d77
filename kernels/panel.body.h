/* panel.body.h - the ends of a fused product over a panel of 16 rows: what one segment of codes adds, in the
 * order of roundings that kernel.h promises, and where the panel's sums go. */
#ifndef OZ_KERNELS_PANEL_BODY_H
#define OZ_KERNELS_PANEL_BODY_H

#include "base/arith.h"
#include "kernels/kernel.h"
#include "kernels/scales.body.h"

/* The sum of row i's activations over a segment of `inputs` inputs from k on; rows lie ld bytes apart. */
OZ_INLINE int32_t segment_input_sum(const oz_rows *x, size_t i, size_t ld, size_t k, size_t inputs) {
    const int32_t *sums = x->sum + (i * ld + k) / 32;
    int32_t sum = sums[0];
    for (size_t j = 32; j < inputs; j += 32) sum += sums[j / 32];
    return sum;
}

/* acc + scale * in_scale * whole, `whole` being the sum of (q - zero) * x of 16 rows. */
OZ_INLINE vf16 add_segment(vf16 acc, vf16 scale, vf16 in_scale, vi16 whole) {
    return v_fma(v_mul(scale, in_scale), v_from_i32(whole), acc);
}

OZ_INLINE void add_to_rows(const oz_leaf *leaf, size_t panel, vf16 sum, float *y) {
    size_t row = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, leaf->rows - row);
    float *to = y + row;
    if (rows == OZ_PANEL)
        v_store(to, v_add(v_load(to), sum));
    else
        v_store_n(to, v_add(v_load_n(to, rows), sum), rows);
}

/* Sums of 16 vectors, one a lane. */
OZ_INLINE vf16 sums_of(vf16 rows[OZ_PANEL]) {
    v_transpose(rows);
    for (size_t step = OZ_PANEL / 2; step > 0; step /= 2) {
        for (size_t i = 0; i < step; i++) rows[i] = v_add(rows[i], rows[i + step]);
    }
    return rows[0];
}

#endif

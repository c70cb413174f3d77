/* sums.body.h - where the sums of a product come from and go to: a panel's lie in y between blocks of inputs,
 * those of pixels (kernels/conv.h) begin with the first block and leave as results after the last. */
#ifndef OZ_KERNELS_GEMM_SUMS_BODY_H
#define OZ_KERNELS_GEMM_SUMS_BODY_H

#include "base/arith.h"
#include "kernels/conv.h"

typedef struct oz_sums {
    float *y;                    /* [16 rows][lanes] */
    const oz_pixel_sums *pixels; /* NULL = of a panel. Constant where the products are made. */
} oz_sums;

OZ_INLINE oz_sums sums_of_panel(float *y) {
    return (oz_sums){y, NULL};
}

OZ_INLINE oz_sums sums_of_pixels(const oz_pixel_sums *p) {
    return (oz_sums){p->y, p};
}

/* Some vectors of a row, from a column on. */
OZ_INLINE void begin_sums(oz_sums s, size_t row, size_t column, size_t lanes, vf16 *sum, size_t vectors) {
    if (s.pixels && s.pixels->first) {
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) sum[v] = v_zero();
        return;
    }
    OZ_UNROLL
    for (size_t v = 0; v < vectors; v++) sum[v] = v_load(s.y + row * lanes + column + 16 * v);
}

OZ_INLINE void finish_sums(const oz_pixel_sums *p, size_t row, size_t column, const vf16 *sum,
                           size_t vectors) {
    const vf16 scale = v_set1(p->scale ? p->scale[row] : 1.0f), bias = v_set1(p->bias ? p->bias[row] : 0.0f);
    const vf16 least = v_set1(p->least), most = v_set1(p->most);
    float *out = p->out + row * p->plane + column;
    const size_t left = p->pixels > column ? p->pixels - column : 0;
    OZ_UNROLL
    for (size_t v = 0; v < vectors; v++) {
        const vf16 y = v_min(most, v_max(least, v_muladd(sum[v], scale, bias)));
        if (left >= 16 * (v + 1))
            v_store(out + 16 * v, y);
        else if (left > 16 * v)
            v_store_n(out + 16 * v, y, left - 16 * v);
    }
}

OZ_INLINE void end_sums(oz_sums s, size_t row, size_t column, size_t lanes, const vf16 *sum, size_t vectors) {
    if (s.pixels && s.pixels->out) {
        if (row < s.pixels->rows) finish_sums(s.pixels, row, column, sum, vectors);
        return;
    }
    OZ_UNROLL
    for (size_t v = 0; v < vectors; v++) v_store(s.y + row * lanes + column + 16 * v, sum[v]);
}

#endif

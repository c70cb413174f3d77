/* conv.body.h - see kernels/conv.h. */
#include "base/arith.h"
#include "kernels/conv.h"
#include "kernels/table.h"

#include "kernels/vec/activate.body.h"

#include "kernels/conv/depthwise.body.h"
#include "kernels/conv/lines.body.h"
#include "kernels/conv/taps.body.h"
#include "kernels/conv/winograd.body.h"
#include "kernels/gemm/gemm_nz.body.h"

OZ_INLINE oz_inputs at_offsets(oz_pixels x) {
    return (oz_inputs){x.x, 0, x.offset};
}

OZ_INLINE oz_inputs at_strides(oz_pixels x) {
    return (oz_inputs){x.x + x.offset[0], x.stride, NULL};
}

static void product_f32(oz_tile w, size_t n, oz_pixels x, size_t lanes, const oz_pixel_sums *s) {
    OZ_WITH_LANES_OR(48, lanes, gemm_f32_lanes(w, n, at_offsets(x), sums_of_pixels(s), LANES, NULL));
}

OZ_INLINE void product_nz_at(const oz_nonzeros *w, oz_inputs x, size_t lanes, const oz_pixel_sums *s) {
    OZ_WITH_LANES_OR(48, lanes, gemm_nz_lanes(w, x, sums_of_pixels(s), LANES, NULL));
}

/* A place that is computed need not be waited for: up to a tenth less. */
static void product_nz(const oz_nonzeros *w, oz_pixels x, size_t lanes, const oz_pixel_sums *s) {
    if (x.stride)
        product_nz_at(w, at_strides(x), lanes, s);
    else
        product_nz_at(w, at_offsets(x), lanes, s);
}

const oz_conv_primitives OZ_NAME(oz_conv_primitives) = {
    .gather_lines = gather_lines,
    .lay_lines = lay_lines,
    .lay_masked = lay_masked,
    .lay_halves = lay_halves,
    .product_f32 = product_f32,
    .product_nz = product_nz,
    .sum_row = sum_row,
    .plane3x3 = plane3x3,
    .winograd_weights = winograd_weights,
    .winograd_lines = winograd_lines,
    .winograd_inputs = winograd_inputs,
    .winograd_products = winograd_products,
    .winograd_outputs = winograd_outputs,
};

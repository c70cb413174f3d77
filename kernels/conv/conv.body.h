/* conv.body.h - see kernels/conv.h. */
#include "base/arith.h"
#include "kernels/conv.h"
#include "kernels/table.h"

#include "kernels/vec/activate.body.h"

#include "kernels/conv/depthwise.body.h"
#include "kernels/conv/lines.body.h"
#include "kernels/conv/products.body.h"
#include "kernels/conv/sums.body.h"

const oz_conv_primitives OZ_NAME(oz_conv_primitives) = {
    .gather_lines = gather_lines,
    .lay_lines = lay_lines,
    .lay_masked = lay_masked,
    .product_f32 = product_f32,
    .product_nz = product_nz,
    .finish = finish,
    .sum_row = sum_row,
    .plane3x3 = plane3x3,
};

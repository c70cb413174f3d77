/* conv2d.h - what the ways to run a convolution share. */
#ifndef OZ_OPS_CONV2D_H
#define OZ_OPS_CONV2D_H

#include "runtime/plan.h"

/* How a convolution runs. */
typedef enum oz_conv_way {
    OZ_CONV_GATHERED, /* gathered columns through oz_multiply: any leaves, any activations */
    OZ_CONV_PLANAR,   /* one leaf times pixels that lie in planes (planar.c) */
    OZ_CONV_GROUPED   /* groups too narrow for panels of 16 rows: f32 activations, row by row (grouped.c) */
} oz_conv_way;

/* True if the groups are too narrow for panels of 16 rows. */
bool oz_conv_is_grouped(const oz_node *node, const oz_weight *w);
/* Once kernels are chosen. */
oz_conv_way oz_conv_way_of(const oz_plan *p, const oz_node *node);

/* Bytes that each worker needs for a convolution that is not gathered, with inputs x and outputs y or smaller
 * ones. */
size_t oz_planar_bytes(const oz_plan *p, const oz_node *node, const oz_shape *x, const oz_shape *y);
size_t oz_grouped_bytes(const oz_plan *p, const oz_node *node, const oz_shape *x, const oz_shape *y);
void oz_conv_planar(const oz_step *step);
void oz_conv_grouped(const oz_step *step);

#endif

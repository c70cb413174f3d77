/* conv2d.h - what the ways to run a convolution share. */
#ifndef OZ_OPS_CONV2D_H
#define OZ_OPS_CONV2D_H

#include "kernels/conv.h"
#include "runtime/plan.h"

/* How a convolution runs. */
typedef enum oz_conv_way {
    OZ_CONV_GATHERED,  /* gathered columns through oz_multiply: any leaves, any activations */
    OZ_CONV_PLANAR,    /* one leaf times pixels that lie in planes (planar.c) */
    OZ_CONV_POINTWISE, /* the same for 1 x 1 kernels and few pixels: rows are the lanes (pointwise.c) */
    OZ_CONV_WINOGRAD,  /* the same for 3 x 3 kernels by minimal filtering (winograd.c) */
    OZ_CONV_GROUPED    /* groups too narrow for panels of 16 rows: f32 activations, row by row (grouped.c) */
} oz_conv_way;

/* Up to so many pixels an image, pointwise is faster than planar where both can be. */
#define OZ_POINTWISE_PIXELS 256

/* True if the groups are too narrow for panels of 16 rows. */
bool oz_conv_is_grouped(const oz_node *node, const oz_weight *w);
/* About what share of a direct convolution's time one by tiles takes, with outputs y; 1 if it cannot be, or
 * is no faster. */
double oz_winograd_share(const oz_node *node, const oz_weight *w, const oz_shape *y);
/* Once kernels are chosen. */
oz_conv_way oz_conv_way_of(const oz_plan *p, const oz_node *node);

/* Bytes that each worker needs, with inputs x and outputs y or smaller ones; 0 if columns are gathered. */
size_t oz_conv_bytes(oz_conv_way way, const oz_layer *layer, const oz_node *node, const oz_shape *x,
                     const oz_shape *y);
size_t oz_planar_bytes(const oz_node *node, const oz_shape *x, const oz_shape *y);
size_t oz_pointwise_bytes(void);
size_t oz_winograd_bytes(const oz_weight *w, const oz_shape *y);
size_t oz_grouped_bytes(const oz_layer *layer, const oz_node *node, const oz_shape *x, const oz_shape *y);

/* What follows the layer's sums, every row of which is to be multiplied by `scale`; scales and biases are
 * floats in the session. */
oz_epilogue oz_conv_epilogue(const oz_step *step, float scale);
/* Activations that only bound a number are primitives' own: true if `act` is one; else no bounds. */
bool oz_conv_bounds(oz_activation act, float *least, float *most);
void oz_conv_planar(const oz_step *step);
void oz_conv_pointwise(const oz_step *step);
void oz_conv_winograd(const oz_step *step);
void oz_conv_grouped(const oz_step *step);

#endif

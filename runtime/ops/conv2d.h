/* conv2d.h - what conv2d.c and grouped.c share. */
#ifndef OZ_OPS_CONV2D_H
#define OZ_OPS_CONV2D_H

#include "runtime/op.h"

/* True if the groups are too narrow for panels of 16 rows: such a convolution reads f32 activations and
 * runs tap by tap. */
bool oz_conv_is_direct(const oz_node *node, const oz_weight *w);
void oz_conv_direct(const oz_step *step, const oz_weight *w);

#endif

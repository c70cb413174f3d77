/* gather.h - the activations of a tile of columns, as the layer's leaves read them. */
#ifndef OZ_RUNTIME_MULTIPLY_GATHER_H
#define OZ_RUNTIME_MULTIPLY_GATHER_H

#include "runtime/multiply/call.h"

/* Inputs [k0, k1) of columns [first, first + n), with zeros in the other lanes; k0 is a multiple of OZ_BLOCK.
 * All inputs at once where the job's activations are not rows. */
void oz_gather(const oz_call *c, size_t first, size_t n, size_t lanes, size_t k0, size_t k1, oz_operand *x);

/* What the inputs of a panel become where leaves read codes. */
void oz_quantise_columns(const oz_call *c, oz_operand *o, size_t k, size_t lanes);

#endif

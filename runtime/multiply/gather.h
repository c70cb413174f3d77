/* gather.h - the activations of a tile of columns, as the layer's leaves read them. */
#ifndef OZ_RUNTIME_MULTIPLY_GATHER_H
#define OZ_RUNTIME_MULTIPLY_GATHER_H

#include "runtime/multiply/call.h"

/* The inputs of columns [first, first + n), with zeros in the other lanes. */
void oz_gather(const oz_call *c, size_t first, size_t n, size_t lanes, oz_operand *x);

/* What the inputs of a panel become where leaves read codes. */
void oz_quantise_columns(const oz_call *c, oz_operand *o, size_t k, size_t lanes);

#endif

/* fallback.h - decoders that work for every format on every instruction set, by the format's own truth.
 *
 * They make a format usable the moment its folder exists, before it has a kernel. */
#ifndef OZ_RUNTIME_FALLBACK_H
#define OZ_RUNTIME_FALLBACK_H

#include "kernels/kernel.h"

extern const oz_decoder oz_row_decoder;  /* f32, through `row` */
extern const oz_decoder oz_code_decoder; /* u8, through `codes` */

#endif

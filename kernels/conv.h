/* conv.h - gathering the columns of a convolution, line by line. */
#ifndef OZ_KERNELS_CONV_H
#define OZ_KERNELS_CONV_H

#include "base/cpu.h"

#include <stddef.h>

typedef struct oz_conv_primitives {
    /* For every channel c: out[c * lanes + i], i < count, is in[c * plane + i * stride] for i in [from, to),
     * else zero. Only those inputs are read. Up to 15 floats behind out[c * lanes + count - 1] may be
     * overwritten, as far as the row of lanes that `column` (the place of out in it) leaves: stretches are
     * gathered from left to right. */
    void (*gather_lines)(const float *in, size_t plane, size_t channels, size_t stride, size_t from,
                         size_t to, size_t count, size_t column, size_t lanes, float *out);
} oz_conv_primitives;

const oz_conv_primitives *oz_conv_primitives_of(oz_isa isa); /* NULL if not in this build */

#endif

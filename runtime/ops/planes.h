/* planes.h - where the pixels of a convolution's input lie for its products (kernels/conv.h).
 *
 * If lines had no ends and steps no width, tap (ky, kx) of channel c would be the plane of c read from
 * another place on: one offset for each input, the same for all pixels. So it is made: every channel gets a
 * plane for each kx (and for each line of a vertical stride), in which what kx moves, strides leave out and
 * padding adds is already done; ky only counts lines. That is kw copies of the input where gathered columns
 * are kh * kw. A 1 x 1 convolution of stride 1 needs none: its planes lie there.
 *
 * An image is cut into bands of output lines, as its shape alone fixes. Whoever works on a band lays out its
 * planes for himself. */
#ifndef OZ_OPS_PLANES_H
#define OZ_OPS_PLANES_H

#include "kernels/conv.h"
#include "runtime/op.h"

typedef struct oz_planes {
    const oz_window *window;
    const oz_conv_primitives *primitives;
    size_t channels;                                     /* that one product reads: of a group */
    size_t height, width, out_height, out_width, pixels; /* `pixels` of the output */
    size_t lines, bands;                                 /* output lines of a band */
    size_t phases, below; /* planes for a vertical stride; lines that taps reach below a band's last */
    size_t plane;         /* floats from one plane to the next */
    bool in_place;
} oz_planes;

/* Of a node with inputs x and outputs y. A band has at most `most_floats` in its planes, if it can, and about
 * `most_pixels`. */
oz_planes oz_planes_of(const oz_node *node, const oz_shape *x, const oz_shape *y, size_t most_floats,
                       size_t most_pixels);
/* Floats that hold the planes of a band of these and all smaller shapes. */
size_t oz_planes_floats(const oz_node *node, const oz_shape *x, const oz_shape *y, size_t most_floats);
/* The offset of every input of a column, as the weight numbers them. */
void oz_planes_offsets(const oz_planes *p, uint32_t *offset);
/* The pixels of one band of an image, whose first channel that is read is x: laid out in `room`, or where
 * they are. */
const float *oz_planes_lay(const oz_planes *p, const float *x, size_t band, float *room);
/* Output pixels of a band. */
size_t oz_planes_pixels(const oz_planes *p, size_t band);

#endif

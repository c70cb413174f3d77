/* conv.h - the steps of a convolution: input lines laid out, products with pixels that lie in planes, and
 * what is done to their sums.
 *
 * Pixels in planes: input k of pixel i is x[offset[k] + i]. The products may read whole vectors, up to 15
 * floats behind the last pixel that counts. */
#ifndef OZ_KERNELS_CONV_H
#define OZ_KERNELS_CONV_H

#include "kernels/kernel.h"
#include "kernels/vec.h"

typedef struct oz_pixels {
    const float *x;
    const uint32_t *offset;
    size_t stride; /* offset[k + 1] - offset[k], if that is the same for all; 0 = it is not known to be */
} oz_pixels;

/* What follows a sum: act(sum * scale + bias). */
typedef struct oz_epilogue {
    const float *scale, *bias; /* of each row; NULL = 1 and 0 */
    oz_activation act;
    float slope;
} oz_epilogue;

/* Every second of 16 neighbouring inputs, as half a vector. */
typedef struct oz_half {
    ptrdiff_t at;
    uint16_t mask;
} oz_half;

/* Sums of 16 rows x the lanes of a tile, block of inputs by block of inputs. */
typedef struct oz_pixel_sums {
    float *y;   /* [16][lanes], between blocks */
    bool first; /* the first block: y is not read */
    /* After the last block out[r * plane + i] is min(most, max(least, sum * scale[r] + bias[r])), for r <
     * rows and i < pixels; NaN stays NaN. Scale or bias NULL = 1 or 0. `out` NULL = more blocks follow. */
    float *out;
    size_t plane, rows, pixels;
    const float *scale, *bias;
    float least, most;
} oz_pixel_sums;

/* A plane [height][width] through one 3 x 3 kernel with a stride of 1 or 2, zeros around it: `top` lines
 * above, `left` inputs before, what the outputs need below and behind. An output is min(most, max(least, sum
 * * scale + bias)); NaN stays NaN. */
typedef struct oz_plane3x3 {
    const float *in, *weights; /* weights[ky * 3 + kx] */
    float *out;                /* [out_height][out_width] */
    size_t height, width, out_height, out_width, stride, top, left;
    float scale, bias, least, most;
} oz_plane3x3;

/* What minimal filtering (conv/winograd.body.h) lays out has 16 places, each a matrix [n][lanes], so many
 * floats apart: neighbouring places lie in different sets of a cache. */
enum { OZ_WINOGRAD_PLACES = 16 };
static inline size_t oz_winograd_apart(size_t n, size_t lanes) {
    return n * lanes + 16;
}

/* Lines of inputs with zeros around them: [channels][above + lines + below][out_width], where inputs begin
 * behind `left` zeros. */
typedef struct oz_winograd_lines {
    const float *x; /* [channels][lines][width], channels `plane` apart */
    size_t channels, plane, lines, width;
    size_t above, below, left, out_width; /* left + width <= out_width */
} oz_winograd_lines;

/* Tiles of 2 x 2 outputs are numbered line by line, `across` of them in a line, a multiple of 4: some may lie
 * outside. Tile (i, j) reads the 4 x 4 inputs from (2 * i, 2 * j) on. */
typedef struct oz_winograd_inputs {
    const float *x; /* [channels][lines][width], channels `plane` apart; 2 * across + 2 <= width */
    size_t channels, plane, width, across;
} oz_winograd_inputs;

/* Tiles [first, first + tiles). */
typedef struct oz_winograd_outputs {
    float *out; /* [rows][height][width] */
    size_t height, width, rows, across, first, tiles;
    const float *scale, *bias; /* of each row, NULL = 1 or 0; bounds as in oz_pixel_sums */
    float least, most;
} oz_winograd_outputs;

typedef struct oz_conv_primitives {
    /* For every channel c: out[c * lanes + i], i < count, is in[c * plane + i * stride] for i in [from, to),
     * else zero. Only those inputs are read. Up to 15 floats behind out[c * lanes + count - 1] may be
     * overwritten, as far as the row of lanes that `column` (the place of out in it) leaves: stretches are
     * gathered from left to right. */
    void (*gather_lines)(const float *in, size_t plane, size_t channels, size_t stride, size_t from,
                         size_t to, size_t count, size_t column, size_t lanes, float *out);
    /* For every line l: out[l * count + i], i < count, is in[l * ld + i * stride] for i in [from, to), else
     * zero. Only those inputs are read, only those outputs written. */
    void (*lay_lines)(const float *in, size_t ld, size_t lines, size_t stride, size_t from, size_t to,
                      size_t count, float *out);
    /* For every channel c: out[c * step + i], i < 16 * n, is in[c * plane + i] where bit i % 16 of masks[i /
     * 16] is set, else zero. Only those inputs are read. */
    void (*lay_masked)(const float *in, size_t plane, size_t channels, const uint16_t *masks, size_t n,
                       float *out, size_t step);
    /* For every channel c: out[c * step + 8 * i + j], i < 2 * n and j < 8, is in[c * plane + halves[i].at + 2
     * * j] where bit 2 * j of halves[i].mask is set, else zero. Only inputs with a bit of their own are read.
     */
    void (*lay_halves)(const float *in, size_t plane, size_t channels, const oz_half *halves, size_t n,
                       float *out, size_t step);
    /* The sums of n inputs of one decoded block are added. */
    void (*product_f32)(oz_tile w, size_t n, oz_pixels x, size_t lanes, const oz_pixel_sums *s);
    void (*product_nz)(const oz_nonzeros *w, oz_pixels x, size_t lanes, const oz_pixel_sums *s);
    /* out[i] = the epilogue of the sum of w[k] * x[offset[k] + i] over n inputs, for one row and any number
     * of pixels. */
    void (*sum_row)(const float *w, size_t n, oz_pixels x, size_t pixels, const oz_epilogue *e, float *out);
    void (*plane3x3)(const oz_plane3x3 *p);
    /* 3 x 3 kernels by minimal filtering. The weights of a panel, inputs numbered (3 * ky + kx) * channels +
     * c, rows or inputs being neighbours ([k][16 rows]), become a tile [16 rows] x [channels] at each place
     * of u. The inputs of tiles [first, first + lanes) become v, [channels][lanes] at each place. The
     * products of a place are m, [16 rows][lanes], and those of all places become outputs. lanes: 16, 32, 48
     * or 64; `first` a multiple of 16. Up to 15 floats behind what winograd_lines lays may be overwritten. */
    oz_tile (*winograd_weights)(oz_tile w, size_t channels, float *u);
    void (*winograd_lines)(const oz_winograd_lines *p, float *out);
    void (*winograd_inputs)(const oz_winograd_inputs *in, size_t first, size_t lanes, float *v);
    void (*winograd_products)(oz_tile u, const float *v, size_t channels, size_t lanes, float *m);
    void (*winograd_outputs)(const float *m, size_t lanes, const oz_winograd_outputs *out);
} oz_conv_primitives;

const oz_conv_primitives *oz_conv_primitives_of(oz_isa isa); /* NULL if not in this build */

#endif

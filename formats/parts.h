/* parts.h - what formats share: the bounds of a leaf, its panels, and scales as parts of it.
 *
 * Once oz_leaf_check_shape has accepted a leaf, rows * cols is at most 2^48 and no size that the
 * formats here derive from it (16-row panels, units of 32 inputs, 4 bytes a number) can wrap. */
#ifndef OZ_FORMATS_PARTS_H
#define OZ_FORMATS_PARTS_H

#include "base/arith.h"
#include "formats/format.h"

#define OZ_MAX_SIDE ((UINT64_C(1) << 31) - 1)
#define OZ_MAX_WEIGHTS (UINT64_C(1) << 48)

/* rows, cols and codec make sense together. */
oz_status oz_leaf_check_shape(const oz_leaf *leaf, oz_error *err);
oz_status oz_leaf_check_codec(const oz_leaf *leaf, oz_error *err);
/* A format that knows only w = s * (q - zero). */
oz_status oz_leaf_check_symmetric(const oz_leaf *leaf, oz_error *err);
/* Every weight is finite in a float codec's type (integers always fit); NUMBER otherwise. */
oz_status oz_leaf_check_range(const oz_leaf *leaf, const float *weights, oz_error *err);
/* f is finite once rounded to the type. */
bool oz_float_fits(oz_codec_kind kind, float f);
/* The leaf's name for errors, never NULL. */
const char *oz_leaf_where(const oz_leaf *leaf);

static inline uint64_t oz_leaf_panels(const oz_leaf *leaf) {
    return oz_div_up(leaf->rows, OZ_PANEL);
}

/* Inputs that share a scale: never 0. */
static inline uint64_t oz_leaf_group(const oz_leaf *leaf) {
    return leaf->codec.group ? leaf->codec.group : leaf->cols;
}

/* Bytes of the parts [panel][group][16]; 0 where the codec has none. */
uint64_t oz_scales_bytes(const oz_leaf *leaf);

/* Inputs [k0, k0 + n) of a part's panel of `bytes` bytes, in which inputs follow each other. */
oz_extent oz_panel_extent(const oz_leaf *leaf, size_t part, uint64_t bytes, uint64_t panel, uint64_t k0,
                          uint64_t n);
uint64_t oz_offsets_bytes(const oz_leaf *leaf);
/* Proves that a part of scales or minima is finite, the padded rows' too. */
oz_status oz_scales_check(const oz_leaf *leaf, size_t part, oz_error *err);
/* Writes row r's fit of one group; `offsets` NULL if symmetric. */
void oz_fit_put(const oz_leaf *leaf, void *scales, void *offsets, uint64_t r, uint64_t group,
                oz_group_fit fit);

/* Allocates every part, zeroed, with the bytes that the format's layout says. */
oz_status oz_parts_alloc(oz_leaf *leaf, oz_arena *arena, oz_error *err);
/* A part that oz_parts_alloc made, to be written. */
uint8_t *oz_part_write(oz_leaf *leaf, size_t part);

/* Multiplies row r's scales (and minima) by scale[r]; false, and nothing is changed, if a product is not
 * finite in the type of the scales. `offsets` is a part's index, or OZ_MAX_PARTS for none. */
bool oz_scales_multiply(oz_leaf *leaf, size_t scales, size_t offsets, const float *scale);

#endif

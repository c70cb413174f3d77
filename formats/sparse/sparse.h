/* sparse.h - where a sparse leaf keeps what; see README.md. */
#ifndef OZ_FORMATS_SPARSE_SPARSE_H
#define OZ_FORMATS_SPARSE_SPARSE_H

#include <string.h>

#include "formats/parts.h"

enum { OZ_SPARSE_FORM, OZ_SPARSE_BLOCK, OZ_SPARSE_SLOTS }; /* parameters */
enum { OZ_SPARSE_MASK, OZ_SPARSE_ROWS };                   /* forms */
enum {
    OZ_SPARSE_CELLS,
    OZ_SPARSE_VALUES,
    OZ_SPARSE_ENDS,
    OZ_SPARSE_COLUMNS,
    OZ_SPARSE_MASKS,
    OZ_SPARSE_SCALES
};
#define OZ_SPARSE_STEP 8 /* a cell's slots are padded to a multiple of this */

/* Cells of one panel; cell b covers the inputs from b * block. */
static inline uint64_t oz_sparse_blocks(const oz_leaf *leaf) {
    return oz_div_up(leaf->cols, leaf->param[OZ_SPARSE_BLOCK]);
}

static inline uint64_t oz_sparse_inputs(const oz_leaf *leaf, uint64_t b) {
    return oz_min(leaf->param[OZ_SPARSE_BLOCK], leaf->cols - b * leaf->param[OZ_SPARSE_BLOCK]);
}

/* First slot of cell `cell` = panel * blocks + b; its slots end where those of cell + 1 begin. */
static inline uint32_t oz_sparse_first(const oz_leaf *leaf, uint64_t cell) {
    uint32_t first;
    memcpy(&first, leaf->part[OZ_SPARSE_CELLS].data + cell * sizeof first, sizeof first);
    return first;
}

/* Form `rows`: end of one of the 16 rows inside the cell. */
static inline uint32_t oz_sparse_end(const oz_leaf *leaf, uint64_t cell, uint32_t row) {
    uint16_t end;
    memcpy(&end, leaf->part[OZ_SPARSE_ENDS].data + (cell * OZ_PANEL + row) * sizeof end, sizeof end);
    return end;
}

/* Form `mask`: bytes of one row's mask in cell b, and the first of the cell's 16 masks. Cells before
 * the last are whole bytes wide, so the cells of a panel take 16 * ceil(cols / 8) bytes together. */
static inline uint64_t oz_sparse_mask_bytes(const oz_leaf *leaf, uint64_t b) {
    return oz_div_up(oz_sparse_inputs(leaf, b), 8);
}

static inline const uint8_t *oz_sparse_masks(const oz_leaf *leaf, uint64_t panel, uint64_t b) {
    uint64_t before = b * leaf->param[OZ_SPARSE_BLOCK] / 8;
    return leaf->part[OZ_SPARSE_MASKS].data + (panel * oz_div_up(leaf->cols, 8) + before) * OZ_PANEL;
}

/* Bits of one slot of an integer codec: a ternary weight that is stored is never 0. */
static inline uint32_t oz_sparse_bits(oz_codec_kind kind) {
    return kind == OZ_CODEC_TERNARY ? 1 : oz_codec_bits(kind);
}

#endif

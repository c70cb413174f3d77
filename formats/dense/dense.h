/* dense.h - where a dense leaf keeps what; see README.md. */
#ifndef OZ_FORMATS_DENSE_DENSE_H
#define OZ_FORMATS_DENSE_DENSE_H

#include "formats/parts.h"

enum { OZ_DENSE_VALUES, OZ_DENSE_SCALES, OZ_DENSE_OFFSETS };

/* The packed codes of one panel of an integer leaf, and how many bytes the panel has. */
static inline uint64_t oz_dense_panel_bytes(const oz_leaf *leaf) {
    return oz_quads_bytes(leaf->codec.kind, oz_div_up(leaf->cols, 4));
}

static inline const uint8_t *oz_dense_panel(const oz_leaf *leaf, uint64_t panel) {
    return leaf->part[OZ_DENSE_VALUES].data + panel * oz_dense_panel_bytes(leaf);
}

#endif

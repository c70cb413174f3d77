/* diag.h - what kernels need to know of the layout. */
#ifndef OZ_FORMATS_DIAG_H
#define OZ_FORMATS_DIAG_H

#include "formats/parts.h"

static inline uint64_t oz_diag_length(const oz_leaf *leaf) {
    return oz_min(leaf->rows, leaf->cols);
}

#endif

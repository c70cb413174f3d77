/* pack.h - packing a sparse leaf. */
#ifndef OZ_FORMATS_SPARSE_PACK_H
#define OZ_FORMATS_SPARSE_PACK_H

#include "formats/format.h"

/* Chooses form and block where they were not given; stores the weights that are not 0 once coded. */
oz_status oz_sparse_pack(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err);

#endif

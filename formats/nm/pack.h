/* pack.h - packing an nm leaf. */
#ifndef OZ_FORMATS_NM_PACK_H
#define OZ_FORMATS_NM_PACK_H

#include "formats/format.h"

/* Sets a form that was not given to the smaller one (the list if they are equal). */
void oz_nm_complete(oz_leaf *leaf);
/* Keeps the n largest weights of each group. */
oz_status oz_nm_pack(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err);

#endif

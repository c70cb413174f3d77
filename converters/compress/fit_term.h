/* fit_term.h - one term of one layer. */
#ifndef OZ_CONVERTERS_FIT_TERM_H
#define OZ_CONVERTERS_FIT_TERM_H

#include "converters/compress/fit.h"

/* Packs term t of f from target[rows][cols], which is lost; its parts live in f->arena[t]. `made` becomes the
 * term as dense numbers. */
oz_status oz_fit_term(oz_fitted *f, size_t t, float *target, float *made, oz_error *err);
/* low_rank.c: its factors with their sizes and no data. */
oz_status oz_fit_term_size(oz_fitted *f, size_t t, oz_error *err);
/* low_rank.c: the same for a product of two leaves. */
oz_status oz_fit_product(oz_fitted *f, size_t t, const float *target, float *made, oz_error *err);

/* Gives the term `count` leaves of the layer's shape, not packed yet. */
oz_status oz_term_leaves(oz_fitted *f, size_t t, size_t count, oz_error *err);
oz_status oz_term_pack(oz_leaf *leaf, const float *values, oz_arena *arena, oz_error *err);
/* A packed term as dense numbers [rows][cols]. */
oz_status oz_term_unpack(const oz_term *term, float *out, oz_error *err);

#endif

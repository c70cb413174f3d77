/* fit_term.h - one term of one layer. */
#ifndef OZ_CONVERTERS_FIT_TERM_H
#define OZ_CONVERTERS_FIT_TERM_H

#include "converters/compress/fit.h"

/* Packs term t of f from target[rows][cols], which is lost; its parts live in f->arena[t]. `made` becomes the
 * term as dense numbers. */
oz_status oz_fit_term(oz_fitted *f, size_t t, float *target, float *made, oz_error *err);
/* The factors of a low-rank term with their sizes and no data. */
oz_status oz_fit_term_size(oz_fitted *f, size_t t, oz_error *err);
/* A packed term as dense numbers [rows][cols]. */
oz_status oz_term_unpack(const oz_term *term, float *out, oz_error *err);

#endif

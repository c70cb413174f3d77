/* fit.h - a layer's weight as a sum of packed terms that a method, with all its knobs set, asks for.
 *
 * Terms are fitted one after the other, each to what the others leave of the weight; where there are several,
 * rounds over all of them go on while the error falls. What is fitted never changes: corrections copy it. */
#ifndef OZ_CONVERTERS_FIT_H
#define OZ_CONVERTERS_FIT_H

#include "converters/compress/base.h"
#include "converters/compress/method.h"

typedef struct oz_fitted {
    oz_base_layer *base;
    oz_method method;
    uint64_t keep[OZ_MAX_TERMS]; /* weights that pruning leaves; 0: the term does not prune */
    uint64_t seed;
    bool kept;      /* the base's own terms, no method */
    bool transient; /* shares an array, or will hardly be asked for again */
    oz_arena arena[OZ_MAX_TERMS];
    oz_term term[OZ_MAX_TERMS];
    size_t n_terms;
    double squared; /* |W - W'|^2 */
} oz_fitted;

/* Allocated for one layer; terms are not fitted yet. NULL out of memory. */
oz_fitted *oz_fitted_create(oz_base_layer *base, const oz_method *method);
void oz_fitted_free(oz_fitted *f);
/* Same layer, same terms. */
bool oz_fitted_equal(const oz_fitted *a, const oz_fitted *b);

/* Fits all terms that are not there yet (those with n_factors 0). Errors: MEMORY, and what packing returns.
 */
oz_status oz_fit_layer(oz_fitted *f, oz_error *err);
/* The same bytes without the work: low-rank factors get their sizes alone, no data. */
oz_status oz_fit_sizes(oz_fitted *f, oz_error *err);

/* shared.c: fits term `t` of all these layers, which share an array, to the whole weights. */
oz_status oz_fit_shared(oz_fitted *const *layers, size_t n, size_t t, oz_error *err);

/* Full rank of the layer: the most that lowrank can use. */
uint64_t oz_fit_full_rank(const oz_base_layer *layer);
/* Left and right factor of that rank, without data, in the codec of `like`, or f16 where its padding would
 * make a factor larger than that. Returns their bytes. */
uint64_t oz_fit_factors(const oz_leaf *like, const oz_base_layer *layer, uint64_t rank, oz_leaf factors[2]);

#endif

/* pack.c - begin, add, finish: from dense weights to packed leaves.
 *
 * Most formats pack leaf by leaf inside `add`; those whose leaves share a part see all three steps. */
#include <math.h>

#include "formats/parts.h"

oz_status oz_pack_begin(oz_packer *p, oz_leaf *leaves, size_t count, oz_arena *arena, oz_error *err) {
    *p = (oz_packer){.leaves = leaves, .count = count, .arena = arena};
    if (count == 0) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "there is no leaf to pack");
    for (size_t i = 0; i < count; i++) {
        OZ_TRY(oz_leaf_check_shape(&leaves[i], err));
        if (leaves[i].format != leaves[0].format) {
            return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, oz_leaf_where(&leaves[i]),
                           "leaves of formats %s and %s cannot be packed together", leaves[0].format->name,
                           leaves[i].format->name);
        }
        for (size_t j = 0; j < OZ_MAX_PARTS; j++) leaves[i].part[j] = (oz_part){NULL, 0, OZ_NO_OFFSET};
    }
    const oz_format *f = leaves[0].format;
    return f->pack_begin ? f->pack_begin(p, err) : OZ_OK;
}

static oz_status check_finite(const oz_leaf *leaf, const float *weights, oz_error *err) {
    for (uint64_t i = 0; i < leaf->rows * leaf->cols; i++) {
        if (isfinite(weights[i])) continue;
        return oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, oz_leaf_where(leaf),
                       "weight [%llu][%llu] (index %llu) is %s, not a finite number",
                       (unsigned long long)(i / leaf->cols), (unsigned long long)(i % leaf->cols),
                       (unsigned long long)i, isnan(weights[i]) ? "NaN" : "infinite");
    }
    return OZ_OK;
}

oz_status oz_pack_add(oz_packer *p, size_t i, const float *weights, oz_error *err) {
    if (i >= p->count) {
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "leaf %llu of %llu", (unsigned long long)i,
                       (unsigned long long)p->count);
    }
    oz_leaf *leaf = &p->leaves[i];
    OZ_TRY(check_finite(leaf, weights, err));
    if (leaf->format->pack_add) return leaf->format->pack_add(p, i, weights, err);
    return leaf->format->pack(leaf, weights, p->arena, err);
}

oz_status oz_pack_finish(oz_packer *p, oz_error *err) {
    const oz_format *f = p->leaves[0].format;
    if (f->pack_finish) OZ_TRY(f->pack_finish(p, err));
    for (size_t i = 0; i < p->count; i++) {
        bool packed = false;
        for (size_t j = 0; j < f->n_parts; j++) packed = packed || p->leaves[i].part[j].data;
        if (packed) continue;
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, oz_leaf_where(&p->leaves[i]),
                       "its weights were not added before packing was finished");
    }
    return OZ_OK;
}

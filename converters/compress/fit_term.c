/* fit_term.c - one term: prune and pack; products are in low_rank.c. */
#include "converters/compress/fit_term.h"

#include "base/arith.h"
#include "converters/compress/prune.h"

#include <string.h>

static oz_status no_memory(const oz_fitted *f, oz_error *err) {
    return oz_no_memory(f->base->name, err);
}

/* ---- unpacking ---- */

/* out[rows][cols] = left[rows][rank] * right[rank][cols] */
static void multiply(const float *left, const float *right, const oz_leaf *l, const oz_leaf *r, float *out) {
    memset(out, 0, l->rows * r->cols * sizeof *out);
    for (uint64_t i = 0; i < l->rows; i++) {
        float *row = out + i * r->cols;
        for (uint64_t k = 0; k < l->cols; k++) {
            float a = left[i * l->cols + k];
            for (uint64_t j = 0; j < r->cols; j++) row[j] += a * right[k * r->cols + j];
        }
    }
}

static oz_status unpack_product(const oz_leaf *f, float *out, oz_error *err) {
    oz_arena arena = {0};
    float *left = oz_arena_array(&arena, f[0].rows * f[0].cols, sizeof *left);
    float *right = oz_arena_array(&arena, f[1].rows * f[1].cols, sizeof *right);
    bool ok = left && right;
    if (ok) {
        oz_leaf_unpack(&f[0], left);
        oz_leaf_unpack(&f[1], right);
        multiply(left, right, &f[0], &f[1], out);
    }
    oz_arena_free(&arena);
    return ok ? OZ_OK : oz_no_memory("", err);
}

oz_status oz_term_unpack(const oz_term *term, float *out, oz_error *err) {
    const oz_leaf *f = term->factors;
    if (term->n_factors == 2) return unpack_product(f, out, err);
    oz_leaf_unpack(f, out);
    if (term->scale == 1) return OZ_OK;
    for (uint64_t i = 0; i < f->rows * f->cols; i++) out[i] *= term->scale;
    return OZ_OK;
}

/* ---- leaves ---- */

oz_status oz_term_leaves(oz_fitted *f, size_t t, size_t count, oz_error *err) {
    oz_leaf *leaves = oz_arena_array(&f->arena[t], count, sizeof *leaves);
    if (!leaves) return no_memory(f, err);
    for (size_t i = 0; i < count; i++) {
        leaves[i] = f->method.term[t].leaf;
        leaves[i].name = f->base->name;
        leaves[i].rows = f->base->rows;
        leaves[i].cols = f->base->cols;
    }
    f->term[t] = (oz_term){.scale = 1, .factors = leaves, .n_factors = count};
    return OZ_OK;
}

oz_status oz_term_pack(oz_leaf *leaf, const float *values, oz_arena *arena, oz_error *err) {
    oz_packer p;
    OZ_TRY(oz_pack_begin(&p, leaf, 1, arena, err));
    OZ_TRY(oz_pack_add(&p, 0, values, err));
    return oz_pack_finish(&p, err);
}

/* ---- one leaf ---- */

static void prune(const oz_fitted *f, size_t t, float *target, float *scratch) {
    const oz_method_term *term = &f->method.term[t];
    uint64_t count = f->base->rows * f->base->cols;
    if (f->keep[t] && term->random) {
        oz_prune_random(target, count, f->keep[t], f->seed);
    } else if (f->keep[t]) {
        oz_prune_magnitude(target, count, f->keep[t], scratch);
    } else if (term->random && strcmp(term->leaf.format->name, "nm") == 0) {
        oz_prune_random_groups(target, f->base->rows, f->base->cols, oz_leaf_param(&term->leaf, "n"),
                               oz_leaf_param(&term->leaf, "m"), f->seed);
    }
}

static oz_status fit_leaf(oz_fitted *f, size_t t, float *target, float *made, oz_error *err) {
    OZ_TRY(oz_term_leaves(f, t, 1, err));
    prune(f, t, target, made);
    OZ_TRY(oz_term_pack(f->term[t].factors, target, &f->arena[t], err));
    return oz_term_unpack(&f->term[t], made, err);
}

oz_status oz_fit_term(oz_fitted *f, size_t t, float *target, float *made, oz_error *err) {
    if (f->method.term[t].low_rank) return oz_fit_product(f, t, target, made, err);
    return fit_leaf(f, t, target, made, err);
}

/* weights.c - the metadata "weights": each a sum of products of leaves.
 *
 * A product is proved by its shapes alone: each factor's columns are the next one's rows, and what is left at
 * both ends is the weight's shape. */
#include "formats/container/reading.h"

#include "formats/container/names.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- rules ------------------------------------------------------------------------ */

static oz_status check_term(const oz_weight *w, size_t t, oz_error *err) {
    const oz_term *term = &w->terms[t];
    if (!isfinite(term->scale))
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, w->name, "the scale of term %zu is not finite", t);
    if (term->n_factors == 0)
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, w->name, "term %zu has no leaf", t);
    uint64_t rows = w->rows;
    for (size_t f = 0; f < term->n_factors; rows = term->factors[f].cols, f++)
        if (term->factors[f].rows != rows)
            return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, term->factors[f].name,
                           "has %" PRIu64 " rows where the product needs %" PRIu64, term->factors[f].rows,
                           rows);
    if (rows != w->cols)
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, w->name,
                       "term %zu ends with %" PRIu64 " columns; the weight has %" PRIu64, t, rows, w->cols);
    return OZ_OK;
}

static oz_status check_row_scale(const oz_weight *w, oz_error *err) {
    if (!w->row_scale.data) return OZ_OK;
    if (w->row_scale.count != w->rows)
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, w->name,
                       "%" PRIu64 " row scales for %" PRIu64 " rows", w->row_scale.count, w->rows);
    for (uint64_t i = 0; i < w->rows; i++)
        if (!isfinite(oz_vector_get(&w->row_scale, i)))
            return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, w->name,
                           "the scale of row %" PRIu64 " is not finite", i);
    return OZ_OK;
}

oz_status oz_weight_check(const oz_weight *w, oz_error *err) {
    if (w->n_terms == 0) return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, w->name, "the weight has no terms");
    for (size_t t = 0; t < w->n_terms; t++) OZ_TRY(check_term(w, t, err));
    return check_row_scale(w, err);
}

bool oz_weight_default_act(const oz_weight *w) {
    for (size_t t = 0; t < w->n_terms; t++)
        for (size_t f = 0; f < w->terms[t].n_factors; f++) {
            const oz_leaf *leaf = &w->terms[t].factors[f];
            if (leaf->format->codes && oz_codec_is_integer(leaf->codec.kind)) return true;
        }
    return false;
}

/* ---- reading ---------------------------------------------------------------------- */

static oz_status read_factors(oz_reading *r, oz_value v, const oz_weight *w, size_t t) {
    const oz_json *j = &r->json;
    oz_term *term = &w->terms[t];
    uint32_t count = oz_json_size(j, v);
    oz_status status;
    if (oz_json_type_of(j, v) != OZ_JSON_ARRAY || count == 0)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, w->name, "a term must be an array of leaves");
    term->factors = oz_reading_array(r, count, sizeof *term->factors, &status);
    OZ_TRY(status);
    for (oz_value leaf = oz_json_first(j, v); leaf != OZ_NO_VALUE; leaf = oz_json_next(j, leaf)) {
        char id[48];
        snprintf(id, sizeof id, "%zu.%zu", t, term->n_factors);
        OZ_TRY(oz_read_leaf(r, leaf, w, id, count > 1, &term->factors[term->n_factors]));
        term->n_factors++;
    }
    return OZ_OK;
}

static oz_status read_terms(oz_reading *r, oz_value v, oz_weight *w) {
    const oz_json *j = &r->json;
    oz_status status;
    if (oz_json_type_of(j, v) != OZ_JSON_ARRAY)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, w->name, "terms must be an array");
    w->terms = oz_reading_array(r, oz_json_size(j, v), sizeof *w->terms, &status);
    OZ_TRY(status);
    for (oz_value term = oz_json_first(j, v); term != OZ_NO_VALUE; term = oz_json_next(j, term)) {
        w->terms[w->n_terms].scale = 1;
        OZ_TRY(read_factors(r, term, w, w->n_terms));
        w->n_terms++;
    }
    return OZ_OK;
}

static oz_status read_scales(oz_reading *r, oz_value v, oz_weight *w) {
    const oz_json *j = &r->json;
    if (oz_json_type_of(j, v) != OZ_JSON_ARRAY || oz_json_size(j, v) != w->n_terms)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, w->name, "scales must be %zu numbers, one per term",
                               w->n_terms);
    oz_value at = oz_json_first(j, v);
    for (size_t t = 0; t < w->n_terms; t++, at = oz_json_next(j, at)) {
        double scale;
        if (!oz_json_double(j, at, &scale) || fabs(scale) > FLT_MAX)
            return oz_reading_fail(r, OZ_ERR_FORMAT, at, w->name, "a scale must be a finite f32");
        w->terms[t].scale = (float)scale;
    }
    return OZ_OK;
}

static oz_status read_act(oz_reading *r, oz_value v, oz_weight *w) {
    w->act_i8 = oz_json_equals(&r->json, v, "i8");
    if (w->act_i8 || oz_json_equals(&r->json, v, "f32")) return OZ_OK;
    return oz_reading_fail(r, OZ_ERR_FORMAT, v, w->name, "act must be \"f32\" or \"i8\"");
}

/* A key that means nothing here would change the weight in a reader that knows it. */
static oz_status check_keys(const oz_reading *r, oz_value object, const char *name) {
    static const char *const known[] = {"shape", "terms", "scales", "rows", "act"};
    enum { KNOWN = sizeof known / sizeof known[0] };
    for (oz_value k = oz_json_first(&r->json, object); k != OZ_NO_VALUE; k = oz_json_next(&r->json, k)) {
        size_t i = 0;
        while (i < KNOWN && !oz_json_equals(&r->json, k, known[i])) i++;
        if (i == KNOWN)
            return oz_reading_fail(r, OZ_ERR_FORMAT, k, name,
                                   "a weight has shape, terms, scales, rows and act, and nothing else");
    }
    return OZ_OK;
}

static oz_status read_weight(oz_reading *r, oz_value v, oz_weight *w) {
    const oz_json *j = &r->json;
    if (oz_json_type_of(j, v) != OZ_JSON_OBJECT)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, w->name, "a weight must be an object");
    OZ_TRY(check_keys(r, v, w->name));
    oz_value shape = oz_json_find(j, v, "shape"), terms = oz_json_find(j, v, "terms");
    oz_value scales = oz_json_find(j, v, "scales"), rows = oz_json_find(j, v, "rows");
    oz_value act = oz_json_find(j, v, "act");
    if (shape == OZ_NO_VALUE || terms == OZ_NO_VALUE)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, w->name, "a weight must have shape and terms");
    OZ_TRY(oz_read_matrix_shape(r, shape, w->name, &w->rows, &w->cols));
    OZ_TRY(read_terms(r, terms, w));
    if (scales != OZ_NO_VALUE) OZ_TRY(read_scales(r, scales, w));
    if (rows != OZ_NO_VALUE) {
        w->row_scale.count = w->rows;
        OZ_TRY(oz_read_vector(r, rows, w->name, false, &w->row_scale));
    }
    w->act_i8 = oz_weight_default_act(w);
    if (act != OZ_NO_VALUE) OZ_TRY(read_act(r, act, w));
    return oz_reading_attribute(r, oz_weight_check(w, r->err), v, w->name);
}

oz_status oz_read_weights(oz_reading *r) {
    const oz_json *j = &r->json;
    oz_contents *out = r->out;
    oz_status status;
    if (oz_json_type_of(j, 0) != OZ_JSON_OBJECT)
        return oz_reading_fail(r, OZ_ERR_FORMAT, 0, "weights", "must be an object");
    if (oz_json_size(j, 0) > r->limits.max_layers)
        return oz_reading_fail(r, OZ_ERR_LIMIT, 0, "max_layers", "%u weights, more than the %u allowed",
                               oz_json_size(j, 0), r->limits.max_layers);
    out->weights = oz_reading_array(r, oz_json_size(j, 0), sizeof *out->weights, &status);
    OZ_TRY(status);
    for (oz_value k = oz_json_first(j, 0); k != OZ_NO_VALUE; k = oz_json_next(j, k)) {
        oz_weight *w = &out->weights[out->n_weights];
        status = oz_read_name(j, k, r->limits.max_name_bytes, r->arena, &w->name, r->err);
        OZ_TRY(oz_reading_relocate(r, status));
        OZ_TRY(read_weight(r, oz_json_of_key(j, k), w));
        out->n_weights++;
    }
    return OZ_OK;
}

/* assemble.c - fitted layers -> the contents of a file.
 *
 * Bytes never depend on a correction's numbers: where one is to come, the bias, and the row scale of formats
 * that cannot scale their rows, are there from the beginning. */
#include "converters/compress/draft.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

oz_correction oz_run_correction(const oz_run_state *run, size_t layer) {
    const oz_base_layer *base = &run->c->layers[layer];
    if (run->line[layer] == run->recipe.n_lines || base->uses != 1 || !run->c->contents.graph)
        return OZ_CORRECT_NONE;
    int own = run->recipe.lines[run->line[layer]].method.correction;
    return own >= 0 ? (oz_correction)own : run->opt->correction;
}

typedef struct assembly {
    oz_run_state *run;
    oz_arena *arena;
    oz_contents *out;
} assembly;

static oz_status no_memory(const assembly *a) {
    return oz_no_memory("", a->run->err);
}

/* ---- weights ---- */

static bool can_scale(const oz_fitted *f) {
    for (size_t t = 0; t < f->n_terms; t++)
        if (!f->term[t].factors[0].format->scale_rows) return false;
    return true;
}

static oz_status copy_parts(const assembly *a, oz_leaf *leaf) {
    for (size_t p = 0; p < leaf->format->n_parts; p++) {
        oz_part *part = &leaf->part[p];
        if (!part->data || part->bytes == 0) continue;
        uint8_t *copy = oz_arena_alloc(a->arena, part->bytes, 64);
        if (!copy) return no_memory(a);
        memcpy(copy, part->data, part->bytes);
        part->data = copy;
    }
    return OZ_OK;
}

/* The leftmost factors with scaled rows. False if some number would not fit its type: nothing is kept then.
 */
static oz_status scale_terms(const assembly *a, oz_weight *w, const float *ratio, bool *done) {
    oz_leaf *scaled = oz_arena_array(a->arena, w->n_terms, sizeof *scaled);
    if (!scaled) return no_memory(a);
    *done = true;
    for (size_t t = 0; t < w->n_terms && *done; t++) {
        scaled[t] = w->terms[t].factors[0];
        OZ_TRY(copy_parts(a, &scaled[t]));
        *done = scaled[t].format->scale_rows(&scaled[t], ratio);
    }
    for (size_t t = 0; t < w->n_terms && *done; t++) w->terms[t].factors[0] = scaled[t];
    return OZ_OK;
}

/* [rows] of f16, ratio or ones. */
static oz_status add_row_scale(const assembly *a, oz_weight *w, const float *ratio) {
    uint8_t *values = oz_arena_array(a->arena, w->rows, oz_float_bytes(OZ_CODEC_F16));
    if (!values) return no_memory(a);
    for (uint64_t r = 0; r < w->rows; r++) oz_float_put(OZ_CODEC_F16, values, r, ratio ? ratio[r] : 1.0f);
    w->row_scale = (oz_vector){.name = w->name, .kind = OZ_CODEC_F16, .count = w->rows, .data = values};
    return OZ_OK;
}

/* Absorbs the ratios; *done tells whether that was possible. */
static oz_status absorb_ratio(const assembly *a, size_t i, const oz_fitted *f, const oz_change *change,
                              bool *done) {
    oz_weight *w = &a->out->weights[i];
    float *ratio = NULL;
    *done = true;
    if (oz_run_correction(a->run, i) != OZ_CORRECT_AFFINE) return OZ_OK;
    if (change && change->ratio) {
        ratio = oz_arena_array(a->arena, w->rows, sizeof *ratio);
        if (!ratio) return no_memory(a);
        for (uint64_t r = 0; r < w->rows; r++) ratio[r] = (float)change->ratio[r];
    }
    if (!can_scale(f)) return add_row_scale(a, w, ratio);
    return ratio ? scale_terms(a, w, ratio, done) : OZ_OK;
}

static oz_status copy_terms(const assembly *a, oz_weight *w, const oz_fitted *f) {
    w->n_terms = f->n_terms;
    w->terms = oz_arena_array(a->arena, f->n_terms, sizeof *w->terms);
    if (!w->terms) return no_memory(a);
    for (size_t t = 0; t < f->n_terms; t++) {
        w->terms[t] = f->term[t];
        w->terms[t].factors = oz_arena_array(a->arena, f->term[t].n_factors, sizeof(oz_leaf));
        if (!w->terms[t].factors) return no_memory(a);
        memcpy(w->terms[t].factors, f->term[t].factors, f->term[t].n_factors * sizeof(oz_leaf));
    }
    return OZ_OK;
}

static oz_status add_weight(const assembly *a, size_t i, const oz_fitted *f) {
    oz_weight *w = &a->out->weights[i];
    *w = *f->base->weight;
    if (f->kept) return OZ_OK;
    w->row_scale = (oz_vector){0};
    OZ_TRY(copy_terms(a, w, f));
    w->act_i8 = f->method.act_i8 >= 0 ? f->method.act_i8 == 1 : !f->base->narrow && oz_weight_default_act(w);
    return OZ_OK;
}

/* ---- vectors ---- */

/* A vector of the wanted float type; `kind` OZ_CODEC_COUNT: f32. */
static oz_status add_vector(const assembly *a, const char *name, const float *values, uint64_t count,
                            oz_codec_kind kind) {
    if (kind == OZ_CODEC_COUNT) kind = OZ_CODEC_F32;
    uint8_t *data = oz_arena_array(a->arena, count, oz_float_bytes(kind));
    if (!data) return no_memory(a);
    for (uint64_t i = 0; i < count; i++) {
        oz_float_put(kind, data, i, values[i]);
        if (isfinite(oz_float_get(kind, data, i))) continue;
        return oz_fail(a->run->err, OZ_ERR_NUMBER, OZ_NO_OFFSET, name,
                       "number %llu is %g, which does not fit %s: add \"@bias = f32\" to the recipe",
                       (unsigned long long)i, (double)values[i], oz_codec_name(kind));
    }
    a->out->vectors[a->out->n_vectors++] =
        (oz_vector){.name = name, .kind = kind, .count = count, .data = data};
    return OZ_OK;
}

/* The bias as it is, corrected, or new. `scaled`: the ratio was absorbed in the weight. */
static oz_status add_bias(const assembly *a, size_t i, const oz_change *change, bool scaled) {
    const oz_base_layer *base = &a->run->c->layers[i];
    bool corrected = oz_run_correction(a->run, i) != OZ_CORRECT_NONE;
    if (!base->bias && !corrected) return OZ_OK;
    size_t bytes = strlen(base->name) + sizeof ".bias";
    char *name = oz_arena_alloc(a->arena, bytes, 1);
    float *values = oz_arena_array(a->arena, base->rows, sizeof *values);
    if (!name || !values) return no_memory(a);
    snprintf(name, bytes, "%s.bias", base->name);
    for (uint64_t r = 0; r < base->rows; r++) {
        double b = base->bias ? (double)base->bias[r] : 0;
        if (corrected && change && change->ratio)
            b = (scaled ? change->ratio[r] : 1) * (b - change->before[r]) + change->after[r];
        values[r] = (float)b;
    }
    return add_vector(a, name, values, base->rows, a->run->recipe.bias);
}

static bool is_bias(const assembly *a, const char *name) {
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 5, ".bias") != 0) return false;
    for (size_t i = 0; i < a->run->c->n_layers; i++) {
        const oz_base_layer *base = &a->run->c->layers[i];
        if (base->bias && strlen(base->name) == n - 5 && memcmp(base->name, name, n - 5) == 0) return true;
    }
    return false;
}

static oz_status assemble(const assembly *a, oz_fitted *const *fitted, const oz_change *changes) {
    const oz_contents *base = &a->run->c->contents;
    for (size_t i = 0; i < a->run->c->n_layers; i++) {
        bool scaled;
        const oz_change *change = changes ? &changes[i] : NULL;
        OZ_TRY(add_weight(a, i, fitted[i]));
        OZ_TRY(absorb_ratio(a, i, fitted[i], change, &scaled));
        OZ_TRY(add_bias(a, i, change, scaled));
    }
    for (size_t i = 0; i < base->n_vectors; i++)
        if (!is_bias(a, base->vectors[i].name)) a->out->vectors[a->out->n_vectors++] = base->vectors[i];
    return OZ_OK;
}

oz_status oz_draft_contents(oz_run_state *run, oz_fitted *const *fitted, const oz_change *changes,
                            oz_arena *arena, oz_contents *out) {
    const oz_contents *base = &run->c->contents;
    assembly a = {run, arena, out};
    *out = (oz_contents){
        .n_weights = base->n_weights, .graph = base->graph, .meta = run->meta, .n_meta = run->n_meta};
    out->weights = oz_arena_array(arena, base->n_weights, sizeof *out->weights);
    out->vectors = oz_arena_array(arena, base->n_vectors + base->n_weights, sizeof *out->vectors);
    if (!out->weights || !out->vectors) return no_memory(&a);
    return assemble(&a, fitted, changes);
}

oz_status oz_draft_size(oz_run_state *run, oz_fitted *const *fitted, uint64_t *bytes) {
    oz_arena memory = {0};
    oz_contents contents;
    oz_status status = oz_draft_contents(run, fitted, NULL, &memory, &contents);
    if (status == OZ_OK) status = oz_image_size(&contents, bytes, &memory, run->err);
    oz_arena_free(&memory);
    return status;
}

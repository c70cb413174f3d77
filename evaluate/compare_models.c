/* compare_models.c - making one model, running it, and writing down what it is and did. */
#include "evaluate/compare.h"

#include "evaluate/runner.h"

#include <stdio.h>
#include <string.h>

/* The base's models are opened by index among the bases. */
static const oz_compare_model *base_model(const oz_work *w, size_t base) {
    for (size_t i = 0; i < w->opt.n_models; i++) {
        if (w->opt.models[i].base && base-- == 0) return &w->opt.models[i];
    }
    return NULL;
}

/* ---- what it is ------------------------------------------------------------------- */

static oz_status describe_layers(oz_work *w, oz_model *m, oz_variant *v, oz_error *err) {
    size_t n = oz_model_layers(m);
    oz_variant_layer *layers = oz_arena_array(&w->c->arena, n, sizeof *layers);
    if (!layers) return oz_work_memory(err);
    for (size_t i = 0; i < n; i++) {
        oz_layer_info info;
        OZ_TRY(oz_model_layer(m, i, &info));
        layers[i] = (oz_variant_layer){oz_work_text(w, info.name), oz_work_text(w, info.weight), info.rows,
                                       info.cols, info.bytes.total};
        if (!layers[i].name || !layers[i].weight) return oz_work_memory(err);
    }
    v->layers = layers;
    v->n_layers = n;
    return OZ_OK;
}

static oz_status describe(oz_work *w, oz_live *l, oz_error *err) {
    oz_variant *v = l->variant;
    oz_model_bytes(l->model, &v->bytes, &v->resident);
    v->stored = v->bytes.total;
    v->extra_resident = v->resident > v->stored ? v->resident - v->stored : 0;
    return describe_layers(w, l->model, v, err);
}

/* ---- what it did ------------------------------------------------------------------ */

static oz_status check_classes(oz_work *w, const oz_outputs *o, oz_error *err) {
    oz_comparison *c = w->c;
    if (c->classes == 0) c->classes = o->classes;
    if (o->classes != c->classes)
        return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, "",
                       "the model has %zu outputs where the first model has %zu", o->classes, c->classes);
    for (size_t i = 0; i < c->records; i++) {
        if ((uint64_t)w->labels[i] >= c->classes)
            return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, "data",
                           "label %zu is %lld, but the models know %zu classes", i, (long long)w->labels[i],
                           c->classes);
    }
    return OZ_OK;
}

static void compare_with_dense(oz_work *w, oz_variant *v, const oz_outputs *o, size_t base) {
    const oz_outputs *dense = w->dense[base].logits ? &w->dense[base] : o; /* the dense model itself */
    const oz_variant *other = w->c->bases[base].dense ? w->c->bases[base].dense : v;
    size_t n = w->c->records;
    v->has_dense = true;
    v->metrics = oz_metrics_against(dense->logits, o->logits, n, o->classes, w->labels, w->kl);
    v->kl = oz_block_bootstrap(w->kl, n, 1, OZ_RESAMPLES, w->opt.seed, w->means);
    v->dense_pairs = oz_pairs_count(v->right, other->right, n);
}

static oz_status judge_outputs(oz_work *w, oz_variant *v, const oz_outputs *o, size_t base, oz_error *err) {
    OZ_TRY(check_classes(w, o, err));
    uint8_t *right = oz_arena_array(&w->c->arena, o->count, 1);
    if (!right) return oz_work_memory(err);
    v->correct = oz_correct(o->logits, o->count, o->classes, w->labels, right);
    v->right = right;
    v->accuracy = oz_wilson(v->correct, o->count);
    if (base != SIZE_MAX) compare_with_dense(w, v, o, base);
    return OZ_OK;
}

oz_status oz_live_run(oz_work *w, oz_live *l, size_t base, oz_outputs *keep, oz_error *err) {
    oz_outputs o;
    OZ_TRY(describe(w, l, err));
    OZ_TRY(oz_evaluate_first(l->model, w->opt.data, w->c->records, &w->plan, &o, err));
    oz_status status = judge_outputs(w, l->variant, &o, base, err);
    if (status == OZ_OK && keep)
        *keep = o;
    else
        oz_outputs_free(&o);
    return status;
}

/* ---- making it ---------------------------------------------------------------------- */

static oz_status compress(oz_work *w, size_t base, const char *method, uint64_t budget, oz_compressed *out,
                          oz_error *err) {
    oz_compress_options o = OZ_COMPRESS_INIT;
    oz_compressor **c = &w->compressors[base];
    o.host = &w->host;
    o.method = method;
    o.policy = w->opt.policy;
    o.budget = budget;
    o.calibration = w->opt.calibration;
    o.correction = w->opt.correction;
    o.seed = w->opt.seed;
    o.threads = w->opt.threads;
    if (!*c)
        OZ_TRY(oz_compressor_create(base_model(w, base)->model, o.calibration, o.threads, o.host, c, err));
    return oz_compressor_run(*c, &o, false, out, err);
}

static oz_status open_file(oz_work *w, oz_compressed *made, const char *base, const char *method, oz_live *l,
                           oz_error *err) {
    oz_open_options open = OZ_OPEN_INIT;
    oz_variant *v = oz_arena_alloc(&w->c->arena, sizeof *v, 16);
    if (!v) return oz_work_memory(err);
    open.host = &w->host;
    *v = (oz_variant){.method = method, .base = base, .tried = made->tried};
    v->untrained = oz_method_untrained(method);
    v->floor = oz_method_random(method);
    snprintf(v->setting, sizeof v->setting, "%s", made->setting);
    *l = (oz_live){.variant = v, .file = made->file, .owned = true};
    made->file = (oz_buffer){NULL, 0};
    return oz_model_open_memory(l->file.data, l->file.bytes, &open, &l->model, err);
}

/* A method that this network or this build cannot do is a row of the table; anything else ends the
 * comparison. */
static bool is_row(oz_status s) {
    return s == OZ_ERR_SUPPORT || s == OZ_ERR_SHAPE || s == OZ_ERR_NUMBER || s == OZ_ERR_LIMIT;
}

oz_status oz_live_compress(oz_work *w, size_t base, const char *method, uint64_t budget, oz_live *l,
                           oz_row_state *state, uint64_t *smallest, const char **reason, oz_error *err) {
    oz_compressed made = {.bytes = 0};
    oz_error why = {.message = ""};
    *l = (oz_live){.owned = true};
    oz_status status = compress(w, base, method, budget, &made, &why);
    *smallest = made.smallest;
    if (status == OZ_OK) status = open_file(w, &made, w->c->bases[base].name, method, l, &why);
    if (status == OZ_OK) status = oz_live_run(w, l, base, NULL, &why);
    oz_compressed_free(&made);
    if (status == OZ_OK) return OZ_OK;
    oz_live_close(l);
    *state = status == OZ_ERR_BUDGET ? OZ_ROW_TOO_LARGE : OZ_ROW_FAILED;
    *reason = oz_work_text(w, why.message);
    if (*reason && (status == OZ_ERR_BUDGET || (budget && is_row(status)))) return OZ_OK;
    return oz_fail(err, status, why.offset, why.where, "%s: %s", method, why.message);
}

void oz_live_close(oz_live *l) {
    if (l->owned) {
        oz_model_free(l->model);
        oz_buffer_free(&l->file);
    }
    *l = (oz_live){.owned = false};
}

/* compress.c - oz_compress: read the recipe, fill the budget, correct, rank, write.
 *
 * Settings that fill the budget are judged by what comes out of the network on the calibration data, after
 * their correction; the best one's file is the result. */
#include "converters/compress/budget.h"
#include "converters/compress/observe.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct candidate {
    oz_trial trial;
    oz_codec_kind codec;
    oz_arena arena; /* of image */
    oz_image image; /* data NULL: not built */
    double error;   /* of the output, or of the weights where there is no calibration */
    bool measured;
} candidate;

/* ---- starting ---- */

/* A line of the user's own that no layer hears is a slip of the pen. */
static oz_status check_line(const oz_run_state *run, const oz_recipe_line *line) {
    const oz_compressor *c = run->c;
    for (size_t i = 0; i < c->n_layers; i++)
        if (oz_recipe_matches(line, c->layers[i].name, c->layers[i].first, c->layers[i].last)) return OZ_OK;
    return oz_fail(
        run->err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "recipe",
        "line %zu: no layer is called '%.60s'; the first of %zu is '%.60s', 'ounce inspect' lists all",
        line->number, line->glob, c->n_layers, c->layers[0].name);
}

static oz_status read_lines(oz_run_state *run) {
    oz_compressor *c = run->c;
    OZ_TRY(oz_recipe_read(&run->recipe, run->opt, &run->arena, run->err));
    for (size_t k = 0; k < run->recipe.n_lines; k++)
        if (run->recipe.lines[k].number) OZ_TRY(check_line(run, &run->recipe.lines[k]));
    run->line = oz_arena_array(&run->arena, c->n_layers, sizeof *run->line);
    if (!run->line) return oz_no_memory("", run->err);
    for (size_t i = 0; i < c->n_layers; i++)
        run->line[i] = oz_recipe_find(&run->recipe, c->layers[i].name, c->layers[i].first, c->layers[i].last);
    return oz_budget_knobs(run);
}

static bool is_corrected(const oz_run_state *run) {
    for (size_t i = 0; i < run->c->n_layers; i++)
        if (oz_run_correction(run, i) != OZ_CORRECT_NONE) return true;
    return false;
}

static oz_status add_meta(oz_run_state *run, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static oz_status add_meta(oz_run_state *run, const char *key, const char *format, ...) {
    char text[128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *copy = n < 0 ? NULL : oz_arena_text(&run->arena, text, strlen(text));
    if (!copy) return oz_no_memory("", run->err);
    run->meta[run->n_meta++] = (oz_meta){key, copy, 0};
    return OZ_OK;
}

static void add_option(oz_run_state *run, const char *key, const char *text) {
    if (text) run->meta[run->n_meta++] = (oz_meta){key, text, 0};
}

static oz_status write_source(oz_run_state *run) {
    const oz_meta *own = oz_safetensors_meta(&run->c->tensors, "source");
    oz_text text = {0};
    oz_text_format(&text, "%s%s%s", own ? own->value : "", own ? ", " : "", run->c->source);
    char *source = text.failed ? NULL : oz_arena_text(&run->arena, text.data, text.bytes);
    oz_text_free(&text);
    if (!source) return oz_no_memory("", run->err);
    add_option(run, "source", source);
    return OZ_OK;
}

/* Everything that makes this file out of its source, and nothing else: the same job gives the same bytes,
 * whatever files and folders are called. */
static oz_status write_meta(oz_run_state *run) {
    static const char *const corrections[] = {"affine", "bias", "none"};
    const oz_compress_options *opt = run->opt;
    OZ_TRY(write_source(run));
    add_option(run, "method", opt->method);
    add_option(run, "recipe", opt->recipe);
    add_option(run, "policy", opt->policy);
    if (opt->budget) OZ_TRY(add_meta(run, "budget", "%llu", (unsigned long long)opt->budget));
    if (opt->seed != 1) OZ_TRY(add_meta(run, "seed", "%llu", (unsigned long long)opt->seed));
    if (is_corrected(run) && run->c->calibration)
        OZ_TRY(add_meta(run, "correct", "%s, %016llx", corrections[opt->correction],
                        (unsigned long long)oz_dataset_hash(run->c->calibration)));
    return OZ_OK;
}

/* ---- one candidate ---- */

/* The file, first without corrections, then, if there are any, with them. */
static oz_status build(oz_run_state *run, candidate *k) {
    oz_contents contents;
    bool corrected = is_corrected(run);
    oz_change *changes = oz_arena_array(&k->arena, run->c->n_layers, sizeof *changes);
    if (!changes) return oz_no_memory("", run->err);
    OZ_TRY(oz_draft_contents(run, k->trial.fitted, NULL, &k->arena, &contents));
    OZ_TRY(oz_image_build(&contents, &k->image, &k->arena, run->err));
    k->error = oz_draft_error(run, k->trial.fitted);
    if (!corrected && (!run->c->calibration || !run->c->contents.graph)) return OZ_OK;
    OZ_TRY(oz_observe_draft(run, &k->image, corrected ? changes : NULL, &k->arena, &k->error));
    k->measured = true;
    run->tried++;
    if (!corrected) return OZ_OK;
    OZ_TRY(oz_draft_contents(run, k->trial.fitted, changes, &k->arena, &contents));
    return oz_image_build(&contents, &k->image, &k->arena, run->err);
}

/* ---- all candidates ---- */

typedef struct contest {
    oz_run_state *run;
    candidate *list;
    size_t n;
    uint64_t smallest;
} contest;

static oz_status fill_one(contest *k, oz_codec_kind codec, bool near) {
    oz_trial *trial = &k->list[k->n].trial;
    k->list[k->n++].codec = codec;
    trial->fitted = oz_arena_array(&k->run->arena, k->run->c->n_layers, sizeof(oz_fitted *));
    if (!trial->fitted) return oz_no_memory("", k->run->err);
    OZ_TRY(oz_budget_fill(k->run, codec, near, trial));
    if (trial->smallest < k->smallest) k->smallest = trial->smallest;
    return OZ_OK;
}

/* Where outputs are measured, a mix of two neighbouring steps competes with the mix of all: errors of weights
 * do not say which is better. */
static oz_status fill_near(contest *k, oz_codec_kind codec) {
    const oz_compressor *c = k->run->c;
    const oz_trial *wide = &k->list[k->n - 1].trial;
    bool measured = c->calibration && c->contents.graph;
    if (!oz_budget_has_steps(k->run) || !measured || !wide->fits) return OZ_OK;
    OZ_TRY(fill_one(k, codec, true));
    oz_trial *near = &k->list[k->n - 1].trial;
    bool same = memcmp(near->fitted, wide->fitted, c->n_layers * sizeof(oz_fitted *)) == 0;
    near->fits = !same && oz_budget_is_filled(k->run->opt->budget, near->bytes);
    return OZ_OK;
}

static oz_status fill_all(contest *k) {
    oz_codec_kind codecs[OZ_CODEC_COUNT];
    size_t needed, n = oz_budget_codecs(k->run, codecs, &needed);
    bool filled = false;
    k->list = oz_arena_array(&k->run->arena, 2 * n, sizeof *k->list);
    if (!k->list) return oz_no_memory("", k->run->err);
    k->smallest = UINT64_MAX;
    for (size_t i = 0; i < n && !(filled && i >= needed); i++) {
        OZ_TRY(fill_one(k, codecs[i], false));
        filled = filled || oz_budget_is_filled(k->run->opt->budget, k->list[k->n - 1].trial.bytes);
        OZ_TRY(fill_near(k, codecs[i]));
    }
    return OZ_OK;
}

/* Of the codecs that leave more than 2 % of the budget unused only the one with the largest file stays: its
 * knob can turn no further, and the others have fewer bits and no more numbers. */
static size_t drop_small(contest *k) {
    uint64_t budget = k->run->opt->budget;
    const candidate *largest = NULL;
    size_t left = 0;
    for (size_t i = 0; i < k->n; i++) {
        const candidate *one = &k->list[i];
        if (!one->trial.fits || oz_budget_is_filled(budget, one->trial.bytes)) continue;
        if (!largest || one->trial.bytes > largest->trial.bytes) largest = one;
    }
    for (size_t i = 0; i < k->n; i++) {
        candidate *one = &k->list[i];
        one->trial.fits =
            one->trial.fits && (one == largest || oz_budget_is_filled(budget, one->trial.bytes));
        left += one->trial.fits;
    }
    return left;
}

static oz_status judge(contest *k, bool dry_run, candidate **best) {
    size_t fitting = drop_small(k), done = 0;
    *best = NULL;
    for (size_t i = 0; i < k->n; i++) {
        candidate *one = &k->list[i];
        if (!one->trial.fits) continue;
        OZ_TRY(oz_host_progress(k->run->opt->host, "correct", done++, fitting, k->run->err));
        if (fitting > 1 || !dry_run) OZ_TRY(build(k->run, one));
        if (!*best || one->error < (*best)->error) {
            if (*best) oz_arena_free(&(*best)->arena);
            *best = one;
        } else {
            oz_arena_free(&one->arena);
        }
    }
    return oz_host_progress(k->run->opt->host, "correct", fitting, fitting, k->run->err);
}

/* ---- the result ---- */

typedef struct report {
    oz_arena arena;
} report;

static const char *method_text(const oz_fitted *f, oz_arena *arena) {
    oz_text text = {0};
    if (f->kept)
        oz_text_add(&text, "as it was", strlen("as it was"));
    else
        oz_method_print(&f->method, &text);
    char *copy = text.failed ? NULL : oz_arena_text(arena, text.data, text.bytes);
    oz_text_free(&text);
    return copy;
}

static uint64_t layer_bytes(const oz_fitted *f) {
    uint64_t sum = 0;
    for (size_t t = 0; t < (f->kept ? f->base->weight->n_terms : f->n_terms); t++) {
        const oz_term *term = f->kept ? &f->base->weight->terms[t] : &f->term[t];
        for (size_t k = 0; k < term->n_factors; k++) {
            oz_bytes bytes;
            oz_leaf_bytes(&term->factors[k], &bytes);
            sum += bytes.total;
        }
    }
    return sum;
}

static oz_status report_layers(const oz_run_state *run, const candidate *k, oz_compressed *out) {
    report *r = oz_alloc(NULL, sizeof *r, 16);
    if (!r) return oz_no_memory("", run->err);
    *r = (report){{0}};
    out->owner = r;
    oz_compressed_layer *layers = oz_arena_array(&r->arena, run->c->n_layers, sizeof *layers);
    if (!layers) return oz_no_memory("", run->err);
    for (size_t i = 0; i < run->c->n_layers; i++) {
        const oz_fitted *f = k->trial.fitted[i];
        const oz_base_layer *base = f->base;
        layers[i] = (oz_compressed_layer){.name = oz_arena_text(&r->arena, base->name, strlen(base->name)),
                                          .method = method_text(f, &r->arena),
                                          .rows = base->rows,
                                          .cols = base->cols,
                                          .dense_bytes = base->rows * base->cols * sizeof(float),
                                          .bytes = layer_bytes(f),
                                          .error = base->energy > 0 ? f->squared / base->energy : 0};
        if (!layers[i].name || !layers[i].method) return oz_no_memory("", run->err);
    }
    out->layers = layers;
    out->n_layers = run->c->n_layers;
    return OZ_OK;
}

static oz_status report_result(const oz_run_state *run, const candidate *k, bool dry_run,
                               oz_compressed *out) {
    bool named = run->codec_open && run->knob != OZ_KNOB_CODEC;
    snprintf(out->setting, sizeof out->setting, "%s%s%.120s", named ? oz_codec_name(k->codec) : "",
             named ? ", " : "", k->trial.setting);
    out->bytes = k->trial.bytes;
    out->tried = run->tried;
    out->output_error = k->measured ? k->error : -1;
    OZ_TRY(report_layers(run, k, out));
    if (dry_run) return OZ_OK;
    if (k->image.bytes != k->trial.bytes)
        return oz_fail(run->err, OZ_ERR_FORMAT, OZ_NO_OFFSET, "", "the file has %zu bytes instead of %llu",
                       k->image.bytes, (unsigned long long)k->trial.bytes);
    return oz_buffer_copy(&out->file, &k->image, run->err);
}

static oz_status compress(oz_run_state *run, bool dry_run, oz_compressed *out) {
    contest k = {.run = run};
    candidate *best = NULL;
    OZ_TRY(read_lines(run));
    OZ_TRY(write_meta(run));
    if (is_corrected(run)) OZ_TRY(oz_observe_base(run->c, run->err));
    OZ_TRY(fill_all(&k));
    out->smallest = k.smallest;
    oz_status status = judge(&k, dry_run, &best);
    if (status == OZ_OK && !best)
        status = oz_fail(run->err, OZ_ERR_BUDGET, OZ_NO_OFFSET, "budget",
                         "%llu bytes are too few: the smallest file of this method has %llu",
                         (unsigned long long)run->opt->budget, (unsigned long long)k.smallest);
    if (status == OZ_OK) status = report_result(run, best, dry_run, out);
    for (size_t i = 0; i < k.n; i++) oz_arena_free(&k.list[i].arena);
    return status;
}

/* ---- the interface ---- */

oz_status oz_compress_check(const oz_compress_options *opt, oz_error *err) {
    if (!opt) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "opt is NULL");
    OZ_TRY(oz_struct_check(opt->size, sizeof *opt, "oz_compress_options", err));
    oz_arena arena = {.allocator = oz_host_allocator(opt->host)};
    oz_recipe recipe;
    oz_status status = oz_recipe_read(&recipe, opt, &arena, err);
    oz_arena_free(&arena);
    return status;
}

oz_status oz_compressor_run(oz_compressor *c, const oz_compress_options *opt, bool dry_run,
                            oz_compressed *out, oz_error *err) {
    if (!c || !opt || !out)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "compressor, opt or out is NULL");
    *out = (oz_compressed){0};
    OZ_TRY(oz_struct_check(opt->size, sizeof *opt, "oz_compress_options", err));
    oz_run_state run = {.c = c, .opt = opt, .err = err};
    oz_status status = compress(&run, dry_run, out);
    oz_store_clean(c, false);
    oz_arena_free(&run.arena);
    if (status == OZ_OK) return OZ_OK;
    uint64_t smallest = out->smallest;
    oz_compressed_free(out);
    out->smallest = smallest;
    return status;
}

oz_status oz_compress(const oz_model *base, const oz_compress_options *opt, bool dry_run, oz_compressed *out,
                      oz_error *err) {
    if (!opt || !out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "opt or out is NULL");
    *out = (oz_compressed){0};
    OZ_TRY(oz_struct_check(opt->size, sizeof *opt, "oz_compress_options", err));
    oz_compressor *c = NULL;
    OZ_TRY(oz_compressor_create(base, opt->calibration, opt->threads, opt->host, &c, err));
    oz_status status = oz_compressor_run(c, opt, dry_run, out, err);
    oz_compressor_free(c);
    return status;
}

void oz_compressed_free(oz_compressed *k) {
    if (!k) return;
    report *r = k->owner;
    oz_buffer_free(&k->file);
    if (r) oz_arena_free(&r->arena);
    oz_release(NULL, r, sizeof *r);
    *k = (oz_compressed){0};
}

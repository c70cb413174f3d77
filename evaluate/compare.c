/* compare.c - oz_compare: bases, their methods, ready-made models, times, verdicts, in this order.
 *
 * Data is read once, every different model is run once, and the dense outputs of a base are kept while its
 * methods are compared with them. */
#include "evaluate/compare.h"

#include "base/arith.h"
#include "base/parallel.h"
#include "base/text.h"
#include "evaluate/host.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 64, QUICK_RECORDS = 200 };

/* ---- shared by the parts ---------------------------------------------------------- */

oz_status oz_work_memory(oz_error *err) {
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
}

oz_status oz_work_step(oz_work *w, oz_error *err) {
    w->done++;
    return oz_host_report(w->opt.host, w->stage, w->done, w->total, err);
}

char *oz_work_text(oz_work *w, const char *text) {
    char *copy = oz_arena_text(&w->c->arena, text, strlen(text));
    for (char *p = copy; p && *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = '?';
    }
    return copy;
}

/* Whoever is called shows its own steps; we show ours and only pass on whether to stop. */
static bool ask(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    const oz_work *w = ctx;
    (void)stage, (void)done, (void)total;
    return oz_host_report(w->opt.host, w->stage, w->done, w->total, NULL) == OZ_OK;
}

/* ---- options ---------------------------------------------------------------------- */

static oz_status bad(oz_error *err, const char *option, const char *text) {
    return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, option, "%s", text);
}

static oz_status check_data(const oz_compare_options *o, oz_error *err) {
    if (!o->data) return bad(err, "data", "no data set to compare on");
    if (!oz_dataset_labels(o->data))
        return bad(err, "data", "the data set has no labels; a comparison needs them");
    if (!o->calibration && o->correction != OZ_CORRECT_NONE)
        return bad(err, "calibration", "correction needs calibration data; give some, or correct nothing");
    if (o->calibration && oz_dataset_hash(o->calibration) == oz_dataset_hash(o->data))
        return bad(err, "calibration",
                   "calibration and evaluation data are the same; the comparison would flatter");
    return OZ_OK;
}

static oz_status check_options(const oz_compare_options *o, oz_error *err) {
    size_t bases = 0;
    if (o->size > sizeof *o)
        return oz_fail(err, OZ_ERR_VERSION, OZ_NO_OFFSET, "oz_compare_options", "is from a newer version");
    if (o->size < sizeof *o) return bad(err, "oz_compare_options", "size is not set: use OZ_COMPARE_INIT");
    for (size_t i = 0; i < o->n_models; i++) {
        if (!o->models[i].model || !o->models[i].name)
            return bad(err, "models", "a model or its name is NULL");
        bases += o->models[i].base;
    }
    if (bases == 0) return bad(err, "models", "no base network to compress");
    if (o->n_budgets == 0) return bad(err, "budget", "no budget; give at least one number of bytes");
    for (size_t i = 0; i < o->n_budgets; i++) {
        if (o->budgets[i] == 0) return bad(err, "budget", "a budget of 0 bytes holds nothing");
    }
    return check_data(o, err);
}

static void set_defaults(oz_work *w, const oz_compare_options *given) {
    w->opt = *given;
    if (!given->methods || given->n_methods == 0) {
        w->opt.methods = oz_default_methods;
        w->opt.n_methods = oz_default_methods_count;
    }
    if (given->quick) w->opt.n_sweep = 0;
    w->host = (oz_host){
        .size = sizeof w->host, .allocator = oz_host_memory(given->host), .progress_ctx = w, .progress = ask};
    if (given->host && given->host->size >= offsetof(oz_host, progress_ctx))
        w->host.executor = given->host->executor;
    w->plan = (oz_plan_options){.size = sizeof w->plan,
                                .host = &w->host,
                                .max_batch = BATCH,
                                .isa = given->isa,
                                .threads = given->threads};
    w->labels = oz_dataset_labels(given->data);
}

/* ---- the comparison's frame --------------------------------------------------------- */

static int larger_first(const void *a, const void *b) {
    uint64_t x = ((const oz_ranking *)a)->budget, y = ((const oz_ranking *)b)->budget;
    return (x < y) - (x > y);
}

static oz_status make_rankings(oz_work *w, oz_error *err) {
    oz_comparison *c = w->c;
    size_t rows = c->n_bases * (w->opt.n_methods + 2) + c->n_ready;
    c->rankings = oz_arena_array(&c->arena, w->opt.n_budgets, sizeof *c->rankings);
    if (!c->rankings) return oz_work_memory(err);
    for (size_t i = 0; i < w->opt.n_budgets; i++) {
        bool seen = false;
        for (size_t k = 0; k < c->n_rankings; k++) seen |= c->rankings[k].budget == w->opt.budgets[i];
        if (seen) continue;
        oz_ranking *r = &c->rankings[c->n_rankings++];
        r->budget = w->opt.budgets[i];
        r->rows = oz_arena_array(&c->arena, rows, sizeof *r->rows);
        if (!r->rows) return oz_work_memory(err);
    }
    qsort(c->rankings, c->n_rankings, sizeof *c->rankings, larger_first);
    return OZ_OK;
}

static oz_status make_arrays(oz_work *w, oz_error *err) {
    oz_comparison *c = w->c;
    for (size_t i = 0; i < w->opt.n_models; i++) {
        if (w->opt.models[i].base)
            c->n_bases++;
        else
            c->n_ready++;
    }
    OZ_TRY(make_rankings(w, err));
    size_t models = c->n_bases * (2 + w->opt.n_methods * c->n_rankings) + c->n_ready;
    c->bases = oz_arena_array(&c->arena, c->n_bases, sizeof *c->bases);
    c->curves = oz_arena_array(&c->arena, c->n_bases * w->opt.n_methods, sizeof *c->curves);
    c->ready = oz_arena_array(&c->arena, c->n_ready, sizeof *c->ready);
    w->live = oz_arena_array(&c->arena, models, sizeof *w->live);
    w->compressors = oz_arena_array(&c->arena, c->n_bases, sizeof *w->compressors);
    w->dense = oz_arena_array(&c->arena, c->n_bases, sizeof *w->dense);
    w->kl = oz_arena_array(&c->arena, c->records, sizeof *w->kl);
    w->means = oz_arena_array(&c->arena, OZ_RESAMPLES, sizeof *w->means);
    bool all =
        c->bases && c->curves && c->ready && w->live && w->compressors && w->dense && w->kl && w->means;
    return all ? OZ_OK : oz_work_memory(err);
}

static oz_status copy_text(oz_work *w, const char *text, const char **out, oz_error *err) {
    *out = text ? oz_work_text(w, text) : NULL;
    return *out || !text ? OZ_OK : oz_work_memory(err);
}

/* A recipe on one line. */
static oz_status join_lines(oz_work *w, const char *text, const char **out, oz_error *err) {
    oz_text joined = {.allocator = NULL};
    for (size_t n = 0; *text; text += n + (text[n] == '\n')) {
        n = strcspn(text, "\n");
        if (n && joined.bytes) oz_text_add(&joined, "; ", 2);
        oz_text_add(&joined, text, n);
    }
    bool failed = joined.failed;
    if (!failed) *out = oz_work_text(w, joined.bytes ? joined.data : "none");
    oz_text_free(&joined);
    return failed || !*out ? oz_work_memory(err) : OZ_OK;
}

static oz_status describe(oz_work *w, oz_error *err) {
    static const char *const corrections[] = {"affine", "bias", "none"};
    oz_comparison *c = w->c;
    const oz_compare_options *o = &w->opt;
    c->records = oz_dataset_count(o->data);
    if (o->quick) c->records = oz_min(c->records, QUICK_RECORDS);
    c->batch = BATCH;
    c->data_hash = oz_dataset_hash(o->data);
    c->calibration_hash = o->calibration ? oz_dataset_hash(o->calibration) : 0;
    c->calibration_records = o->calibration ? oz_dataset_count(o->calibration) : 0;
    c->n_methods = o->n_methods;
    c->by_stored = o->by_stored;
    c->quick = o->quick;
    c->seed = o->seed;
    c->correction = corrections[o->correction <= OZ_CORRECT_NONE ? o->correction : OZ_CORRECT_NONE];
    OZ_TRY(join_lines(w, o->policy ? o->policy : OZ_DEFAULT_POLICY, &c->policy, err));
    OZ_TRY(copy_text(w, o->command, &c->command, err));
    OZ_TRY(copy_text(w, o->isa ? o->isa : oz_isa_name(), &c->machine.isa, err));
    oz_machine_describe(&c->machine, c->machine.isa, oz_threads_make(w->host.executor, o->threads).width);
    return OZ_OK;
}

/* ---- given models --------------------------------------------------------------------- */

static bool is_dense_f32(const oz_variant *v) {
    for (size_t i = 0; i < v->n_layers; i++)
        if (strcmp(v->layers[i].weight, "dense,codec=f32") != 0) return false;
    return true;
}

/* Runs a given model and adds it to every ranking. */
static oz_status run_given(oz_work *w, const oz_compare_model *given, size_t base, const oz_variant **out,
                           oz_error *err) {
    oz_variant *v = oz_arena_alloc(&w->c->arena, sizeof *v, 16);
    char *name = oz_work_text(w, given->name);
    if (!v || !name) return oz_work_memory(err);
    bool ready = base == SIZE_MAX;
    *v = (oz_variant){.method = ready ? name : "dense,codec=f32",
                      .base = ready ? "" : name,
                      .kind = ready ? OZ_VARIANT_READY : OZ_VARIANT_REFERENCE};
    oz_live l = {.variant = v, .model = given->model, .owned = false};
    if (!ready) w->c->bases[base].name = name;
    OZ_TRY(oz_live_run(w, &l, base, ready ? NULL : &w->dense[base], err));
    if (!ready && !is_dense_f32(v)) v->method = "as given";
    w->live[w->n_live++] = l;
    *out = v;
    return oz_work_step(w, err);
}

static oz_status run_int8(oz_work *w, size_t base, oz_error *err) {
    oz_live l;
    oz_row_state state;
    uint64_t smallest;
    const char *reason;
    OZ_TRY(oz_live_compress(w, base, OZ_INT8, 0, &l, &state, &smallest, &reason, err));
    l.variant->kind = OZ_VARIANT_REFERENCE;
    w->live[w->n_live++] = l;
    w->c->bases[base].int8 = l.variant;
    return oz_work_step(w, err);
}

/* Errors about the data say so already; others are the model's. */
static oz_status blame(const oz_compare_model *given, oz_status status, const oz_error *why, oz_error *err) {
    if (strcmp(why->where, "data") == 0 || strcmp(why->where, "calibration") == 0)
        return oz_fail(err, status, why->offset, why->where, "%s", why->message);
    return oz_fail(err, status, why->offset, given->name, "%s%s%s", why->where, why->where[0] ? ": " : "",
                   why->message);
}

static oz_status run_models(oz_work *w, oz_error *err) {
    size_t base = 0, ready = 0;
    w->stage = "evaluate";
    w->total = 2 * (uint64_t)w->c->n_bases + w->c->n_ready;
    for (size_t i = 0; i < w->opt.n_models; i++) {
        const oz_compare_model *given = &w->opt.models[i];
        oz_error why = {.message = ""};
        oz_status status = run_given(w, given, given->base ? base : SIZE_MAX,
                                     given->base ? &w->c->bases[base].dense : &w->c->ready[ready], &why);
        if (status == OZ_OK && given->base) status = run_int8(w, base++, &why);
        if (status != OZ_OK) return blame(given, status, &why, err);
        if (!given->base) ready++;
    }
    return OZ_OK;
}

static void add_given(oz_work *w) {
    oz_comparison *c = w->c;
    for (size_t i = 0; i < c->n_rankings; i++) {
        oz_ranking *r = &c->rankings[i];
        for (size_t b = 0; b < 2 * c->n_bases; b++) {
            const oz_variant *v = b % 2 ? c->bases[b / 2].int8 : c->bases[b / 2].dense;
            bool fits = oz_variant_size(c, v) <= r->budget;
            oz_ranking_add(r, (oz_row){.variant = v, .state = fits ? OZ_ROW_RANKED : OZ_ROW_OVER});
        }
        for (size_t k = 0; k < c->n_ready; k++) {
            uint64_t size = oz_variant_size(c, c->ready[k]);
            oz_row_state state = size <= r->budget ? OZ_ROW_RANKED : OZ_ROW_TOO_LARGE;
            oz_ranking_add(r, (oz_row){.variant = c->ready[k], .state = state, .smallest = size});
        }
    }
}

/* ---- all of it -------------------------------------------------------------------------- */

static void relate_to_int8(oz_work *w) {
    oz_comparison *c = w->c;
    for (size_t i = 0; i < w->n_live; i++) {
        oz_variant *v = w->live[i].variant;
        for (size_t b = 0; b < c->n_bases; b++) {
            const oz_variant *int8 = c->bases[b].int8;
            if (strcmp(c->bases[b].name, v->base) != 0) continue;
            v->smaller = (double)oz_variant_size(c, int8) / (double)oz_variant_size(c, v);
            v->faster = v->latency_ns > 0.0 ? int8->latency_ns / v->latency_ns : 0.0;
        }
    }
}

static oz_status find_threads(oz_work *w, oz_error *err) {
    if (w->host.executor) return OZ_OK;
    OZ_TRY(oz_executor_create(w->opt.threads, w->host.allocator, &w->executor, err));
    w->host.executor = w->executor;
    return OZ_OK;
}

static oz_status run(oz_work *w, oz_error *err) {
    OZ_TRY(find_threads(w, err));
    OZ_TRY(describe(w, err));
    OZ_TRY(make_arrays(w, err));
    OZ_TRY(run_models(w, err));
    add_given(w);
    OZ_TRY(oz_work_methods(w, err));
    OZ_TRY(oz_work_activations(w, err));
    OZ_TRY(oz_work_time(w, err));
    relate_to_int8(w);
    return oz_comparison_judge(w->c, err);
}

static void close_all(oz_work *w) {
    for (size_t i = 0; i < w->n_live; i++) oz_live_close(&w->live[i]);
    for (size_t i = 0; w->dense && i < w->c->n_bases; i++) oz_outputs_free(&w->dense[i]);
    for (size_t i = 0; w->compressors && i < w->c->n_bases; i++) oz_compressor_free(w->compressors[i]);
}

oz_status oz_compare(const oz_compare_options *opt, oz_comparison **out, oz_error *err) {
    oz_work w = {.stage = "evaluate"};
    *out = NULL;
    OZ_TRY(check_options(opt, err));
    set_defaults(&w, opt);
    w.c = oz_alloc(w.host.allocator, sizeof *w.c, 16);
    if (!w.c) return oz_work_memory(err);
    *w.c = (oz_comparison){.arena = {.allocator = w.host.allocator}};
    oz_status status = run(&w, err);
    close_all(&w);
    oz_executor_free(w.executor);
    if (status == OZ_OK)
        *out = w.c;
    else
        oz_comparison_free(w.c);
    return status;
}

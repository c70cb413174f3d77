/* draft.c - from levels of the knobs to fitted layers. */
#include "converters/compress/draft.h"

#include "base/arith.h"
#include "base/random.h"
#include "converters/compress/prune.h"

#include <string.h>

/* An array smaller than that is no use, and less than a tile of some maps. */
enum { LEAST_SLOTS = 1024 };
/* Slots to whose multiples the runs of an array are aligned: whole cache lines in every codec, and whole
 * groups of 32 or 64. */
enum { ALIGN = 64 };

/* ---- knobs ---- */

static uint64_t seed_of(const oz_run_state *run, size_t layer) {
    return oz_stream_u64(run->opt->seed, layer);
}

/* All weights of the layers that the line's array serves. */
static uint64_t weights_of_line(const oz_run_state *run, size_t line) {
    uint64_t sum = 0;
    for (size_t i = 0; i < run->c->n_layers; i++)
        if (run->line[i] == line) sum += run->c->layers[i].rows * run->c->layers[i].cols;
    return sum;
}

static oz_codec_kind usable_codec(const oz_method_term *t, oz_codec_kind wanted) {
    uint32_t takes = t->leaf.format->codecs;
    if (takes & OZ_CODEC_BIT(wanted)) return wanted;
    return takes & OZ_CODEC_BIT(OZ_CODEC_INT8) ? OZ_CODEC_INT8 : OZ_CODEC_F16;
}

static uint64_t dense_bytes(oz_leaf leaf, uint64_t rows, uint64_t cols) {
    oz_bytes bytes;
    leaf.rows = rows;
    leaf.cols = cols;
    oz_leaf_bytes(&leaf, &bytes);
    return bytes.total;
}

/* An open rank fills the panels that its right factor has anyway. */
static void set_rank(const oz_base_layer *base, oz_method_term *t) {
    oz_leaf factors[2];
    t->rank = oz_min(t->rank, oz_fit_full_rank(base));
    oz_fit_factors(&t->leaf, base, t->rank, factors);
    bool panels = oz_codec_is_integer(factors[1].codec.kind) && t->knob == OZ_KNOB_RANK;
    if (panels) t->rank = oz_min(oz_round_up(t->rank, OZ_PANEL), oz_fit_full_rank(base));
}

/* A product that is no smaller than one leaf of its codec is not worth its error, and narrow groups take
 * none: alone it becomes that leaf, in a sum it falls away. */
static void replace_products(const oz_base_layer *base, oz_method *m) {
    oz_method_term *t = &m->term[0];
    if (m->n_terms == 1 && t->low_rank) {
        oz_leaf factors[2];
        uint64_t product = oz_fit_factors(&t->leaf, base, t->rank, factors);
        t->low_rank = product < dense_bytes(t->leaf, base->rows, base->cols) && !base->narrow;
        return;
    }
    while (base->narrow && m->n_terms > 1 && m->term[m->n_terms - 1].low_rank)
        m->n_terms--; /* they are last */
    if (base->narrow) m->term[m->n_terms - 1].low_rank = false;
}

/* The array that serves so many weights, its runs aligned where that leaves them many places to begin. */
static void set_slots(oz_method_term *t, uint64_t weights) {
    uint64_t slots = oz_max((uint64_t)(t->ratio * (double)weights), oz_min(weights, LEAST_SLOTS));
    if (slots >= ALIGN * ALIGN && oz_leaf_param(&t->leaf, "align") == 1) {
        slots -= slots % ALIGN;
        oz_method_set(&t->leaf, "align", ALIGN);
    }
    oz_method_set(&t->leaf, "slots", slots);
}

static void set_term(const oz_run_state *run, size_t layer, oz_method_term *t, oz_level level) {
    if (t->codec_open) oz_method_set_codec(t, usable_codec(t, level.codec));
    if (t->knob == OZ_KNOB_SPARSITY) t->sparsity = level.value;
    if (t->knob == OZ_KNOB_RATIO) t->ratio = level.value;
    if (t->knob == OZ_KNOB_RANK) t->rank = (uint64_t)level.value;
    if (t->knob == OZ_KNOB_N) {
        uint64_t most = oz_leaf_param(&t->leaf, "m") - 1;
        oz_method_set(&t->leaf, "n", oz_min((uint64_t)level.value, most));
    }
    if (t->low_rank) set_rank(&run->c->layers[layer], t);
    if (!t->shares) return;
    if (oz_leaf_param(&t->leaf, "slots") == 0) set_slots(t, weights_of_line(run, run->line[layer]));
    if (run->opt->seed != 1) oz_method_set(&t->leaf, "seed", run->opt->seed);
}

static oz_fitted *start_layer(const oz_run_state *run, size_t layer, oz_level level) {
    oz_base_layer *base = &run->c->layers[layer];
    if (run->line[layer] == run->recipe.n_lines) return oz_fitted_create(base, NULL);
    oz_method method = run->recipe.lines[run->line[layer]].method;
    for (size_t t = 0; t < method.n_terms; t++) set_term(run, layer, &method.term[t], level);
    replace_products(base, &method);
    oz_fitted *f = oz_fitted_create(base, &method);
    if (f) f->seed = seed_of(run, layer);
    return f;
}

/* ---- what layers have to do with each other ---- */

/* The layers of one recipe line, from `memory`. */
typedef struct members {
    oz_fitted **fitted;
    oz_base_layer **base;
    uint64_t *keep;
    size_t n;
} members;

static oz_status find_members(const oz_run_state *run, oz_fitted **fitted, size_t line, oz_arena *memory,
                              members *m) {
    size_t n = run->c->n_layers;
    *m = (members){oz_arena_array(memory, n, sizeof *m->fitted), oz_arena_array(memory, n, sizeof *m->base),
                   oz_arena_array(memory, n, sizeof *m->keep), 0};
    if (!m->fitted || !m->base || !m->keep) return oz_no_memory("", run->err);
    for (size_t i = 0; i < n; i++) {
        if (run->line[i] != line) continue;
        m->fitted[m->n] = fitted[i];
        m->base[m->n++] = fitted[i]->base;
    }
    return OZ_OK;
}

static oz_status count_kept(const oz_run_state *run, const members *m, size_t t) {
    const oz_method_term *term = &m->fitted[0]->method.term[t];
    oz_scope scope = term->random ? OZ_SCOPE_LAYER : term->scope;
    for (size_t i = 0; scope != OZ_SCOPE_LAYER && i < m->n; i++) OZ_TRY(oz_base_sort(m->base[i], run->err));
    oz_prune_counts(m->base, m->n, scope, term->sparsity, m->keep);
    for (size_t i = 0; i < m->n; i++) m->fitted[i]->keep[t] = m->keep[i];
    return OZ_OK;
}

/* Calls `each` for every line and term with `wanted`. */
static oz_status for_terms(const oz_run_state *run, oz_fitted **fitted,
                           bool (*wanted)(const oz_method_term *t),
                           oz_status (*each)(const oz_run_state *run, const members *m, size_t t)) {
    oz_arena memory = {0};
    oz_status status = OZ_OK;
    for (size_t line = 0; line < run->recipe.n_lines && status == OZ_OK; line++)
        for (size_t t = 0; t < run->recipe.lines[line].method.n_terms && status == OZ_OK; t++) {
            members m;
            if (!wanted(&run->recipe.lines[line].method.term[t])) continue;
            status = find_members(run, fitted, line, &memory, &m);
            if (status == OZ_OK && m.n > 0) status = each(run, &m, t);
        }
    oz_arena_free(&memory);
    return status;
}

static bool prunes(const oz_method_term *t) {
    return t->prunes;
}

static bool shares(const oz_method_term *t) {
    return t->shares;
}

static oz_status fit_shared(const oz_run_state *run, const members *m, size_t t) {
    return oz_fit_shared(m->fitted, m->n, t, run->err);
}

/* ---- fitting ---- */

typedef struct job {
    oz_fitted *fitted;
    bool sizes;
    oz_status status;
    oz_error err;
} job;

static void run_job(void *arg, size_t i) {
    job *j = (job *)arg + i;
    j->status = j->sizes ? oz_fit_sizes(j->fitted, &j->err) : oz_fit_layer(j->fitted, &j->err);
}

static oz_status run_jobs(const oz_run_state *run, job *jobs, size_t n) {
    oz_parallel(&run->c->threads, n, run_job, jobs);
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].status == OZ_OK) continue;
        if (run->err) *run->err = jobs[i].err;
        return jobs[i].status;
    }
    return OZ_OK;
}

/* What a format cannot make of its parameters was wrong in the method. */
static oz_status blame_method(const oz_run_state *run, oz_status status) {
    if (status != OZ_ERR_FORMAT && status != OZ_ERR_SUPPORT) return status;
    if (run->err) run->err->status = OZ_ERR_ARGUMENT;
    return OZ_ERR_ARGUMENT;
}

static bool has_shared_term(const oz_fitted *f) {
    for (size_t t = 0; t < f->n_terms; t++)
        if (f->method.term[t].shares) return true;
    return false;
}

/* Makes every layer's entry, all of which then belong to the store. */
static oz_status start_layers(oz_run_state *run, const oz_level *levels, oz_fitted **fitted) {
    for (size_t i = 0; i < run->c->n_layers; i++) {
        fitted[i] = start_layer(run, i, levels[i]);
        if (!fitted[i]) return oz_no_memory("", run->err);
        fitted[i]->transient = true; /* until it is fitted */
        OZ_TRY(oz_store_add(run->c, fitted[i], run->err));
    }
    return for_terms(run, fitted, prunes, count_kept);
}

oz_status oz_draft_fit(oz_run_state *run, const oz_level *levels, bool sizes, oz_fitted **fitted) {
    oz_arena memory = {0};
    job *jobs = oz_arena_array(&memory, run->c->n_layers, sizeof *jobs);
    oz_status status = jobs ? start_layers(run, levels, fitted) : oz_no_memory("", run->err);
    size_t n = 0;
    for (size_t i = 0; status == OZ_OK && i < run->c->n_layers; i++) {
        oz_fitted *known = has_shared_term(fitted[i]) ? NULL : oz_store_find(run->c, fitted[i]);
        if (known)
            fitted[i] = known;
        else
            jobs[n++] = (job){.fitted = fitted[i], .sizes = sizes};
    }
    if (status == OZ_OK) status = for_terms(run, fitted, shares, fit_shared);
    if (status == OZ_OK) status = run_jobs(run, jobs, n);
    for (size_t i = 0; status == OZ_OK && i < n; i++)
        jobs[i].fitted->transient = sizes || has_shared_term(jobs[i].fitted);
    oz_arena_free(&memory);
    return blame_method(run, status);
}

double oz_draft_error(const oz_run_state *run, oz_fitted *const *fitted) {
    double sum = 0;
    for (size_t i = 0; i < run->c->n_layers; i++)
        if (fitted[i]->base->energy > 0) sum += fitted[i]->squared / fitted[i]->base->energy;
    return sum;
}

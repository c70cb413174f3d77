/* ladder.c - bits, n and rank: the largest step that fits everywhere, then one more for some layers.
 *
 * Where layers are few and large that can leave much of the budget: then small layers go on climbing. */
#include "converters/compress/ladder.h"

#include "base/arith.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const oz_codec_kind codec_steps[] = {OZ_CODEC_TERNARY, OZ_CODEC_INT2, OZ_CODEC_INT3,
                                            OZ_CODEC_INT4,    OZ_CODEC_INT5, OZ_CODEC_INT6,
                                            OZ_CODEC_INT8,    OZ_CODEC_F16,  OZ_CODEC_F32};
enum {
    CODEC_STEPS = sizeof codec_steps / sizeof codec_steps[0],
    MORE_STEPS = 32 /* that some layers may climb above the others */
};

typedef struct ladder {
    oz_run_state *run;
    oz_codec_kind codec;
    size_t steps, n;
    oz_level *levels;
    oz_fitted **lower, **upper;
    size_t *at; /* the step of each layer */
    oz_trial *out;
} ladder;

/* ---- steps ---- */

static uint64_t largest_m(const oz_run_state *run) {
    uint64_t most = 1;
    for (size_t line = 0; line < run->recipe.n_lines; line++)
        for (size_t t = 0; t < run->recipe.lines[line].method.n_terms; t++)
            most = oz_max(most, oz_leaf_param(&run->recipe.lines[line].method.term[t].leaf, "m"));
    return most;
}

static uint64_t largest_rank(const oz_run_state *run) {
    uint64_t most = 1;
    for (size_t i = 0; i < run->c->n_layers; i++)
        if (run->line[i] < run->recipe.n_lines) most = oz_max(most, oz_fit_full_rank(&run->c->layers[i]));
    return most;
}

static size_t count_steps(const oz_run_state *run) {
    if (run->knob == OZ_KNOB_CODEC) return CODEC_STEPS;
    if (run->knob == OZ_KNOB_N) return largest_m(run) - 1;
    return largest_rank(run);
}

/* Ranks are the same share of full rank in all layers. */
static void set_levels(const ladder *l, size_t step) {
    for (size_t i = 0; i < l->n; i++) {
        oz_level *level = &l->levels[i];
        *level = (oz_level){l->codec, (double)(step + 1)};
        if (l->run->knob == OZ_KNOB_CODEC) level->codec = codec_steps[step];
        if (l->run->knob != OZ_KNOB_RANK) continue;
        uint64_t full = oz_fit_full_rank(&l->run->c->layers[i]);
        uint64_t rank = ((step + 1) * full + l->steps / 2) / l->steps;
        level->value = (double)oz_max(rank, 1);
    }
}

static oz_status fit_step(const ladder *l, size_t step, bool sizes, oz_fitted **fitted, uint64_t *bytes) {
    set_levels(l, step);
    OZ_TRY(oz_host_progress(l->run->opt->host, "fit", step, l->steps, l->run->err));
    OZ_TRY(oz_draft_fit(l->run, l->levels, sizes, fitted));
    return oz_draft_size(l->run, fitted, bytes);
}

/* The largest step whose file fits, as count: 0 = none does. */
static oz_status largest_fitting(const ladder *l, size_t *fitting) {
    bool sizes = l->run->knob == OZ_KNOB_RANK;
    size_t low = 0, high = l->steps; /* steps below low fit, from high on they do not */
    uint64_t bytes;
    OZ_TRY(fit_step(l, 0, sizes, l->lower, &l->out->smallest));
    if (l->out->smallest > l->run->opt->budget)
        high = 0;
    else
        low = 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        OZ_TRY(fit_step(l, middle, sizes, l->lower, &bytes));
        if (bytes <= l->run->opt->budget)
            low = middle + 1;
        else
            high = middle;
    }
    *fitting = low;
    return OZ_OK;
}

/* ---- mixing ---- */

typedef struct upgrade {
    size_t layer;
    double gain; /* relative error that it saves, per byte */
} upgrade;

static uint64_t bytes_of(const oz_fitted *f) {
    uint64_t sum = 0;
    for (size_t t = 0; t < f->n_terms; t++)
        for (size_t k = 0; k < f->term[t].n_factors; k++) {
            oz_bytes bytes;
            oz_leaf_bytes(&f->term[t].factors[k], &bytes);
            sum += bytes.total;
        }
    return sum;
}

static int by_gain(const void *a, const void *b) {
    const upgrade *x = a, *y = b;
    if (x->gain != y->gain) return x->gain > y->gain ? -1 : 1;
    return x->layer < y->layer ? -1 : x->layer > y->layer;
}

/* Layers that stand on the step below `step`. */
static size_t list_upgrades(const ladder *l, size_t step, upgrade *list) {
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const oz_fitted *a = l->lower[i], *b = l->upper[i];
        double energy = a->base->energy, saved = a->squared - b->squared;
        if (a == b) l->at[i] = step;
        if (a == b || a->kept || l->at[i] + 1 != step || saved <= 0) continue;
        uint64_t small = bytes_of(a), large = bytes_of(b);
        if (large > small) list[n++] = (upgrade){i, saved / energy / (double)(large - small)};
    }
    qsort(list, n, sizeof *list, by_gain);
    return n;
}

/* Takes every upgrade that still fits; *more: there may be others a step higher. */
static oz_status mix(const ladder *l, size_t step, upgrade *list, bool *more) {
    size_t n = list_upgrades(l, step, list);
    *more = n == 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes;
        oz_fitted **place = &l->lower[list[i].layer], *before = *place;
        *place = l->upper[list[i].layer];
        OZ_TRY(oz_draft_size(l->run, l->lower, &bytes));
        if (bytes > l->run->opt->budget) {
            *place = before;
            continue;
        }
        l->out->bytes = bytes;
        l->at[list[i].layer] = step;
        *more = true;
    }
    return OZ_OK;
}

/* ---- what was chosen, for people ---- */

static bool is_open(const oz_run_state *run, size_t layer) {
    if (run->line[layer] == run->recipe.n_lines) return false;
    const oz_method *m = &run->recipe.lines[run->line[layer]].method;
    for (size_t t = 0; t < m->n_terms; t++) {
        if (run->knob == OZ_KNOB_CODEC ? m->term[t].codec_open : m->term[t].knob == run->knob) return true;
    }
    return false;
}

static void describe_step(const ladder *l, size_t step, oz_text *out) {
    if (l->run->knob == OZ_KNOB_CODEC)
        oz_text_format(out, "%s", oz_codec_name(codec_steps[step]));
    else if (l->run->knob == OZ_KNOB_N)
        oz_text_format(out, "n %zu", step + 1);
    else
        oz_text_format(out, "rank %zu/%zu", step + 1, l->steps);
}

/* "int3", or "int2 in 3 layers, int3 in 15". */
static void describe(const ladder *l, size_t first, size_t last) {
    oz_text text = {0};
    for (size_t step = first; step <= last; step++) {
        size_t count = 0, open = 0;
        for (size_t i = 0; i < l->n; i++) {
            open += is_open(l->run, i);
            count += is_open(l->run, i) && l->at[i] == step;
        }
        if (count == 0) continue;
        bool begins = text.bytes == 0;
        if (!begins) oz_text_add(&text, ", ", 2);
        describe_step(l, step, &text);
        if (count < open) oz_text_format(&text, begins ? " in %zu layers" : " in %zu", count);
    }
    snprintf(l->out->setting, sizeof l->out->setting, "%s", text.data ? text.data : "");
    oz_text_free(&text);
}

static oz_status climb(const ladder *l, upgrade *list) {
    size_t fitting;
    uint64_t bytes, budget = l->run->opt->budget;
    OZ_TRY(largest_fitting(l, &fitting));
    if (fitting == 0) return OZ_OK;
    size_t step = fitting - 1;
    bool more = true;
    OZ_TRY(fit_step(l, step, false, l->lower, &l->out->bytes));
    for (size_t i = 0; i < l->n; i++) l->at[i] = step;
    while (more && step + 1 < l->steps && step < fitting + MORE_STEPS &&
           l->out->bytes < budget - budget / 50) {
        OZ_TRY(fit_step(l, ++step, false, l->upper, &bytes));
        OZ_TRY(mix(l, step, list, &more));
    }
    describe(l, fitting - 1, step);
    memcpy(l->out->fitted, l->lower, l->n * sizeof *l->lower);
    l->out->fits = l->out->bytes <= budget;
    return OZ_OK;
}

oz_status oz_ladder_fill(oz_run_state *run, oz_codec_kind codec, oz_trial *out) {
    oz_arena memory = {0};
    size_t n = run->c->n_layers;
    ladder l = {.run = run, .codec = codec, .steps = count_steps(run), .n = n, .out = out};
    l.levels = oz_arena_array(&memory, n, sizeof *l.levels);
    l.lower = oz_arena_array(&memory, n, sizeof *l.lower);
    l.upper = oz_arena_array(&memory, n, sizeof *l.upper);
    l.at = oz_arena_array(&memory, n, sizeof *l.at);
    upgrade *list = oz_arena_array(&memory, n, sizeof *list);
    bool ok = l.levels && l.lower && l.upper && l.at && list;
    oz_status status = ok ? climb(&l, list) : oz_no_memory("", run->err);
    oz_arena_free(&memory);
    return status;
}

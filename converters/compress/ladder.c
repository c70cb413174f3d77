/* ladder.c - bits, n and rank: the mix of steps over layers that keeps most of what the layers say.
 *
 * If W' keeps the share k of a layer's energy, 1 - |W - W'|^2 / |W|^2, layers after one another keep the
 * product of their shares, as the noise of one is passed on by the next. So -log k is what a mix adds up: a
 * layer that loses nearly all of itself is not made up for by others, as it would be in a sum of errors. */
#include "converters/compress/ladder.h"

#include "base/arith.h"
#include "converters/compress/mix.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const oz_codec_kind codec_steps[] = {OZ_CODEC_TERNARY, OZ_CODEC_INT2, OZ_CODEC_INT3,
                                            OZ_CODEC_INT4,    OZ_CODEC_INT5, OZ_CODEC_INT6,
                                            OZ_CODEC_INT8,    OZ_CODEC_F16,  OZ_CODEC_F32};
enum {
    CODEC_STEPS = sizeof codec_steps / sizeof codec_steps[0],
    RANKS_MIXED = 16, /* not all, because products take long to fit */
};
#define SLACK 0.01 /* of energy that may be given up to fill a budget */

typedef struct ladder {
    oz_run_state *run;
    oz_codec_kind codec;
    bool near;
    size_t steps, n;
    oz_level *levels;
    oz_fitted **sized; /* [n] scratch of the search */
    size_t *offered;   /* [n_offered] steps that layers may have */
    size_t n_offered;
    oz_fitted ***fitted; /* [n_offered][n] */
    oz_choice *choices;  /* [n][n_offered] */
    size_t *picked;      /* [n] among them */
    oz_fitted **mixed;   /* [n] what was picked */
    size_t *at;          /* [n] the step of each layer */
    oz_arena *memory;
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
    OZ_TRY(fit_step(l, 0, sizes, l->sized, &l->out->smallest));
    if (l->out->smallest > l->run->opt->budget)
        high = 0;
    else
        low = 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        OZ_TRY(fit_step(l, middle, sizes, l->sized, &bytes));
        if (bytes <= l->run->opt->budget)
            low = middle + 1;
        else
            high = middle;
    }
    *fitting = low;
    return OZ_OK;
}

/* ---- mixing ---- */

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

static void list_choices(const ladder *l) {
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < l->n_offered; k++) {
            const oz_fitted *f = l->fitted[k][i];
            double lost = f->base->energy > 0 ? f->squared / f->base->energy : 0;
            l->choices[i * l->n_offered + k] = (oz_choice){bytes_of(f), -log(fmax(1 - lost, 1e-9))};
        }
}

/* Picks what fits in `capacity`, and says the bytes of the file that this makes. */
static oz_status choose(const ladder *l, uint64_t capacity, double slack, uint64_t *bytes) {
    OZ_TRY(oz_mix(l->choices, l->n, l->n_offered, capacity, slack, l->picked, l->run->err));
    for (size_t i = 0; i < l->n; i++) l->mixed[i] = l->fitted[l->picked[i]][i];
    return oz_draft_size(l->run, l->mixed, bytes);
}

static void keep(const ladder *l, uint64_t bytes) {
    for (size_t i = 0; i < l->n; i++) {
        size_t k = l->picked[i];
        while (k + 1 < l->n_offered && l->fitted[k + 1][i] == l->mixed[i]) k++; /* the step changes nothing */
        l->at[i] = l->offered[k];
    }
    memcpy(l->out->fitted, l->mixed, l->n * sizeof *l->mixed);
    l->out->bytes = bytes;
    l->out->fits = true;
}

/* Padding and the header show only in the whole file: what a mix is too large by, the next one does without.
 */
static oz_status mix(const ladder *l, uint64_t capacity, double slack) {
    uint64_t budget = l->run->opt->budget, bytes;
    for (;;) {
        OZ_TRY(choose(l, capacity, slack, &bytes));
        if (bytes <= budget) break;
        if (bytes - budget >= capacity) return OZ_OK;
        capacity -= bytes - budget;
    }
    if (!l->out->fits || bytes > l->out->bytes) keep(l, bytes);
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

/* How many open layers have the step. */
static size_t count_at(const ladder *l, size_t step) {
    size_t count = 0;
    for (size_t i = 0; i < l->n; i++) count += is_open(l->run, i) && l->at[i] == step;
    return count;
}

/* "int3", "int2 in 3 layers, int3 in 15", or "int2 to int6" where there are many. */
static void describe(const ladder *l) {
    enum { FEW = 3 };
    oz_text text = {0};
    size_t used = 0, named = 0, last = 0;
    for (size_t step = 0; step < l->steps; step++) {
        if (count_at(l, step) == 0) continue;
        used++;
        last = step;
    }
    for (size_t step = 0; step <= last; step++) {
        size_t count = count_at(l, step);
        if (count == 0 || (used > FEW && named == 1 && step != last)) continue;
        if (named > 0) oz_text_format(&text, used > FEW ? " to " : ", ");
        describe_step(l, step, &text);
        if (used > 1 && used <= FEW) oz_text_format(&text, named ? " in %zu" : " in %zu layers", count);
        named++;
    }
    snprintf(l->out->setting, sizeof l->out->setting, "%s", text.data ? text.data : "");
    oz_text_free(&text);
}

/* Layers may have the step that fits everywhere and, if `near`, the one above it, else all, of ranks some. */
static bool is_offered(const ladder *l, size_t step, size_t fitting) {
    size_t stride = l->run->knob == OZ_KNOB_RANK ? oz_max(l->steps / RANKS_MIXED, 1) : 1;
    if (step + 1 == fitting) return true;
    return l->near ? step == fitting : (step + 1) % stride == 0;
}

static oz_status fit_offered(ladder *l, size_t fitting) {
    uint64_t bytes;
    for (size_t step = 0; step < l->steps; step++) {
        if (!is_offered(l, step, fitting)) continue;
        oz_fitted **fitted = oz_arena_array(l->memory, l->n, sizeof(oz_fitted *));
        if (!fitted) return oz_no_memory("", l->run->err);
        OZ_TRY(fit_step(l, step, false, fitted, &bytes));
        l->fitted[l->n_offered] = fitted;
        l->offered[l->n_offered++] = step;
    }
    return OZ_OK;
}

static oz_status climb(ladder *l) {
    uint64_t budget = l->run->opt->budget, bytes, capacity = 0;
    size_t fitting;
    OZ_TRY(largest_fitting(l, &fitting));
    if (fitting == 0) return OZ_OK;
    OZ_TRY(fit_offered(l, fitting));
    list_choices(l);
    OZ_TRY(choose(l, 0, 0, &bytes));
    for (size_t i = 0; i < l->n; i++) capacity += bytes_of(l->mixed[i]);
    if (bytes < budget) capacity += budget - bytes;
    OZ_TRY(mix(l, capacity, 0));
    if (!oz_budget_is_filled(budget, l->out->bytes)) OZ_TRY(mix(l, capacity, SLACK));
    describe(l);
    return OZ_OK;
}

oz_status oz_ladder_fill(oz_run_state *run, oz_codec_kind codec, bool near, oz_trial *out) {
    oz_arena memory = {0};
    size_t n = run->c->n_layers;
    ladder l = {.run = run,
                .codec = codec,
                .near = near,
                .steps = count_steps(run),
                .n = n,
                .memory = &memory,
                .out = out};
    l.levels = oz_arena_array(&memory, n, sizeof *l.levels);
    l.sized = oz_arena_array(&memory, n, sizeof *l.sized);
    l.mixed = oz_arena_array(&memory, n, sizeof *l.mixed);
    l.at = oz_arena_array(&memory, n, sizeof *l.at);
    l.picked = oz_arena_array(&memory, n, sizeof *l.picked);
    l.offered = oz_arena_array(&memory, l.steps, sizeof *l.offered);
    l.choices = oz_arena_array(&memory, n * l.steps, sizeof *l.choices);
    l.fitted = oz_arena_array(&memory, l.steps, sizeof *l.fitted);
    bool ok = l.levels && l.sized && l.mixed && l.at && l.picked && l.offered && l.choices && l.fitted;
    oz_status status = ok ? climb(&l) : oz_no_memory("", run->err);
    oz_arena_free(&memory);
    return status;
}

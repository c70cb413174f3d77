/* budget.c - which knob is open, and filling a budget with a continuous one. */
#include "converters/compress/budget.h"

#include "converters/compress/ladder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A budget counts as filled above this share; the search for a share stops there. */
#define FILLED 0.997
#define STEP 1e-4 /* of shares: what four digits can say */

/* ---- what is open ---- */

static bool is_used(const oz_run_state *run, size_t line) {
    for (size_t i = 0; i < run->c->n_layers; i++)
        if (run->line[i] == line) return true;
    return false;
}

static oz_status two_knobs(const oz_run_state *run, oz_knob other) {
    return oz_fail(run->err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "method",
                   "both %s and %s are open, a budget can set one: give one of them", oz_knob_name(run->knob),
                   oz_knob_name(other));
}

static oz_status read_term(oz_run_state *run, const oz_method_term *t) {
    run->codec_open = run->codec_open || t->codec_open;
    if (t->knob == OZ_KNOB_NONE) return OZ_OK;
    if (run->knob != OZ_KNOB_NONE && run->knob != t->knob) return two_knobs(run, t->knob);
    run->knob = t->knob;
    return OZ_OK;
}

oz_status oz_budget_knobs(oz_run_state *run) {
    for (size_t line = 0; line < run->recipe.n_lines; line++) {
        const oz_method *m = &run->recipe.lines[line].method;
        size_t knobs = 0;
        for (size_t t = 0; is_used(run, line) && t < m->n_terms; t++) {
            OZ_TRY(read_term(run, &m->term[t]));
            knobs += m->term[t].knob != OZ_KNOB_NONE;
        }
        if (knobs > 1) return two_knobs(run, run->knob);
    }
    bool open = run->knob != OZ_KNOB_NONE || run->codec_open;
    if (run->knob == OZ_KNOB_NONE && run->codec_open) run->knob = OZ_KNOB_CODEC;
    if (!open || run->opt->budget) return OZ_OK;
    return oz_fail(run->err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "method", "%s is open: give it, or a budget",
                   oz_knob_name(run->knob));
}

static uint32_t codecs_of_open_terms(const oz_run_state *run) {
    uint32_t takes = OZ_CODECS_ALL;
    for (size_t line = 0; line < run->recipe.n_lines; line++) {
        const oz_method *m = &run->recipe.lines[line].method;
        for (size_t t = 0; is_used(run, line) && t < m->n_terms; t++)
            if (m->term[t].codec_open) takes &= m->term[t].leaf.format->codecs;
    }
    return takes;
}

size_t oz_budget_codecs(const oz_run_state *run, oz_codec_kind codecs[OZ_CODEC_COUNT], size_t *needed) {
    static const oz_codec_kind integers[] = {OZ_CODEC_INT8, OZ_CODEC_INT6, OZ_CODEC_INT5,   OZ_CODEC_INT4,
                                             OZ_CODEC_INT3, OZ_CODEC_INT2, OZ_CODEC_TERNARY};
    uint32_t takes = codecs_of_open_terms(run);
    size_t n = 0;
    *needed = 1;
    codecs[0] = OZ_CODEC_F16;
    if (!run->codec_open || run->knob == OZ_KNOB_CODEC) return 1;
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        if (takes & OZ_CODEC_BIT(integers[i])) codecs[n++] = integers[i];
    *needed = n;
    if (takes & OZ_CODEC_BIT(OZ_CODEC_F16)) codecs[n++] = OZ_CODEC_F16;
    /* Factors are thin: f16 has no panels to fill. Arrays know few codecs. */
    if (run->knob == OZ_KNOB_RANK || *needed <= 1) *needed = n;
    if (takes & OZ_CODEC_BIT(OZ_CODEC_F32)) codecs[n++] = OZ_CODEC_F32;
    return n;
}

bool oz_budget_is_filled(uint64_t budget, uint64_t bytes) {
    return bytes <= budget && bytes >= budget - budget / 50;
}

/* ---- shares ---- */

typedef struct share_search {
    oz_run_state *run;
    oz_codec_kind codec;
    oz_trial *out;
    oz_fitted **fitted; /* of the last share tried */
    oz_level *levels;
} share_search;

/* `removed` is the share that is not stored: the sparsity, or 1 - ratio. */
static oz_status try_share(share_search *s, double removed, uint64_t *bytes) {
    size_t n = s->run->c->n_layers;
    double value = s->run->knob == OZ_KNOB_RATIO ? 1 - removed : removed;
    for (size_t i = 0; i < n; i++) s->levels[i] = (oz_level){s->codec, value};
    OZ_TRY(oz_host_progress(s->run->opt->host, "fit", 0, 0, s->run->err));
    OZ_TRY(oz_draft_fit(s->run, s->levels, false, s->fitted));
    OZ_TRY(oz_draft_size(s->run, s->fitted, bytes));
    if (*bytes > s->run->opt->budget) return OZ_OK;
    memcpy(s->out->fitted, s->fitted, n * sizeof *s->fitted);
    s->out->bytes = *bytes;
    s->out->fits = true;
    const char *name = oz_knob_name(s->run->knob);
    int used = snprintf(s->out->setting, sizeof s->out->setting, "%s ", name);
    oz_text text = {0};
    oz_text_number(&text, floor(value / STEP + 0.5) / (1 / STEP));
    snprintf(s->out->setting + used, sizeof s->out->setting - (size_t)used, "%s", text.data ? text.data : "");
    oz_text_free(&text);
    return OZ_OK;
}

static double rounded(double share) {
    return ceil(share / STEP - 1e-9) * STEP;
}

/* Sizes fall with the share almost on a line: the crossing is where the line through both ends has it, or the
 * middle if that does not move. */
static oz_status search_shares(share_search *s) {
    enum { TRIALS = 16 };
    double low = 0, high = 1 - STEP, budget = (double)s->run->opt->budget;
    uint64_t low_bytes, high_bytes, bytes;
    OZ_TRY(try_share(s, high, &high_bytes));
    s->out->smallest = high_bytes;
    if (!s->out->fits) return OZ_OK;
    OZ_TRY(try_share(s, low, &low_bytes));
    if (low_bytes <= s->run->opt->budget) return OZ_OK;
    for (int i = 0; i < TRIALS && high - low > 1.5 * STEP && (double)high_bytes < FILLED * budget; i++) {
        double slope = ((double)low_bytes - (double)high_bytes) / (high - low);
        double share = i % 4 == 3 ? (low + high) / 2 : low + ((double)low_bytes - budget * 0.9985) / slope;
        share = rounded(fmin(fmax(share, low + STEP), high - STEP));
        OZ_TRY(try_share(s, share, &bytes));
        if (bytes <= s->run->opt->budget) {
            high = share;
            high_bytes = bytes;
        } else {
            low = share;
            low_bytes = bytes;
        }
    }
    return OZ_OK;
}

static oz_status fill_shares(oz_run_state *run, oz_codec_kind codec, oz_trial *out) {
    oz_arena memory = {0};
    size_t n = run->c->n_layers;
    share_search s = {run, codec, out, oz_arena_array(&memory, n, sizeof *s.fitted),
                      oz_arena_array(&memory, n, sizeof *s.levels)};
    oz_status status = s.fitted && s.levels ? search_shares(&s) : oz_no_memory("", run->err);
    oz_arena_free(&memory);
    return status;
}

/* ---- all knobs ---- */

static oz_status fit_closed(oz_run_state *run, oz_trial *out) {
    oz_arena memory = {0};
    oz_level *levels = oz_arena_array(&memory, run->c->n_layers, sizeof *levels);
    oz_status status = levels ? oz_draft_fit(run, levels, false, out->fitted) : oz_no_memory("", run->err);
    if (status == OZ_OK) status = oz_draft_size(run, out->fitted, &out->bytes);
    out->smallest = out->bytes;
    out->fits = run->opt->budget == 0 || out->bytes <= run->opt->budget;
    oz_arena_free(&memory);
    return status;
}

bool oz_budget_has_steps(const oz_run_state *run) {
    return run->knob == OZ_KNOB_CODEC || run->knob == OZ_KNOB_N || run->knob == OZ_KNOB_RANK;
}

oz_status oz_budget_fill(oz_run_state *run, oz_codec_kind codec, bool near, oz_trial *out) {
    out->fits = false;
    out->setting[0] = 0;
    switch (run->knob) {
    case OZ_KNOB_NONE:
        return fit_closed(run, out);
    case OZ_KNOB_SPARSITY:
    case OZ_KNOB_RATIO:
        return fill_shares(run, codec, out);
    default:
        return oz_ladder_fill(run, codec, near, out);
    }
}

/* candidates.c - the one place that chooses a kernel, and says why.
 *
 * For every leaf all ways that could run it are listed; each gets a predicted time, after a trial a
 * measured one, or the reason why it cannot run. The fastest is chosen. */
#include <stdio.h>
#include <string.h>

#include "kernels/onednn.h"
#include "runtime/cost.h"
#include "runtime/fallback.h"

#define OZ_MAX_WAYS 40

typedef struct oz_option {
    oz_choice choice;
    const char *name, *verdict; /* verdict NULL: it can run */
    double predicted, measured;
} oz_option;

typedef struct oz_chooser {
    oz_plan *plan;
    const oz_plan_options *opt;
    const oz_layer_plan *layer;
    oz_leaf_plan *leaf;
    size_t term, factor;
    uint64_t columns;
    oz_option option[OZ_MAX_WAYS];
    size_t n;
} oz_chooser;

static void add(oz_chooser *c, oz_choice choice, const char *name, const char *verdict) {
    if (c->n == OZ_MAX_WAYS) return;
    c->option[c->n++] =
        (oz_option){.choice = choice, .name = name, .verdict = verdict, .predicted = -1, .measured = -1};
}

/* Whether activations stay in rows: such batches are for kernels of the mv family alone, all others for those
 * that read columns. */
static bool in_rows(const oz_chooser *c) {
    return c->layer->rows && c->columns <= OZ_MV_BATCH && !c->plan->reproducible;
}

static void add_mv(oz_chooser *c, const oz_kernels *k) {
    const oz_leaf *leaf = c->leaf->leaf;
    for (const oz_mv *mv = k->mv; mv && mv->name; mv++) {
        if (mv->takes && !mv->takes(leaf)) continue;
        const char *no = NULL;
        if (mv->act_i8 != c->leaf->reads_i8)
            no = mv->act_i8 ? "the layer keeps f32 activations" : "the layer quantises activations";
        if (!c->layer->rows) no = "a convolution's activations are columns";
        if (c->columns > OZ_MV_BATCH) no = "made for a batch of up to 4";
        if (c->plan->reproducible) no = "reproducible plans use one kernel for all batches";
        add(c, (oz_choice){.way = OZ_WAY_MV, .mv = mv}, mv->name, no);
    }
}

static void add_mm(oz_chooser *c, const oz_decoder *d) {
    if (d->takes && !d->takes(c->leaf->leaf)) return;
    const char *no = NULL;
    if ((d->u8 != NULL) != c->leaf->reads_i8)
        no = d->u8 ? "the layer keeps f32 activations" : "the layer quantises activations";
    add(c, (oz_choice){.way = in_rows(c) ? OZ_WAY_BLOCKS : OZ_WAY_MM, .decoder = d}, d->name, no);
}

static void add_dense(oz_chooser *c) {
    const oz_leaf *leaf = c->leaf->leaf;
    const oz_weight *w = c->layer->layer->weight;
    bool dense = strcmp(leaf->format->name, "dense") == 0 && leaf->codec.kind == OZ_CODEC_F32;
    const char *no = oz_dnnl_available() ? NULL : "built without oneDNN";
    if (!no && in_rows(c)) no = "made for a batch of 5 and up";
    if (!no && c->leaf->reads_i8) no = "the layer quantises activations";
    if (dense) {
        if (!no && !c->layer->rows) no = "a convolution's pixels are multiplied where they lie";
        if (!no && (uintptr_t)leaf->part[0].data % sizeof(float)) no = "the file's floats are not aligned";
        add(c, (oz_choice){.way = OZ_WAY_DNNL}, "dense_mm_f32__onednn", no);
        return;
    }
    if (!no && (w->n_terms > 1 || w->terms[0].n_factors > 1))
        no = "only a weight of a single leaf is unpacked";
    add(c, (oz_choice){.way = OZ_WAY_UNPACK}, "unpack_mm_f32__onednn", no);
}

/* Kernels for the plan's instruction set; a format that has none there may have scalar ones. */
static void list_options(oz_chooser *c) {
    const oz_kernels *k = oz_kernels_of(c->leaf->leaf->format, c->plan->isa);
    c->n = 0;
    if (k) {
        add_mv(c, k);
        for (const oz_decoder *d = k->decoders; d && d->name; d++) add_mm(c, d);
    }
    add_mm(c, &oz_row_decoder);
    if (c->leaf->leaf->format->codes && oz_codec_is_integer(c->leaf->leaf->codec.kind))
        add_mm(c, &oz_code_decoder);
    add_dense(c);
}

static oz_status time_option(const oz_chooser *c, oz_option *o, oz_error *err) {
    if (!c->opt->clock_ns) return OZ_OK;
    return oz_trial_ns(c->leaf->leaf, &o->choice, c->leaf->reads_i8, c->plan, c->columns, c->opt->clock_ns,
                       &o->measured, err);
}

static oz_status weigh(oz_chooser *c, oz_error *err) {
    for (size_t i = 0; i < c->n; i++) {
        oz_option *o = &c->option[i];
        if (o->verdict) continue;
        o->predicted = oz_cost_ns(c->leaf->leaf, &o->choice, c->plan->isa, c->columns);
        if (c->opt->effort == OZ_EFFORT_TRIAL) OZ_TRY(time_option(c, o, err));
    }
    return OZ_OK;
}

static double time_of(const oz_option *o) {
    return o->measured >= 0 ? o->measured : o->predicted;
}

static oz_option *fastest(oz_chooser *c, bool rows) {
    oz_option *best = NULL;
    for (size_t i = 0; i < c->n; i++) {
        oz_option *o = &c->option[i];
        if (!o->verdict && oz_reads_rows(&o->choice) == rows && (!best || time_of(o) < time_of(best)))
            best = o;
    }
    return best;
}

static void record(oz_chooser *c, const oz_option *o, const oz_option *chosen, const char *leaf) {
    oz_candidate *k = &c->leaf->candidates[c->leaf->n_candidates++];
    *k = (oz_candidate){.layer = c->layer->layer->weight->name,
                        .leaf = leaf,
                        .kernel = o->name,
                        .rows = c->leaf->leaf->rows,
                        .cols = c->leaf->leaf->cols,
                        .batch = c->columns,
                        .predicted_ns = o->predicted,
                        .measured_ns = o->measured,
                        .chosen = o == chosen};
    k->verdict = o->verdict ? o->verdict : o == chosen ? "chosen" : "slower";
}

static const char *leaf_name(oz_chooser *c) {
    char text[48];
    int n = snprintf(text, sizeof text, "%zu.%zu", c->term, c->factor);
    return oz_arena_text(&c->plan->arena, text, (size_t)n);
}

/* The kernels for small batches are those that a plan for a batch of 4 would have: a plan serves every
 * batch up to its largest. */
static oz_status choose_small(oz_chooser *c, oz_error *err) {
    uint64_t columns = c->columns;
    c->columns = OZ_MV_BATCH;
    list_options(c);
    oz_status status = weigh(c, err);
    const oz_option *best = fastest(c, true);
    c->leaf->small = best ? best->choice : (oz_choice){.way = OZ_WAY_MM};
    c->columns = columns;
    return status;
}

static oz_status choose(oz_chooser *c, oz_error *err) {
    if (c->columns > OZ_MV_BATCH) OZ_TRY(choose_small(c, err));
    list_options(c);
    OZ_TRY(weigh(c, err));
    oz_option *large = fastest(c, false), *small = fastest(c, true), *chosen = small ? small : large;
    if (c->opt->effort == OZ_EFFORT_CHOSEN) OZ_TRY(time_option(c, chosen, err));
    c->leaf->large = large ? large->choice : (oz_choice){0}; /* none where no batch is so large */
    if (c->columns <= OZ_MV_BATCH) c->leaf->small = chosen->choice;
    const char *name = leaf_name(c);
    c->leaf->candidates = oz_arena_array(&c->plan->arena, c->n, sizeof *c->leaf->candidates);
    if (!name || !c->leaf->candidates) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
    record(c, chosen, chosen, name);
    for (size_t i = 0; i < c->n; i++) {
        if (&c->option[i] != chosen) record(c, &c->option[i], chosen, name);
    }
    return OZ_OK;
}

static oz_status choose_layer(oz_chooser *c, oz_layer_plan *lp, oz_error *err) {
    const oz_weight *w = lp->layer->weight;
    c->layer = lp;
    c->columns = lp->columns;
    lp->leaf = oz_arena_array(&c->plan->arena, w->n_terms, sizeof *lp->leaf);
    if (!lp->leaf) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
    for (c->term = 0; c->term < w->n_terms; c->term++) {
        size_t n = w->terms[c->term].n_factors;
        lp->leaf[c->term] = oz_arena_array(&c->plan->arena, n, sizeof **lp->leaf);
        if (!lp->leaf[c->term]) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
        for (c->factor = 0; c->factor < n; c->factor++) {
            c->leaf = &lp->leaf[c->term][c->factor];
            c->leaf->leaf = lp->layer->run[c->term][c->factor];
            c->leaf->reads_i8 = oz_leaf_reads_i8(c->leaf->leaf, w->act_i8);
            OZ_TRY(choose(c, err));
            lp->predicted_ns += c->leaf->candidates[0].predicted_ns;
        }
    }
    return OZ_OK;
}

oz_status oz_plan_choose(oz_plan *p, const oz_plan_options *opt, oz_error *err) {
    oz_chooser c = {.plan = p, .opt = opt};
    for (size_t i = 0; i < p->model->contents.n_weights; i++) OZ_TRY(choose_layer(&c, &p->layers[i], err));
    return OZ_OK;
}

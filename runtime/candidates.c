/* candidates.c - the one place that chooses a kernel, and says why.
 *
 * For every leaf all ways that could run it are listed; each gets a predicted time, after a trial a
 * measured one, or the reason why it cannot run. The fastest is chosen. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arith.h"
#include "kernels/onednn.h"
#include "runtime/cost.h"
#include "runtime/fallback.h"

#define OZ_MAX_WAYS 40

typedef struct oz_option {
    oz_choice choice;
    const char *verdict; /* NULL: it can run */
    oz_cost cost;
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

const char *oz_choice_name(const oz_choice *choice) {
    switch (choice->way) {
    case OZ_WAY_MV:
        return choice->mv->name;
    case OZ_WAY_DNNL:
        return "dense_mm_f32__onednn";
    case OZ_WAY_UNPACK:
        return "unpack_mm_f32__onednn";
    case OZ_WAY_BLOCKS:
    case OZ_WAY_MM:
        break;
    }
    return choice->decoder->name;
}

static void add(oz_chooser *c, oz_choice choice, const char *verdict) {
    if (c->n == OZ_MAX_WAYS) return;
    c->option[c->n++] = (oz_option){.choice = choice, .verdict = verdict, .predicted = -1, .measured = -1};
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
        add(c, (oz_choice){.way = OZ_WAY_MV, .mv = mv}, no);
    }
}

/* Rows from which on it pays to widen the inputs' codes, which costs each tile as much as some rows do. */
enum { OZ_WIDENS_ROWS = 64 };

static bool is_single(const oz_chooser *c) {
    return oz_weight_is_leaf(c->layer->layer->weight);
}

static void add_mm(oz_chooser *c, const oz_decoder *d) {
    if (d->takes && !d->takes(c->leaf->leaf)) return;
    const bool codes = oz_decodes_codes(d);
    const char *no = NULL;
    if (d->nz_codes && !is_single(c)) no = "only a weight of a single leaf has its inputs' codes as floats";
    if (d->nz_codes && c->leaf->leaf->rows < OZ_WIDENS_ROWS)
        no = "too few rows for their inputs to become floats";
    if (d->nz_codes && in_rows(c)) no = "made for a batch of 5 and up";
    if (codes != c->leaf->reads_i8)
        no = codes ? "the layer keeps f32 activations" : "the layer quantises activations";
    add(c, (oz_choice){.way = in_rows(c) ? OZ_WAY_BLOCKS : OZ_WAY_MM, .decoder = d}, no);
}

/* oneDNN takes the best instructions that it knows, whatever the plan's. Those for 8 bits do not matter to
 * its floats. */
static bool onednn_obeys(oz_isa isa) {
    return isa >= oz_min(oz_cpu_isa(), OZ_ISA_AVX512);
}

/* Whether a convolution has a vector kernel that multiplies pixels where they lie (ops/planar.c): for oneDNN
 * they must be gathered, which costs more than it can save. */
static bool in_place(const oz_chooser *c) {
    if (c->layer->rows || !is_single(c)) return false;
    for (size_t i = 0; i < c->n; i++) {
        const oz_option *o = &c->option[i];
        if (o->choice.way == OZ_WAY_MM && !o->verdict && !o->choice.decoder->plain) return true;
    }
    return false;
}

static void add_dense(oz_chooser *c) {
    const oz_leaf *leaf = c->leaf->leaf;
    bool dense = strcmp(leaf->format->name, "dense") == 0 && leaf->codec.kind == OZ_CODEC_F32;
    const char *no = oz_dnnl_available() ? NULL : "built without oneDNN";
    if (!no && !onednn_obeys(c->plan->isa)) no = "would use more than the plan's instruction set";
    if (!no && in_rows(c)) no = "made for a batch of 5 and up";
    if (!no && c->leaf->reads_i8) no = "the layer quantises activations";
    if (!no && in_place(c)) no = "a convolution's pixels would have to be gathered";
    if (dense) {
        if (!no && !c->layer->rows) no = "a convolution's pixels are multiplied where they lie";
        if (!no && (uintptr_t)leaf->part[0].data % sizeof(float)) no = "the file's floats are not aligned";
        add(c, (oz_choice){.way = OZ_WAY_DNNL}, no);
        return;
    }
    if (!no && !is_single(c)) no = "only a weight of a single leaf is unpacked";
    add(c, (oz_choice){.way = OZ_WAY_UNPACK}, no);
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

/* A candidate that takes twice as long as another needs no exact time, unless that is to decide. */
static oz_status time_option(const oz_chooser *c, oz_option *o, double best, oz_error *err) {
    if (!c->opt->clock_ns) return OZ_OK;
    double hopeless = c->opt->effort == OZ_EFFORT_COMPARE ? 2 * best : HUGE_VAL;
    return oz_trial_ns(c->leaf, &o->choice, c->plan, c->columns, c->opt->clock_ns, hopeless, &o->measured,
                       err);
}

static oz_status time_options(oz_chooser *c, oz_error *err) {
    double best = HUGE_VAL;
    for (size_t i = 0; i < c->n; i++) {
        oz_option *o = &c->option[i];
        if (o->verdict) continue;
        OZ_TRY(time_option(c, o, best, err));
        if (o->measured >= 0 && o->measured < best) best = o->measured;
    }
    return OZ_OK;
}

static void predict(oz_chooser *c) {
    const oz_cost_class *costs = c->plan->costs;
    uint64_t columns = c->plan->reproducible ? oz_round_up(c->columns, OZ_COLUMNS) : c->columns;
    for (size_t i = 0; i < c->n; i++) {
        oz_option *o = &c->option[i];
        if (o->verdict) continue;
        oz_cost_of(costs, c->leaf, &o->choice, columns, &o->cost);
        o->predicted = oz_cost_ns(costs, oz_choice_name(&o->choice), &o->cost);
    }
}

/* By which it is chosen. */
static double time_of(const oz_chooser *c, const oz_option *o) {
    return c->opt->effort == OZ_EFFORT_TRIAL && o->measured >= 0 ? o->measured : o->predicted;
}

static oz_option *fastest(oz_chooser *c, bool rows) {
    oz_option *best = NULL;
    for (size_t i = 0; i < c->n; i++) {
        oz_option *o = &c->option[i];
        if (!o->verdict && oz_reads_rows(&o->choice) == rows && (!best || time_of(c, o) < time_of(c, best)))
            best = o;
    }
    return best;
}

static void record(oz_chooser *c, const oz_option *o, const oz_option *chosen, const char *leaf) {
    oz_candidate *k = &c->leaf->candidates[c->leaf->n_candidates++];
    uint64_t pieces = oz_div_up(c->leaf->leaf->rows, OZ_PANEL);
    *k = (oz_candidate){.layer = c->layer->layer->weight->name,
                        .leaf = leaf,
                        .kernel = oz_choice_name(&o->choice),
                        .rows = c->leaf->leaf->rows,
                        .cols = c->leaf->leaf->cols,
                        .batch = c->columns,
                        .predicted_ns = oz_cost_shared_ns(c->plan, o->predicted, pieces),
                        .measured_ns = o->measured,
                        .chosen = o == chosen,
                        .cost = o->cost};
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
    predict(c);
    oz_status status = c->opt->effort == OZ_EFFORT_TRIAL ? time_options(c, err) : OZ_OK;
    const oz_option *best = fastest(c, true);
    c->leaf->small = best ? best->choice : (oz_choice){.way = OZ_WAY_MM};
    c->columns = columns;
    return status;
}

static oz_status choose(oz_chooser *c, oz_error *err) {
    if (c->columns > OZ_MV_BATCH) OZ_TRY(choose_small(c, err));
    list_options(c);
    predict(c);
    bool all = c->opt->effort == OZ_EFFORT_TRIAL || c->opt->effort == OZ_EFFORT_COMPARE;
    if (all) OZ_TRY(time_options(c, err));
    oz_option *large = fastest(c, false), *small = fastest(c, true), *chosen = small ? small : large;
    if (c->opt->effort == OZ_EFFORT_CHOSEN) OZ_TRY(time_option(c, chosen, HUGE_VAL, err));
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

static double bytes_of(const oz_leaf *leaf) {
    oz_bytes b;
    oz_leaf_bytes(leaf, &b);
    return (double)(b.values + b.index + b.scales);
}

static double predicted_ns(const oz_chooser *c, const oz_choice *choice, uint64_t columns) {
    oz_cost cost;
    oz_cost_of(c->plan->costs, c->leaf, choice, columns, &cost);
    return oz_cost_ns(c->plan->costs, oz_choice_name(choice), &cost);
}

/* What the chosen kernels of one more leaf add to its layer. */
static void foretell(const oz_chooser *c, oz_layer_plan *lp) {
    const oz_leaf_plan *leaf = c->leaf;
    bool rows = oz_reads_rows(&leaf->small), tiles = !oz_reads_rows(&leaf->large);
    for (uint64_t m = 1; rows && m <= OZ_MV_BATCH; m++)
        lp->rows_ns[m - 1] += predicted_ns(c, &leaf->small, m);
    for (uint64_t i = 0; tiles && i < 3; i++)
        lp->tile_ns[i] += predicted_ns(c, &leaf->large, UINT64_C(16) << i);
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
            c->leaf->nonzeros = (double)oz_leaf_nonzeros(c->leaf->leaf);
            c->leaf->bytes = bytes_of(c->leaf->leaf);
            OZ_TRY(choose(c, err));
            foretell(c, lp);
        }
    }
    return OZ_OK;
}

oz_status oz_plan_choose(oz_plan *p, const oz_plan_options *opt, oz_error *err) {
    oz_chooser c = {.plan = p, .opt = opt};
    for (size_t i = 0; i < p->model->contents.n_weights; i++) OZ_TRY(choose_layer(&c, &p->layers[i], err));
    return OZ_OK;
}

/* choose.c - the one place that chooses a kernel, and says why.
 *
 * Every candidate of a leaf gets a predicted time, after a trial a measured one. The fastest is chosen: for
 * each batch of 1 to 4 where activations lie in rows, once for all larger ones. Kernels for few rows read
 * them as they lie or as columns, all leaves of a layer alike, so there the layer's sum decides. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arith.h"
#include "runtime/candidates.h"
#include "runtime/cost.h"

typedef struct oz_chooser {
    oz_plan *plan;
    const oz_plan_options *opt;
    oz_layer_plan *layer;
    oz_leaf_plan *leaf;
    const char *leaf_name;
    oz_candidates found;
    /* Of the leaves so far, a batch of 1 to 4: by rows, and by columns. */
    double rows_ns[OZ_MV_BATCH], columns_ns[OZ_MV_BATCH];
} oz_chooser;

static oz_status no_memory(oz_error *err) {
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
}

static double predicted_ns(const oz_chooser *c, const oz_choice *choice, uint64_t columns, oz_cost *cost) {
    const oz_cost_class *costs = c->plan->costs;
    oz_cost_of(costs, c->leaf, choice, columns, cost);
    return oz_cost_ns(costs, oz_choice_name(choice), cost);
}

static void find_candidates(oz_chooser *c, uint64_t columns) {
    oz_candidates *found = &c->found;
    *found = (oz_candidates){.plan = c->plan, .layer = c->layer, .leaf = c->leaf, .columns = columns};
    oz_list_candidates(found);
    if (c->plan->reproducible) columns = oz_round_up(columns, OZ_COLUMNS);
    for (size_t i = 0; i < found->n; i++) {
        oz_option *o = &found->option[i];
        if (!o->verdict) o->predicted = predicted_ns(c, &o->choice, columns, &o->cost);
    }
}

/* A candidate that takes twice as long as another needs no exact time, unless that is to decide. */
static oz_status time_option(const oz_chooser *c, oz_option *o, double best, oz_error *err) {
    if (!c->opt->clock_ns) return OZ_OK;
    double hopeless = c->opt->effort == OZ_EFFORT_COMPARE ? 2 * best : HUGE_VAL;
    return oz_trial_ns(c->leaf, &o->choice, c->plan, c->found.columns, c->opt->clock_ns, hopeless,
                       &o->measured, err);
}

static oz_status time_options(oz_chooser *c, oz_error *err) {
    double best = HUGE_VAL;
    for (size_t i = 0; i < c->found.n; i++) {
        oz_option *o = &c->found.option[i];
        if (o->verdict) continue;
        OZ_TRY(time_option(c, o, best, err));
        if (o->measured >= 0 && o->measured < best) best = o->measured;
    }
    return OZ_OK;
}

/* By which it is chosen for so many columns: as measured, other batches than that of the trial in
 * proportion. */
static double time_of(const oz_chooser *c, const oz_option *o, uint64_t columns) {
    oz_cost cost;
    bool same = columns == c->found.columns, trial = c->opt->effort == OZ_EFFORT_TRIAL && o->measured >= 0;
    double ns = same ? o->predicted : predicted_ns(c, &o->choice, columns, &cost);
    return trial ? ns * (o->measured / o->predicted) : ns;
}

/* Adds its time to *ns; NULL if there is none. */
static oz_option *fastest(oz_chooser *c, bool rows, uint64_t columns, double *ns) {
    oz_option *best = NULL;
    double least = HUGE_VAL;
    for (size_t i = 0; i < c->found.n; i++) {
        oz_option *o = &c->found.option[i];
        if (o->verdict || oz_reads_rows(&o->choice) != rows) continue;
        double t = time_of(c, o, columns);
        if (!best || t < least) best = o, least = t;
    }
    *ns += least;
    return best;
}

static void record_option(oz_chooser *c, const oz_option *o) {
    uint64_t pieces = oz_div_up(c->leaf->leaf->rows, OZ_PANEL);
    c->leaf->candidates[c->leaf->n_candidates++] =
        (oz_candidate){.layer = c->layer->layer->weight->name,
                       .leaf = c->leaf_name,
                       .kernel = oz_choice_name(&o->choice),
                       .rows = c->leaf->leaf->rows,
                       .cols = c->leaf->leaf->cols,
                       .batch = c->found.columns,
                       .predicted_ns = oz_cost_shared_ns(c->plan, o->predicted, pieces),
                       .measured_ns = o->measured,
                       .verdict = o->verdict ? o->verdict : "slower",
                       .cost = o->cost};
}

static oz_status record(oz_chooser *c, oz_error *err) {
    c->leaf->candidates = oz_arena_array(&c->plan->arena, c->found.n, sizeof *c->leaf->candidates);
    if (!c->leaf->candidates) return no_memory(err);
    for (size_t i = 0; i < c->found.n; i++) record_option(c, &c->found.option[i]);
    return OZ_OK;
}

/* The chosen candidate to the front; the order of the others stays. */
static void mark_chosen(oz_leaf_plan *leaf, const oz_choice *choice) {
    oz_candidate *list = leaf->candidates;
    const char *name = oz_choice_name(choice), *way = oz_cost_way(choice->way);
    size_t at = 0;
    while (at + 1 < leaf->n_candidates && (strcmp(list[at].kernel, name) != 0 || list[at].cost.way != way))
        at++;
    oz_candidate chosen = list[at];
    memmove(list + 1, list, at * sizeof *list);
    chosen.chosen = true;
    chosen.verdict = "chosen";
    list[0] = chosen;
}

/* Of the largest batch, which users are shown. */
static oz_status time_largest(oz_chooser *c, oz_error *err) {
    if (c->opt->effort == OZ_EFFORT_TRIAL || c->opt->effort == OZ_EFFORT_COMPARE) return time_options(c, err);
    if (c->opt->effort != OZ_EFFORT_CHOSEN) return OZ_OK;
    double rows_ns = 0, columns_ns = 0;
    oz_option *rows = fastest(c, true, c->found.columns, &rows_ns);
    oz_option *columns = fastest(c, false, c->found.columns, &columns_ns);
    return time_option(c, rows && rows_ns <= columns_ns ? rows : columns, HUGE_VAL, err);
}

/* A plan serves every batch up to its largest: those of 1 to 4 rows have kernels of their own, of which a
 * trial times what a batch of 4 would have. */
static oz_status choose_few(oz_chooser *c, oz_error *err) {
    const uint64_t most = oz_min(c->layer->columns, OZ_MV_BATCH);
    find_candidates(c, most);
    if (most == c->layer->columns) {
        OZ_TRY(time_largest(c, err));
        OZ_TRY(record(c, err));
    } else if (c->opt->effort == OZ_EFFORT_TRIAL) {
        OZ_TRY(time_options(c, err));
    }
    for (uint64_t m = 1; m <= most; m++) {
        const oz_option *rows = fastest(c, true, m, &c->rows_ns[m - 1]);
        const oz_option *columns = fastest(c, false, m, &c->columns_ns[m - 1]);
        if (rows) c->leaf->rows[m - 1] = rows->choice;
        if (columns) c->leaf->few = columns->choice;
    }
    return OZ_OK;
}

static oz_status choose_large(oz_chooser *c, oz_error *err) {
    double ns = 0;
    find_candidates(c, c->layer->columns);
    OZ_TRY(time_largest(c, err));
    OZ_TRY(record(c, err));
    c->leaf->large = fastest(c, false, c->layer->columns, &ns)->choice;
    oz_cost cost;
    for (uint64_t i = 0; i < OZ_TILE_WIDTHS; i++)
        c->layer->tile_ns[i] += predicted_ns(c, &c->leaf->large, UINT64_C(8) << i, &cost);
    return OZ_OK;
}

static oz_status choose(oz_chooser *c, oz_error *err) {
    if (c->layer->few) OZ_TRY(choose_few(c, err));
    return c->layer->few && c->layer->columns <= OZ_MV_BATCH ? OZ_OK : choose_large(c, err);
}

static double bytes_of(const oz_leaf *leaf) {
    oz_bytes b;
    oz_leaf_bytes(leaf, &b);
    return (double)(b.values + b.index + b.scales);
}

static oz_status choose_leaf(oz_chooser *c, size_t term, size_t factor, oz_error *err) {
    const oz_layer *layer = c->layer->layer;
    char text[48];
    int n = snprintf(text, sizeof text, "%zu.%zu", term, factor);
    c->leaf_name = oz_arena_text(&c->plan->arena, text, (size_t)n);
    if (!c->leaf_name) return no_memory(err);
    c->leaf = &c->layer->leaf[term][factor];
    c->leaf->leaf = layer->run[term][factor];
    c->leaf->reads_i8 = oz_leaf_reads_i8(c->leaf->leaf, layer->weight->act_i8);
    c->leaf->nonzeros = (double)oz_leaf_nonzeros(c->leaf->leaf);
    c->leaf->bytes = bytes_of(c->leaf->leaf);
    return choose(c, err);
}

static oz_status choose_leaves(oz_chooser *c, oz_error *err) {
    oz_layer_plan *lp = c->layer;
    const oz_weight *w = lp->layer->weight;
    lp->leaf = oz_arena_array(&c->plan->arena, w->n_terms, sizeof *lp->leaf);
    if (!lp->leaf) return no_memory(err);
    for (size_t t = 0; t < w->n_terms; t++) {
        lp->leaf[t] = oz_arena_array(&c->plan->arena, w->terms[t].n_factors, sizeof **lp->leaf);
        if (!lp->leaf[t]) return no_memory(err);
        for (size_t f = 0; f < w->terms[t].n_factors; f++) OZ_TRY(choose_leaf(c, t, f, err));
    }
    return OZ_OK;
}

/* What rows become columns for, and outputs rows again: ns for each input and output (Zen 5: 0.5 with
 * AVX-512, 0.8 with AVX2). */
#define MOVE_NS 0.8

static void decide_rows(const oz_chooser *c, oz_layer_plan *lp) {
    const oz_weight *w = lp->layer->weight;
    double moves = MOVE_NS * (double)(w->rows + w->cols);
    for (uint64_t m = 1; m <= oz_min(lp->columns, OZ_MV_BATCH); m++) {
        double rows = c->rows_ns[m - 1], columns = c->columns_ns[m - 1] + moves;
        lp->reads_rows[m - 1] = rows <= columns;
        lp->few_ns[m - 1] = fmin(rows, columns);
    }
}

static oz_status choose_layer(oz_chooser *c, oz_error *err) {
    oz_layer_plan *lp = c->layer;
    lp->few = lp->rows && !c->plan->reproducible;
    OZ_TRY(choose_leaves(c, err));
    if (lp->few) decide_rows(c, lp);
    const oz_weight *w = lp->layer->weight;
    for (size_t t = 0; t < w->n_terms; t++) {
        for (size_t f = 0; f < w->terms[t].n_factors; f++)
            mark_chosen(&lp->leaf[t][f], oz_choice_for(lp, &lp->leaf[t][f], lp->columns));
    }
    return OZ_OK;
}

oz_status oz_plan_choose(oz_plan *p, const oz_plan_options *opt, oz_error *err) {
    for (size_t i = 0; i < p->model->contents.n_weights; i++) {
        oz_chooser c = {.plan = p, .opt = opt, .layer = &p->layers[i]};
        OZ_TRY(choose_layer(&c, err));
    }
    return OZ_OK;
}

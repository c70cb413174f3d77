/* choose.c - the one place that chooses a kernel, and says why.
 *
 * Every candidate of a leaf gets a predicted time, after a trial a measured one. The fastest is chosen: of
 * those that read rows for 1, 2, 3 and 4 of them, of those that read columns for a narrow batch and for the
 * largest. Which of the two families it is, the sum of the layer decides for each size of batch, as all
 * leaves of a layer read alike. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arith.h"
#include "runtime/candidates.h"

typedef struct oz_chooser {
    oz_plan *plan;
    const oz_plan_options *opt;
    oz_layer_plan *layer;
    oz_leaf_plan *leaf;
    const char *leaf_name;
    bool keeps_rows; /* rows need not become columns */
    oz_candidates found;
    /* Of the leaves so far, for each batch of reads_rows: by rows, and by columns. */
    double rows_ns[OZ_COLUMNS + 1], columns_ns[OZ_COLUMNS + 1];
} oz_chooser;

static oz_status no_memory(oz_error *err) {
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
}

/* Other numbers of columns may lie in another way. */
static const oz_cost_line *line_of(const oz_chooser *c, const oz_option *o, const oz_cost *cost) {
    if (strcmp(cost->way, o->cost.way) == 0) return o->line;
    return oz_cost_line_for(c->plan->costs, oz_choice_name(&o->choice), cost);
}

/* On one thread, as it is chosen: by more of them results must not come to be other bits. */
static double predict(const oz_chooser *c, const oz_option *o, const oz_cost *cost) {
    return oz_cost_by(line_of(c, o, cost), cost) * (oz_decodes_floats(&o->choice) ? c->layer->filtered : 1);
}

/* On the plan's threads. Each makes the inputs of up to OZ_COLUMNS columns what is read of them; the rest,
 * and all of more columns, is shared out. */
static double predict_shared(const oz_chooser *c, const oz_option *o) {
    const uint64_t tiles = oz_div_up(c->found.columns, OZ_COLUMNS);
    double each = tiles > 1 ? 0 : o->line->ns[OZ_COST_GATHERED] * o->cost.amount[OZ_COST_GATHERED];
    return oz_cost_shared_ns(c->plan, o->predicted, each, tiles * oz_div_up(c->leaf->leaf->rows, OZ_PANEL));
}

static void find_candidates(oz_chooser *c, uint64_t columns) {
    const oz_cost_class *costs = c->plan->costs;
    oz_candidates *found = &c->found;
    *found = (oz_candidates){.plan = c->plan, .layer = c->layer, .leaf = c->leaf, .columns = columns};
    oz_list_candidates(found);
    if (c->plan->reproducible) columns = oz_round_up(columns, OZ_COLUMNS);
    for (size_t i = 0; i < found->n; i++) {
        oz_option *o = &found->option[i];
        if (o->verdict) continue;
        oz_cost_of(costs, c->leaf, &o->choice, columns, &o->cost);
        o->line = oz_cost_line_for(costs, oz_choice_name(&o->choice), &o->cost);
        o->predicted = predict(c, o, &o->cost);
    }
}

/* A candidate that takes three times as long as another needs no exact time, unless that is to decide. */
static oz_status time_option(const oz_chooser *c, oz_option *o, double best, oz_error *err) {
    double hopeless = c->opt->effort == OZ_EFFORT_COMPARE ? 3 * best : HUGE_VAL;
    oz_timing t = {
        .leaf = c->leaf, .choice = o->choice, .columns = c->found.columns, .predicted = o->predicted};
    OZ_TRY(oz_time_leaf(c->plan, &t, c->opt->clock_ns, hopeless, err));
    o->measured = t.ns;
    return OZ_OK;
}

/* Of those that are not timed yet, the one that is expected to be the fastest. */
static oz_option *next_to_time(oz_chooser *c) {
    oz_option *next = NULL;
    for (size_t i = 0; i < c->found.n; i++) {
        oz_option *o = &c->found.option[i];
        if (!o->verdict && o->measured < 0 && (!next || o->predicted < next->predicted)) next = o;
    }
    return next;
}

static oz_status time_options(oz_chooser *c, oz_error *err) {
    double best = HUGE_VAL;
    for (oz_option *o; c->opt->clock_ns && (o = next_to_time(c)) != NULL; best = fmin(best, o->measured))
        OZ_TRY(time_option(c, o, best, err));
    return OZ_OK;
}

/* By which it is chosen for so many columns: as measured, other batches than that of the trial in
 * proportion, and tiles, which a trial does not know, by their share. */
static double time_of(const oz_chooser *c, const oz_option *o, uint64_t columns) {
    oz_cost cost;
    bool same = columns == c->found.columns, trial = c->opt->effort == OZ_EFFORT_TRIAL && o->measured >= 0;
    if (!same) oz_cost_of(c->plan->costs, c->leaf, &o->choice, columns, &cost);
    double ns = predict(c, o, same ? &o->cost : &cost);
    return trial ? ns * (o->measured / oz_cost_by(o->line, &o->cost)) : ns;
}

static const oz_option *find(const oz_chooser *c, const oz_choice *choice) {
    const oz_option *o = c->found.option;
    while (o->choice.way != choice->way || o->choice.mv != choice->mv || o->choice.decoder != choice->decoder)
        o++;
    return o;
}

/* Predictions, which are of one thread, are off by about that; in doubt it is what gains more by a second
 * thread: a kernel of ours rather than oneDNN's, tiles rather than rows where there are several, and several
 * panels of rows rather than a single tile, which every thread lays out for itself. */
#define DOUBT 1.05

/* Of the two families' times for so many columns. */
static bool prefers_rows(const oz_chooser *c, double rows_ns, double columns_ns, uint64_t columns) {
    const bool trial = c->opt->effort == OZ_EFFORT_TRIAL, panels = c->layer->layer->weight->rows > OZ_PANEL;
    if (columns > OZ_COLUMNS && !trial) rows_ns *= DOUBT;
    if (columns <= OZ_COLUMNS && panels && !trial) columns_ns *= DOUBT;
    return !(columns_ns < rows_ns);
}

static oz_option *fastest(oz_chooser *c, bool rows, uint64_t columns) {
    oz_option *best = NULL;
    double least = HUGE_VAL;
    for (size_t i = 0; i < c->found.n; i++) {
        oz_option *o = &c->found.option[i];
        if (o->verdict || oz_reads_rows(&o->choice) != rows) continue;
        double t = time_of(c, o, columns);
        if (oz_calls_onednn(&o->choice) && c->opt->effort != OZ_EFFORT_TRIAL) t *= DOUBT;
        if (!best || t < least) best = o, least = t;
    }
    return best;
}

typedef struct kernel_name {
    char text[96];
} kernel_name;

/* A decoder's kernel for rows is called otherwise than the one for columns. */
static kernel_name name_of(const oz_choice *choice) {
    kernel_name n;
    const char *suffix = choice->way == OZ_WAY_BLOCKS ? "__rows" : "";
    snprintf(n.text, sizeof n.text, "%s%s", oz_choice_name(choice), suffix);
    return n;
}

static oz_status record_option(oz_chooser *c, const oz_option *o, oz_error *err) {
    const kernel_name name = name_of(&o->choice);
    const char *kernel = oz_arena_text(&c->plan->arena, name.text, strlen(name.text));
    if (!kernel) return no_memory(err);
    c->leaf->candidates[c->leaf->n_candidates++] =
        (oz_candidate){.layer = c->layer->layer->weight->name,
                       .leaf = c->leaf_name,
                       .kernel = kernel,
                       .rows = c->leaf->leaf->rows,
                       .cols = c->leaf->leaf->cols,
                       .batch = c->found.columns,
                       .predicted_ns = o->verdict ? -1 : predict_shared(c, o),
                       .measured_ns = o->measured,
                       .verdict = o->verdict ? o->verdict : "slower",
                       .cost = o->cost};
    return OZ_OK;
}

static oz_status record(oz_chooser *c, oz_error *err) {
    c->leaf->candidates = oz_arena_array(&c->plan->arena, c->found.n, sizeof *c->leaf->candidates);
    if (!c->leaf->candidates) return no_memory(err);
    for (size_t i = 0; i < c->found.n; i++) OZ_TRY(record_option(c, &c->found.option[i], err));
    return OZ_OK;
}

static bool is_hardly_faster(const oz_candidate *c, const oz_candidate *chosen) {
    return c->predicted_ns >= 0 && c->predicted_ns < chosen->predicted_ns &&
           c->predicted_ns * DOUBT >= chosen->predicted_ns;
}

/* The chosen candidate to the front; the order of the others stays. */
static void mark_chosen(const oz_chooser *c, oz_leaf_plan *leaf, const oz_choice *choice) {
    oz_candidate *list = leaf->candidates;
    const kernel_name name = name_of(choice);
    size_t at = 0;
    while (strcmp(list[at].kernel, name.text) != 0) at++;
    oz_candidate chosen = list[at];
    memmove(list + 1, list, at * sizeof *list);
    chosen.chosen = true;
    chosen.verdict = "chosen";
    list[0] = chosen;
    for (size_t i = 1; c->opt->effort != OZ_EFFORT_TRIAL && i < leaf->n_candidates; i++) {
        if (is_hardly_faster(&list[i], &chosen)) list[i].verdict = "hardly faster";
    }
}

/* Of the largest batch, which users are shown. */
static oz_status time_largest(oz_chooser *c, oz_error *err) {
    const bool all = c->opt->effort == OZ_EFFORT_TRIAL || c->opt->effort == OZ_EFFORT_COMPARE;
    return all ? time_options(c, err) : OZ_OK;
}

/* The batch that stands for the i-th of reads_rows. */
static uint64_t batch_at(const oz_chooser *c, size_t i) {
    return i < OZ_COLUMNS ? i + 1 : c->layer->columns;
}

/* Of the batches up to the largest, those of which reads_rows tells. */
static size_t batches(const oz_chooser *c) {
    return oz_min(c->layer->columns, OZ_COLUMNS + 1);
}

static void add_rows(oz_chooser *c, size_t i) {
    uint64_t m = batch_at(c, i);
    double ns = time_of(c, find(c, oz_rows_choice(c->leaf, m)), m);
    c->rows_ns[i] += ns;
    if (i < OZ_COLUMNS) c->layer->rows_ns[i] += ns;
}

/* What it takes for batches [first, last) of those, and for tiles; without a choice, never. */
static void add_columns(oz_chooser *c, const oz_option *o, size_t first, size_t last) {
    for (size_t i = first; i < last; i++) c->columns_ns[i] += o ? time_of(c, o, batch_at(c, i)) : HUGE_VAL;
}

static void add_tiles(oz_chooser *c, const oz_option *o, size_t first, size_t last) {
    for (size_t i = first; o && i < last; i++) c->layer->tile_ns[i] += time_of(c, o, UINT64_C(8) << i);
}

enum { NARROW_WIDTHS = 2 }; /* tiles of 8 and 16 columns */

/* A plan serves every batch up to its largest: small ones have kernels of their own, of which a trial times
 * what a batch of OZ_NARROW would have. */
static oz_status choose_narrow(oz_chooser *c, oz_error *err) {
    const uint64_t most = oz_min(c->layer->columns, OZ_NARROW);
    find_candidates(c, most);
    if (most == c->layer->columns) {
        OZ_TRY(time_largest(c, err));
        OZ_TRY(record(c, err));
    } else if (c->opt->effort == OZ_EFFORT_TRIAL) {
        OZ_TRY(time_options(c, err));
    }
    for (uint64_t m = 1; m <= OZ_MV_BATCH; m++) c->leaf->rows[m - 1] = fastest(c, true, m)->choice;
    const oz_option *columns = fastest(c, false, most);
    if (columns) c->leaf->narrow = columns->choice;
    for (size_t i = 0; i < most; i++) add_rows(c, i);
    add_columns(c, columns, 0, most);
    add_tiles(c, columns, 0, NARROW_WIDTHS);
    return OZ_OK;
}

static oz_status choose_large(oz_chooser *c, oz_error *err) {
    find_candidates(c, c->layer->columns);
    OZ_TRY(time_largest(c, err));
    OZ_TRY(record(c, err));
    const oz_option *large = fastest(c, false, c->layer->columns);
    c->leaf->large = large->choice;
    if (!c->keeps_rows) c->leaf->narrow = large->choice;
    add_tiles(c, large, c->keeps_rows ? NARROW_WIDTHS : 0, OZ_TILE_WIDTHS);
    if (!c->keeps_rows) return OZ_OK;
    for (size_t i = OZ_NARROW; i < batches(c); i++) add_rows(c, i);
    add_columns(c, large, OZ_NARROW, batches(c));
    return OZ_OK;
}

static oz_status choose(oz_chooser *c, oz_error *err) {
    if (c->keeps_rows) OZ_TRY(choose_narrow(c, err));
    return c->keeps_rows && c->layer->columns <= OZ_NARROW ? OZ_OK : choose_large(c, err);
}

static double bytes_of(const oz_leaf *leaf) {
    oz_bytes b;
    oz_leaf_bytes(leaf, &b);
    return (double)(b.values + b.index + b.scales);
}

/* A number that weights share is read for each of them. */
static double read_of(const oz_leaf_plan *lp) {
    const oz_leaf *leaf = lp->leaf;
    return leaf->format->shared ? lp->bytes * lp->nonzeros / (double)leaf->format->shared(leaf) : lp->bytes;
}

static oz_status choose_leaf(oz_chooser *c, size_t term, size_t factor, oz_error *err) {
    const oz_layer *layer = c->layer->layer;
    char text[48];
    int n = snprintf(text, sizeof text, "%zu.%zu", term, factor);
    c->leaf_name = oz_arena_text(&c->plan->arena, text, (size_t)n);
    if (!c->leaf_name) return no_memory(err);
    c->leaf = &c->layer->leaf[term][factor];
    c->leaf->leaf = layer->run[term][factor];
    c->leaf->takes_rows = c->layer->rows && term == 0 && factor + 1 == layer->weight->terms[0].n_factors;
    c->leaf->gives_rows = c->layer->rows && term == 0 && factor == 0;
    c->leaf->alone = oz_weight_is_leaf(layer->weight) && layer->weight->terms[0].scale == 1.0f;
    c->leaf->reads_i8 = oz_leaf_reads_i8(c->leaf->leaf, layer->weight->act_i8);
    c->leaf->nonzeros = (double)oz_leaf_nonzeros(c->leaf->leaf);
    c->leaf->bytes = bytes_of(c->leaf->leaf);
    c->leaf->read = read_of(c->leaf);
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

static void decide_rows(const oz_chooser *c) {
    for (size_t i = 0; i < batches(c); i++)
        c->layer->reads_rows[i] = prefers_rows(c, c->rows_ns[i], c->columns_ns[i], batch_at(c, i));
}

/* Of a leaf for the largest batch. */
static const oz_choice *chosen_of(const oz_layer_plan *lp, const oz_leaf_plan *leaf) {
    return oz_choice_for(lp, leaf, lp->columns);
}

static oz_status choose_layer(oz_chooser *c, oz_error *err) {
    oz_layer_plan *lp = c->layer;
    c->keeps_rows = lp->rows && !c->plan->reproducible;
    OZ_TRY(choose_leaves(c, err));
    if (c->keeps_rows) decide_rows(c);
    const oz_weight *w = lp->layer->weight;
    for (size_t t = 0; t < w->n_terms; t++) {
        for (size_t f = 0; f < w->terms[t].n_factors; f++)
            mark_chosen(c, &lp->leaf[t][f], chosen_of(lp, &lp->leaf[t][f]));
    }
    return OZ_OK;
}

static oz_timing timing_of(const oz_plan *p, const oz_layer_plan *lp, const oz_leaf_plan *leaf) {
    const oz_choice *choice = chosen_of(lp, leaf);
    const double ns = oz_cost_ns(p->costs, oz_choice_name(choice), &leaf->candidates->cost);
    return (oz_timing){.leaf = leaf, .choice = *choice, .columns = lp->columns, .predicted = ns};
}

/* The timings of all leaves, in the order of a run; their number. Without a list they are only counted. */
static size_t list_chosen(const oz_plan *p, oz_timing *list) {
    size_t n = 0;
    for (size_t i = 0; i < p->model->contents.n_weights; i++) {
        const oz_layer_plan *lp = &p->layers[i];
        const oz_weight *w = lp->layer->weight;
        for (size_t t = 0; t < w->n_terms; t++) {
            for (size_t f = 0; f < w->terms[t].n_factors; f++, n++)
                if (list) list[n] = timing_of(p, lp, &lp->leaf[t][f]);
        }
    }
    return n;
}

/* Only what was chosen, for the largest batch. */
static oz_status time_chosen(oz_plan *p, const oz_plan_options *opt, oz_error *err) {
    if (opt->effort != OZ_EFFORT_CHOSEN || !opt->clock_ns) return OZ_OK;
    oz_arena arena = {.allocator = p->arena.allocator};
    const size_t n = list_chosen(p, NULL);
    oz_timing *list = oz_arena_array(&arena, n, sizeof *list);
    if (list) list_chosen(p, list);
    oz_status status = list ? oz_time_in_turn(p, list, n, opt->clock_ns, err) : no_memory(err);
    for (size_t i = 0; status == OZ_OK && i < n; i++) list[i].leaf->candidates->measured_ns = list[i].ns;
    oz_arena_free(&arena);
    return status;
}

oz_status oz_plan_choose(oz_plan *p, const oz_plan_options *opt, oz_error *err) {
    for (size_t i = 0; i < p->model->contents.n_weights; i++) {
        oz_chooser c = {.plan = p, .opt = opt, .layer = &p->layers[i]};
        OZ_TRY(choose_layer(&c, err));
    }
    return time_chosen(p, opt, err);
}

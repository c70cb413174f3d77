/* compare_methods.c - every method of every base under every budget, largest budget first.
 *
 * What was made for a larger budget and happens to fit a smaller one as well is also the method's answer
 * there: it was the best of more settings. So nothing is made or run twice, and methods without a knob are
 * run once. */
#include "evaluate/compare.h"

#include <stdlib.h>
#include <string.h>

typedef struct budget {
    uint64_t bytes;
    oz_ranking *ranking; /* NULL: for the curves alone */
} budget;

typedef struct list {
    budget *budgets; /* descending */
    size_t n;
} list;

void oz_ranking_add(oz_ranking *r, oz_row row) {
    r->rows[r->n++] = row;
}

/* ---- budgets ---------------------------------------------------------------------- */

static int larger_first(const void *a, const void *b) {
    const budget *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return (x->ranking == NULL) - (y->ranking == NULL); /* of equals the ranked one stays */
}

static oz_status list_budgets(oz_work *w, list *out, oz_error *err) {
    oz_comparison *c = w->c;
    budget *b = oz_arena_array(&c->arena, c->n_rankings + w->opt.n_sweep, sizeof *b);
    size_t n = 0, kept = 0;
    if (!b) return oz_work_memory(err);
    for (size_t i = 0; i < c->n_rankings; i++) b[n++] = (budget){c->rankings[i].budget, &c->rankings[i]};
    for (size_t i = 0; i < w->opt.n_sweep; i++) b[n++] = (budget){w->opt.sweep[i], NULL};
    qsort(b, n, sizeof *b, larger_first);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || b[kept - 1].bytes != b[i].bytes) b[kept++] = b[i];
    }
    *out = (list){b, kept};
    return OZ_OK;
}

/* ---- one method ------------------------------------------------------------------- */

typedef struct run {
    oz_work *w;
    size_t base;
    const char *method;
    oz_curve *curve;
    oz_live last; /* of the budget before */
    bool ranked;  /* last stands in a ranking, so it will be timed */
    /* Why there is none; then smaller budgets are in vain. */
    bool stop;
    oz_row_state state;
    uint64_t smallest;
    const char *reason;
} run;

static void retire(run *r) {
    if (!r->last.variant) return;
    if (r->ranked)
        r->w->live[r->w->n_live++] = r->last;
    else
        oz_live_close(&r->last);
    r->last = (oz_live){.variant = NULL};
    r->ranked = false;
}

static bool last_fits(const run *r, const budget *b) {
    return r->last.variant && oz_variant_size(r->w->c, r->last.variant) <= b->bytes;
}

static oz_status add_absent(run *r, oz_ranking *ranking, oz_error *err) {
    oz_variant *v = oz_arena_alloc(&r->w->c->arena, sizeof *v, 16);
    if (!v) return oz_work_memory(err);
    *v = (oz_variant){.method = r->method, .base = r->w->c->bases[r->base].name};
    v->untrained = oz_method_untrained(r->method);
    oz_ranking_add(ranking,
                   (oz_row){.variant = v, .state = r->state, .smallest = r->smallest, .reason = r->reason});
    return OZ_OK;
}

static void add_present(run *r, const budget *b) {
    const oz_variant *v = r->last.variant;
    r->curve->points[r->curve->n++] = (oz_point){b->bytes, oz_variant_size(r->w->c, v), v};
    if (!b->ranking) return;
    r->ranked = true;
    oz_ranking_add(b->ranking,
                   (oz_row){.variant = v, .state = v->untrained ? OZ_ROW_UNTRAINED : OZ_ROW_RANKED});
}

static oz_status run_budget(run *r, const budget *b, oz_error *err) {
    if (!r->stop && !last_fits(r, b)) {
        retire(r);
        OZ_TRY(oz_live_compress(r->w, r->base, r->method, b->bytes, &r->last, &r->state, &r->smallest,
                                &r->reason, err));
        r->stop = !r->last.variant;
        /* In memory it may still be too large, where a format is unpacked at load. */
        if (!r->stop) r->smallest = oz_variant_size(r->w->c, r->last.variant);
    }
    if (last_fits(r, b))
        add_present(r, b);
    else if (b->ranking)
        OZ_TRY(add_absent(r, b->ranking, err));
    return oz_work_step(r->w, err);
}

static oz_status run_budgets(run *r, const list *budgets, oz_error *err) {
    for (size_t i = 0; i < budgets->n; i++) OZ_TRY(run_budget(r, &budgets->budgets[i], err));
    for (size_t i = 0, j = r->curve->n; i + 1 < j; i++) { /* ascending */
        oz_point swapped = r->curve->points[i];
        r->curve->points[i] = r->curve->points[--j];
        r->curve->points[j] = swapped;
    }
    return OZ_OK;
}

static oz_status run_method(oz_work *w, size_t base, const char *method, const list *budgets, oz_error *err) {
    oz_comparison *c = w->c;
    run r = {
        .w = w, .base = base, .method = method, .curve = &c->curves[c->n_curves], .state = OZ_ROW_TOO_LARGE};
    *r.curve = (oz_curve){.method = method, .base = c->bases[base].name};
    r.curve->untrained = oz_method_untrained(method);
    r.curve->floor = oz_method_random(method);
    r.curve->points = oz_arena_array(&c->arena, budgets->n, sizeof *r.curve->points);
    if (!r.curve->points) return oz_work_memory(err);
    oz_status status = run_budgets(&r, budgets, err);
    retire(&r);
    c->n_curves += r.curve->n > 0;
    return status;
}

oz_status oz_work_methods(oz_work *w, oz_error *err) {
    list budgets = {NULL, 0};
    OZ_TRY(list_budgets(w, &budgets, err));
    w->stage = "compress and evaluate";
    w->done = 0;
    w->total = (uint64_t)w->c->n_bases * w->opt.n_methods * budgets.n;
    for (size_t base = 0; base < w->c->n_bases; base++) {
        for (size_t i = 0; i < w->opt.n_methods; i++) {
            const char *method = oz_work_text(w, w->opt.methods[i]);
            if (!method) return oz_work_memory(err);
            if (strcmp(method, OZ_INT8) != 0)
                OZ_TRY(run_method(w, base, method, &budgets, err)); /* always there */
        }
    }
    return OZ_OK;
}

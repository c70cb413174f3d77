/* comparison_judge.c - from who was right on which record to a ranking that claims no more than it may.
 *
 * The best row is the one with most right answers. It wins only if McNemar's exact test tells it apart from
 * every other competitor, after Holm's correction for having asked so often. Rows that do not compete are
 * tested too, as a family of their own, so that they cost the competitors nothing. */
#include "evaluate/comparison.h"

#include <stdlib.h>
#include <string.h>

uint64_t oz_variant_size(const oz_comparison *c, const oz_variant *v) {
    return c->by_stored ? v->stored : v->resident;
}

double oz_variant_accuracy(const oz_comparison *c, const oz_variant *v) {
    return c->records ? (double)v->correct / (double)c->records : 0.0;
}

double oz_variant_lost_to_i8(const oz_comparison *c, const oz_variant *v) {
    return c->records ? ((double)v->correct - (double)v->correct_f32) / (double)c->records : 0.0;
}

static int descending(uint64_t a, uint64_t b) {
    return (a < b) - (a > b);
}

/* State first; then more right answers, fewer bytes, and names, so that the order is always the same. */
static int row_order(const void *x, const void *y) {
    const oz_row *a = x, *b = y;
    const oz_variant *v = a->variant, *w = b->variant;
    if (a->state != b->state) return (int)a->state - (int)b->state;
    if (a->state == OZ_ROW_TOO_LARGE && a->smallest != b->smallest)
        return descending(b->smallest, a->smallest);
    if (v->correct != w->correct) return descending(v->correct, w->correct);
    if (v->resident != w->resident) return descending(w->resident, v->resident);
    int base = strcmp(v->base, w->base);
    return base ? base : strcmp(v->method, w->method);
}

static void compare_with(const oz_comparison *c, oz_row *row, const oz_variant *best) {
    row->pairs = oz_pairs_count(row->variant->right, best->right, c->records);
    row->difference = oz_pairs_difference(row->pairs);
    row->interval = oz_newcombe(row->pairs);
    row->p = oz_mcnemar(row->pairs.first, row->pairs.second);
}

/* Holm over the rows of one family; p and adjusted are scratch. */
static void adjust(oz_row *rows, size_t n, double *p, double *adjusted) {
    for (size_t i = 0; i < n; i++) p[i] = rows[i].p;
    oz_holm(p, adjusted, n);
    for (size_t i = 0; i < n; i++) rows[i].adjusted = adjusted[i];
}

static void judge(const oz_comparison *c, oz_ranking *r, double *p, double *adjusted) {
    qsort(r->rows, r->n, sizeof *r->rows, row_order);
    r->n_ranked = r->n_tied = 0;
    size_t run = 0;
    while (run < r->n && r->rows[run].state < OZ_ROW_TOO_LARGE) run++;
    while (r->n_ranked < run && r->rows[r->n_ranked].state == OZ_ROW_RANKED) r->n_ranked++;
    if (r->n_ranked == 0) return;
    for (size_t i = 0; i < run; i++) compare_with(c, &r->rows[i], r->rows[0].variant);
    r->rows[0].best = true;
    r->rows[0].adjusted = 1.0;
    adjust(r->rows + 1, r->n_ranked - 1, p, adjusted);
    adjust(r->rows + r->n_ranked, run - r->n_ranked, p, adjusted);
    for (size_t i = 1; i < r->n_ranked; i++) {
        r->rows[i].tied = r->rows[i].adjusted > OZ_ALPHA;
        r->n_tied += r->rows[i].tied;
    }
}

oz_status oz_comparison_judge(oz_comparison *c, oz_error *err) {
    size_t most = 1;
    for (size_t i = 0; i < c->n_rankings; i++) most = c->rankings[i].n > most ? c->rankings[i].n : most;
    double *p = oz_arena_array(&c->arena, 2 * most, sizeof *p);
    if (!p) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "no memory for the statistics");
    for (size_t i = 0; i < c->n_rankings; i++) judge(c, &c->rankings[i], p, p + most);
    return OZ_OK;
}

const oz_row *oz_ranking_winner(const oz_ranking *r) {
    return r->n_ranked > 0 && r->n_tied == 0 ? &r->rows[0] : NULL;
}

void oz_comparison_free(oz_comparison *c) {
    if (!c) return;
    oz_arena arena = c->arena;
    oz_release(arena.allocator, c, sizeof *c);
    oz_arena_free(&arena);
}

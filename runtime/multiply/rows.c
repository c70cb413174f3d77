/* rows.c - a layer times some columns that lie as rows: mv kernels read them as they are, OZ_MV_BATCH at a
 * time. */
#include <string.h>

#include "base/arith.h"
#include "base/shares.h"
#include "runtime/cost.h"
#include "runtime/multiply/call.h"

/* Up to OZ_COLUMNS rows. */
typedef struct oz_mv_call {
    const oz_call *c;
    oz_threads threads;
    size_t first;  /* of the workers that take part */
    size_t chunks; /* of each worker: see chunks_for */
    oz_slot slot;
    const oz_leaf_plan *leaf; /* of an inner factor */
    oz_rows x;
    float *y;
    size_t ldy, panels, chunk;
    oz_shares shares;
} oz_mv_call;

static void inner_chunks(void *arg, size_t index) {
    oz_mv_call *v = arg;
    for (size_t chunk; oz_shares_take(&v->shares, index, &chunk);) {
        const size_t p0 = chunk * v->chunk, p1 = oz_min(p0 + v->chunk, v->panels);
        oz_multiply_rows(v->c->prim, v->leaf, oz_rows_choice(v->leaf, v->x.m), p0, p1, &v->x, v->y, v->ldy);
    }
}

static void quantise_rows(const oz_call *c, oz_operand *o, const float *x, size_t m, size_t k, size_t ld) {
    if (o->i8) c->prim->quantise_rows(x, m, k, ld, o->i8, o->scale, o->sum);
}

static void share(oz_mv_call *v, size_t rows, void (*fn)(void *arg, size_t index)) {
    v->panels = oz_div_up(rows, OZ_PANEL);
    v->chunk = oz_div_up(v->panels, (size_t)v->threads.width * v->chunks);
    oz_share_out(&v->threads, &v->shares, oz_div_up(v->panels, v->chunk), fn, v);
}

/* The inner factors of every product, right to left; each leaves rows [m][its rows]. */
static void inner_factors(oz_mv_call *v) {
    const oz_call *c = v->c;
    size_t m = c->job->columns;
    for (size_t t = 0, i = 0; t < c->layer->weight->n_terms; t++) {
        size_t n = c->layer->weight->terms[t].n_factors;
        oz_rows x = oz_operand_rows(&v->slot.x, c->job->x, c->job->ldx, m, c->job->k);
        for (size_t f = n - 1; f > 0; f--) {
            oz_operand *out = &v->slot.inner[i + f];
            v->leaf = &c->plan->leaf[t][f];
            v->ldy = oz_round_up(v->leaf->leaf->rows, OZ_PANEL);
            v->x = x;
            v->y = out->f32;
            memset(v->y, 0, m * v->ldy * sizeof(float));
            share(v, v->leaf->leaf->rows, inner_chunks);
            quantise_rows(c, out, out->f32, m, v->leaf->leaf->rows, v->ldy);
            x = oz_operand_rows(out, out->f32, v->ldy, m, v->leaf->leaf->rows);
        }
        i += n;
    }
}

/* Adds a term with a scale to y, by way of the worker's scratch, which has OZ_MV_BATCH rows. */
static void add_scaled(const oz_call *c, size_t term, const oz_worker *w, size_t p0, size_t p1,
                       const oz_rows *x) {
    const oz_job *job = c->job;
    const oz_leaf_plan *lp = &c->plan->leaf[term][0];
    size_t row = p0 * OZ_PANEL, rows = oz_min(p1 * OZ_PANEL, job->row1) - row, ldy = oz_tallest(c->layer);
    for (size_t b0 = 0; b0 < x->m; b0 += OZ_MV_BATCH) {
        const oz_rows some = oz_some_rows(x, b0);
        for (size_t b = 0; b < some.m; b++) memset(w->acc + b * ldy + row, 0, rows * sizeof(float));
        oz_multiply_rows(c->prim, lp, oz_rows_choice(lp, x->m), p0, p1, &some, w->acc, ldy);
        for (size_t b = 0; b < some.m; b++)
            c->s->plan->vec->add_scaled(w->acc + b * ldy + row, rows, c->layer->weight->terms[term].scale,
                                        job->y + (b0 + b) * job->ldy + row);
    }
}

/* All terms of one chunk of rows, then its epilogue. */
static void outer_chunk(const oz_mv_call *v, size_t chunk, const oz_worker *w) {
    const oz_call *c = v->c;
    const oz_job *job = c->job;
    size_t p0 = chunk * v->chunk, p1 = oz_min(p0 + v->chunk, v->panels), m = job->columns;
    size_t row = p0 * OZ_PANEL, rows = oz_min(p1 * OZ_PANEL, job->row1) - row;
    for (size_t b = 0; b < m; b++) memset(job->y + b * job->ldy + row, 0, rows * sizeof(float));
    for (size_t t = 0, i = 0; t < c->layer->weight->n_terms; t++) {
        const oz_term *term = &c->layer->weight->terms[t];
        const oz_leaf_plan *lp = &c->plan->leaf[t][0];
        const oz_operand *o = term->n_factors > 1 ? &v->slot.inner[i + 1] : &v->slot.x;
        size_t k = lp->leaf->cols, ld = oz_round_up(k, OZ_PANEL);
        oz_rows x = term->n_factors > 1 ? oz_operand_rows(o, o->f32, ld, m, k)
                                        : oz_operand_rows(o, job->x, job->ldx, m, k);
        if (term->scale == 1.0f)
            oz_multiply_rows(c->prim, lp, oz_rows_choice(lp, m), p0, p1, &x, job->y, job->ldy);
        else
            add_scaled(c, t, w, p0, p1, &x);
        i += term->n_factors;
    }
    for (size_t b = 0; b < m; b++) {
        float *y = job->y + b * job->ldy + row;
        c->s->plan->vec->affine_each(y, rows, c->row_scale ? c->row_scale + row : NULL,
                                     c->bias ? c->bias + row : NULL, job->act, job->slope, y);
    }
}

static void outer_chunks(void *arg, size_t index) {
    oz_mv_call *v = arg;
    const oz_worker w = oz_worker_of(v->c, v->first + index);
    for (size_t chunk; oz_shares_take(&v->shares, index, &chunk);) outer_chunk(v, chunk, &w);
}

/* ---- who does what ------------------------------------------------------------------------ */

typedef struct oz_rows_call {
    const oz_call *call;
    oz_shares shares;
} oz_rows_call;

static bool may_be_cut(const oz_choice *choice) {
    return choice->way != OZ_WAY_MV || !choice->mv->reads_all;
}

/* A worker's last chunks are for whoever comes first, as a thread that shares its core runs at half the speed
 * for a while; but a chunk must be worth going for. A part takes `ns` on one thread. */
static size_t chunks_for(const oz_call *c, const oz_threads *threads, double ns) {
    const double worth = 1e4;
    if (threads->width == 1 || !oz_call_all_leaves(c, may_be_cut)) return 1;
    return oz_max(1, oz_min(4, (size_t)(ns / threads->width / worth)));
}

/* As many rows as a slot has room for, with workers from `first` on. */
static void multiply_part(const oz_call *c, size_t part, size_t chunks, const oz_threads *threads,
                          size_t first) {
    const size_t row = part * OZ_COLUMNS;
    oz_job job = *c->job;
    oz_call call = *c;
    call.job = &job;
    job.columns = oz_min(OZ_COLUMNS, c->job->columns - row);
    job.x += row * job.ldx;
    job.y += row * job.ldy;
    oz_mv_call v = {
        .c = &call, .threads = *threads, .first = first, .chunks = chunks, .slot = oz_slot_of(&call, first)};
    quantise_rows(&call, &v.slot.x, job.x, job.columns, job.k, job.ldx);
    inner_factors(&v);
    share(&v, c->layer->weight->rows, outer_chunks);
}

static void whole_parts(void *arg, size_t index) {
    oz_rows_call *r = arg;
    oz_threads alone = r->call->s->plan->threads;
    alone.width = 1;
    for (size_t part; oz_shares_take(&r->shares, index, &part);)
        multiply_part(r->call, part, 1, &alone, index);
}

/* With many parts each thread takes some of them; with few, they are taken one by one and their panels are
 * shared out. */
void oz_call_rows(const oz_call *c) {
    const size_t parts = oz_div_up(c->job->columns, OZ_COLUMNS);
    const double ns = oz_cost_layer_ns(c->plan, c->job->columns);
    oz_threads threads = oz_call_threads(c, ns);
    oz_rows_call r = {.call = c};
    if (oz_takes_whole(parts, (size_t)threads.width)) {
        oz_share_out(&threads, &r.shares, parts, whole_parts, &r);
        return;
    }
    const double part_ns = ns / (double)parts;
    threads = oz_call_threads(c, part_ns);
    const size_t chunks = chunks_for(c, &threads, part_ns);
    for (size_t part = 0; part < parts; part++) multiply_part(c, part, chunks, &threads, 0);
}

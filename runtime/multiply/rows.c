/* rows.c - a layer times up to OZ_MV_BATCH columns that lie as rows: mv kernels read them as they are. */
#include <string.h>

#include "base/arith.h"
#include "runtime/cost.h"
#include "runtime/multiply/call.h"

static oz_rows as_rows(const oz_operand *o, const float *f32, size_t ld, size_t m, size_t k) {
    return (oz_rows){.m = m, .k = k, .f32 = f32, .ld = ld, .i8 = o->i8, .scale = o->scale, .sum = o->sum};
}

typedef struct oz_mv_call {
    const oz_call *c;
    oz_slot slot;
    const oz_leaf_plan *leaf; /* of an inner factor */
    oz_rows x;
    float *y;
    size_t ldy, panels, chunk;
} oz_mv_call;

static void inner_chunk(void *arg, size_t index) {
    oz_mv_call *v = arg;
    size_t p0 = index * v->chunk, p1 = oz_min(p0 + v->chunk, v->panels);
    oz_multiply_rows(v->c->prim, v->leaf->leaf, oz_call_choice(v->c, v->leaf), p0, p1, &v->x, v->y, v->ldy);
}

static void quantise_rows(const oz_call *c, oz_operand *o, const float *x, size_t m, size_t k, size_t ld) {
    if (o->i8) c->prim->quantise_rows(x, m, k, ld, o->i8, o->scale, o->sum);
}

static oz_threads share(oz_mv_call *v, size_t rows) {
    oz_threads threads = oz_call_threads(v->c, oz_cost_layer_ns(v->c->plan, v->c->job->columns));
    v->panels = oz_div_up(rows, OZ_PANEL);
    v->chunk = oz_div_up(v->panels, (size_t)threads.width);
    return threads;
}

/* The inner factors of every product, right to left; each leaves rows [m][its rows]. */
static void inner_factors(oz_mv_call *v) {
    const oz_call *c = v->c;
    size_t m = c->job->columns;
    for (size_t t = 0, i = 0; t < c->layer->weight->n_terms; t++) {
        size_t n = c->layer->weight->terms[t].n_factors;
        oz_rows x = as_rows(&v->slot.x, c->job->x, c->job->ldx, m, c->job->k);
        for (size_t f = n - 1; f > 0; f--) {
            oz_operand *out = &v->slot.inner[i + f];
            v->leaf = &c->plan->leaf[t][f];
            v->ldy = oz_round_up(v->leaf->leaf->rows, OZ_PANEL);
            v->x = x;
            v->y = out->f32;
            memset(v->y, 0, m * v->ldy * sizeof(float));
            oz_threads threads = share(v, v->leaf->leaf->rows);
            oz_parallel(&threads, oz_div_up(v->panels, v->chunk), inner_chunk, v);
            quantise_rows(c, out, out->f32, m, v->leaf->leaf->rows, v->ldy);
            x = as_rows(out, out->f32, v->ldy, m, v->leaf->leaf->rows);
        }
        i += n;
    }
}

/* All terms of one chunk of rows, then its epilogue. A term with a scale goes through the worker's
 * scratch, which serves as rows here. */
static void outer_chunk(void *arg, size_t index) {
    oz_mv_call *v = arg;
    const oz_call *c = v->c;
    const oz_job *job = c->job;
    oz_worker w = oz_worker_of(c, index);
    size_t p0 = index * v->chunk, p1 = oz_min(p0 + v->chunk, v->panels), m = job->columns;
    size_t row = p0 * OZ_PANEL, rows = oz_min(p1 * OZ_PANEL, job->row1) - row;
    for (size_t b = 0; b < m; b++) memset(job->y + b * job->ldy + row, 0, rows * sizeof(float));
    for (size_t t = 0, i = 0; t < c->layer->weight->n_terms; t++) {
        const oz_term *term = &c->layer->weight->terms[t];
        const oz_leaf_plan *lp = &c->plan->leaf[t][0];
        const oz_operand *o = term->n_factors > 1 ? &v->slot.inner[i + 1] : &v->slot.x;
        size_t k = lp->leaf->cols, ld = oz_round_up(k, OZ_PANEL);
        oz_rows x = term->n_factors > 1 ? as_rows(o, o->f32, ld, m, k) : as_rows(o, job->x, job->ldx, m, k);
        if (term->scale == 1.0f) {
            oz_multiply_rows(c->prim, lp->leaf, oz_call_choice(c, lp), p0, p1, &x, job->y, job->ldy);
        } else {
            size_t ldy = oz_tallest(c->layer);
            for (size_t b = 0; b < m; b++) memset(w.acc + b * ldy + row, 0, rows * sizeof(float));
            oz_multiply_rows(c->prim, lp->leaf, oz_call_choice(c, lp), p0, p1, &x, w.acc, ldy);
            for (size_t b = 0; b < m; b++)
                c->s->plan->vec->add_scaled(w.acc + b * ldy + row, rows, term->scale,
                                            job->y + b * job->ldy + row);
        }
        i += term->n_factors;
    }
    for (size_t b = 0; b < m; b++) {
        float *y = job->y + b * job->ldy + row;
        c->s->plan->vec->affine_each(y, rows, c->row_scale ? c->row_scale + row : NULL,
                                     c->bias ? c->bias + row : NULL, job->act, job->slope, y);
    }
}

void oz_call_rows(const oz_call *c) {
    const oz_job *job = c->job;
    oz_mv_call v = {.c = c, .slot = oz_slot_of(c, 0)};
    quantise_rows(c, &v.slot.x, job->x, job->columns, job->k, job->ldx);
    inner_factors(&v);
    oz_threads threads = share(&v, c->layer->weight->rows);
    oz_parallel(&threads, oz_div_up(v.panels, v.chunk), outer_chunk, &v);
}

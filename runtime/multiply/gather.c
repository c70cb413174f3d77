/* gather.c - see gather.h. */
#include "runtime/multiply/gather.h"

void oz_quantise_columns(const oz_call *c, oz_operand *o, size_t k, size_t lanes) {
    if (o->i8) c->prim->quantise_columns(o->f32, k, lanes, o->i8, o->scale, o->sum);
}

void oz_gather(const oz_call *c, size_t first, size_t n, size_t lanes, oz_operand *x) {
    const oz_job *job = c->job;
    const float *rows = job->x ? job->x + first * job->ldx : NULL;
    if (rows && !oz_input_read(c->layer, false)) {
        c->prim->quantise_panel(rows, n, job->k, job->ldx, lanes, x->i8, x->scale, x->sum);
    } else {
        if (rows)
            c->prim->rows_to_panel(rows, n, job->k, job->ldx, lanes, x->f32);
        else
            job->gather(job, first, n, lanes, x->f32);
        oz_quantise_columns(c, x, job->k, lanes);
    }
    if (c->widens) c->prim->widen_columns(x->i8, job->k, lanes, x->f32);
}

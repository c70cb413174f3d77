/* gather.c - see gather.h. */
#include "runtime/multiply/gather.h"

void oz_quantise_columns(const oz_call *c, oz_operand *o, size_t k, size_t lanes) {
    if (o->i8) c->prim->quantise_columns(o->f32, k, lanes, o->i8, o->scale, o->sum);
}

/* The operand from input k0 on. */
static oz_operand from_input(const oz_operand *x, size_t k0, size_t lanes) {
    oz_operand from = {.f32 = x->f32 + k0 * lanes};
    if (x->i8) {
        from.i8 = x->i8 + k0 * lanes;
        from.scale = x->scale + k0 / OZ_BLOCK * lanes;
        from.sum = x->sum + k0 / 32 * lanes;
    }
    return from;
}

void oz_gather(const oz_call *c, size_t first, size_t n, size_t lanes, size_t k0, size_t k1, oz_operand *x) {
    const oz_job *job = c->job;
    const float *rows = job->x ? job->x + first * job->ldx + k0 : NULL;
    const size_t k = k1 - k0;
    oz_operand to = from_input(x, k0, lanes);
    if (rows && !oz_input_read(c->layer, false)) {
        c->prim->quantise_panel(rows, n, k, job->ldx, lanes, to.i8, to.scale, to.sum);
    } else {
        if (rows)
            c->prim->rows_to_panel(rows, n, k, job->ldx, lanes, to.f32);
        else
            job->gather(job, first, n, lanes, to.f32);
        oz_quantise_columns(c, &to, k, lanes);
    }
    if (c->widens) c->prim->widen_columns(to.i8, k, lanes, to.f32);
}

/* linear.c - y = act(W x + b) over the last dimension: [..., in] -> [..., out]. */
#include "runtime/session.h"
#include "runtime/multiply.h"

static oz_status shape(const oz_node *node, const oz_weight *w, const oz_shape *const *in, oz_shape *out,
                       oz_error *err) {
    const oz_shape *x = in[0];
    if (x->rank < 2) return oz_shape_fail(node, err, "needs at least 2 dimensions, got %u", x->rank);
    if (x->dim[x->rank - 1] != w->cols) {
        return oz_shape_fail(node, err, "weight %s reads %llu inputs, got %llu", w->name,
                             (unsigned long long)w->cols, (unsigned long long)x->dim[x->rank - 1]);
    }
    *out = *x;
    out->dim[x->rank - 1] = w->rows;
    return OZ_OK;
}

static oz_status run(const oz_step *step, oz_error *err) {
    (void)err;
    const oz_shape *x = step->in_shape[0];
    const oz_weight *w = step->session->plan->model->layers[step->node->layer].weight;
    size_t columns = oz_shape_count(x) / w->cols;
    oz_job job = {.layer = step->node->layer,
                  .columns = columns,
                  .k = w->cols,
                  .row1 = w->rows,
                  .act = oz_observed(step) ? OZ_ACT_NONE : step->node->act,
                  .slope = step->node->slope,
                  .x = step->in[0],
                  .y = step->out,
                  .ldx = w->cols,
                  .ldy = w->rows};
    oz_multiply(step->session, &job);
    oz_observe(step, columns, w->rows, 1);
    return OZ_OK;
}

const oz_op oz_op_linear = {.name = "linear",
                            .min_inputs = 1,
                            .max_inputs = 1,
                            .weighted = true,
                            .fuses_act = true,
                            .shape = shape,
                            .run = run};

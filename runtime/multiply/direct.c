/* direct.c - one leaf of floats times many columns that lie as rows: activations are read where they are, and
 * outputs are finished where they belong. Weights are packed a chunk of panels at a time, which up to
 * OZ_GROUP tiles' columns share. */
#include "base/arith.h"
#include "base/shares.h"
#include "runtime/cost.h"
#include "runtime/multiply/call.h"

typedef struct oz_direct_call {
    const oz_call *call;
    const oz_leaf *leaf;
    const oz_decoder *decoder;
    size_t panel0, panel1, chunk_panels, chunks; /* of rows */
    size_t group_columns;
    oz_shares shares;
} oz_direct_call;

/* Each output is one chain of additions, whatever way it is computed; so shapes and threads may decide. */
bool oz_call_is_direct(const oz_call *c) {
    const oz_leaf_plan *lp = &c->plan->leaf[0][0];
    return c->job->x != NULL && oz_is_direct(lp, &lp->large, c->job->columns);
}

static void finish_rows(const oz_direct_call *d, size_t first, size_t columns, size_t row, size_t rows,
                        const float *sums) {
    const oz_call *c = d->call;
    const oz_job *job = c->job;
    const float *scale = c->row_scale ? c->row_scale + row : NULL, *bias = c->bias ? c->bias + row : NULL;
    for (size_t i = 0; i < columns; i++)
        c->s->plan->vec->affine_each(sums + i * OZ_CHUNK_ROWS, rows, scale, bias, job->act, job->slope,
                                     job->y + (first + i) * job->ldy + row);
}

/* One chunk of panels times one group of columns; packed weights lie in the sums of further terms, which
 * there are none. */
static void multiply_task(const oz_direct_call *c, size_t task, const oz_worker *w) {
    const oz_job *job = c->call->job;
    size_t first = task / c->chunks * c->group_columns,
           columns = oz_min(c->group_columns, job->columns - first);
    size_t panel = c->panel0 + task % c->chunks * c->chunk_panels;
    size_t panels = oz_min(c->chunk_panels, c->panel1 - panel), row = panel * OZ_PANEL;
    const oz_activations x = {.x = job->x + first * job->ldx, .column_stride = job->ldx, .input_stride = 1};
    oz_multiply_packed(c->call->prim, c->leaf, c->decoder, panel, panel + panels, x, columns, &w->scratch,
                       w->acc, w->y);
    finish_rows(c, first, columns, row, oz_min(row + panels * OZ_PANEL, job->row1) - row, w->y);
}

static void multiply_tasks(void *arg, size_t index) {
    oz_direct_call *c = arg;
    oz_worker w = oz_worker_of(c->call, index);
    for (size_t task; oz_shares_take(&c->shares, index, &task);) multiply_task(c, task, &w);
}

/* Whole chunks of panels, and groups of columns as large as they may be; smaller groups where there would be
 * too few tasks. It packs weights more often, but a core's outputs lie in rows of its own. */
static void cut(oz_direct_call *c, size_t workers) {
    const size_t columns = c->call->job->columns;
    size_t groups = oz_div_up(columns, OZ_GROUP * OZ_COLUMNS);
    oz_cut_rows(c->panel1 - c->panel0, 1, &c->chunk_panels, &c->chunks);
    if (workers > 1 && groups * c->chunks < 2 * workers)
        groups = oz_min(oz_div_up(2 * workers, c->chunks), oz_div_up(columns, OZ_COLUMNS));
    c->group_columns = oz_round_up(oz_div_up(columns, groups), 4);
}

void oz_call_direct(const oz_call *call) {
    const oz_job *job = call->job;
    const oz_leaf_plan *lp = &call->plan->leaf[0][0];
    oz_threads threads = oz_call_threads(call, oz_cost_layer_ns(call->plan, job->columns));
    oz_direct_call c = {.call = call,
                        .leaf = lp->leaf,
                        .decoder = lp->large.decoder,
                        .panel0 = job->row0 / OZ_PANEL,
                        .panel1 = oz_div_up(job->row1, OZ_PANEL)};
    cut(&c, (size_t)threads.width);
    const size_t tasks = oz_div_up(job->columns, c.group_columns) * c.chunks;
    oz_share_out(&threads, &c.shares, tasks, multiply_tasks, &c);
}

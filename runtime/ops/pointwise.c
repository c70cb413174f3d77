/* pointwise.c - 1 x 1 convolutions of few pixels whose weight is one leaf of floats: rows of weights are the
 * lanes, so that 49 pixels take 49 columns and not 64, and no weight has to be read from a row of its own.
 *
 * A task is an image times a chunk of rows. */
#include "base/arith.h"
#include "base/shares.h"
#include "runtime/cost.h"
#include "runtime/multiply/call.h"
#include "runtime/multiply/leaf.h"
#include "runtime/ops/conv2d.h"
#include "runtime/session.h"

enum { PACKED = OZ_CHUNK * OZ_TILE_FLOATS, SUMS = OZ_POINTWISE_PIXELS * OZ_CHUNK_ROWS };

typedef struct oz_pointwise {
    const oz_step *step;
    const oz_leaf *leaf;
    const oz_decoder *decoder;
    oz_epilogue epilogue;
    size_t pixels;               /* of an image */
    size_t chunks, chunk_panels; /* of the rows */
    oz_shares shares;
} oz_pointwise;

size_t oz_pointwise_bytes(void) {
    return oz_scratch_bytes() + (PACKED + SUMS) * sizeof(float);
}

/* sums[pixels][OZ_CHUNK_ROWS] become planes. */
static void finish(const oz_pointwise *c, float *sums, size_t row, size_t rows, float *y) {
    const oz_plan *plan = c->step->session->plan;
    const oz_epilogue *e = &c->epilogue;
    for (size_t i = 0; i < c->pixels; i++) {
        float *pixel = sums + i * OZ_CHUNK_ROWS;
        plan->vec->affine_each(pixel, rows, e->scale ? e->scale + row : NULL, e->bias ? e->bias + row : NULL,
                               e->act, e->slope, pixel);
    }
    plan->primitives->panel_to_rows(sums, c->pixels, rows, OZ_CHUNK_ROWS, y + row * c->pixels, c->pixels);
}

static void multiply_task(const oz_pointwise *c, size_t task, const oz_scratch *scratch, float *packed,
                          float *sums) {
    const float *in = c->step->in[0];
    float *out = c->step->out;
    const size_t image = task / c->chunks, panels = oz_div_up(c->leaf->rows, OZ_PANEL);
    const size_t panel0 = task % c->chunks * c->chunk_panels, row = panel0 * OZ_PANEL;
    const size_t panel1 = oz_min(panel0 + c->chunk_panels, panels);
    const oz_activations x = {
        .x = in + image * c->leaf->cols * c->pixels, .column_stride = 1, .input_stride = c->pixels};
    oz_multiply_packed(c->step->session->plan->primitives, c->leaf, c->decoder, panel0, panel1, x, c->pixels,
                       scratch, packed, sums);
    finish(c, sums, row, oz_min(panel1 * OZ_PANEL, c->leaf->rows) - row,
           out + image * c->leaf->rows * c->pixels);
}

static void take_tasks(void *arg, size_t worker) {
    oz_pointwise *c = arg;
    const oz_session *s = c->step->session;
    uint8_t *room = s->conv + worker * s->plan->conv_bytes;
    const oz_scratch scratch = oz_scratch_at(room);
    float *packed = (float *)(void *)(room + oz_scratch_bytes());
    for (size_t task; oz_shares_take(&c->shares, worker, &task);)
        multiply_task(c, task, &scratch, packed, packed + PACKED);
}

void oz_conv_pointwise(const oz_step *step) {
    oz_session *s = step->session;
    const oz_layer_plan *lp = &s->plan->layers[step->node->layer];
    const oz_shape *y = step->out_shape;
    oz_pointwise c = {.step = step,
                      .leaf = lp->leaf[0][0].leaf,
                      .decoder = lp->leaf[0][0].large.decoder,
                      .epilogue = oz_conv_epilogue(step, lp->layer->weight->terms[0].scale),
                      .pixels = y->dim[2] * y->dim[3]};
    oz_threads threads = oz_plan_threads(s->plan, oz_cost_layer_ns(lp, y->dim[0] * c.pixels));
    oz_cut_rows(oz_div_up(c.leaf->rows, OZ_PANEL), oz_div_up((size_t)threads.width, y->dim[0]),
                &c.chunk_panels, &c.chunks);
    oz_share_out(&threads, &c.shares, y->dim[0] * c.chunks, take_tasks, &c);
}

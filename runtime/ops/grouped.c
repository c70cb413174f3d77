/* grouped.c - convolutions with narrow groups (depthwise above all), row by row: 3 x 3 kernels that read one
 * channel have a primitive of their own, all others sum their taps over pixels that lie in planes (planes.h).
 *
 * A task is a few groups of one image. The weight is small: whoever comes to a row unpacks it. */
#include <string.h>

#include "base/arith.h"
#include "base/shares.h"
#include "runtime/ops/conv2d.h"
#include "runtime/ops/planes.h"
#include "runtime/session.h"

/* Planes of a band: most of a first-level cache. */
enum { MOST_FLOATS = 6144, TASK_GROUPS = 8 };

typedef struct oz_grouped {
    const oz_step *step;
    const oz_layer *layer;
    oz_planes planes;
    oz_epilogue epilogue;
    size_t groups, rows; /* rows of a group */
    bool is_3x3;
    oz_plane3x3 plane; /* what all planes share */
    size_t parts;      /* tasks of an image */
    oz_shares shares;
} oz_grouped;

/* A row of weights, and one term of it. */
static size_t weights_bytes(size_t cols) {
    return oz_round_up(2 * cols * sizeof(float), 64);
}

size_t oz_grouped_bytes(const oz_layer *layer, const oz_node *node, const oz_shape *x, const oz_shape *y) {
    return weights_bytes(layer->weight->cols) + oz_planes_floats(node, x, y, MOST_FLOATS) * sizeof(float);
}

/* The sum of the terms, each a single leaf. */
static void unpack_row(const oz_grouped *c, size_t row, float *out) {
    const oz_weight *w = c->layer->weight;
    float *term = out + w->cols;
    if (w->n_terms == 1 && w->terms[0].scale == 1.0f) {
        c->layer->run[0][0]->format->row(c->layer->run[0][0], row, 0, w->cols, out);
        return;
    }
    memset(out, 0, w->cols * sizeof *out);
    for (size_t t = 0; t < w->n_terms; t++) {
        const oz_leaf *leaf = c->layer->run[t][0];
        leaf->format->row(leaf, row, 0, w->cols, term);
        for (size_t k = 0; k < w->cols; k++) out[k] += w->terms[t].scale * term[k];
    }
}

/* ---- 3 x 3 taps of one channel ------------------------------------------------------------- */

static bool is_3x3(const oz_planes *p) {
    const oz_window *w = p->window;
    return p->channels == 1 && w->kernel[0] == 3 && w->kernel[1] == 3 && w->dilation[0] == 1 &&
           w->dilation[1] == 1 && w->stride[0] == w->stride[1] && w->stride[0] <= 2 && w->pad[0] <= 2 &&
           w->pad[1] <= 2;
}

static oz_plane3x3 plane_of(const oz_planes *p) {
    return (oz_plane3x3){.height = p->height,
                         .width = p->width,
                         .out_height = p->out_height,
                         .out_width = p->out_width,
                         .stride = p->window->stride[0],
                         .top = p->window->pad[0],
                         .left = p->window->pad[1]};
}

static void run_3x3(const oz_grouped *c, size_t image, size_t group, float *weights) {
    const oz_step *step = c->step;
    const oz_epilogue *e = &c->epilogue;
    const float *in = step->in[0];
    oz_plane3x3 p = c->plane;
    p.in = in + (image * c->groups + group) * p.height * p.width;
    p.weights = weights;
    bool bounded = oz_conv_bounds(e->act, &p.least, &p.most);
    for (size_t row = group * c->rows; row < (group + 1) * c->rows; row++) {
        p.out = step->out + (image * c->groups * c->rows + row) * c->planes.pixels;
        p.scale = e->scale ? e->scale[row] : 1.0f;
        p.bias = e->bias ? e->bias[row] : 0.0f;
        unpack_row(c, row, weights);
        c->planes.primitives->plane3x3(&p);
        if (!bounded) step->vec->affine(p.out, c->planes.pixels, 1.0f, 0.0f, e->act, e->slope, p.out);
    }
}

/* ---- any taps -------------------------------------------------------------------------------- */

static void run_band(const oz_grouped *c, size_t image, size_t group, size_t band, float *weights,
                     float *room) {
    const oz_step *step = c->step;
    const oz_planes *p = &c->planes;
    size_t cols = c->layer->weight->cols, first = band * p->lines * p->out_width;
    const float *in = step->in[0];
    oz_pixels x = {.offset = step->session->offsets};
    x.x = oz_planes_lay(p, in + (image * c->groups + group) * p->channels * p->height * p->width, band, room);
    for (size_t row = group * c->rows; row < (group + 1) * c->rows; row++) {
        oz_epilogue e = c->epilogue;
        if (e.scale) e.scale += row;
        if (e.bias) e.bias += row;
        unpack_row(c, row, weights);
        p->primitives->sum_row(weights, cols, x, oz_planes_pixels(p, band), &e,
                               step->out + (image * c->groups * c->rows + row) * p->pixels + first);
    }
}

static void take_tasks(void *arg, size_t worker) {
    oz_grouped *c = arg;
    uint8_t *room = c->step->session->conv + worker * c->step->session->plan->conv_bytes;
    float *weights = (float *)(void *)room,
          *planes = (float *)(void *)(room + weights_bytes(c->layer->weight->cols));
    for (size_t task; oz_shares_take(&c->shares, worker, &task);) {
        size_t image = task / c->parts, first = task % c->parts * TASK_GROUPS;
        for (size_t g = first; g < oz_min(first + TASK_GROUPS, c->groups); g++) {
            if (c->is_3x3) run_3x3(c, image, g, weights);
            for (size_t band = 0; !c->is_3x3 && band < c->planes.bands; band++)
                run_band(c, image, g, band, weights, planes);
        }
    }
}

void oz_conv_grouped(const oz_step *step) {
    oz_session *s = step->session;
    const oz_node *node = step->node;
    const oz_layer *layer = &s->plan->model->layers[node->layer];
    oz_grouped c = {.step = step,
                    .layer = layer,
                    .planes = oz_planes_of(node, step->in_shape[0], step->out_shape, MOST_FLOATS, SIZE_MAX),
                    .epilogue = oz_conv_epilogue(step, 1.0f),
                    .groups = node->attr.groups,
                    .rows = layer->weight->rows / node->attr.groups};
    c.planes.primitives = oz_conv_primitives_of(s->plan->isa);
    c.is_3x3 = is_3x3(&c.planes);
    if (c.is_3x3)
        c.plane = plane_of(&c.planes);
    else
        oz_planes_offsets(&c.planes, s->offsets);
    c.parts = oz_div_up(c.groups, TASK_GROUPS);
    oz_share_out(&s->plan->threads, &c.shares, step->out_shape->dim[0] * c.parts, take_tasks, &c);
}

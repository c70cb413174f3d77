/* grouped.c - convolutions with narrow groups (depthwise above all), tap by tap.
 *
 * The weight is small: it is unpacked into the session's scratch at every run. Every output line is
 * built from whole input lines, one tap at a time, so the inner loop is y += w * x over neighbours. */
#include <string.h>

#include "base/arith.h"
#include "runtime/ops/conv2d.h"
#include "runtime/session.h"

typedef struct oz_direct {
    const oz_step *step;
    const oz_weight *w;
    const float *weights, *scale, *bias;
} oz_direct;

/* One tap of one input line onto one output line. */
static void add_tap(const oz_direct *d, float weight, const float *in, size_t width, size_t kx, float *out,
                    size_t out_width) {
    const oz_window *win = &d->step->node->attr.window;
    ptrdiff_t x0 = (ptrdiff_t)(kx * win->dilation[1]) - (ptrdiff_t)win->pad[1];
    size_t stride = win->stride[1];
    size_t from = x0 < 0 ? oz_min(out_width, oz_div_up((size_t)-x0, stride)) : 0;
    size_t to =
        x0 >= (ptrdiff_t)width ? 0 : oz_min(out_width, oz_div_up((size_t)((ptrdiff_t)width - x0), stride));
    if (to <= from) return;
    if (stride == 1) {
        d->step->vec->add_scaled(in + x0 + (ptrdiff_t)from, to - from, weight, out + from);
        return;
    }
    for (size_t i = from; i < to; i++) out[i] += weight * in[x0 + (ptrdiff_t)(i * stride)];
}

static void output_line(const oz_direct *d, size_t image, size_t row, size_t oy, float *out) {
    const oz_node *node = d->step->node;
    const oz_window *win = &node->attr.window;
    const oz_shape *x = d->step->in_shape[0];
    size_t group_channels = x->dim[1] / node->attr.groups, height = x->dim[2], width = x->dim[3];
    size_t first = row / (d->w->rows / node->attr.groups) * group_channels;
    size_t out_width = d->step->out_shape->dim[3];
    memset(out, 0, out_width * sizeof(float));
    for (size_t ky = 0; ky < win->kernel[0]; ky++) {
        ptrdiff_t y = (ptrdiff_t)(oy * win->stride[0] + ky * win->dilation[0]) - (ptrdiff_t)win->pad[0];
        if (y < 0 || y >= (ptrdiff_t)height) continue;
        for (size_t kx = 0; kx < win->kernel[1]; kx++) {
            const float *taps = d->weights + row * d->w->cols + (ky * win->kernel[1] + kx) * group_channels;
            for (size_t c = 0; c < group_channels; c++) {
                const float *in = (const float *)d->step->in[0] +
                                  ((image * x->dim[1] + first + c) * height + (size_t)y) * width;
                add_tap(d, taps[c], in, width, kx, out, out_width);
            }
        }
    }
}

static void output_plane(void *arg, size_t index) {
    const oz_direct *d = arg;
    const oz_step *step = d->step;
    const oz_shape *y = step->out_shape;
    size_t image = index / y->dim[1], row = index % y->dim[1], width = y->dim[3];
    float *plane = step->out + index * y->dim[2] * width;
    for (size_t oy = 0; oy < y->dim[2]; oy++) output_line(d, image, row, oy, plane + oy * width);
    oz_activation act = oz_observed(step) ? OZ_ACT_NONE : step->node->act;
    step->vec->affine(plane, y->dim[2] * width, d->scale ? d->scale[row] : 1.0f,
                      d->bias ? d->bias[row] : 0.0f, act, step->node->slope, plane);
}

/* Sums the terms, each a single leaf, into the session's scratch. */
static void unpack(oz_session *s, const oz_layer *layer) {
    const oz_weight *w = layer->weight;
    for (uint64_t r = 0; r < w->rows; r++) {
        float *out = s->unpacked + r * w->cols, *row = s->unpacked + w->rows * w->cols;
        memset(out, 0, w->cols * sizeof(float));
        for (size_t t = 0; t < w->n_terms; t++) {
            const oz_leaf *leaf = layer->run[t][0];
            leaf->format->row(leaf, r, 0, w->cols, row);
            s->plan->vec->add_scaled(row, w->cols, w->terms[t].scale, out);
        }
    }
}

void oz_conv_direct(const oz_step *step, const oz_weight *w) {
    oz_session *s = step->session;
    const oz_layer *layer = &s->plan->model->layers[step->node->layer];
    unpack(s, layer);
    oz_direct d = {.step = step, .w = w, .weights = s->unpacked};
    d.scale = oz_session_floats(&w->row_scale, s->row_scale);
    d.bias = oz_session_floats(layer->bias, s->bias);
    oz_threads threads = s->plan->threads;
    oz_parallel(&threads, step->out_shape->dim[0] * step->out_shape->dim[1], output_plane, &d);
}

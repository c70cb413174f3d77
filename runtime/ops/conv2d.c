/* conv2d.c - convolution over NCHW. The weight's inputs are numbered k = (ky * kw + kx) * (C / groups) + c.
 *
 * A weight of one leaf that reads floats is multiplied with pixels where they lie (planar.c; pointwise.c
 * where they are few; by tiles, winograd.c, where the kernel is 3 x 3), one with narrow groups (depthwise
 * above all) row by row (grouped.c). All others - codes, sums, products - are multiplied with gathered
 * columns, here: one column is one output pixel of one image; pixels of all images are numbered through, so
 * that small images share tiles. Groups of whole panels are products of their own. */
#include "runtime/ops/conv2d.h"

#include <math.h>
#include <string.h>

#include "base/arith.h"
#include "kernels/conv.h"
#include "runtime/multiply.h"
#include "runtime/session.h"

static oz_status parse(oz_node *node, const oz_json *j, oz_value v, const oz_contents *contents,
                       oz_arena *arena, oz_error *err) {
    (void)contents, (void)arena;
    node->attr.groups = 1;
    OZ_TRY(oz_attr_window(j, v, &node->attr.window, err));
    return oz_attr_u32(j, v, "groups", &node->attr.groups, err);
}

bool oz_conv_is_grouped(const oz_node *node, const oz_weight *w) {
    return node->attr.groups > 1 && (w->rows / node->attr.groups) % OZ_PANEL != 0;
}

static bool is_pointwise(const oz_node *node) {
    const oz_window *w = &node->attr.window;
    return node->attr.groups == 1 && w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 &&
           w->stride[1] == 1 && (w->pad[0] | w->pad[1] | w->pad[2] | w->pad[3]) == 0;
}

oz_conv_way oz_conv_way_of(const oz_plan *p, const oz_node *node) {
    const oz_layer_plan *lp = &p->layers[node->layer];
    const oz_weight *w = lp->layer->weight;
    const oz_choice *choice = &lp->leaf[0][0].large;
    const oz_shape *y = &p->shapes[node->output];
    if (oz_conv_is_grouped(node, w)) return OZ_CONV_GROUPED;
    bool floats = choice->way == OZ_WAY_MM && !oz_decodes_codes(choice->decoder);
    if (!floats || !oz_weight_is_leaf(w)) return OZ_CONV_GATHERED;
    if (!choice->decoder->f32) return OZ_CONV_PLANAR;
    if (oz_winograd_share(node, w, y) < 1) return OZ_CONV_WINOGRAD;
    bool few = y->dim[2] * y->dim[3] <= OZ_POINTWISE_PIXELS;
    return few && is_pointwise(node) ? OZ_CONV_POINTWISE : OZ_CONV_PLANAR;
}

size_t oz_conv_bytes(oz_conv_way way, const oz_layer *layer, const oz_node *node, const oz_shape *x,
                     const oz_shape *y) {
    switch (way) {
    case OZ_CONV_PLANAR:
        return oz_planar_bytes(node, x, y);
    case OZ_CONV_POINTWISE:
        return oz_pointwise_bytes();
    case OZ_CONV_WINOGRAD:
        return oz_winograd_bytes(layer->weight, y);
    case OZ_CONV_GROUPED:
        return oz_grouped_bytes(layer, node, x, y);
    case OZ_CONV_GATHERED:
        break;
    }
    return 0;
}

static const float *row_scales(oz_session *s, const oz_weight *w, float scale) {
    const float *own = oz_session_floats(s, &w->row_scale, s->row_scale);
    if (scale == 1.0f) return own;
    for (size_t r = 0; r < w->rows; r++) s->row_scale[r] = own ? own[r] * scale : scale;
    return s->row_scale;
}

oz_epilogue oz_conv_epilogue(const oz_step *step, float scale) {
    oz_session *s = step->session;
    const oz_layer *layer = s->plan->layers[step->node->layer].layer;
    return (oz_epilogue){.scale = row_scales(s, layer->weight, scale),
                         .bias = oz_session_floats(s, layer->bias, s->bias),
                         .act = oz_observed(step) ? OZ_ACT_NONE : step->node->act,
                         .slope = step->node->slope};
}

static bool has_integers(const oz_weight *w) {
    for (size_t t = 0; t < w->n_terms; t++) {
        for (size_t f = 0; f < w->terms[t].n_factors; f++) {
            if (oz_leaf_reads_i8(&w->terms[t].factors[f], w->act_i8)) return true;
        }
    }
    return false;
}

/* Inputs of a column are found by offsets of 32 bits, in planes that padding may enlarge (planes.h). */
static bool offsets_fit(const oz_shape *x, const oz_window *w, uint32_t groups) {
    uint64_t floats = x->dim[1] / groups * w->kernel[1] * w->stride[0], lines = x->dim[2], width = x->dim[3];
    lines += w->pad[0] + w->pad[2] + w->stride[0], width += w->pad[1] + w->pad[3] + OZ_PANEL;
    return oz_mul(floats, lines, &floats) && oz_mul(floats, width, &floats) && floats <= UINT32_MAX;
}

static oz_status shape(const oz_node *node, const oz_weight *w, const oz_shape *const *in, oz_shape *out,
                       oz_error *err) {
    const oz_shape *x = in[0];
    const oz_window *win = &node->attr.window;
    uint32_t groups = node->attr.groups;
    if (x->rank != 4) return oz_shape_fail(node, err, "needs [N, C, H, W], got %u dimensions", x->rank);
    if (groups == 0 || x->dim[1] % groups || w->rows % groups) {
        return oz_shape_fail(node, err, "%u groups do not divide %llu channels and %llu rows", groups,
                             (unsigned long long)x->dim[1], (unsigned long long)w->rows);
    }
    uint64_t k = (uint64_t)win->kernel[0] * win->kernel[1], channels = x->dim[1] / groups;
    if (w->cols / k != channels || w->cols % k) {
        return oz_shape_fail(
            node, err, "weight %s reads %llu inputs, a %u x %u kernel over %llu channels has another number",
            w->name, (unsigned long long)w->cols, win->kernel[0], win->kernel[1],
            (unsigned long long)channels);
    }
    if (oz_conv_is_grouped(node, w) && has_integers(w)) {
        return oz_shape_fail(node, err, "groups of fewer than 16 channels need \"act\": \"f32\" in weight %s",
                             w->name);
    }
    if (oz_conv_is_grouped(node, w) && oz_weight_has_products(w)) {
        return oz_shape_fail(node, err, "groups of fewer than 16 channels cannot be products: weight %s",
                             w->name);
    }
    if (!offsets_fit(x, win, groups)) return oz_shape_fail(node, err, "the image is too large");
    *out = (oz_shape){.rank = 4, .dim = {x->dim[0], w->rows}};
    if (!oz_window_size(win, 0, x->dim[2], &out->dim[2]) ||
        !oz_window_size(win, 1, x->dim[3], &out->dim[3])) {
        return oz_shape_fail(node, err, "the kernel is larger than the padded input");
    }
    return OZ_OK;
}

bool oz_conv_bounds(oz_activation act, float *least, float *most) {
    *least = act == OZ_ACT_RELU || act == OZ_ACT_RELU6 ? 0.0f : -INFINITY;
    *most = act == OZ_ACT_RELU6 ? 6.0f : INFINITY;
    return act == OZ_ACT_NONE || act == OZ_ACT_RELU || act == OZ_ACT_RELU6;
}

typedef struct oz_conv {
    const oz_window *window;
    const float *x;
    float *y;
    size_t channels, group_channels, height, width; /* of the input */
    size_t rows, out_height, out_width;
    size_t first_channel; /* of the group under way */
    const oz_conv_primitives *primitives;
} oz_conv;

/* Neighbouring output pixels of one output line, as a stretch of a panel's columns. */
typedef struct oz_stretch {
    size_t column, count; /* in the panel */
    size_t image;
    ptrdiff_t y0, x0; /* input position of tap (0, 0) for the first pixel; may be negative */
} oz_stretch;

static size_t find_stretches(const oz_conv *c, size_t first, size_t n, oz_stretch out[OZ_COLUMNS]) {
    size_t count = 0, pixels = c->out_height * c->out_width;
    for (size_t i = 0; i < n;) {
        size_t pixel = (first + i) % pixels, oy = pixel / c->out_width, ox = pixel % c->out_width;
        oz_stretch *s = &out[count++];
        s->column = i;
        s->count = oz_min(n - i, c->out_width - ox);
        s->image = (first + i) / pixels;
        s->y0 = (ptrdiff_t)(oy * c->window->stride[0]) - (ptrdiff_t)c->window->pad[0];
        s->x0 = (ptrdiff_t)(ox * c->window->stride[1]) - (ptrdiff_t)c->window->pad[1];
        i += s->count;
    }
    return count;
}

/* The pixels [*from, *to) of a stretch whose input column x0 + i * stride lies in [0, width). */
static void inside(ptrdiff_t x0, size_t stride, size_t width, size_t count, size_t *from, size_t *to) {
    *from = x0 < 0 ? oz_min(count, oz_div_up((size_t)-x0, stride)) : 0;
    *to = x0 >= (ptrdiff_t)width ? 0 : oz_min(count, oz_div_up((size_t)((ptrdiff_t)width - x0), stride));
    if (*to < *from) *to = *from;
}

/* All channels of one tap for one stretch. */
static void gather_tap(const oz_conv *c, const oz_stretch *s, size_t ky, size_t kx, size_t lanes,
                       float *panel) {
    const oz_window *w = c->window;
    ptrdiff_t y = s->y0 + (ptrdiff_t)(ky * w->dilation[0]), x0 = s->x0 + (ptrdiff_t)(kx * w->dilation[1]);
    size_t from = 0, to = 0;
    if (y >= 0 && y < (ptrdiff_t)c->height) inside(x0, w->stride[1], c->width, s->count, &from, &to);
    size_t plane = c->height * c->width;
    const float *in = c->x + (s->image * c->channels + c->first_channel) * plane;
    if (to > from) in += (size_t)y * c->width;
    const float *line = in + x0; /* of pixel 0; only [from, to) of it exists */
    c->primitives->gather_lines(line, plane, c->group_channels, w->stride[1], from, to, s->count, s->column,
                                lanes, panel + s->column);
}

static void gather(const oz_job *job, size_t first, size_t n, size_t lanes, float *panel) {
    const oz_conv *c = job->ctx;
    oz_stretch stretches[OZ_COLUMNS];
    size_t count = find_stretches(c, first, n, stretches);
    for (size_t ky = 0; ky < c->window->kernel[0]; ky++) {
        for (size_t kx = 0; kx < c->window->kernel[1]; kx++) {
            float *tap = panel + (ky * c->window->kernel[1] + kx) * c->group_channels * lanes;
            for (size_t i = 0; i < count; i++) gather_tap(c, &stretches[i], ky, kx, lanes, tap);
            for (size_t ch = 0; n < lanes && ch < c->group_channels; ch++) {
                memset(tap + ch * lanes + n, 0, (lanes - n) * sizeof(float));
            }
        }
    }
}

static void scatter(const oz_job *job, size_t first, size_t n, size_t row, size_t rows, size_t lanes,
                    const float *y) {
    const oz_conv *c = job->ctx;
    size_t pixels = c->out_height * c->out_width;
    for (size_t i = 0; i < n;) {
        size_t image = (first + i) / pixels, pixel = (first + i) % pixels,
               count = oz_min(n - i, pixels - pixel);
        float *out = c->y + (image * c->rows + row) * pixels + pixel;
        for (size_t r = 0; r < rows; r++) memcpy(out + r * pixels, y + r * lanes + i, count * sizeof(float));
        i += count;
    }
}

static void run_gathered(const oz_step *step) {
    const oz_node *node = step->node;
    const oz_shape *x = step->in_shape[0], *y = step->out_shape;
    const oz_weight *w = step->session->plan->model->layers[node->layer].weight;
    oz_conv c = {.window = &node->attr.window,
                 .x = step->in[0],
                 .y = step->out,
                 .channels = x->dim[1],
                 .group_channels = x->dim[1] / node->attr.groups,
                 .height = x->dim[2],
                 .width = x->dim[3],
                 .rows = w->rows,
                 .out_height = y->dim[2],
                 .out_width = y->dim[3],
                 .primitives = oz_conv_primitives_of(step->session->plan->isa)};
    oz_job job = {.layer = node->layer,
                  .columns = y->dim[0] * y->dim[2] * y->dim[3],
                  .k = w->cols,
                  .act = oz_observed(step) ? OZ_ACT_NONE : node->act,
                  .slope = node->slope,
                  .gather = gather,
                  .scatter = scatter,
                  .ctx = &c};
    for (uint32_t g = 0; g < node->attr.groups; g++) {
        c.first_channel = g * c.group_channels;
        job.row0 = w->rows / node->attr.groups * g;
        job.row1 = w->rows / node->attr.groups * (g + 1);
        oz_multiply(step->session, &job);
    }
}

static oz_status run(const oz_step *step, oz_error *err) {
    (void)err;
    const oz_shape *y = step->out_shape;
    switch (oz_conv_way_of(step->session->plan, step->node)) {
    case OZ_CONV_PLANAR:
        oz_conv_planar(step);
        break;
    case OZ_CONV_POINTWISE:
        oz_conv_pointwise(step);
        break;
    case OZ_CONV_WINOGRAD:
        oz_conv_winograd(step);
        break;
    case OZ_CONV_GROUPED:
        oz_conv_grouped(step);
        break;
    case OZ_CONV_GATHERED:
        run_gathered(step);
        break;
    }
    oz_observe(step, y->dim[0], y->dim[1], y->dim[2] * y->dim[3]);
    return OZ_OK;
}

const oz_op oz_op_conv2d = {.name = "conv2d",
                            .min_inputs = 1,
                            .max_inputs = 1,
                            .by_image = true,
                            .weighted = true,
                            .fuses_act = true,
                            .attributes = "kernel stride pad dilation groups",
                            .parse = parse,
                            .shape = shape,
                            .run = run};

/* pool.c - maximum and average over windows, or over whole planes, of NCHW tensors. */
#include <math.h>

#include "base/arith.h"
#include "runtime/session.h"

static oz_status parse_window(oz_node *node, const oz_json *j, oz_value v, const oz_contents *c,
                              oz_arena *arena, oz_error *err) {
    (void)c, (void)arena;
    OZ_TRY(oz_attr_window(j, v, &node->attr.window, err));
    if (v == OZ_NO_VALUE || oz_json_find(j, v, "stride") == OZ_NO_VALUE) {
        node->attr.window.stride[0] = node->attr.window.kernel[0];
        node->attr.window.stride[1] = node->attr.window.kernel[1];
    }
    const oz_window *w = &node->attr.window;
    for (int i = 0; i < 4; i++) {
        if (w->pad[i] * 2 > (w->kernel[i % 2] - 1) * w->dilation[i % 2] + 1) {
            return oz_fail(err, OZ_ERR_FORMAT, node->offset, node->name,
                           "the padding is more than half the window");
        }
    }
    return OZ_OK;
}

static oz_status shape_window(const oz_node *node, const oz_weight *w, const oz_shape *const *in,
                              oz_shape *out, oz_error *err) {
    (void)w;
    if (in[0]->rank != 4)
        return oz_shape_fail(node, err, "needs [N, C, H, W], got %u dimensions", in[0]->rank);
    *out = *in[0];
    if (!oz_window_size(&node->attr.window, 0, in[0]->dim[2], &out->dim[2]) ||
        !oz_window_size(&node->attr.window, 1, in[0]->dim[3], &out->dim[3])) {
        return oz_shape_fail(node, err, "the window is larger than the padded input");
    }
    return OZ_OK;
}

/* The taps [from, to) of a window starting at `start` (before padding) that lie inside the input. */
static void taps_inside(ptrdiff_t start, uint32_t kernel, uint32_t dilation, size_t size, size_t *from,
                        size_t *to) {
    *from = start < 0 ? oz_min(kernel, oz_div_up((size_t)-start, dilation)) : 0;
    *to =
        start >= (ptrdiff_t)size ? 0 : oz_min(kernel, oz_div_up((size_t)((ptrdiff_t)size - start), dilation));
}

/* How many of the window's taps lie inside the padded input; a window of ceil mode may reach past it. */
static size_t padded_taps(ptrdiff_t start, const oz_window *w, int axis, size_t size) {
    size_t from, to;
    ptrdiff_t before = (ptrdiff_t)w->pad[axis];
    taps_inside(start + before, w->kernel[axis], w->dilation[axis], size + w->pad[axis] + w->pad[axis + 2],
                &from, &to);
    return to - from;
}

typedef struct oz_pool {
    const oz_step *step;
    bool mean;
} oz_pool;

static float pool_at(const oz_pool *p, const float *plane, size_t oy, size_t ox) {
    const oz_window *w = &p->step->node->attr.window;
    size_t height = p->step->in_shape[0]->dim[2], width = p->step->in_shape[0]->dim[3], y0, y1, x0, x1;
    ptrdiff_t top = (ptrdiff_t)(oy * w->stride[0]) - (ptrdiff_t)w->pad[0];
    ptrdiff_t left = (ptrdiff_t)(ox * w->stride[1]) - (ptrdiff_t)w->pad[1];
    taps_inside(top, w->kernel[0], w->dilation[0], height, &y0, &y1);
    taps_inside(left, w->kernel[1], w->dilation[1], width, &x0, &x1);
    float best = -INFINITY, sum = 0.0f;
    for (size_t ky = y0; ky < y1; ky++) {
        const float *line = plane + ((size_t)(top + (ptrdiff_t)(ky * w->dilation[0]))) * width;
        for (size_t kx = x0; kx < x1; kx++) {
            float f = line[left + (ptrdiff_t)(kx * w->dilation[1])];
            sum += f;
            best = f > best ? f : best;
        }
    }
    if (!p->mean) return best;
    size_t n = w->count_pad ? padded_taps(top, w, 0, height) * padded_taps(left, w, 1, width)
                            : (y1 - y0) * (x1 - x0);
    return sum / (float)n;
}

static void pool_plane(void *arg, size_t index) {
    const oz_pool *p = arg;
    const oz_shape *x = p->step->in_shape[0], *y = p->step->out_shape;
    const float *plane = (const float *)p->step->in[0] + index * x->dim[2] * x->dim[3];
    float *out = p->step->out + index * y->dim[2] * y->dim[3];
    for (size_t oy = 0; oy < y->dim[2]; oy++) {
        for (size_t ox = 0; ox < y->dim[3]; ox++) *out++ = pool_at(p, plane, oy, ox);
    }
}

static oz_status run_window(const oz_step *step, bool mean) {
    oz_pool p = {.step = step, .mean = mean};
    oz_threads threads = step->session->plan->threads;
    oz_parallel(&threads, step->out_shape->dim[0] * step->out_shape->dim[1], pool_plane, &p);
    return OZ_OK;
}

static oz_status run_max(const oz_step *step, oz_error *err) {
    (void)err;
    return run_window(step, false);
}

static oz_status run_avg(const oz_step *step, oz_error *err) {
    (void)err;
    return run_window(step, true);
}

const oz_op oz_op_max_pool = {.name = "max_pool",
                              .min_inputs = 1,
                              .max_inputs = 1,
                              .by_image = true,
                              .attributes = "kernel stride pad dilation ceil count_pad",
                              .parse = parse_window,
                              .shape = shape_window,
                              .run = run_max};
const oz_op oz_op_avg_pool = {.name = "avg_pool",
                              .min_inputs = 1,
                              .max_inputs = 1,
                              .by_image = true,
                              .attributes = "kernel stride pad dilation ceil count_pad",
                              .parse = parse_window,
                              .shape = shape_window,
                              .run = run_avg};

/* ---- whole planes: [N, C, ...] -> [N, C] ---- */

static oz_status shape_global(const oz_node *node, const oz_weight *w, const oz_shape *const *in,
                              oz_shape *out, oz_error *err) {
    (void)w;
    if (in[0]->rank < 3) return oz_shape_fail(node, err, "needs at least 3 dimensions, got %u", in[0]->rank);
    *out = (oz_shape){.rank = 2, .dim = {in[0]->dim[0], in[0]->dim[1]}};
    return OZ_OK;
}

static oz_status run_global_avg(const oz_step *step, oz_error *err) {
    (void)err;
    size_t planes = oz_shape_count(step->out_shape), inner = oz_shape_count(step->in_shape[0]) / planes;
    const float *x = step->in[0];
    for (size_t p = 0; p < planes; p++) step->out[p] = step->vec->sum(x + p * inner, inner) / (float)inner;
    return OZ_OK;
}

static oz_status run_global_max(const oz_step *step, oz_error *err) {
    (void)err;
    size_t planes = oz_shape_count(step->out_shape), inner = oz_shape_count(step->in_shape[0]) / planes;
    const float *x = step->in[0];
    for (size_t p = 0; p < planes; p++) step->out[p] = step->vec->max(x + p * inner, inner);
    return OZ_OK;
}

const oz_op oz_op_global_avg_pool = {.name = "global_avg_pool",
                                     .min_inputs = 1,
                                     .max_inputs = 1,
                                     .by_image = true,
                                     .shape = shape_global,
                                     .run = run_global_avg};
const oz_op oz_op_global_max_pool = {.name = "global_max_pool",
                                     .min_inputs = 1,
                                     .max_inputs = 1,
                                     .by_image = true,
                                     .shape = shape_global,
                                     .run = run_global_max};

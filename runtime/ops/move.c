/* move.c - operators that move numbers without arithmetic: concat, pad, slice, flatten, reshape. */
#include <string.h>

#include "base/arith.h"
#include "runtime/session.h"

/* -1 means the last dimension, and so on; false if there is no such one. */
static bool find_axis(int64_t axis, uint32_t rank, uint32_t *out) {
    if (axis < 0) axis += rank;
    *out = (uint32_t)axis;
    return axis >= 0 && axis < rank;
}

/* Elements before and after `axis`. */
static void split(const oz_shape *s, uint32_t axis, size_t *outer, size_t *inner) {
    *outer = *inner = 1;
    for (uint32_t d = 0; d < axis; d++) *outer *= s->dim[d];
    for (uint32_t d = axis + 1; d < s->rank; d++) *inner *= s->dim[d];
}

/* ---- concat ---- */

static oz_status parse_concat(oz_node *node, const oz_json *j, oz_value v, const oz_contents *c,
                              oz_arena *arena, oz_error *err) {
    (void)c, (void)arena;
    node->attr.axis = 1;
    return oz_attr_i64(j, v, "axis", &node->attr.axis, err);
}

static oz_status shape_concat(const oz_node *node, const oz_weight *w, const oz_shape *const *in,
                              oz_shape *out, oz_error *err) {
    (void)w;
    uint32_t axis;
    if (!find_axis(node->attr.axis, in[0]->rank, &axis))
        return oz_shape_fail(node, err, "there is no such axis");
    *out = *in[0];
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        oz_shape other = *in[i];
        if (other.rank != out->rank) return oz_shape_fail(node, err, "the inputs have different ranks");
        uint64_t size = other.dim[axis];
        other.dim[axis] = out->dim[axis];
        if (!oz_shape_equal(&other, out))
            return oz_shape_fail(node, err, "the inputs differ outside the axis");
        if (!oz_add(out->dim[axis], size, &out->dim[axis]))
            return oz_shape_fail(node, err, "the result is too large");
    }
    return OZ_OK;
}

static oz_status run_concat(const oz_step *step, oz_error *err) {
    (void)err;
    uint32_t axis;
    size_t outer, inner, to = 0;
    find_axis(step->node->attr.axis, step->out_shape->rank, &axis);
    split(step->out_shape, axis, &outer, &inner);
    size_t line = step->out_shape->dim[axis] * inner;
    for (uint32_t i = 0; i < step->node->n_inputs; i++) {
        const float *x = step->in[i];
        size_t n = step->in_shape[i]->dim[axis] * inner;
        for (size_t o = 0; o < outer; o++) memcpy(step->out + o * line + to, x + o * n, n * sizeof(float));
        to += n;
    }
    return OZ_OK;
}

const oz_op oz_op_concat = {.name = "concat",
                            .min_inputs = 1,
                            .max_inputs = OZ_MAX_NODE_INPUTS,
                            .by_image = true,
                            .attributes = "axis",
                            .parse = parse_concat,
                            .shape = shape_concat,
                            .run = run_concat};

/* ---- pad: zeros before and after every dimension ---- */

static oz_status parse_pad(oz_node *node, const oz_json *j, oz_value v, const oz_contents *c, oz_arena *arena,
                           oz_error *err) {
    (void)c, (void)arena;
    oz_value pads = v == OZ_NO_VALUE ? v : oz_json_find(j, v, "pads");
    if (pads == OZ_NO_VALUE || oz_json_type_of(j, pads) != OZ_JSON_ARRAY ||
        oz_json_size(j, pads) > OZ_MAX_RANK) {
        return oz_fail(err, OZ_ERR_FORMAT, node->offset, node->name,
                       "pad needs \"pads\": [[before, after], ...]");
    }
    uint32_t d = 0;
    for (oz_value p = oz_json_first(j, pads); p != OZ_NO_VALUE; p = oz_json_next(j, p), d++) {
        oz_value before = oz_json_type_of(j, p) == OZ_JSON_ARRAY && oz_json_size(j, p) == 2
                              ? oz_json_first(j, p)
                              : OZ_NO_VALUE;
        uint64_t a = 0, b = 0;
        if (before == OZ_NO_VALUE || !oz_json_u64(j, before, &a) ||
            !oz_json_u64(j, oz_json_next(j, before), &b) || a > INT32_MAX || b > INT32_MAX) {
            return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, p), node->name, "a pad is [before, after]");
        }
        node->attr.pads[d][0] = (int64_t)a;
        node->attr.pads[d][1] = (int64_t)b;
    }
    node->attr.reshape_rank = d;
    return OZ_OK;
}

static oz_status shape_pad(const oz_node *node, const oz_weight *w, const oz_shape *const *in, oz_shape *out,
                           oz_error *err) {
    (void)w;
    if (in[0]->rank != node->attr.reshape_rank)
        return oz_shape_fail(node, err, "needs one pair for each of %u dimensions", in[0]->rank);
    *out = *in[0];
    for (uint32_t d = 0; d < out->rank; d++)
        out->dim[d] += (uint64_t)(node->attr.pads[d][0] + node->attr.pads[d][1]);
    return OZ_OK;
}

static oz_status run_pad(const oz_step *step, oz_error *err) {
    (void)err;
    const oz_shape *x = step->in_shape[0], *y = step->out_shape;
    uint32_t rank = x->rank;
    memset(step->out, 0, oz_shape_count(y) * sizeof(float));
    size_t line = x->dim[rank - 1], lines = oz_shape_count(x) / line;
    const float *in = step->in[0];
    for (size_t l = 0; l < lines; l++) {
        size_t rest = l, at = 0, stride = y->dim[rank - 1];
        for (uint32_t d = rank - 1; d-- > 0;) {
            at += (rest % x->dim[d] + (size_t)step->node->attr.pads[d][0]) * stride;
            rest /= x->dim[d];
            stride *= y->dim[d];
        }
        memcpy(step->out + at + (size_t)step->node->attr.pads[rank - 1][0], in + l * line,
               line * sizeof(float));
    }
    return OZ_OK;
}

const oz_op oz_op_pad = {.name = "pad",
                         .min_inputs = 1,
                         .max_inputs = 1,
                         .by_image = true,
                         .attributes = "pads",
                         .parse = parse_pad,
                         .shape = shape_pad,
                         .run = run_pad};

/* ---- slice: start, end and step along one axis ---- */

static oz_status parse_slice(oz_node *node, const oz_json *j, oz_value v, const oz_contents *c,
                             oz_arena *arena, oz_error *err) {
    (void)c, (void)arena;
    node->attr.end = INT32_MAX;
    node->attr.step = 1;
    OZ_TRY(oz_attr_i64(j, v, "axis", &node->attr.axis, err));
    OZ_TRY(oz_attr_i64(j, v, "start", &node->attr.start, err));
    OZ_TRY(oz_attr_i64(j, v, "end", &node->attr.end, err));
    OZ_TRY(oz_attr_i64(j, v, "step", &node->attr.step, err));
    if (node->attr.step < 1)
        return oz_fail(err, OZ_ERR_FORMAT, node->offset, node->name, "slice needs a step of at least 1");
    return OZ_OK;
}

/* A position counted from the end if negative, kept inside [0, size]. */
static uint64_t clamp(int64_t at, uint64_t size) {
    if (at < 0) at += (int64_t)size;
    return at < 0 ? 0 : oz_min((uint64_t)at, size);
}

static oz_status shape_slice(const oz_node *node, const oz_weight *w, const oz_shape *const *in,
                             oz_shape *out, oz_error *err) {
    (void)w;
    uint32_t axis;
    if (!find_axis(node->attr.axis, in[0]->rank, &axis))
        return oz_shape_fail(node, err, "there is no such axis");
    uint64_t size = in[0]->dim[axis], start = clamp(node->attr.start, size),
             end = clamp(node->attr.end, size);
    if (end <= start) return oz_shape_fail(node, err, "the slice is empty");
    *out = *in[0];
    out->dim[axis] = oz_div_up(end - start, (uint64_t)node->attr.step);
    return OZ_OK;
}

static oz_status run_slice(const oz_step *step, oz_error *err) {
    (void)err;
    uint32_t axis;
    size_t outer, inner;
    const oz_attributes *a = &step->node->attr;
    find_axis(a->axis, step->out_shape->rank, &axis);
    split(step->out_shape, axis, &outer, &inner);
    size_t size = step->in_shape[0]->dim[axis], n = step->out_shape->dim[axis];
    size_t start = clamp(a->start, size), stride = (size_t)a->step;
    const float *x = step->in[0];
    for (size_t o = 0; o < outer; o++) {
        const float *from = x + (o * size + start) * inner;
        float *to = step->out + o * n * inner;
        if (inner == 1) {
            for (size_t i = 0; i < n; i++) to[i] = from[i * stride];
        } else {
            for (size_t i = 0; i < n; i++)
                memcpy(to + i * inner, from + i * stride * inner, inner * sizeof(float));
        }
    }
    return OZ_OK;
}

const oz_op oz_op_slice = {.name = "slice",
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .by_image = true,
                           .attributes = "axis start end step",
                           .parse = parse_slice,
                           .shape = shape_slice,
                           .run = run_slice};

/* ---- flatten and reshape: the same memory under another shape ---- */

static oz_status parse_flatten(oz_node *node, const oz_json *j, oz_value v, const oz_contents *c,
                               oz_arena *arena, oz_error *err) {
    (void)c, (void)arena;
    node->attr.axis = 1;
    return oz_attr_i64(j, v, "axis", &node->attr.axis, err);
}

static oz_status shape_flatten(const oz_node *node, const oz_weight *w, const oz_shape *const *in,
                               oz_shape *out, oz_error *err) {
    (void)w;
    uint32_t axis;
    size_t outer, inner;
    if (!find_axis(node->attr.axis, in[0]->rank, &axis))
        return oz_shape_fail(node, err, "there is no such axis");
    split(in[0], axis, &outer, &inner);
    *out = (oz_shape){.rank = 2, .dim = {outer, in[0]->dim[axis] * inner}};
    return OZ_OK;
}

static oz_status parse_reshape(oz_node *node, const oz_json *j, oz_value v, const oz_contents *c,
                               oz_arena *arena, oz_error *err) {
    (void)c, (void)arena;
    oz_value dims = v == OZ_NO_VALUE ? v : oz_json_find(j, v, "shape");
    if (dims == OZ_NO_VALUE || oz_json_type_of(j, dims) != OZ_JSON_ARRAY ||
        oz_json_size(j, dims) > OZ_MAX_RANK) {
        return oz_fail(err, OZ_ERR_FORMAT, node->offset, node->name,
                       "reshape needs \"shape\": an array of up to 6 numbers");
    }
    for (oz_value d = oz_json_first(j, dims); d != OZ_NO_VALUE; d = oz_json_next(j, d)) {
        int64_t n;
        if (!oz_json_i64(j, d, &n) || n < -1 || n > INT32_MAX) {
            return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, d), node->name,
                           "a size must be -1, 0 or positive");
        }
        node->attr.reshape[node->attr.reshape_rank++] = n;
    }
    return OZ_OK;
}

static oz_status shape_reshape(const oz_node *node, const oz_weight *w, const oz_shape *const *in,
                               oz_shape *out, oz_error *err) {
    (void)w;
    uint64_t known = 1, count = oz_shape_count(in[0]);
    int open = -1;
    *out = (oz_shape){.rank = node->attr.reshape_rank};
    for (uint32_t d = 0; d < out->rank; d++) {
        int64_t n = node->attr.reshape[d];
        if (n == 0 && d >= in[0]->rank)
            return oz_shape_fail(node, err, "dimension %u keeps a size that the input has not", d);
        if (n == -1 && open >= 0) return oz_shape_fail(node, err, "only one size may be -1");
        if (n == -1) open = (int)d;
        out->dim[d] = n > 0 ? (uint64_t)n : n == 0 ? in[0]->dim[d] : 1;
        if (!oz_mul(known, out->dim[d], &known)) return oz_shape_fail(node, err, "the result is too large");
    }
    if (known == 0) return oz_shape_fail(node, err, "the result would be empty");
    if (open >= 0) {
        out->dim[open] = count / known;
        known *= count / known;
    }
    if (known != count) return oz_shape_fail(node, err, "the element count changes");
    return OZ_OK;
}

const oz_op oz_op_flatten = {.name = "flatten",
                             .min_inputs = 1,
                             .max_inputs = 1,
                             .view = true,
                             .attributes = "axis",
                             .parse = parse_flatten,
                             .shape = shape_flatten};
const oz_op oz_op_reshape = {.name = "reshape",
                             .min_inputs = 1,
                             .max_inputs = 1,
                             .view = true,
                             .attributes = "shape",
                             .parse = parse_reshape,
                             .shape = shape_reshape};

/* softmax.c - softmax along one axis. */
#include <math.h>

#include "runtime/session.h"

static oz_status parse(oz_node *node, const oz_json *j, oz_value v, const oz_contents *c, oz_arena *arena,
                       oz_error *err) {
    (void)c, (void)arena;
    node->attr.axis = -1;
    return oz_attr_i64(j, v, "axis", &node->attr.axis, err);
}

static oz_status shape(const oz_node *node, const oz_weight *w, const oz_shape *const *in, oz_shape *out,
                       oz_error *err) {
    (void)w;
    int64_t axis = node->attr.axis < 0 ? node->attr.axis + in[0]->rank : node->attr.axis;
    if (axis < 0 || axis >= in[0]->rank) return oz_shape_fail(node, err, "there is no such axis");
    *out = *in[0];
    return OZ_OK;
}

/* Lines that are not contiguous: the axis is not the last one. */
static void strided(const float *x, size_t n, size_t stride, float *out) {
    float max = x[0], sum = 0.0f;
    for (size_t i = 1; i < n; i++) max = x[i * stride] > max ? x[i * stride] : max;
    for (size_t i = 0; i < n; i++) sum += out[i * stride] = expf(x[i * stride] - max);
    for (size_t i = 0; i < n; i++) out[i * stride] /= sum;
}

static oz_status run(const oz_step *step, oz_error *err) {
    (void)err;
    const oz_shape *s = step->out_shape;
    size_t axis =
        (size_t)(step->node->attr.axis < 0 ? step->node->attr.axis + s->rank : step->node->attr.axis);
    size_t inner = 1, n = s->dim[axis], count = oz_shape_count(s);
    for (uint32_t d = (uint32_t)axis + 1; d < s->rank; d++) inner *= s->dim[d];
    const float *x = step->in[0];
    for (size_t first = 0; first < count; first += n * inner) {
        if (inner == 1) {
            step->vec->softmax(x + first, n, step->out + first);
        } else {
            for (size_t i = 0; i < inner; i++) strided(x + first + i, n, inner, step->out + first + i);
        }
    }
    return OZ_OK;
}

const oz_op oz_op_softmax = {.name = "softmax",
                             .min_inputs = 1,
                             .max_inputs = 1,
                             .attributes = "axis",
                             .parse = parse,
                             .shape = shape,
                             .run = run};

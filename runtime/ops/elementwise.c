/* elementwise.c - activations, addition and multiplication of equal shapes, per-channel affine. */
#include "base/arith.h"
#include "runtime/session.h"

static oz_status same_shape(const oz_node *node, const oz_weight *w, const oz_shape *const *in, oz_shape *out,
                            oz_error *err) {
    (void)w;
    if (node->n_inputs == 2 && !oz_shape_equal(in[0], in[1]))
        return oz_shape_fail(node, err, "the two inputs have different shapes");
    *out = *in[0];
    return OZ_OK;
}

static oz_status parse_slope(oz_node *node, const oz_json *j, oz_value v, const oz_contents *contents,
                             oz_arena *arena, oz_error *err) {
    (void)contents, (void)arena;
    node->slope = 0.01f;
    return oz_attr_float(j, v, "slope", &node->slope, err);
}

static oz_status activate(const oz_step *step, oz_activation act) {
    step->vec->affine(step->in[0], oz_shape_count(step->out_shape), 1.0f, 0.0f, act, step->node->slope,
                      step->out);
    return OZ_OK;
}

#define OZ_ACTIVATION_OP(op, activation, parse_fn, names)                                                    \
    static oz_status run_##op(const oz_step *step, oz_error *err) {                                          \
        (void)err;                                                                                           \
        return activate(step, activation);                                                                   \
    }                                                                                                        \
    const oz_op oz_op_##op = {.name = #op,                                                                   \
                              .min_inputs = 1,                                                               \
                              .max_inputs = 1,                                                               \
                              .by_image = true,                                                              \
                              .attributes = names,                                                           \
                              .parse = parse_fn,                                                             \
                              .shape = same_shape,                                                           \
                              .run = run_##op};

OZ_ACTIVATION_OP(relu, OZ_ACT_RELU, NULL, NULL)
OZ_ACTIVATION_OP(relu6, OZ_ACT_RELU6, NULL, NULL)
OZ_ACTIVATION_OP(leaky, OZ_ACT_LEAKY, parse_slope, "slope")
OZ_ACTIVATION_OP(gelu, OZ_ACT_GELU, NULL, NULL)
OZ_ACTIVATION_OP(gelu_tanh, OZ_ACT_GELU_TANH, NULL, NULL)
OZ_ACTIVATION_OP(silu, OZ_ACT_SILU, NULL, NULL)
OZ_ACTIVATION_OP(sigmoid, OZ_ACT_SIGMOID, NULL, NULL)
OZ_ACTIVATION_OP(tanh, OZ_ACT_TANH, NULL, NULL)
OZ_ACTIVATION_OP(hardswish, OZ_ACT_HARDSWISH, NULL, NULL)

static oz_status run_add(const oz_step *step, oz_error *err) {
    (void)err;
    step->vec->add(step->in[0], step->in[1], oz_shape_count(step->out_shape), step->node->act,
                   step->node->slope, step->out);
    return OZ_OK;
}

static oz_status run_mul(const oz_step *step, oz_error *err) {
    (void)err;
    step->vec->mul(step->in[0], step->in[1], oz_shape_count(step->out_shape), step->out);
    return OZ_OK;
}

const oz_op oz_op_add = {.name = "add",
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .by_image = true,
                         .fuses_act = true,
                         .shape = same_shape,
                         .run = run_add};
const oz_op oz_op_mul = {
    .name = "mul", .min_inputs = 2, .max_inputs = 2, .by_image = true, .shape = same_shape, .run = run_mul};

/* One number for all channels, or one each. */
static oz_status read_numbers(const oz_json *j, oz_value attrs, const char *key, float fill, uint64_t n,
                              float **out, oz_arena *arena, oz_error *err) {
    oz_value v = attrs == OZ_NO_VALUE ? OZ_NO_VALUE : oz_json_find(j, attrs, key);
    float *numbers = *out = oz_arena_array(arena, n, sizeof *numbers);
    if (!numbers) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "graph", "out of memory");
    for (uint64_t i = 0; i < n; i++) numbers[i] = fill;
    if (v == OZ_NO_VALUE) return OZ_OK;
    bool each = oz_json_type_of(j, v) == OZ_JSON_ARRAY;
    oz_value e = each ? oz_json_first(j, v) : v;
    for (uint64_t i = 0; i < n && e != OZ_NO_VALUE; i++) {
        double d;
        if (!oz_json_double(j, e, &d) || d > 1e30 || d < -1e30) {
            return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, e), "graph",
                           "attribute \"%s\" must be an array of numbers", key);
        }
        numbers[i] = (float)d;
        if (each) e = oz_json_next(j, e);
    }
    return OZ_OK;
}

static uint64_t array_size(const oz_json *j, oz_value attrs, const char *key) {
    oz_value v = attrs == OZ_NO_VALUE ? OZ_NO_VALUE : oz_json_find(j, attrs, key);
    return v != OZ_NO_VALUE && oz_json_type_of(j, v) == OZ_JSON_ARRAY ? oz_json_size(j, v) : 0;
}

static oz_status parse_affine(oz_node *node, const oz_json *j, oz_value v, const oz_contents *contents,
                              oz_arena *arena, oz_error *err) {
    (void)contents;
    uint64_t scales = array_size(j, v, "scale"), shifts = array_size(j, v, "shift");
    node->attr.channels = oz_max(scales, shifts);
    if (node->attr.channels == 0 || (scales && shifts && scales != shifts)) {
        return oz_fail(err, OZ_ERR_FORMAT, node->offset, node->name,
                       "affine needs \"scale\" and \"shift\" arrays of one length");
    }
    OZ_TRY(read_numbers(j, v, "scale", 1.0f, node->attr.channels, &node->attr.scale, arena, err));
    return read_numbers(j, v, "shift", 0.0f, node->attr.channels, &node->attr.shift, arena, err);
}

static oz_status shape_affine(const oz_node *node, const oz_weight *w, const oz_shape *const *in,
                              oz_shape *out, oz_error *err) {
    (void)w;
    if (in[0]->rank < 2 || in[0]->dim[1] != node->attr.channels) {
        return oz_shape_fail(node, err, "has numbers for %llu channels, which dimension 1 has not",
                             (unsigned long long)node->attr.channels);
    }
    *out = *in[0];
    return OZ_OK;
}

static oz_status run_affine(const oz_step *step, oz_error *err) {
    (void)err;
    size_t channels = step->node->attr.channels, n = oz_shape_count(step->out_shape);
    size_t planes = step->out_shape->dim[0] * channels, inner = n / planes;
    const float *x = step->in[0];
    for (size_t p = 0; p < planes; p++) {
        step->vec->affine(x + p * inner, inner, step->node->attr.scale[p % channels],
                          step->node->attr.shift[p % channels], step->node->act, step->node->slope,
                          step->out + p * inner);
    }
    return OZ_OK;
}

const oz_op oz_op_affine = {.name = "affine",
                            .min_inputs = 1,
                            .max_inputs = 1,
                            .by_image = true,
                            .fuses_act = true,
                            .attributes = "scale shift",
                            .parse = parse_affine,
                            .shape = shape_affine,
                            .run = run_affine};

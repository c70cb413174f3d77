/* op.c - the table of operators, and reading the attributes that several of them share. */
#include "runtime/op.h"

#include <stdarg.h>
#include <stdio.h>

#define OZ_OP(name) extern const oz_op oz_op_##name;
#include "runtime/ops/ops.def"
#undef OZ_OP

static const oz_op *const operators[] = {
#define OZ_OP(name) &oz_op_##name,
#include "runtime/ops/ops.def"
#undef OZ_OP
};

const oz_op *oz_op_find(const oz_json *j, oz_value name) {
    if (oz_json_type_of(j, name) != OZ_JSON_STRING) return NULL;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (oz_json_equals(j, name, operators[i]->name)) return operators[i];
    }
    return NULL;
}

static oz_value find(const oz_json *j, oz_value attrs, const char *key) {
    return attrs == OZ_NO_VALUE ? OZ_NO_VALUE : oz_json_find(j, attrs, key);
}

static oz_status fail(const oz_json *j, oz_value v, const char *key, const char *what, oz_error *err) {
    return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, v), "graph", "attribute \"%s\" must be %s", key,
                   what);
}

/* Sizes of windows, strides and the like: large enough for any network, small enough that sums of a
 * few of them times a few cannot wrap. */
#define OZ_MAX_ATTRIBUTE 65535

oz_status oz_attr_u32(const oz_json *j, oz_value attrs, const char *key, uint32_t *out, oz_error *err) {
    return oz_attr_u32s(j, attrs, key, out, 1, err);
}

oz_status oz_attr_i64(const oz_json *j, oz_value attrs, const char *key, int64_t *out, oz_error *err) {
    oz_value v = find(j, attrs, key);
    if (v == OZ_NO_VALUE) return OZ_OK;
    int64_t n;
    if (!oz_json_i64(j, v, &n) || n < -INT32_MAX || n > INT32_MAX)
        return fail(j, v, key, "a whole number", err);
    *out = n;
    return OZ_OK;
}

oz_status oz_attr_float(const oz_json *j, oz_value attrs, const char *key, float *out, oz_error *err) {
    oz_value v = find(j, attrs, key);
    if (v == OZ_NO_VALUE) return OZ_OK;
    double d;
    if (!oz_json_double(j, v, &d) || d > 1e30 || d < -1e30) return fail(j, v, key, "a number", err);
    *out = (float)d;
    return OZ_OK;
}

oz_status oz_attr_flag(const oz_json *j, oz_value attrs, const char *key, bool *out, oz_error *err) {
    oz_value v = find(j, attrs, key);
    if (v == OZ_NO_VALUE) return OZ_OK;
    return oz_json_bool(j, v, out) ? OZ_OK : fail(j, v, key, "true or false", err);
}

static bool small_number(const oz_json *j, oz_value v, uint32_t *out) {
    uint64_t n;
    if (!oz_json_u64(j, v, &n) || n > OZ_MAX_ATTRIBUTE) return false;
    *out = (uint32_t)n;
    return true;
}

oz_status oz_attr_u32s(const oz_json *j, oz_value attrs, const char *key, uint32_t *out, uint32_t n,
                       oz_error *err) {
    oz_value v = find(j, attrs, key);
    if (v == OZ_NO_VALUE) return OZ_OK;
    uint32_t all;
    if (small_number(j, v, &all)) {
        for (uint32_t i = 0; i < n; i++) out[i] = all;
        return OZ_OK;
    }
    if (oz_json_type_of(j, v) == OZ_JSON_ARRAY && oz_json_size(j, v) == n) {
        uint32_t i = 0;
        for (oz_value e = oz_json_first(j, v); e != OZ_NO_VALUE; e = oz_json_next(j, e)) {
            if (!small_number(j, e, &out[i++])) return fail(j, e, key, "numbers from 0 to 65535", err);
        }
        return OZ_OK;
    }
    return fail(j, v, key, "a number from 0 to 65535, or an array of them", err);
}

oz_status oz_attr_window(const oz_json *j, oz_value attrs, oz_window *w, oz_error *err) {
    *w = (oz_window){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    OZ_TRY(oz_attr_u32s(j, attrs, "kernel", w->kernel, 2, err));
    OZ_TRY(oz_attr_u32s(j, attrs, "stride", w->stride, 2, err));
    OZ_TRY(oz_attr_u32s(j, attrs, "dilation", w->dilation, 2, err));
    OZ_TRY(oz_attr_u32s(j, attrs, "pad", w->pad, 4, err));
    OZ_TRY(oz_attr_flag(j, attrs, "ceil", &w->ceil_mode, err));
    OZ_TRY(oz_attr_flag(j, attrs, "count_pad", &w->count_pad, err));
    for (int i = 0; i < 2; i++) {
        if (w->kernel[i] == 0 || w->stride[i] == 0 || w->dilation[i] == 0) {
            return fail(j, attrs, "kernel, stride or dilation", "at least 1", err);
        }
    }
    return OZ_OK;
}

bool oz_window_size(const oz_window *w, int axis, uint64_t size, uint64_t *out) {
    uint64_t reach = (uint64_t)(w->kernel[axis] - 1) * w->dilation[axis] + 1;
    uint64_t before = w->pad[axis], padded = size + before + w->pad[axis + 2];
    if (padded < reach) return false;
    uint64_t slack = padded - reach, stride = w->stride[axis];
    *out = slack / stride + 1;
    /* In ceil mode a last, partial window counts if it starts inside the input or its left padding. */
    if (w->ceil_mode && slack % stride && *out * stride < size + before) ++*out;
    return true;
}

oz_status oz_shape_fail(const oz_node *node, oz_error *err, const char *format, ...) {
    char text[160];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return oz_fail(err, OZ_ERR_SHAPE, node->offset, node->name, "%s: %s", node->op->name, text);
}

/* dataset_values.c - one loop per stored type; values lie at any alignment, so each is copied out first. */
#include "evaluate/dataset_values.h"

#include "base/half.h"

#include <string.h>

bool oz_values_integer(oz_stored_type t) {
    switch (t) {
    case OZ_STORED_BOOL:
    case OZ_STORED_U8:
    case OZ_STORED_I8:
    case OZ_STORED_U16:
    case OZ_STORED_I16:
    case OZ_STORED_U32:
    case OZ_STORED_I32:
    case OZ_STORED_U64:
    case OZ_STORED_I64:
        return true;
    default:
        return false;
    }
}

bool oz_values_supported(oz_stored_type t) {
    return oz_values_integer(t) || t == OZ_STORED_F16 || t == OZ_STORED_BF16 || t == OZ_STORED_F32 ||
           t == OZ_STORED_F64;
}

/* for each value v of `type` in data: out[i] = (to)expression */
#define CONVERT(type, expression)                                                                            \
    for (size_t i = 0; i < n; i++) {                                                                         \
        type v;                                                                                              \
        memcpy(&v, data + i * sizeof v, sizeof v);                                                           \
        out[i] = expression;                                                                                 \
    }                                                                                                        \
    break

void oz_values_f32(oz_stored_type t, const uint8_t *data, size_t n, float *out) {
    switch (t) {
    case OZ_STORED_BOOL:
    case OZ_STORED_U8:
        CONVERT(uint8_t, (float)v);
    case OZ_STORED_I8:
        CONVERT(int8_t, (float)v);
    case OZ_STORED_U16:
        CONVERT(uint16_t, (float)v);
    case OZ_STORED_I16:
        CONVERT(int16_t, (float)v);
    case OZ_STORED_U32:
        CONVERT(uint32_t, (float)v);
    case OZ_STORED_I32:
        CONVERT(int32_t, (float)v);
    case OZ_STORED_U64:
        CONVERT(uint64_t, (float)v);
    case OZ_STORED_I64:
        CONVERT(int64_t, (float)v);
    case OZ_STORED_F16:
        CONVERT(uint16_t, oz_f16_to_f32(v));
    case OZ_STORED_BF16:
        CONVERT(uint16_t, oz_bf16_to_f32(v));
    case OZ_STORED_F64:
        CONVERT(double, (float)v);
    default:
        memcpy(out, data, n * sizeof *out);
    }
}

bool oz_values_i64(oz_stored_type t, const uint8_t *data, size_t n, int64_t *out) {
    switch (t) {
    case OZ_STORED_I8:
        CONVERT(int8_t, (int64_t)v);
    case OZ_STORED_U16:
        CONVERT(uint16_t, (int64_t)v);
    case OZ_STORED_I16:
        CONVERT(int16_t, (int64_t)v);
    case OZ_STORED_U32:
        CONVERT(uint32_t, (int64_t)v);
    case OZ_STORED_I32:
        CONVERT(int32_t, (int64_t)v);
    case OZ_STORED_I64:
        CONVERT(int64_t, v);
    case OZ_STORED_U64:
        for (size_t i = 0; i < n; i++) {
            uint64_t v;
            memcpy(&v, data + i * sizeof v, sizeof v);
            if (v > INT64_MAX) return false;
            out[i] = (int64_t)v;
        }
        break;
    default:
        CONVERT(uint8_t, (int64_t)v);
    }
    return true;
}

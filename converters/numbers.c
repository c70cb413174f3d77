/* numbers.c - floats of any stored type, at any alignment, as double. */
#include "converters/numbers.h"

#include "base/half.h"

#include <math.h>
#include <string.h>

bool oz_number_is_float(oz_stored_type t) {
    return t == OZ_STORED_F64 || t == OZ_STORED_F32 || t == OZ_STORED_F16 || t == OZ_STORED_BF16;
}

double oz_number_get(const oz_stored *t, uint64_t i) {
    double d;
    float f;
    uint16_t h;
    switch (t->type) {
    case OZ_STORED_F64:
        memcpy(&d, t->data + i * sizeof d, sizeof d);
        return d;
    case OZ_STORED_F32:
        memcpy(&f, t->data + i * sizeof f, sizeof f);
        return (double)f;
    default:
        memcpy(&h, t->data + i * sizeof h, sizeof h);
        return (double)(t->type == OZ_STORED_F16 ? oz_f16_to_f32(h) : oz_bf16_to_f32(h));
    }
}

uint64_t oz_number_count(const oz_stored *t) {
    return t->bytes / oz_stored_type_bytes(t->type);
}

oz_status oz_number_fail(const char *tensor, uint64_t index, double value, oz_error *err) {
    return oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, tensor, "number %llu is %s, not a finite number",
                   (unsigned long long)index, isnan(value) ? "NaN" : "infinite");
}

oz_status oz_numbers_check(const oz_stored *t, oz_error *err) {
    uint64_t n = oz_number_count(t);
    for (uint64_t i = 0; i < n; i++) {
        double value = oz_number_get(t, i);
        if (!isfinite(value)) return oz_number_fail(t->name, i, value, err);
    }
    return OZ_OK;
}

/* dataset_values.h - stored values, whatever their type, as numbers. */
#ifndef OZ_EVALUATE_DATASET_VALUES_H
#define OZ_EVALUATE_DATASET_VALUES_H

#include "formats/container/safetensors.h"

bool oz_values_supported(oz_stored_type t);
bool oz_values_integer(oz_stored_type t);
/* n values from `data` (any alignment) as f32, rounded to nearest even. */
void oz_values_f32(oz_stored_type t, const uint8_t *data, size_t n, float *out);
/* Integer types only; false where a U64 does not fit. */
bool oz_values_i64(oz_stored_type t, const uint8_t *data, size_t n, int64_t *out);

#endif

/* numbers.h - the numbers of a stored tensor, whatever float type it has. */
#ifndef OZ_CONVERTERS_NUMBERS_H
#define OZ_CONVERTERS_NUMBERS_H

#include "formats/container/safetensors.h"

bool oz_number_is_float(oz_stored_type t); /* f64, f32, f16, bf16 */
double oz_number_get(const oz_stored *t, uint64_t i);
uint64_t oz_number_count(const oz_stored *t);
/* NUMBER, naming the tensor and the index. */
oz_status oz_number_fail(const char *tensor, uint64_t index, double value, oz_error *err);
/* Errors: NUMBER unless all are finite. */
oz_status oz_numbers_check(const oz_stored *t, oz_error *err);

#endif

/* dataset_safetensors.c - tensors `x` and `y` of a safetensors file, which its reader has proved. */
#include "evaluate/dataset.h"

#include <string.h>

bool oz_safetensors_is(const oz_source *s) {
    uint64_t header = 0;
    if (s->bytes < 10) return false;
    for (int i = 7; i >= 0; i--) header = header << 8 | s->data[i];
    return header >= 2 && header <= s->bytes - 8 && s->data[8] == '{';
}

oz_status oz_xy_read(const oz_source *s, oz_stored *x, oz_stored *y, oz_error *err) {
    oz_safetensors file;
    OZ_TRY(oz_safetensors_read(&file, s->data, s->bytes, NULL, s->arena, err));
    const oz_stored *values = oz_safetensors_find(&file, "x"), *labels = oz_safetensors_find(&file, "y");
    if (!values)
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, s->path,
                       "has no tensor `x`; a data set has `x` and, for accuracy, `y`");
    *x = *values;
    if (labels) *y = *labels;
    return OZ_OK;
}

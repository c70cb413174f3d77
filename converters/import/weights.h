/* weights.h - PyTorch's tensors -> weights and biases of a model. */
#ifndef OZ_CONVERTERS_IMPORT_WEIGHTS_H
#define OZ_CONVERTERS_IMPORT_WEIGHTS_H

#include "converters/host.h"
#include "converters/import/graph_edit.h"

typedef struct oz_weight_source {
    const oz_safetensors *tensors;
    oz_arena *arena;
    bool *used; /* [tensors] marks those that were asked for */
} oz_weight_source;

/* An oz_norm_reader; ctx is an oz_weight_source. Tensors NAME.running_mean and .running_var, .weight and
 * .bias if they are there. Errors: FORMAT (a tensor is missing or has another size), NUMBER, MEMORY. */
oz_status oz_norm_read(void *ctx, const char *name, double eps, oz_channel_map *out, oz_error *err);

/* One dense f32 leaf, rows as [ky][kx][in], and the bias (data NULL = none). */
oz_status oz_layer_import(const oz_weight_source *source, const oz_import_layer *layer, oz_weight *weight,
                          oz_vector *bias, oz_error *err);

#endif

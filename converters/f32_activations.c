/* f32_activations.c - a model whose integer leaves read f32 instead of 8-bit activations, all else as it was.
 *
 * Whether activations are quantised stands in the file, per layer; so the copy has the very same leaves, row
 * scales and biases, and what the two models answer differently is what 8 bits cost. */
#include "converters/host.h"

static oz_status build(const oz_model *m, oz_arena *arena, oz_buffer *out, oz_error *err) {
    size_t bytes;
    const void *data = oz_model_file(m, &bytes);
    oz_safetensors file;
    oz_contents contents;
    oz_image image;
    OZ_TRY(oz_safetensors_read(&file, data, bytes, NULL, arena, err));
    OZ_TRY(oz_contents_read(&contents, &file, NULL, arena, err));
    for (size_t i = 0; i < contents.n_weights; i++) contents.weights[i].act_i8 = false;
    OZ_TRY(oz_image_build(&contents, &image, arena, err));
    return oz_buffer_copy(out, &image, err);
}

oz_status oz_f32_activations(const oz_model *m, oz_buffer *out, oz_error *err) {
    if (!m || !out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "m or out is NULL");
    *out = (oz_buffer){0};
    oz_arena arena = {0};
    oz_status status = build(m, &arena, out, err);
    oz_arena_free(&arena);
    return status;
}

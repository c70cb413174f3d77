/* inputs.body.h - where the activations of an input lie: in a panel one row of lanes behind the other, in the
 * planes of a convolution (kernels/conv.h) as far apart, or at an offset of each input's own. */
#ifndef OZ_KERNELS_GEMM_INPUTS_BODY_H
#define OZ_KERNELS_GEMM_INPUTS_BODY_H

#include <stddef.h>
#include <stdint.h>

typedef struct oz_inputs {
    const float *x;
    size_t stride;          /* of inputs; constant in a panel */
    const uint32_t *offset; /* NULL = all inputs are as far apart; constant where the products are made */
} oz_inputs;

OZ_INLINE oz_inputs in_panel(const float *x, size_t lanes) {
    return (oz_inputs){x, lanes, NULL};
}

OZ_INLINE const float *input_at(oz_inputs in, size_t k) {
    return in.x + (in.offset ? in.offset[k] : k * in.stride);
}

#endif

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

/* The same where k is not a loop's and several vectors are read from there. The address is to be in one
 * register: Intel's cores take a multiply-add whose operand has a base and an index for two instructions, and
 * gcc would add for each half of a vector. */
OZ_INLINE const float *input_found(oz_inputs in, size_t k) {
    const float *at = input_at(in, k);
    __asm__("" : "+r"(at));
    return at;
}

#endif

/* vec.h - the rest of a network's arithmetic, over plain arrays of f32.
 *
 * Contract between kernels/vec/ (one body, four instruction sets) and the runtime. No function allocates;
 * `out` may be an input where it says so; lengths may be any number, and nothing past them is touched. */
#ifndef OZ_KERNELS_VEC_H
#define OZ_KERNELS_VEC_H

#include "base/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum oz_activation {
    OZ_ACT_NONE,
    OZ_ACT_RELU,
    OZ_ACT_RELU6,
    OZ_ACT_LEAKY,
    OZ_ACT_GELU,      /* with erf */
    OZ_ACT_GELU_TANH, /* its tanh form */
    OZ_ACT_SILU,
    OZ_ACT_SIGMOID,
    OZ_ACT_TANH,
    OZ_ACT_HARDSWISH,
    OZ_ACT_COUNT
} oz_activation;

const char *oz_activation_name(oz_activation a); /* "none", "relu", ..., "gelu_tanh", "hardswish" */

typedef struct oz_vec_primitives {
    oz_isa isa;
    /* out[i] = act(x[i] * scale + shift); out may be x. `slope` is the leaky one's. */
    void (*affine)(const float *x, size_t n, float scale, float shift, oz_activation act, float slope,
                   float *out);
    /* out[i] = act(x[i] * scale[i] + shift[i]); scale or shift NULL = 1 or 0; out may be x. */
    void (*affine_each)(const float *x, size_t n, const float *scale, const float *shift, oz_activation act,
                        float slope, float *out);
    /* out[i] = act(a[i] + b[i]); out may be a or b. */
    void (*add)(const float *a, const float *b, size_t n, oz_activation act, float slope, float *out);
    void (*mul)(const float *a, const float *b, size_t n, float *out);
    /* y[i] += scale * x[i] */
    void (*add_scaled)(const float *x, size_t n, float scale, float *y);
    /* Softmax of one row of n, subtracting the maximum first; out may be x. */
    void (*softmax)(const float *x, size_t n, float *out);
    /* out[i] = x[i], of numbers of 16 bits at any alignment. */
    void (*widen_f16)(const void *x, size_t n, float *out);
    void (*widen_bf16)(const void *x, size_t n, float *out);
    float (*sum)(const float *x, size_t n);
    float (*max)(const float *x, size_t n); /* n >= 1 */
    /* Index of the first element that is NaN or infinite; n if all are finite. */
    size_t (*find_nonfinite)(const float *x, size_t n);
} oz_vec_primitives;

const oz_vec_primitives *oz_vec_primitives_of(oz_isa isa); /* NULL if not in this build */

#endif

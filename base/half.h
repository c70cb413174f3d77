/* half.h - f16 and bf16, one number at a time (kernels have their own vector forms). */
#ifndef OZ_BASE_HALF_H
#define OZ_BASE_HALF_H

#include <stdint.h>
#include <string.h>

float oz_f16_to_f32(uint16_t h);
uint16_t oz_f32_to_f16(float f); /* round to nearest even; overflow gives infinity */

static inline float oz_bf16_to_f32(uint16_t h) {
    uint32_t bits = (uint32_t)h << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}
uint16_t oz_f32_to_bf16(float f); /* round to nearest even */

#endif

/* square.h - squares of 16 x 16 floats from memory to memory, for the sets whose registers hold one: their
 * headers include it behind v_transpose. */
#ifndef OZ_KERNELS_SIMD_SQUARE_H
#define OZ_KERNELS_SIMD_SQUARE_H

OZ_INLINE void v_copy_transposed(const void *from, size_t from_bytes, float *to, size_t to_stride) {
    vf16 square[16];
    OZ_UNROLL
    for (size_t i = 0; i < 16; i++) square[i] = v_load((const char *)from + i * from_bytes);
    v_transpose(square);
    OZ_UNROLL
    for (size_t i = 0; i < 16; i++) v_store(to + i * to_stride, square[i]);
}

#endif

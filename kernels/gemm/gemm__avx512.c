/* gemm__avx512.c - the primitives, instance avx512. */
#include "kernels/simd/avx512.h"
#include "kernels/gemm/gemm.body.h"

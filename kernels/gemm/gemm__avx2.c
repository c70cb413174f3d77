/* gemm__avx2.c - the primitives, instance avx2. */
#include "kernels/simd/avx2.h"
#include "kernels/gemm/gemm.body.h"

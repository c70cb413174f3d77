/* gemm__scalar.c - the primitives, instance scalar. */
#include "kernels/simd/scalar.h"
#include "kernels/gemm/gemm.body.h"

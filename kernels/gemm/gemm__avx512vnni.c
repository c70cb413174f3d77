/* gemm__avx512vnni.c - the primitives, instance avx512vnni. */
#include "kernels/simd/avx512vnni.h"
#include "kernels/gemm/gemm.body.h"

/* sparse__avx512.c - the kernels of sparse leaves, instance avx512. */
#include "kernels/simd/avx512.h"
#include "kernels/simd/index_avx512.h"
#include "kernels/sparse/sparse.body.h"

/* sparse__avx2.c - the kernels of sparse leaves, instance avx2. */
#include "kernels/simd/avx2.h"
#include "kernels/simd/index_avx2.h"
#include "kernels/sparse/sparse.body.h"

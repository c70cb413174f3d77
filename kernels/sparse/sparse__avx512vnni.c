/* sparse__avx512vnni.c - the kernels of sparse leaves, instance avx512vnni. */
#include "kernels/simd/avx512vnni.h"
#include "kernels/simd/index_avx512.h"
#include "kernels/sparse/sparse.body.h"

/* dense__avx512.c - the kernels of dense leaves, instance avx512. */
#include "kernels/simd/avx512.h"
#include "kernels/dense/dense.body.h"

/* dense__avx2.c - the kernels of dense leaves, instance avx2. */
#include "kernels/simd/avx2.h"
#include "kernels/dense/dense.body.h"

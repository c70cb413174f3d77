/* dense__avx512vnni.c - the kernels of dense leaves, instance avx512vnni. */
#include "kernels/simd/avx512vnni.h"
#include "kernels/dense/dense.body.h"

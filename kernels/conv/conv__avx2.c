/* conv__avx2.c - gathering columns, instance avx2. */
#include "kernels/simd/avx2.h"
#include "kernels/conv/conv.body.h"

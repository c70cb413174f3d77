/* conv__avx512.c - gathering columns, instance avx512. */
#include "kernels/simd/avx512.h"
#include "kernels/conv/conv.body.h"

/* limits__avx512.c - what the machine can do, instance avx512. */
#include "kernels/simd/avx512.h"
#include "kernels/limits/limits.body.h"

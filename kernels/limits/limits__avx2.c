/* limits__avx2.c - what the machine can do, instance avx2. */
#include "kernels/simd/avx2.h"
#include "kernels/limits/limits.body.h"

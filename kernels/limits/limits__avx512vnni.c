/* limits__avx512vnni.c - what the machine can do, instance avx512vnni. */
#include "kernels/simd/avx512vnni.h"
#include "kernels/limits/limits.body.h"

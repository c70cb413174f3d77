/* limits__scalar.c - what the machine can do, instance scalar. */
#include "kernels/simd/scalar.h"
#include "kernels/limits/limits.body.h"

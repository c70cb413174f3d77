/* conv__scalar.c - gathering columns, instance scalar. */
#include "kernels/simd/scalar.h"
#include "kernels/conv/conv.body.h"

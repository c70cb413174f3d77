/* dense__scalar.c - the kernels of dense leaves, instance scalar. */
#include "kernels/simd/scalar.h"
#include "kernels/dense/dense.body.h"

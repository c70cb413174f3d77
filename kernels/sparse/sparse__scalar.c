/* sparse__scalar.c - the kernels of sparse leaves, instance scalar. */
#include "kernels/simd/scalar.h"
#include "kernels/simd/index_scalar.h"
#include "kernels/sparse/sparse.body.h"

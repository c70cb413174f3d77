/* nm__scalar.c - the kernels of nm leaves, instance scalar. */
#include "kernels/simd/scalar.h"
#include "kernels/simd/index_scalar.h"
#include "kernels/nm/nm.body.h"

/* hashed__scalar.c - the kernels of hashed leaves, instance scalar. */
#include "kernels/simd/scalar.h"
#include "kernels/hashed/hashed.body.h"

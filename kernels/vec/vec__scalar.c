/* vec__scalar.c - the arithmetic of plain arrays, instance scalar. */
#include "kernels/simd/scalar.h"
#include "kernels/vec/vec.body.h"

/* hashed__avx512.c - the kernels of hashed leaves, instance avx512. */
#include "kernels/simd/avx512.h"
#include "kernels/hashed/hashed.body.h"

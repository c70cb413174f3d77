/* hashed__avx2.c - the kernels of hashed leaves, instance avx2. */
#include "kernels/simd/avx2.h"
#include "kernels/hashed/hashed.body.h"

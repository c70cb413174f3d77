/* vec__avx2.c - the arithmetic of plain arrays, instance avx2. */
#include "kernels/simd/avx2.h"
#include "kernels/vec/vec.body.h"

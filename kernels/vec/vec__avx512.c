/* vec__avx512.c - the arithmetic of plain arrays, instance avx512. */
#include "kernels/simd/avx512.h"
#include "kernels/vec/vec.body.h"

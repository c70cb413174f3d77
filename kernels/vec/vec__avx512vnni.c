/* vec__avx512vnni.c - the arithmetic of plain arrays, instance avx512vnni. */
#include "kernels/simd/avx512vnni.h"
#include "kernels/vec/vec.body.h"

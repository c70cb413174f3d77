/* nm__avx512.c - the kernels of nm leaves, instance avx512. */
#include "kernels/simd/avx512.h"
#include "kernels/simd/index_avx512.h"
#include "kernels/nm/nm.body.h"

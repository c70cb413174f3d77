/* nm__avx2.c - the kernels of nm leaves, instance avx2. */
#include "kernels/simd/avx2.h"
#include "kernels/simd/index_avx2.h"
#include "kernels/nm/nm.body.h"

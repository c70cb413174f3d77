/* nm__avx512vnni.c - the kernels of nm leaves, instance avx512vnni. */
#include "kernels/simd/avx512vnni.h"
#include "kernels/simd/index_avx512.h"
#include "kernels/nm/nm.body.h"

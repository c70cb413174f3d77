/* hashed__avx512vnni.c - the kernels of hashed leaves, instance avx512vnni. */
#include "kernels/simd/avx512vnni.h"
#include "kernels/hashed/hashed.body.h"

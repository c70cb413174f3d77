/* conv__avx512vnni.c - gathering columns, instance avx512vnni. */
#include "kernels/simd/avx512vnni.h"
#include "kernels/conv/conv.body.h"

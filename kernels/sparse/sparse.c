/* sparse.c - the kernels of sparse leaves, by instruction set. */
#include "kernels/table.h"

OZ_KERNELS(sparse)

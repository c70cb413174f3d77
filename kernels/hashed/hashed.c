/* hashed.c - the kernels of hashed leaves, by instruction set. */
#include "kernels/table.h"

OZ_KERNELS(hashed)

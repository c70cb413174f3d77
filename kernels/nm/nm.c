/* nm.c - the kernels of nm leaves, by instruction set. */
#include "kernels/table.h"

OZ_KERNELS(nm)

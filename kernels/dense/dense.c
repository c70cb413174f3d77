/* dense.c - the kernels of dense leaves, by instruction set. */
#include "kernels/table.h"

OZ_KERNELS(dense)

/* basis.c - no kernels: a basis leaf is expanded when a model is loaded, and then it is dense. */
#include "kernels/table.h"

OZ_NO_KERNELS(basis)

/* limits.c - the limits of every instruction set. */
#include "kernels/limits.h"

#include "kernels/table.h"

OZ_ISA_DECLARE(oz_limit_kernels, oz_limit_kernels);

const oz_limit_kernels *oz_limit_kernels_of(oz_isa isa) {
    static const oz_limit_kernels *const tables[OZ_ISA_COUNT] = OZ_ISA_TABLE(oz_limit_kernels);
    return tables[isa];
}

/* conv.c - the gathering of every instruction set. */
#include "kernels/conv.h"

#include "kernels/table.h"

OZ_ISA_DECLARE(oz_conv_primitives, oz_conv_primitives);

const oz_conv_primitives *oz_conv_primitives_of(oz_isa isa) {
    static const oz_conv_primitives *const tables[OZ_ISA_COUNT] = OZ_ISA_TABLE(oz_conv_primitives);
    return tables[isa];
}

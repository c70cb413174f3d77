/* vec.c - the names of activations, and the arithmetic of every instruction set. */
#include "kernels/vec.h"

#include "kernels/table.h"

OZ_ISA_DECLARE(oz_vec_primitives, oz_vec_primitives);

const oz_vec_primitives *oz_vec_primitives_of(oz_isa isa) {
    static const oz_vec_primitives *const tables[OZ_ISA_COUNT] = OZ_ISA_TABLE(oz_vec_primitives);
    return tables[isa];
}

const char *oz_activation_name(oz_activation a) {
    static const char *const names[OZ_ACT_COUNT] = {"none",      "relu", "relu6",   "leaky", "gelu",
                                                    "gelu_tanh", "silu", "sigmoid", "tanh",  "hardswish"};
    return names[a];
}

/* table.h - the tables of all instruction sets under one name.
 *
 * Every instance of a body defines a table name__isa; OZ_ISA_TABLE gathers them in the order of oz_isa.
 * A build for another processor has the scalar one alone.
 *
 * Each line of formats.def needs one file here that says OZ_KERNELS(format), with a table
 * `const oz_kernels oz_kernels_FORMAT__ISA` per instruction set, or OZ_NO_KERNELS(format). */
#ifndef OZ_KERNELS_TABLE_H
#define OZ_KERNELS_TABLE_H

#include "kernels/kernel.h"

#ifdef OZ_X86
#define OZ_ISA_DECLARE(type, name)                                                                           \
    extern const type name##__scalar, name##__avx2, name##__avx512, name##__avx512vnni
#define OZ_ISA_TABLE(name)                                                                                   \
    { &name##__scalar, &name##__avx2, &name##__avx512, &name##__avx512vnni }
#else
#define OZ_ISA_DECLARE(type, name) extern const type name##__scalar
#define OZ_ISA_TABLE(name)                                                                                   \
    { &name##__scalar }
#endif

#define OZ_KERNELS(format)                                                                                   \
    OZ_ISA_DECLARE(oz_kernels, oz_kernels_##format);                                                         \
    const oz_kernels *oz_kernels_of_##format(oz_isa isa);                                                    \
    const oz_kernels *oz_kernels_of_##format(oz_isa isa) {                                                   \
        static const oz_kernels *const tables[OZ_ISA_COUNT] = OZ_ISA_TABLE(oz_kernels_##format);             \
        return tables[isa];                                                                                  \
    }

#define OZ_NO_KERNELS(format)                                                                                \
    const oz_kernels *oz_kernels_of_##format(oz_isa isa);                                                    \
    const oz_kernels *oz_kernels_of_##format(oz_isa isa) {                                                   \
        (void)isa;                                                                                           \
        return NULL;                                                                                         \
    }

OZ_ISA_DECLARE(oz_primitives, oz_primitives);

#endif

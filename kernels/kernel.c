/* kernel.c - the registry: every format's kernels and every instruction set's primitives, from the same list
 * of formats as everything else. */
#include "kernels/kernel.h"

#include "kernels/table.h"

#define OZ_FORMAT(name)                                                                                      \
    extern const oz_format oz_format_##name;                                                                 \
    const oz_kernels *oz_kernels_of_##name(oz_isa isa);
#include "formats/formats.def"
#undef OZ_FORMAT

typedef struct format_kernels {
    const oz_format *format;
    const oz_kernels *(*of)(oz_isa isa);
} format_kernels;

static const format_kernels formats[] = {
#define OZ_FORMAT(name) {&oz_format_##name, oz_kernels_of_##name},
#include "formats/formats.def"
#undef OZ_FORMAT
};

const oz_kernels *oz_kernels_of(const oz_format *format, oz_isa isa) {
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (formats[i].format == format) return formats[i].of(isa);
    }
    return NULL;
}

const oz_primitives *oz_primitives_of(oz_isa isa) {
    static const oz_primitives *const tables[OZ_ISA_COUNT] = OZ_ISA_TABLE(oz_primitives);
    return tables[isa];
}

/* diag.c - multiplying by a diagonal: so little work that plain C serves every instruction set. */
#include "formats/diag/diag.h"

#include <string.h>

#include "kernels/kernel.h"

static void multiply_rows(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x, float *y,
                          size_t ldy) {
    size_t end = oz_min(panel1 * OZ_PANEL, oz_diag_length(leaf));
    for (size_t i = panel0 * OZ_PANEL; i < end; i++) {
        float w = oz_float_get(leaf->codec.kind, leaf->part[0].data, i);
        for (size_t b = 0; b < x->m; b++) y[b * ldy + i] += w * x->f32[b * x->ld + i];
    }
}

/* At most one nonzero in a row of a block. */
static void decode(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out) {
    uint16_t count = 0;
    out->value = out->room.weights;
    out->column = out->room.columns;
    out->each = 0;
    for (size_t r = 0; r < OZ_PANEL; r++) {
        size_t i = panel * OZ_PANEL + r;
        if (i < oz_diag_length(leaf) && i >= k0 && i < k0 + n) {
            out->room.columns[count] = (uint8_t)(i - k0);
            out->room.weights[count++] = oz_float_get(leaf->codec.kind, leaf->part[0].data, i);
        }
        out->end[r] = count;
    }
    memset(out->room.columns + count, 0, OZ_NZ_STEP);
}

const oz_kernels *oz_kernels_of_diag(oz_isa isa);
const oz_kernels *oz_kernels_of_diag(oz_isa isa) {
    static const oz_mv mv[] = {{.name = "diag_mv", .run = multiply_rows}, {0}};
    static const oz_decoder decoders[] = {{.name = "diag_mm_nz", .nz = decode}, {0}};
    static const oz_kernels kernels = {.mv = mv, .decoders = decoders};
    (void)isa;
    return &kernels;
}

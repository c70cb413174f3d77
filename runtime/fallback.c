/* fallback.c - see fallback.h. */
#include "runtime/fallback.h"

#include <string.h>

#include "base/arith.h"

static oz_tile decode_rows(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *buffer) {
    for (size_t r = 0; r < OZ_PANEL; r++) {
        size_t row = panel * OZ_PANEL + r;
        if (row < leaf->rows) {
            leaf->format->row(leaf, row, k0, n, buffer + r * n);
        } else {
            memset(buffer + r * n, 0, n * sizeof(float));
        }
    }
    return (oz_tile){.p = buffer, .row_stride = n, .k_stride = 1};
}

static void decode_codes(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile) {
    uint8_t zero = (uint8_t)oz_codec_zero(leaf->codec.kind), codes[OZ_BLOCK];
    memset(tile, zero, oz_div_up(n, 4) * OZ_PANEL * 4);
    for (size_t r = 0; r < OZ_PANEL && panel * OZ_PANEL + r < leaf->rows; r++) {
        leaf->format->codes(leaf, panel * OZ_PANEL + r, k0, n, codes);
        for (size_t k = 0; k < n; k++) tile[(k / 4 * OZ_PANEL + r) * 4 + k % 4] = codes[k];
    }
}

const oz_decoder oz_row_decoder = {.name = "row_mm_f32", .f32 = decode_rows, .plain = true};
const oz_decoder oz_code_decoder = {.name = "row_mm_u8", .u8 = decode_codes, .plain = true};

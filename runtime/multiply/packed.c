/* packed.c - one leaf of floats times columns where they lie: a block of weights is decoded and packed, so
 * that its rows are the lanes, and many columns share it. */
#include <string.h>

#include "runtime/multiply/leaf.h"

void oz_multiply_packed(const oz_primitives *prim, const oz_leaf *leaf, const oz_decoder *decoder,
                        size_t panel0, size_t panel1, oz_activations x, size_t columns,
                        const oz_scratch *scratch, float *packed, float *y) {
    const size_t block = oz_decoder_block(decoder, leaf), panels = panel1 - panel0;
    memset(y, 0, columns * OZ_CHUNK_ROWS * sizeof *y);
    for (size_t k0 = 0; k0 < leaf->cols; k0 += block, x.x += block * x.input_stride) {
        const size_t n = oz_min(block, leaf->cols - k0);
        const float *w[OZ_CHUNK];
        for (size_t i = 0; i < panels; i++) {
            const size_t at = i * OZ_TILE_FLOATS;
            const oz_tile tile = decoder->f32(leaf, panel0 + i, k0, n, scratch->tile + at);
            w[i] = prim->pack_f32(tile, n, packed + at).p;
        }
        prim->gemm_rows(w, panels, n, x, columns, y, OZ_CHUNK_ROWS);
    }
}

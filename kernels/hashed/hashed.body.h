/* hashed.body.h - the tables of one instruction set's kernels for hashed leaves.
 *
 * Two shapes of reading serve all maps that are not expanded when a model is loaded: stretches of the array
 * along a row (pareto, robe) and tiles of whole panels (roast). Tiles of other shapes are decoded by the
 * format's own rows. */
#include "kernels/kernel.h"

#include "kernels/hashed/signs.body.h"

#include "kernels/hashed/array.body.h"

#include "kernels/hashed/chunks.body.h"

#include "kernels/hashed/strands.body.h"

#include "kernels/hashed/fold.body.h"

#include "kernels/hashed/tile.body.h"

static bool takes_fold(const oz_leaf *leaf, oz_codec_kind kind) {
    uint64_t map = leaf->param[OZ_HASHED_MAP];
    return leaf->codec.kind == kind && (map == OZ_HASHED_PARETO || map == OZ_HASHED_ROBE);
}

#define CODEC(code, name)                                                                                    \
    static bool takes_fold_##name(const oz_leaf *leaf) {                                                     \
        return takes_fold(leaf, code);                                                                       \
    }                                                                                                        \
    static bool takes_tile_##name(const oz_leaf *leaf) {                                                     \
        return leaf->codec.kind == (code) && tile_fits(leaf);                                                \
    }                                                                                                        \
    static void OZ_NAME(hashed_fold_mv_##name)(const oz_leaf *leaf, size_t panel0, size_t panel1,            \
                                               const oz_rows *x, float *y, size_t ldy) {                     \
        fold_mv(code, leaf, panel0, panel1, x, y, ldy);                                                      \
    }                                                                                                        \
    static void OZ_NAME(hashed_tile_mv_##name)(const oz_leaf *leaf, size_t panel0, size_t panel1,            \
                                               const oz_rows *x, float *y, size_t ldy) {                     \
        tile_mv(code, leaf, panel0, panel1, x, y, ldy);                                                      \
    }                                                                                                        \
    static oz_tile decode_fold_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *b) {    \
        return fold_decode(code, leaf, panel, k0, n, b);                                                     \
    }                                                                                                        \
    static oz_tile decode_tile_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *b) {    \
        return tile_decode(code, leaf, panel, k0, n, b);                                                     \
    }

CODEC(OZ_CODEC_F32, f32)
CODEC(OZ_CODEC_F16, f16)
CODEC(OZ_CODEC_BF16, bf16)
CODEC(OZ_CODEC_INT8, int8)

static bool takes_rows(const oz_leaf *leaf) {
    return leaf->param[OZ_HASHED_MAP] == OZ_HASHED_ROAST && !tile_fits(leaf);
}

static oz_tile decode_rows(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *buffer) {
    size_t r0 = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, leaf->rows - r0);
    for (size_t r = 0; r < rows; r++) leaf->format->row(leaf, r0 + r, k0, n, buffer + r * n);
    memset(buffer + rows * n, 0, (OZ_PANEL - rows) * n * sizeof *buffer);
    return (oz_tile){.p = buffer, .row_stride = n, .k_stride = 1};
}

#define MV(shape, codec, all)                                                                                \
    {                                                                                                        \
        .name = OZ_NAME_TEXT("hashed_" #shape "_mv_" #codec), .takes = takes_##shape##_##codec,              \
        .run = OZ_NAME(hashed_##shape##_mv_##codec), .reads_all = all                                        \
    }
#define MM(shape, codec)                                                                                     \
    {                                                                                                        \
        .name = OZ_NAME_TEXT("hashed_" #shape "_mm_" #codec), .takes = takes_##shape##_##codec,              \
        .f32 = decode_##shape##_##codec                                                                      \
    }

static const oz_mv mv_table[] = {
    MV(fold, f32, true),   MV(fold, f16, true),   MV(fold, bf16, true),
    MV(fold, int8, true),  MV(tile, f32, false),  MV(tile, f16, false),
    MV(tile, bf16, false), MV(tile, int8, false), {0},
};

static const oz_decoder decoder_table[] = {
    MM(fold, f32),
    MM(fold, f16),
    MM(fold, bf16),
    MM(fold, int8),
    MM(tile, f32),
    MM(tile, f16),
    MM(tile, bf16),
    MM(tile, int8),
    {.name = OZ_NAME_TEXT("hashed_rows_mm"), .takes = takes_rows, .f32 = decode_rows, .plain = true},
    {0},
};

const oz_kernels OZ_NAME(oz_kernels_hashed) = {mv_table, decoder_table};

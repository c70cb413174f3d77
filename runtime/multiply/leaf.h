/* leaf.h - one leaf times rows, or times tiles of columns: decode a block, multiply it. */
#ifndef OZ_RUNTIME_MULTIPLY_LEAF_H
#define OZ_RUNTIME_MULTIPLY_LEAF_H

#include "base/arith.h"
#include "kernels/conv.h"
#include "runtime/plan.h"

#define OZ_CHUNK 8 /* panels of rows that are decoded together */
#define OZ_CHUNK_ROWS (OZ_CHUNK * OZ_PANEL)
#define OZ_GROUP 8         /* tiles of columns that share what was decoded */
#define OZ_CODES_BLOCK 512 /* inputs of codes that are decoded together */
#define OZ_TILE_FLOATS (OZ_PANEL * OZ_MAX_BLOCK)

/* How many of a leaf's tiles share what is decoded of its panels: so many that half of a core's cache has
 * room for their sums and their activations of a block. Where all panels are decoded at once there must be
 * enough groups for every thread to take some of its own. */
static inline size_t oz_group_tiles(double cache_bytes, size_t panels, size_t tiles) {
    const size_t tile = (OZ_CHUNK_ROWS + OZ_BLOCK) * OZ_COLUMNS * sizeof(float);
    const size_t most = oz_min(OZ_GROUP, oz_max(1, (size_t)(cache_bytes / 2) / tile));
    return panels > OZ_CHUNK ? most : oz_min(most, tiles / 16 + 1);
}

/* Whether there are so many groups, or parts of rows, that each thread had better take some of them whole. */
static inline bool oz_takes_whole(size_t groups, size_t workers) {
    return groups >= 2 * workers;
}

/* What decoded blocks need: OZ_CHUNK of each. */
typedef struct oz_scratch {
    float *tile; /* OZ_TILE_FLOATS each, 64-byte aligned; also codes */
    oz_nonzeros *nonzeros;
} oz_scratch;

/* That of oz_scratch_bytes, a multiple of 64, from `memory` on. */
size_t oz_scratch_bytes(void);
oz_scratch oz_scratch_at(uint8_t *memory);

/* As many rows as kernels take at a time, from `row` on. */
oz_rows oz_some_rows(const oz_rows *x, size_t row);
/* y[m][ldy] += W x for the rows of some panels of one leaf, in a way that reads rows; x has any number of
 * them. */
void oz_multiply_rows(const oz_primitives *prim, const oz_leaf_plan *lp, const oz_choice *choice,
                      size_t panel0, size_t panel1, const oz_rows *x, float *y, size_t ldy);
/* acc[t][16 * (panel1 - panel0)][x[t].lanes] = W x[t] for one leaf and up to OZ_GROUP tiles of columns, in
 * any other way. `unpacked` is the dense leaf for OZ_WAY_UNPACK. */
void oz_multiply_leaf(const oz_primitives *prim, const oz_leaf *leaf, const oz_choice *choice,
                      const float *unpacked, size_t panel0, size_t panel1, const oz_columns *x, size_t tiles,
                      const oz_scratch *scratch, float *const *acc);
/* The results of up to OZ_CHUNK panels and OZ_GROUP tiles of pixels (x with offsets). Of sums[tile] row 0 is
 * the first of panel0, and y[16 * (panel1 - panel0)][lanes] is room. */
void oz_multiply_pixels(const oz_primitives *prim, const oz_leaf *leaf, const oz_decoder *decoder,
                        size_t panel0, size_t panel1, const oz_columns *x, size_t tiles,
                        const oz_scratch *scratch, const oz_pixel_sums *sums);
/* y[columns][OZ_CHUNK_ROWS] = W x for up to OZ_CHUNK panels of one leaf whose decoder makes floats, and
 * columns where they lie (packed.c); the same bits as of oz_multiply_leaf. `packed` is room for OZ_CHUNK *
 * OZ_TILE_FLOATS. */
void oz_multiply_packed(const oz_primitives *prim, const oz_leaf *leaf, const oz_decoder *decoder,
                        size_t panel0, size_t panel1, oz_activations x, size_t columns,
                        const oz_scratch *scratch, float *packed, float *y);

#endif

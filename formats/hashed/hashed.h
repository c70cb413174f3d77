/* hashed.h - what the format `hashed` and its kernels know of each other (README.md is the norm).
 *
 * A weight is a signed slot of an array that many weights, and often many leaves, share:
 * W[r][c] = sign(x) * array[slot(x)], x = start + r * cols + c. Which slot is computed, never stored;
 * all maps but `hashednet` give neighbouring weights of a row slots at a fixed step, so everything
 * that reads a leaf reads runs. */
#ifndef OZ_FORMATS_HASHED_H
#define OZ_FORMATS_HASHED_H

#include "formats/format.h"

enum {
    OZ_HASHED_MAP,
    OZ_HASHED_SLOTS,
    OZ_HASHED_START,
    OZ_HASHED_SEED,
    OZ_HASHED_SIGN,
    OZ_HASHED_R0,
    OZ_HASHED_R1,
    OZ_HASHED_R2,
    OZ_HASHED_P,
    OZ_HASHED_BLOCK_K,
    OZ_HASHED_BLOCK_N,
    OZ_HASHED_CHUNK,
    OZ_HASHED_ALIGN,
    OZ_HASHED_PARAMS
};

enum { OZ_HASHED_PARETO, OZ_HASHED_ROAST, OZ_HASHED_HASHEDNET, OZ_HASHED_ROBE };
enum { OZ_HASHED_SIGN_HASH, OZ_HASHED_SIGN_NONE, OZ_HASHED_SIGN_MASK };
enum { OZ_HASHED_ARRAY, OZ_HASHED_SCALES, OZ_HASHED_SIGNS };

/* Slots per int8 scale: the codec's group, 64 if it has none. */
uint64_t oz_hashed_group(const oz_leaf *leaf);

/* Weights (r, c), (r, c + 1) ... of one row at slots slot, slot + step ... */
typedef struct oz_hashed_run {
    uint64_t slot, step, n;
} oz_hashed_run;

/* The run that begins at (r, c), cut at `most` (at least 1) weights. */
oz_hashed_run oz_hashed_run_at(const oz_leaf *leaf, uint64_t r, uint64_t c, uint64_t most);
/* Map roast: the first slot of the tile of inputs [k, k + 1) * block_k and outputs [n, n + 1) * block_n; it
 * holds them as [block_k][block_n]. */
uint64_t oz_hashed_tile(const oz_leaf *leaf, uint64_t k, uint64_t n);

/* Bit j: weight i + j is negative (i counts the leaf's weights in row-major order); j < n <= 64, the
 * bits above are zero. */
uint64_t oz_hashed_signs(const oz_leaf *leaf, uint64_t i, uint32_t n);

/* array[slot + j * step] for j < n, without signs. */
void oz_hashed_read(const oz_leaf *leaf, oz_hashed_run run, float *out);

/* The constants r0, r1, r2 that the UHasher of other people's checkpoints draws from a module's seed;
 * `old_torch`: versions of PyTorch whose randint drew 32-bit words here. */
void oz_hashed_constants(uint64_t seed, bool old_torch, uint64_t r[3]);

/* While packing: leaf i stands in its weight with the factor `lambda` (1 if not called). pack_add then
 * gets W / lambda, and the array minimises the squared error of the weights themselves. Call before
 * pack_add of that leaf. */
void oz_hashed_pack_lambda(oz_packer *p, size_t i, double lambda);

oz_status oz_hashed_pack_begin(oz_packer *p, oz_error *err);
oz_status oz_hashed_pack_add(oz_packer *p, size_t i, const float *weights, oz_error *err);
oz_status oz_hashed_pack_finish(oz_packer *p, oz_error *err);

#endif

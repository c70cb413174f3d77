/* kernel.h - multiplying by a leaf: what kernels are given, and the tables they stand in.
 *
 * A kernel adds W x to y. It never allocates, starts no thread and checks nothing: the leaf was
 * proved when it was opened, sizes were agreed when the plan was made. There are two families.
 *
 * mv: activations are rows, up to 4 at a time. The common formats and codecs have fused kernels; for all
 * others a decoder makes one, its blocks being multiplied as soon as they are decoded.
 *
 * mm: activations are panels of 16, 32 or 64 columns (batch rows or pixels). A format decodes a block of 16
 * rows x 128 inputs of its leaf (256 where its layout says so) into one of three shapes, and one
 * multiplication per instruction set does the rest:
 *
 *     f32   16 rows of floats                               y += W x in floats
 *     u8    [quad][16 rows][4 inputs] codes                 exact integer sums, scales once a group
 *     nz    per row the columns and values that are there   skips the zeros; of floats, or of codes
 *
 * Integer kernels (activations i8) agree to the bit on every instruction set. For row r, batch
 * column c, segments of S = min(group or 128, 128) inputs in ascending order:
 *
 *     I   = sum over the segment of q * x                       exact, 32 bit
 *     acc = fma(s[r] * xs[c], (float)(I - z * X), acc)          X = sum of x over the segment
 *     acc = fma(m[r] * xs[c], (float)X, acc)                    with minima (z = 0) only
 *
 * where z is the codec's symmetric zero or the group's zero point and xs the scale of the block of
 * 128 inputs. acc starts at 0; y = y + acc at the end of all segments.
 * A symmetric leaf of any format with the same codes and scales therefore gives the same bits. */
#ifndef OZ_KERNELS_KERNEL_H
#define OZ_KERNELS_KERNEL_H

#include "base/cpu.h"
#include "formats/format.h"

#define OZ_COLUMNS 64    /* most columns of an activation panel */
#define OZ_BLOCK 128     /* inputs of a decoded block, and of an activation scale */
#define OZ_MAX_BLOCK 256 /* the largest block of a format of its own choice */
#define OZ_MV_BATCH 4    /* most rows that the mv family takes at a time */

/* Activations for mv: m rows of `k` inputs. */
typedef struct oz_rows {
    size_t m, k;
    const float *f32; /* [m][ld]; NULL if the leaf reads i8 */
    size_t ld;
    /* Quantised: i8[m][kq] with kq = k rounded up to 128, zeros behind k; */
    const int8_t *i8;
    const float *scale; /* [m][kq / 128] */
    const int32_t *sum; /* [m][kq / 32]: sums of each 32 inputs */
} oz_rows;

/* Activations for mm: one panel of columns; columns past the batch are zero. Or pixels of a convolution that
 * lie in planes (conv.h): then input k has an offset of its own, there are only floats, and 48 lanes too. */
typedef struct oz_columns {
    size_t k, lanes;        /* inputs, and columns: 16, 32 or 64; of products with nonzeros 8, too */
    const float *f32;       /* [k][lanes]; NULL if the leaf reads i8 */
    const uint32_t *offset; /* of planes; NULL = a panel */
    size_t stride;          /* of planes, see oz_pixels */
    const int8_t *i8;       /* [kq / 4][lanes][4], kq = k rounded up to 128, zeros behind k */
    const float *scale;     /* [kq / 128][lanes] */
    const int32_t *sum;     /* [kq / 32][lanes] */
} oz_columns;

/* Lanes of a panel for so many columns, at most OZ_COLUMNS. */
static inline size_t oz_lanes_for(size_t columns) {
    return columns <= 16 ? 16 : columns <= 32 ? 32 : OZ_COLUMNS;
}

/* A decoded block of floats: W[row][k] at p[row * row_stride + k * k_stride], zeros past the
 * leaf's rows; one of the strides is 1, and a row stride of 1 has 16 readable floats to every input.
 * Either the buffer was filled, or p points into the leaf. */
typedef struct oz_tile {
    const float *p;
    size_t row_stride, k_stride;
} oz_tile;

/* Activations where they lie: input k of column c is x[c * column_stride + k * input_stride]. */
typedef struct oz_activations {
    const float *x;
    size_t column_stride, input_stride;
} oz_activations;

/* Where a run of stored weights is unpacked; OZ_READ_AHEAD more may be read and written, and mean nothing. */
#define OZ_MOST_NONZEROS (OZ_PANEL * OZ_MAX_BLOCK)
#define OZ_READ_AHEAD 64
typedef struct oz_nonzeros_room {
    float weights[OZ_MOST_NONZEROS + OZ_READ_AHEAD];
    uint8_t codes[OZ_MOST_NONZEROS + OZ_READ_AHEAD], columns[OZ_MOST_NONZEROS + OZ_READ_AHEAD];
} oz_nonzeros_room;

/* A decoded block by its nonzeros, in the leaf or in the room. If all rows have the same number, `each`, the
 * value of entry e of row r is at e * 16 + r, and its column at oz_even_column(e, r). Else `each` is 0, and
 * row r has the entries [end[r-1], end[r]); up to OZ_NZ_STEP behind the last are used with a weight of zero,
 * so their columns must be inside of the block, too. Columns of OZ_READ_AHEAD further entries may be read,
 * and mean nothing. */
#define OZ_NZ_STEP 4
typedef struct oz_nonzeros {
    const float *value;
    const uint8_t *column;
    size_t each;
    uint16_t end[OZ_PANEL];
    /* Of codes of more than OZ_BLOCK inputs: where those past OZ_BLOCK begin in a row. */
    uint16_t half[OZ_PANEL];
    oz_nonzeros_room room;
} oz_nonzeros;

/* Two entries of four rows lie beside each other, so that one load has the columns of eight nonzeros. */
static inline size_t oz_even_column(size_t e, size_t r) {
    return e / 2 * 2 * OZ_PANEL + r / 4 * 8 + e % 2 * 4 + r % 4;
}

/* Adds to y[m][ldy], at columns [16 * panel0, min(16 * panel1, rows)). */
typedef void oz_mv_fn(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x, float *y,
                      size_t ldy);
/* Decodes inputs [k0, k0 + n) of one panel, k0 a multiple of the block; `buffer` holds 16 * n floats,
 * 64-byte aligned. */
typedef oz_tile oz_decode_f32_fn(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *buffer);
/* tile: [ceil(n / 4)][16][4]; inputs past cols get the symmetric zero code. k0 a multiple of 128, n at
 * most 128. Rows past the leaf's have the zero code or any code (their results are dropped). */
typedef void oz_decode_u8_fn(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile);
typedef void oz_decode_nz_fn(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out);

/* One mv kernel. */
typedef struct oz_mv {
    const char *name;                   /* "dense_mv_int4__avx2" */
    bool act_i8;                        /* reads i8 activations, else f32 */
    bool (*takes)(const oz_leaf *leaf); /* codec, params; NULL = every leaf of the format */
    oz_mv_fn *run;
    bool reads_all;  /* for a single row, however few panels: a thread calls it once for all of its own */
    bool row_by_row; /* multiplies by the rows there are, others by whole panels */
} oz_mv;

/* One decoder: with the multiplication of its shape it makes an mm kernel, and, unless it is nz_codes, an mv
 * kernel where its format has none of its own. Exactly one of f32, u8, nz, nz_codes is set. */
typedef struct oz_decoder {
    const char *name; /* "dense_mm_int4__avx2" */
    bool (*takes)(const oz_leaf *leaf);
    oz_decode_f32_fn *f32;
    oz_decode_u8_fn *u8;
    oz_decode_nz_fn *nz;
    oz_decode_nz_fn *nz_codes; /* values are q - z, `each` is 0; groups are whole blocks of 128 inputs */
    size_t (*block)(const oz_leaf *leaf); /* inputs of a block; NULL = OZ_BLOCK */
    bool plain;                           /* weight by weight in plain C: for leaves that have no other */
} oz_decoder;

/* Whether what it makes is multiplied by quantised activations. */
static inline bool oz_decodes_codes(const oz_decoder *d) {
    return d->u8 || d->nz_codes;
}

static inline size_t oz_decoder_block(const oz_decoder *d, const oz_leaf *leaf) {
    return d->block ? d->block(leaf) : OZ_BLOCK;
}

/* The entries of a table: FLOAT(name) and INTEGER(name) for every codec. */
#define OZ_EACH_CODEC(FLOAT, INTEGER)                                                                        \
    FLOAT(f32), FLOAT(f16), FLOAT(bf16), INTEGER(int8), INTEGER(int6), INTEGER(int5), INTEGER(int4),         \
        INTEGER(int3), INTEGER(int2), INTEGER(ternary)

/* What one format offers on one instruction set; lists end with a NULL name. */
typedef struct oz_kernels {
    const oz_mv *mv;
    const oz_decoder *decoders;
} oz_kernels;

/* NULL if the format has no kernels there (then `row`, unpacked, and a dense product do it). */
const oz_kernels *oz_kernels_of(const oz_format *format, oz_isa isa);

/* What every instruction set offers, whatever the format: the mm multiplications and the steps around
 * them. One table per instruction set, complete in each. Multiplications ask memory for `ahead` meanwhile,
 * which may be NULL: little by little, as a core waits for no more than some 20 lines at a time. */
typedef struct oz_primitives {
    oz_isa isa;
    /* Columns that gemm_f32 multiplies at a time. Panels of so many are the best for it: of wider ones it
     * reads a part of every line of lanes, and those parts lie in few sets of a cache. */
    size_t strip;
    /* y[16 rows][lanes] += W x over the inputs of one block. x: [n][lanes]. */
    void (*gemm_f32)(oz_tile w, size_t n, const float *x, size_t lanes, float *y, const oz_extents *ahead);
    /* The same block as w in buffer[n][16], so that its weights lie close. */
    oz_tile (*pack_f32)(oz_tile w, size_t n, float *buffer);
    /* y[columns][ldy] += W x over the inputs of one block, for panels of 16 rows as pack_f32 leaves them,
     * w[panel] being [n][16]. More columns may be asked for. The same bits as gemm_f32. */
    void (*gemm_rows)(const float *const *w, size_t panels, size_t n, oz_activations x, size_t columns,
                      float *y, size_t ldy);
    /* 8 lanes, too. */
    void (*gemm_nz)(const oz_nonzeros *w, const float *x, size_t lanes, float *y, const oz_extents *ahead);
    /* The block of nz_codes at k0, of n inputs; acc as of gemm_u8. The floats of x are its codes. */
    void (*gemm_nz_codes)(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, const oz_nonzeros *w,
                          const oz_columns *x, float *acc, const oz_extents *ahead);
    /* n inputs starting at k0, a multiple of 128, of the leaf; acc[16][lanes] carries over blocks. */
    void (*gemm_u8)(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, const uint8_t *tile,
                    const oz_columns *x, float *acc, const oz_extents *ahead);
    /* The mv kernel that a decoder makes: block by block, decoded and multiplied by up to 4 rows. */
    void (*mv_blocks)(const oz_decoder *decoder, const oz_leaf *leaf, size_t panel0, size_t panel1,
                      const oz_rows *x, float *y, size_t ldy);

    /* Quantises m rows (see oz_rows); symmetric, +-127, nearest even, one scale per 128 inputs, which is NaN
     * if one of them is not finite. */
    void (*quantise_rows)(const float *x, size_t m, size_t k, size_t ld, int8_t *q, float *scale,
                          int32_t *sum);
    /* Quantises one panel [k][lanes] (see oz_columns) with the same arithmetic. */
    void (*quantise_columns)(const float *x, size_t k, size_t lanes, int8_t *q, float *scale, int32_t *sum);
    /* The same panel from rows x[n][ld], n <= lanes; columns past n are zero. */
    void (*quantise_panel)(const float *x, size_t n, size_t k, size_t ld, size_t lanes, int8_t *q,
                           float *scale, int32_t *sum);
    /* Quantised inputs of a panel as floats, unscaled: x[k][lanes]. */
    void (*widen_columns)(const int8_t *q, size_t k, size_t lanes, float *x);
    /* Rows x[n][ld] (n <= lanes, 8 of them, too) -> panel[k][lanes], columns past n zeroed. */
    void (*rows_to_panel)(const float *x, size_t n, size_t k, size_t ld, size_t lanes, float *panel);
    /* Writes y[rows][lanes] to out[c * ld + r] for n columns. */
    void (*panel_to_rows)(const float *y, size_t rows, size_t n, size_t lanes, float *out, size_t ld);
} oz_primitives;

const oz_primitives *oz_primitives_of(oz_isa isa); /* NULL if not in this build */

#endif

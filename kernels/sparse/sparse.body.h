/* sparse.body.h - the tables of one instruction set's kernels for sparse leaves, one entry per codec: both
 * forms, told apart leaf by leaf. */
#include "kernels/kernel.h"

#include "kernels/sparse/cell.body.h"

#include "kernels/sparse/float.body.h"
#include "kernels/sparse/integer.body.h"

static size_t block_of(const oz_leaf *leaf) {
    return leaf->param[OZ_SPARSE_BLOCK];
}

/* What every codec has: the entry's test, a product with rows, and both decoders to floats. */
#define CODEC(code, name, family)                                                                            \
    static bool takes_##name(const oz_leaf *leaf) {                                                          \
        return leaf->codec.kind == code;                                                                     \
    }                                                                                                        \
    static void mv_##name(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x, float *y,     \
                          size_t ldy) {                                                                      \
        mv_##family(code, leaf, panel0, panel1, x, y, ldy);                                                  \
    }                                                                                                        \
    static oz_tile f32_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *buffer) {       \
        return decode_floats(code, leaf, panel, k0, n, buffer);                                              \
    }                                                                                                        \
    static void nz_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out) {        \
        (void)n;                                                                                             \
        decode_nonzeros(code, leaf, panel, k0, out);                                                         \
    }

#define INTEGER_CODEC(code, name)                                                                            \
    CODEC(code, name, integer)                                                                               \
    static void u8_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile) {           \
        decode_codes(code, leaf, panel, k0, n, tile);                                                        \
    }

CODEC(OZ_CODEC_F32, f32, float)
CODEC(OZ_CODEC_F16, f16, float)
CODEC(OZ_CODEC_BF16, bf16, float)
INTEGER_CODEC(OZ_CODEC_INT8, int8)
INTEGER_CODEC(OZ_CODEC_INT6, int6)
INTEGER_CODEC(OZ_CODEC_INT5, int5)
INTEGER_CODEC(OZ_CODEC_INT4, int4)
INTEGER_CODEC(OZ_CODEC_INT3, int3)
INTEGER_CODEC(OZ_CODEC_INT2, int2)
INTEGER_CODEC(OZ_CODEC_TERNARY, ternary)

#define MV(codec, i8)                                                                                        \
    { OZ_NAME_TEXT("sparse_mv_" #codec), i8, takes_##codec, mv_##codec }
#define MM_U8(codec)                                                                                         \
    { .name = OZ_NAME_TEXT("sparse_mm_" #codec), .takes = takes_##codec, .u8 = u8_##codec }
#define MM_F32(text, codec)                                                                                  \
    { .name = OZ_NAME_TEXT(text), .takes = takes_##codec, .f32 = f32_##codec, .block = block_of }
#define MM_NZ(codec)                                                                                         \
    {                                                                                                        \
        .name = OZ_NAME_TEXT("sparse_mm_" #codec "_nz"), .takes = takes_##codec, .nz = nz_##codec,           \
        .block = block_of                                                                                    \
    }
#define MM_FLOAT(codec) MM_NZ(codec), MM_F32("sparse_mm_" #codec, codec)
#define MM_INTEGER(codec) MM_U8(codec), MM_NZ(codec), MM_F32("sparse_mm_" #codec "_f32", codec)

static const oz_mv mv_table[] = {
    MV(f32, false),
    MV(f16, false),
    MV(bf16, false),
    MV(int8, true),
    MV(int6, true),
    MV(int5, true),
    MV(int4, true),
    MV(int3, true),
    MV(int2, true),
    MV(ternary, true),
    {0},
};

static const oz_decoder decoder_table[] = {
    MM_FLOAT(f32),
    MM_FLOAT(f16),
    MM_FLOAT(bf16),
    MM_INTEGER(int8),
    MM_INTEGER(int6),
    MM_INTEGER(int5),
    MM_INTEGER(int4),
    MM_INTEGER(int3),
    MM_INTEGER(int2),
    MM_INTEGER(ternary),
    {0},
};

const oz_kernels OZ_NAME(oz_kernels_sparse) = {mv_table, decoder_table};

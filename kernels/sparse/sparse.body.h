/* sparse.body.h - the tables of one instruction set's kernels for sparse leaves.
 *
 * Codec and form are told apart once a cell, so one function serves them all; the entries differ in what
 * they are called and take. */
#include "kernels/kernel.h"

#include "kernels/sparse/cell.body.h"

#include "kernels/sparse/float.body.h"
#include "kernels/sparse/integer.body.h"

static size_t block_of(const oz_leaf *leaf) {
    return leaf->param[OZ_SPARSE_BLOCK];
}

#define TAKES(code, name)                                                                                    \
    static bool takes_##name(const oz_leaf *leaf) {                                                          \
        return leaf->codec.kind == code;                                                                     \
    }
TAKES(OZ_CODEC_F32, f32)
TAKES(OZ_CODEC_F16, f16)
TAKES(OZ_CODEC_BF16, bf16)
TAKES(OZ_CODEC_INT8, int8)
TAKES(OZ_CODEC_INT6, int6)
TAKES(OZ_CODEC_INT5, int5)
TAKES(OZ_CODEC_INT4, int4)
TAKES(OZ_CODEC_INT3, int3)
TAKES(OZ_CODEC_INT2, int2)
TAKES(OZ_CODEC_TERNARY, ternary)

#define MV(text, codec, i8, function)                                                                        \
    { .name = OZ_NAME_TEXT(text), .act_i8 = i8, .takes = takes_##codec, .run = function }
#define MV_FLOAT(codec) MV("sparse_mv_" #codec, codec, false, OZ_NAME(sparse_mv_float))
#define MV_INTEGER(codec)                                                                                    \
    MV("sparse_mv_" #codec, codec, true, OZ_NAME(sparse_mv_integer)),                                        \
        MV("sparse_mv_" #codec "_f32", codec, false, OZ_NAME(sparse_mv_float))
#define MM(text, codec, ...)                                                                                 \
    { .name = OZ_NAME_TEXT(text), .takes = takes_##codec, __VA_ARGS__ }
#define MM_NZ(codec) MM("sparse_mm_" #codec "_nz", codec, .nz = decode_nz, .block = block_of)
#define MM_FLOAT(codec) MM_NZ(codec), MM("sparse_mm_" #codec, codec, .f32 = decode_f32, .block = block_of)
/* Segments of a sum are not shorter than an activation scale's. */
#define TAKES_BLOCKS(name)                                                                                   \
    static bool takes_blocks_##name(const oz_leaf *leaf) {                                                   \
        return takes_##name(leaf) && leaf->codec.group % OZ_BLOCK == 0;                                      \
    }
TAKES_BLOCKS(int8)
TAKES_BLOCKS(int6)
TAKES_BLOCKS(int5)
TAKES_BLOCKS(int4)
TAKES_BLOCKS(int3)
TAKES_BLOCKS(int2)
TAKES_BLOCKS(ternary)
#define MM_NZ_CODES(codec)                                                                                   \
    {                                                                                                        \
        .name = OZ_NAME_TEXT("sparse_mm_" #codec "_nz_codes"), .takes = takes_blocks_##codec,                \
        .nz_codes = decode_nz_codes, .block = block_of                                                       \
    }
#define MM_INTEGER(codec)                                                                                    \
    MM_NZ(codec), MM_NZ_CODES(codec), MM("sparse_mm_" #codec, codec, .u8 = decode_u8),                       \
        MM("sparse_mm_" #codec "_f32", codec, .f32 = decode_f32, .block = block_of)

static const oz_mv mv_table[] = {OZ_EACH_CODEC(MV_FLOAT, MV_INTEGER), {0}};

static const oz_decoder decoder_table[] = {OZ_EACH_CODEC(MM_FLOAT, MM_INTEGER), {0}};

const oz_kernels OZ_NAME(oz_kernels_sparse) = {mv_table, decoder_table};

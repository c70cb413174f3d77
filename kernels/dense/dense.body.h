/* dense.body.h - the tables of one instruction set's kernels for dense leaves, one entry per codec. */
#include "kernels/kernel.h"

#include "kernels/dense/float.body.h"
#include "kernels/dense/integer.body.h"
#include "kernels/dense/values.body.h"

/* What both families have: the entry's test, and a product with rows by mv_float or mv_integer. */
#define CODEC(code, name, family)                                                                            \
    static bool takes_##name(const oz_leaf *leaf) {                                                          \
        return leaf->codec.kind == code;                                                                     \
    }                                                                                                        \
    static void OZ_NAME(dense_mv_##name)(const oz_leaf *leaf, size_t panel0, size_t panel1,                  \
                                         const oz_rows *x, float *y, size_t ldy) {                           \
        mv_##family(code, leaf, panel0, panel1, x, y, ldy);                                                  \
    }

#define FLOAT_CODEC(code, name)                                                                              \
    CODEC(code, name, float)                                                                                 \
    static oz_tile f32_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *buffer) {       \
        return decode_floats(code, leaf, panel, k0, n, buffer);                                              \
    }

#define INTEGER_CODEC(code, name)                                                                            \
    CODEC(code, name, integer)                                                                               \
    static bool takes_##name##_f32(const oz_leaf *leaf) {                                                    \
        return takes_##name(leaf) && leaf->codec.offset != OZ_MINIMUM;                                       \
    }                                                                                                        \
    static void OZ_NAME(dense_mv_##name##_f32)(const oz_leaf *leaf, size_t panel0, size_t panel1,            \
                                               const oz_rows *x, float *y, size_t ldy) {                     \
        mv_values(code, leaf, panel0, panel1, x, y, ldy);                                                    \
    }                                                                                                        \
    static void u8_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile) {           \
        decode_codes(code, leaf, panel, k0, n, tile);                                                        \
    }                                                                                                        \
    static oz_tile f32_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *buffer) {       \
        return decode_values(code, leaf, panel, k0, n, buffer);                                              \
    }

FLOAT_CODEC(OZ_CODEC_F32, f32)
FLOAT_CODEC(OZ_CODEC_F16, f16)
FLOAT_CODEC(OZ_CODEC_BF16, bf16)
INTEGER_CODEC(OZ_CODEC_INT8, int8)
INTEGER_CODEC(OZ_CODEC_INT6, int6)
INTEGER_CODEC(OZ_CODEC_INT5, int5)
INTEGER_CODEC(OZ_CODEC_INT4, int4)
INTEGER_CODEC(OZ_CODEC_INT3, int3)
INTEGER_CODEC(OZ_CODEC_INT2, int2)
INTEGER_CODEC(OZ_CODEC_TERNARY, ternary)

#define MV(codec, i8, by_row)                                                                                \
    {                                                                                                        \
        .name = OZ_NAME_TEXT("dense_mv_" #codec), .act_i8 = i8, .takes = takes_##codec,                      \
        .run = OZ_NAME(dense_mv_##codec), .row_by_row = by_row                                               \
    }
#define MV_FLOAT(codec) MV(codec, false, true)
#define MV_INTEGER(codec) MV(codec, true, false), MV(codec##_f32, false, false)
#define MM_F32(codec)                                                                                        \
    { .name = OZ_NAME_TEXT("dense_mm_" #codec "_f32"), .takes = takes_##codec, .f32 = f32_##codec }
#define MM_U8(codec)                                                                                         \
    { .name = OZ_NAME_TEXT("dense_mm_" #codec), .takes = takes_##codec, .u8 = u8_##codec }
#define MM_FLOAT(codec)                                                                                      \
    {                                                                                                        \
        .name = OZ_NAME_TEXT("dense_mm_" #codec), .takes = takes_##codec, .f32 = f32_##codec,                \
        .block = float_block                                                                                 \
    }
#define MM_INTEGER(codec) MM_U8(codec), MM_F32(codec)

static const oz_mv mv_table[] = {OZ_EACH_CODEC(MV_FLOAT, MV_INTEGER), {0}};

static const oz_decoder decoder_table[] = {OZ_EACH_CODEC(MM_FLOAT, MM_INTEGER), {0}};

const oz_kernels OZ_NAME(oz_kernels_dense) = {mv_table, decoder_table};

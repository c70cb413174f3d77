/* nm.body.h - the tables of one instruction set's kernels for nm leaves: fused products and decoders of
 * every pattern. */
#include "kernels/kernel.h"

#include "kernels/nm/entries.body.h"

#include "kernels/nm/decode.body.h"
#include "kernels/nm/float.body.h"
#include "kernels/nm/integer.body.h"

#define CODEC(code, name)                                                                                    \
    static bool is_##name(const oz_leaf *leaf) {                                                             \
        return leaf->codec.kind == code;                                                                     \
    }

#define FLOAT_CODEC(code, name)                                                                              \
    CODEC(code, name)                                                                                        \
    static oz_tile f32_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *buffer) {       \
        return decode_floats(code, leaf, panel, k0, n, buffer);                                              \
    }                                                                                                        \
    static void nz_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out) {        \
        decode_nonzeros(code, leaf, panel, k0, n, out);                                                      \
    }

FLOAT_CODEC(OZ_CODEC_F32, f32)
FLOAT_CODEC(OZ_CODEC_F16, f16)
FLOAT_CODEC(OZ_CODEC_BF16, bf16)
CODEC(OZ_CODEC_INT8, int8)
CODEC(OZ_CODEC_INT6, int6)
CODEC(OZ_CODEC_INT5, int5)
CODEC(OZ_CODEC_INT4, int4)
CODEC(OZ_CODEC_INT3, int3)
CODEC(OZ_CODEC_INT2, int2)
CODEC(OZ_CODEC_TERNARY, ternary)

static oz_tile f32_integer(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *buffer) {
    return decode_floats(ANY_INTEGER, leaf, panel, k0, n, buffer);
}
static void nz_integer(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out) {
    decode_nonzeros(ANY_INTEGER, leaf, panel, k0, n, out);
}
static void u8_integer(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile) {
    decode_codes(leaf, panel, k0, n, tile);
}

/* Usual patterns have a product of bytes, the others one of floats. */
static void OZ_NAME(nm_mv_integer)(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x,
                                   float *y, size_t ldy) {
    if (!mv_shape(leaf, panel0, panel1, x, y, ldy))
        OZ_NAME(nm_mv_integer_i8)(leaf, panel0, panel1, x, y, ldy);
}

/* 64 inputs of 64 columns take half of a first-level cache; with few entries a block costs more than the
 * misses that it saves. Codes are read from every 128th input on. */
static size_t nz_block(const oz_leaf *leaf) {
    if (oz_codec_is_integer(leaf->codec.kind)) return OZ_BLOCK;
    return 2 * leaf->param[OZ_NM_N] >= leaf->param[OZ_NM_M] ? OZ_BLOCK / 2 : OZ_BLOCK;
}

#define MV(text, codec, i8, function)                                                                        \
    { .name = OZ_NAME_TEXT(text), .act_i8 = i8, .takes = is_##codec, .run = function }
#define MV_FLOAT(codec) MV("nm_mv_" #codec, codec, false, OZ_NAME(nm_mv_##codec))
#define MV_INTEGER(codec)                                                                                    \
    MV("nm_mv_" #codec, codec, true, OZ_NAME(nm_mv_integer)),                                                \
        MV("nm_mv_" #codec "_f32", codec, false, OZ_NAME(nm_mv_integer_f32))
#define MM_F32(text, codec, family)                                                                          \
    { .name = OZ_NAME_TEXT(text), .takes = is_##codec, .f32 = f32_##family }
#define MM_NZ(codec, family)                                                                                 \
    { .name = OZ_NAME_TEXT("nm_mm_" #codec "_nz"), .takes = is_##codec, .nz = nz_##family, .block = nz_block }
#define MM_U8(codec)                                                                                         \
    { .name = OZ_NAME_TEXT("nm_mm_" #codec), .takes = is_##codec, .u8 = u8_integer }
#define MM_FLOAT(codec) MM_F32("nm_mm_" #codec, codec, codec), MM_NZ(codec, codec)
#define MM_INTEGER(codec) MM_U8(codec), MM_F32("nm_mm_" #codec "_f32", codec, integer), MM_NZ(codec, integer)

static const oz_mv mv_table[] = {OZ_EACH_CODEC(MV_FLOAT, MV_INTEGER), {0}};

static const oz_decoder decoder_table[] = {OZ_EACH_CODEC(MM_FLOAT, MM_INTEGER), {0}};

const oz_kernels OZ_NAME(oz_kernels_nm) = {mv_table, decoder_table};

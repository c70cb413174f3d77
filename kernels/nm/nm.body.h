/* nm.body.h - the tables of one instruction set's kernels for nm leaves: fused products for the usual
 * patterns, decoders for all. */
#include "kernels/kernel.h"

#include "kernels/nm/entries.body.h"

#include "kernels/nm/decode.body.h"

#define CODEC(code, name)                                                                                    \
    static bool is_##name(const oz_leaf *leaf) {                                                             \
        return leaf->codec.kind == code;                                                                     \
    }                                                                                                        \
    static oz_tile f32_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *buffer) {       \
        return decode_floats(code, leaf, panel, k0, n, buffer);                                              \
    }                                                                                                        \
    static void nz_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out) {        \
        decode_nonzeros(code, leaf, panel, k0, n, out);                                                      \
    }

#define INTEGER_CODEC(code, name)                                                                            \
    CODEC(code, name)                                                                                        \
    static void u8_##name(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile) {           \
        decode_codes(code, leaf, panel, k0, n, tile);                                                        \
    }

CODEC(OZ_CODEC_F32, f32)
CODEC(OZ_CODEC_F16, f16)
CODEC(OZ_CODEC_BF16, bf16)
INTEGER_CODEC(OZ_CODEC_INT8, int8)
INTEGER_CODEC(OZ_CODEC_INT6, int6)
INTEGER_CODEC(OZ_CODEC_INT5, int5)
INTEGER_CODEC(OZ_CODEC_INT4, int4)
INTEGER_CODEC(OZ_CODEC_INT3, int3)
INTEGER_CODEC(OZ_CODEC_INT2, int2)
INTEGER_CODEC(OZ_CODEC_TERNARY, ternary)

#define MM_U8(codec)                                                                                         \
    { .name = OZ_NAME_TEXT("nm_mm_" #codec), .takes = is_##codec, .u8 = u8_##codec }
#define MM_F32(text, codec)                                                                                  \
    { .name = OZ_NAME_TEXT(text), .takes = is_##codec, .f32 = f32_##codec }
#define MM_NZ(codec)                                                                                         \
    { .name = OZ_NAME_TEXT("nm_mm_" #codec "_nz"), .takes = is_##codec, .nz = nz_##codec }
#define MM_FLOAT(codec) MM_F32("nm_mm_" #codec, codec), MM_NZ(codec)
#define MM_INTEGER(codec) MM_U8(codec), MM_F32("nm_mm_" #codec "_f32", codec), MM_NZ(codec)

static const oz_mv mv_table[] = {{0}};

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

const oz_kernels OZ_NAME(oz_kernels_nm) = {mv_table, decoder_table};

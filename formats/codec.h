/* codec.h - how the numbers of a leaf are coded.
 *
 * A codec is a number type and, for integers, how scales are grouped. An integer codec of b bits
 * stores unsigned codes q in [0, 2^b). With s and z (or m) of the row's group of inputs:
 *
 *     symmetric    w = s * (q - 2^(b-1))        ternary: w = s * (q - 1), q in {0, 1, 2}
 *     zero point   w = s * (q - z)              z an integer in [0, 255]
 *     minimum      w = s * q + m                m a float
 *
 * s may be negative: the side with the extra level is the one that needs it.
 *
 * Packed codes. Rows come in panels of 16; four inputs of a panel are a quad: 64 codes in the order
 * [row 0..15][input 0..3], so that one 64-byte vector times four broadcast activations serves 16 rows.
 * A unit is the smallest whole number of quads that fills whole 64-byte lines:
 *
 *     int8     1 quad    64 B   byte i = code i of the quad
 *     int4     2 quads   64 B   byte i = q0[i] | q1[i] << 4
 *     int2     4 quads   64 B   byte i = q0[i] | q1[i] << 2 | q2[i] << 4 | q3[i] << 6
 *     int6     4 quads  192 B   low 4 bits as two int4 lines (quads 01, 23), high 2 bits as an int2 line
 *     int3     8 quads  192 B   low 2 bits as two int2 lines (quads 0-3, 4-7), high bits as one line:
 *                               byte i, bit j = the high bit of quad j's code i
 *     int5     8 quads  320 B   low 4 bits as four int4 lines (01, 23, 45, 67), high bits as one line
 *     ternary  5 quads   64 B   byte i = ceil(v * 256 / 243), v = sum of q_j[i] * 3^(4-j): multiplying the
 *                               byte by 3 gives q_0 above bit 8 and leaves the rest below
 *
 * A panel of n quads takes ceil(n / quads of a unit) units; codes past the end mean zero.
 *
 * Scales are [panel][group][16 rows], f16 or f32; zero points the same shape in u8, minima in the
 * type of the scales. A group is `group` neighbouring inputs (the last one short); 0 = the row. */
#ifndef OZ_FORMATS_CODEC_H
#define OZ_FORMATS_CODEC_H

#include "base/error.h"

#define OZ_PANEL 16

typedef enum oz_codec_kind {
    OZ_CODEC_F32,
    OZ_CODEC_F16,
    OZ_CODEC_BF16,
    OZ_CODEC_INT8,
    OZ_CODEC_INT6,
    OZ_CODEC_INT5,
    OZ_CODEC_INT4,
    OZ_CODEC_INT3,
    OZ_CODEC_INT2,
    OZ_CODEC_TERNARY,
    OZ_CODEC_COUNT
} oz_codec_kind;

#define OZ_CODEC_BIT(kind) (1u << (kind))
#define OZ_CODECS_FLOAT                                                                                      \
    (OZ_CODEC_BIT(OZ_CODEC_F32) | OZ_CODEC_BIT(OZ_CODEC_F16) | OZ_CODEC_BIT(OZ_CODEC_BF16))
#define OZ_CODECS_ALL ((1u << OZ_CODEC_COUNT) - 1)

typedef enum oz_offset { OZ_SYMMETRIC, OZ_ZERO_POINT, OZ_MINIMUM } oz_offset;

typedef struct oz_codec {
    oz_codec_kind kind;
    oz_offset offset; /* integers only */
    uint32_t group;   /* inputs that share a scale: 32, 64, 128, or 0 = the whole row */
    bool scale_f32;   /* else f16 */
} oz_codec;

const char *oz_codec_name(oz_codec_kind kind);     /* "int4" */
int oz_codec_find(const char *name, size_t bytes); /* -1 if unknown */
bool oz_codec_is_integer(oz_codec_kind kind);
uint32_t oz_codec_bits(oz_codec_kind kind);   /* of one stored value; ternary 2 */
uint32_t oz_codec_levels(oz_codec_kind kind); /* 256, 16, 3 ... */
uint32_t oz_codec_zero(oz_codec_kind kind);   /* the symmetric code of 0: 128, 8, 1 ... */

/* ---- packed quads (see above) ---- */
uint32_t oz_unit_quads(oz_codec_kind kind);
uint32_t oz_unit_bytes(oz_codec_kind kind);
uint64_t oz_quads_bytes(oz_codec_kind kind, uint64_t quads); /* one panel */
/* codes: [quads][16][4]; out: oz_quads_bytes(kind, quads). The tail of the last unit gets `fill`. */
void oz_quads_pack(oz_codec_kind kind, const uint8_t *codes, uint64_t quads, uint8_t fill, uint8_t *out);
/* One code, the truth that every decoder is held against. */
uint8_t oz_quads_get(oz_codec_kind kind, const uint8_t *panel, uint32_t row, uint64_t input);

/* ---- bit streams: code i of b bits at bits [i*b, (i+1)*b), least significant first ---- */
uint8_t oz_bits_get(const uint8_t *stream, uint32_t bits, uint64_t i);
void oz_bits_put(uint8_t *stream, uint32_t bits, uint64_t i, uint8_t code); /* stream was zero there */

/* ---- float values of any float codec ---- */
uint32_t oz_float_bytes(oz_codec_kind kind);
float oz_float_get(oz_codec_kind kind, const void *values, uint64_t i);
void oz_float_put(oz_codec_kind kind, void *values, uint64_t i, float f);

/* ---- scales ---- */
uint64_t oz_codec_groups(const oz_codec *c, uint64_t cols);
uint32_t oz_scale_bytes(const oz_codec *c);
/* Of parts laid out [panel][group][16]. */
float oz_scale_get(const oz_codec *c, const void *scales, uint64_t groups, uint64_t row, uint64_t group);
void oz_scale_put(const oz_codec *c, void *scales, uint64_t groups, uint64_t row, uint64_t group, float s);
/* q -> w with the row's group's scale and offset (offsets NULL if symmetric). */
float oz_codec_value(const oz_codec *c, const void *scales, const void *offsets, uint64_t groups,
                     uint64_t row, uint64_t group, uint8_t code);

/* ---- quantisation: round to nearest with the scale that minimises the squared error ---- */

/* Codes for n weights of one group; s and offset are already rounded to their stored type.
 * `offset` is z for zero points, m for minima, unused when symmetric. */
typedef struct oz_group_fit {
    float scale, offset;
} oz_group_fit;
oz_group_fit oz_codec_fit(const oz_codec *c, const float *w, size_t n);
uint8_t oz_codec_encode(const oz_codec *c, oz_group_fit fit, float w);

#endif

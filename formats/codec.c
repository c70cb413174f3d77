/* codec.c - the codecs as a table, and single numbers of every kind: floats, bit streams, scales.
 *
 * Everything here is the plain truth, one number at a time; fast forms live in kernels. */
#include "formats/codec.h"

#include <string.h>

#include "base/half.h"

typedef struct codec_row {
    const char *name;
    uint32_t bits, levels, zero;
} codec_row;

static const codec_row codecs[OZ_CODEC_COUNT] = {
    [OZ_CODEC_F32] = {"f32", 32, 0, 0},    [OZ_CODEC_F16] = {"f16", 16, 0, 0},
    [OZ_CODEC_BF16] = {"bf16", 16, 0, 0},  [OZ_CODEC_INT8] = {"int8", 8, 256, 128},
    [OZ_CODEC_INT6] = {"int6", 6, 64, 32}, [OZ_CODEC_INT5] = {"int5", 5, 32, 16},
    [OZ_CODEC_INT4] = {"int4", 4, 16, 8},  [OZ_CODEC_INT3] = {"int3", 3, 8, 4},
    [OZ_CODEC_INT2] = {"int2", 2, 4, 2},   [OZ_CODEC_TERNARY] = {"ternary", 2, 3, 1},
};

const char *oz_codec_name(oz_codec_kind kind) {
    return codecs[kind].name;
}

int oz_codec_find(const char *name, size_t bytes) {
    for (int kind = 0; kind < OZ_CODEC_COUNT; kind++) {
        if (strlen(codecs[kind].name) == bytes && memcmp(codecs[kind].name, name, bytes) == 0) return kind;
    }
    return -1;
}

bool oz_codec_is_integer(oz_codec_kind kind) {
    return codecs[kind].levels != 0;
}

uint32_t oz_codec_bits(oz_codec_kind kind) {
    return codecs[kind].bits;
}

uint32_t oz_codec_levels(oz_codec_kind kind) {
    return codecs[kind].levels;
}

uint32_t oz_codec_zero(oz_codec_kind kind) {
    return codecs[kind].zero;
}

/* ---- bit streams ---- */

uint8_t oz_bits_get(const uint8_t *stream, uint32_t bits, uint64_t i) {
    uint64_t bit = i * bits;
    uint32_t shift = (uint32_t)(bit % 8);
    uint32_t word = stream[bit / 8];
    if (shift + bits > 8) word |= (uint32_t)stream[bit / 8 + 1] << 8;
    return (uint8_t)((word >> shift) & ((1u << bits) - 1));
}

void oz_bits_put(uint8_t *stream, uint32_t bits, uint64_t i, uint8_t code) {
    uint64_t bit = i * bits;
    uint32_t shift = (uint32_t)(bit % 8);
    uint32_t word = (uint32_t)code << shift;
    stream[bit / 8] |= (uint8_t)word;
    if (shift + bits > 8) stream[bit / 8 + 1] |= (uint8_t)(word >> 8);
}

/* ---- floats ---- */

uint32_t oz_float_bytes(oz_codec_kind kind) {
    return kind == OZ_CODEC_F32 ? 4 : 2;
}

float oz_float_get(oz_codec_kind kind, const void *values, uint64_t i) {
    const uint8_t *p = (const uint8_t *)values + i * oz_float_bytes(kind);
    if (kind == OZ_CODEC_F32) {
        float f;
        memcpy(&f, p, sizeof f);
        return f;
    }
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return kind == OZ_CODEC_F16 ? oz_f16_to_f32(h) : oz_bf16_to_f32(h);
}

void oz_float_put(oz_codec_kind kind, void *values, uint64_t i, float f) {
    uint8_t *p = (uint8_t *)values + i * oz_float_bytes(kind);
    if (kind == OZ_CODEC_F32) {
        memcpy(p, &f, sizeof f);
        return;
    }
    uint16_t h = kind == OZ_CODEC_F16 ? oz_f32_to_f16(f) : oz_f32_to_bf16(f);
    memcpy(p, &h, sizeof h);
}

/* ---- scales ---- */

static oz_codec_kind scale_kind(const oz_codec *c) {
    return c->scale_f32 ? OZ_CODEC_F32 : OZ_CODEC_F16;
}

static uint64_t scale_index(uint64_t groups, uint64_t row, uint64_t group) {
    return (row / OZ_PANEL * groups + group) * OZ_PANEL + row % OZ_PANEL;
}

uint64_t oz_codec_groups(const oz_codec *c, uint64_t cols) {
    return c->group == 0 ? 1 : (cols + c->group - 1) / c->group;
}

uint32_t oz_scale_bytes(const oz_codec *c) {
    return oz_float_bytes(scale_kind(c));
}

float oz_scale_get(const oz_codec *c, const void *scales, uint64_t groups, uint64_t row, uint64_t group) {
    return oz_float_get(scale_kind(c), scales, scale_index(groups, row, group));
}

void oz_scale_put(const oz_codec *c, void *scales, uint64_t groups, uint64_t row, uint64_t group, float s) {
    oz_float_put(scale_kind(c), scales, scale_index(groups, row, group), s);
}

float oz_codec_value(const oz_codec *c, const void *scales, const void *offsets, uint64_t groups,
                     uint64_t row, uint64_t group, uint8_t code) {
    float s = oz_scale_get(c, scales, groups, row, group);
    if (c->offset == OZ_MINIMUM) {
        return s * (float)code + oz_scale_get(c, offsets, groups, row, group);
    }
    int zero = (int)oz_codec_zero(c->kind);
    if (c->offset == OZ_ZERO_POINT) zero = ((const uint8_t *)offsets)[scale_index(groups, row, group)];
    return s * (float)(code - zero);
}

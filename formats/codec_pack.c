/* codec_pack.c - codes packed as quads: the layout that codec.h draws, read and written one code at a time.
 *
 * But for ternary, every kind is the same construction: the low bits of a code lie in lines that hold
 * 8 / low quads each, the high bits, if there are any, in one line after them. */
#include <string.h>

#include "formats/codec.h"

#define LINE 64 /* bytes, and codes of a quad */
#define TERNARY_DIGITS 5
#define TERNARY_STATES 243 /* 3^5 */

typedef struct unit {
    uint32_t quads, lines;
    uint32_t low, high; /* bits in each sort of line */
} unit;

static const unit units[OZ_CODEC_COUNT] = {
    [OZ_CODEC_INT8] = {1, 1, 8, 0},
    [OZ_CODEC_INT6] = {4, 3, 4, 2},
    [OZ_CODEC_INT5] = {8, 5, 4, 1},
    [OZ_CODEC_INT4] = {2, 1, 4, 0},
    [OZ_CODEC_INT3] = {8, 3, 2, 1},
    [OZ_CODEC_INT2] = {4, 1, 2, 0},
    [OZ_CODEC_TERNARY] = {TERNARY_DIGITS, 1, 0, 0},
};

uint32_t oz_unit_quads(oz_codec_kind kind) {
    return units[kind].quads;
}

uint32_t oz_unit_bytes(oz_codec_kind kind) {
    return units[kind].lines * LINE;
}

uint64_t oz_quads_bytes(oz_codec_kind kind, uint64_t quads) {
    const unit *u = &units[kind];
    return (quads + u->quads - 1) / u->quads * u->lines * LINE;
}

/* Line and shift of the low bits of quad j of a unit; the high bits are in the last line at j * high. */
static uint32_t low_line(const unit *u, uint32_t j) {
    return j / (8 / u->low);
}

static uint32_t low_shift(const unit *u, uint32_t j) {
    return j % (8 / u->low) * u->low;
}

static void unit_add(const unit *u, uint32_t j, const uint8_t *codes, uint8_t *out) {
    uint8_t *low = out + (size_t)low_line(u, j) * LINE;
    uint8_t *high = out + (size_t)(u->lines - 1) * LINE;
    uint32_t shift = low_shift(u, j), mask = (1u << u->low) - 1;
    for (size_t i = 0; i < LINE; i++) low[i] |= (uint8_t)((codes[i] & mask) << shift);
    if (u->high == 0) return;
    for (size_t i = 0; i < LINE; i++) high[i] |= (uint8_t)((codes[i] >> u->low) << (j * u->high));
}

static void unit_pack(const unit *u, const uint8_t *codes, uint8_t *out) {
    memset(out, 0, (size_t)u->lines * LINE);
    for (uint32_t j = 0; j < u->quads; j++) unit_add(u, j, codes + (size_t)j * LINE, out);
}

/* Rounding v * 256 / 243 up puts the byte far enough above v / 243 that all five digits come back. */
static void ternary_pack(const uint8_t *codes, uint8_t *out) {
    for (size_t i = 0; i < LINE; i++) {
        uint32_t v = 0;
        for (size_t j = 0; j < TERNARY_DIGITS; j++) v = 3 * v + codes[j * LINE + i];
        out[i] = (uint8_t)((v * 256 + TERNARY_STATES - 1) / TERNARY_STATES);
    }
}

void oz_quads_pack(oz_codec_kind kind, const uint8_t *codes, uint64_t quads, uint8_t fill, uint8_t *out) {
    const unit *u = &units[kind];
    uint8_t tail[8 * LINE];
    while (quads > 0) {
        const uint8_t *from = codes;
        uint64_t n = u->quads;
        if (quads < n) {
            n = quads;
            memset(tail, fill, sizeof tail);
            memcpy(tail, codes, (size_t)n * LINE);
            from = tail;
        }
        if (kind == OZ_CODEC_TERNARY) {
            ternary_pack(from, out);
        } else {
            unit_pack(u, from, out);
        }
        codes += n * LINE;
        out += (size_t)u->lines * LINE;
        quads -= n;
    }
}

static uint8_t ternary_digit(uint32_t byte, uint32_t j) {
    while (j-- > 0) byte = byte * 3 & 255;
    return (uint8_t)(byte * 3 >> 8);
}

uint8_t oz_quads_get(oz_codec_kind kind, const uint8_t *panel, uint32_t row, uint64_t input) {
    const unit *u = &units[kind];
    uint64_t quad = input / 4;
    uint32_t i = row * 4 + (uint32_t)(input % 4), j = (uint32_t)(quad % u->quads);
    const uint8_t *lines = panel + quad / u->quads * u->lines * LINE;
    if (kind == OZ_CODEC_TERNARY) return ternary_digit(lines[i], j);
    uint32_t low = lines[low_line(u, j) * LINE + i], high = lines[(u->lines - 1) * LINE + i];
    uint32_t code = low >> low_shift(u, j) & ((1u << u->low) - 1);
    if (u->high) code |= (high >> (j * u->high) & ((1u << u->high) - 1)) << u->low;
    return (uint8_t)code;
}

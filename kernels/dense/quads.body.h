/* quads.body.h - reading the packed codes of a panel, a quad (16 rows x 4 inputs) at a time.
 *
 * All codecs but ternary have whole units in 8 quads (32 inputs), the smallest group; so a quad is
 * found by its place in a chunk of 8, and every shift is a constant once the loop over the chunk is unrolled.
 * Ternary has 5 quads a byte: its reader carries the rest of the byte from quad to quad. */
#ifndef OZ_KERNELS_DENSE_QUADS_BODY_H
#define OZ_KERNELS_DENSE_QUADS_BODY_H

#include "formats/codec.h"

#define CHUNK_QUADS 8
#define CHUNK_INPUTS 32

/* Bits [from, from + width of mask) of every byte, moved to where the mask is. */
OZ_INLINE vb64 move_bits(vb64 a, unsigned from, unsigned to, uint8_t mask) {
    return from >= to ? vb_bits(a, from - to, mask) : vb_bits_up(a, to - from, mask);
}

OZ_INLINE size_t chunk_bytes(oz_codec_kind kind) {
    switch (kind) {
    case OZ_CODEC_INT8:
        return 512;
    case OZ_CODEC_INT6:
        return 384;
    case OZ_CODEC_INT5:
        return 320;
    case OZ_CODEC_INT4:
        return 256;
    case OZ_CODEC_INT3:
        return 192;
    default:
        return 128;
    }
}

/* Quad j of the chunk at p; touches only the unit that holds it. */
OZ_INLINE vb64 quad_at(oz_codec_kind kind, const uint8_t *p, unsigned j) {
    const uint8_t *unit = p + j / 4 * 192;
    switch (kind) {
    case OZ_CODEC_INT8:
        return vb_load(p + j * 64);
    case OZ_CODEC_INT4:
        return vb_bits(vb_load(p + j / 2 * 64), j % 2 * 4, 15);
    case OZ_CODEC_INT2:
        return vb_bits(vb_load(p + j / 4 * 64), j % 4 * 2, 3);
    case OZ_CODEC_INT6:
        return vb_or(vb_bits(vb_load(unit + j % 4 / 2 * 64), j % 2 * 4, 15),
                     move_bits(vb_load(unit + 128), j % 4 * 2, 4, 0x30));
    case OZ_CODEC_INT5:
        return vb_or(vb_bits(vb_load(p + j / 2 * 64), j % 2 * 4, 15),
                     move_bits(vb_load(p + 256), j, 4, 0x10));
    default: /* int3 */
        return vb_or(vb_bits(vb_load(p + j / 4 * 64), j % 4 * 2, 3), move_bits(vb_load(p + 128), j, 2, 4));
    }
}

typedef struct quad_reader {
    const uint8_t *next;
    vb64 rest;     /* ternary: the byte times 3^i, modulo 256 */
    unsigned left; /* ternary: quads still in it */
} quad_reader;

/* The digit of a byte is 3 * byte / 256. */
OZ_INLINE vb64 ternary_next(quad_reader *r) {
    if (r->left == 0) {
        r->rest = vb_load(r->next);
        r->next += 64;
        r->left = 5;
    }
    vb64 digit = vb_add(vb_at_least(r->rest, 86), vb_at_least(r->rest, 171));
    r->rest = vb_add(r->rest, vb_add(r->rest, r->rest));
    r->left--;
    return digit;
}

/* A reader of the panel at p, from input k0 (a multiple of 32) on. */
OZ_INLINE quad_reader reader_at(oz_codec_kind kind, const uint8_t *p, size_t k0) {
    if (kind != OZ_CODEC_TERNARY) {
        return (quad_reader){.next = p + k0 / CHUNK_INPUTS * chunk_bytes(kind), .rest = vb_set1(0)};
    }
    quad_reader r = {.next = p + k0 / 20 * 64, .rest = vb_set1(0)};
    for (size_t skip = k0 / 4 % 5; skip > 0; skip--) ternary_next(&r);
    return r;
}

/* Quads [j, j + 4) of the reader's chunk; the chunk ends with the second half. */
OZ_INLINE void read4(oz_codec_kind kind, quad_reader *r, unsigned j, vb64 out[4]) {
    OZ_UNROLL
    for (unsigned i = 0; i < 4; i++) {
        out[i] = kind == OZ_CODEC_TERNARY ? ternary_next(r) : quad_at(kind, r->next, j + i);
    }
    if (kind != OZ_CODEC_TERNARY && j == 4) r->next += chunk_bytes(kind);
}

/* The first n <= 8 quads of the last chunk. */
OZ_INLINE void read_tail(oz_codec_kind kind, quad_reader *r, size_t n, vb64 out[CHUNK_QUADS]) {
    OZ_UNROLL
    for (unsigned i = 0; i < CHUNK_QUADS; i++) {
        if (i < n) out[i] = kind == OZ_CODEC_TERNARY ? ternary_next(r) : quad_at(kind, r->next, i);
    }
}

#endif

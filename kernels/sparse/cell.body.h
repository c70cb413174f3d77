/* cell.body.h - one cell of a sparse leaf: where its rows begin, and its weights as floats or codes in the
 * order of their slots.
 *
 * Slots do not know their inputs, so what is done to all weights alike - widening, unpacking, scaling - is
 * done first, over the whole run of the cell; placing the weights is then the same for every codec. */
#include "base/arith.h"
#include "formats/sparse/sparse.h"
#include "kernels/kernel.h"
#include "kernels/scales.body.h"

#define MOST_SLOTS (OZ_PANEL * OZ_MAX_BLOCK)
#define READ_AHEAD 16 /* slots behind a row that may be read, and their values thrown away */

typedef struct cell {
    size_t block, inputs;     /* the cell's place in the panel, and its width */
    size_t first, slots;      /* its run of slots, padding not counted */
    size_t row[OZ_PANEL + 1]; /* row r has slots [row[r], row[r + 1]) of the run */
    const uint8_t *masks;     /* form mask: [16][mask_bytes] */
    size_t mask_bytes;
    const uint8_t *columns; /* form rows: of each slot of the run */
} cell;

OZ_INLINE size_t count_bits(const uint8_t *mask, size_t bytes) {
    size_t count = 0, i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t bits;
        memcpy(&bits, mask + i, 8);
        count += (size_t)__builtin_popcountll(bits);
    }
    for (; i < bytes; i++) count += (size_t)__builtin_popcount(mask[i]);
    return count;
}

OZ_INLINE cell cell_at(const oz_leaf *leaf, size_t panel, size_t block) {
    size_t index = panel * oz_sparse_blocks(leaf) + block;
    cell c = {.block = block, .inputs = oz_sparse_inputs(leaf, block), .first = oz_sparse_first(leaf, index)};
    if (leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_MASK) {
        c.masks = oz_sparse_masks(leaf, panel, block);
        c.mask_bytes = oz_sparse_mask_bytes(leaf, block);
        for (size_t r = 0; r < OZ_PANEL; r++) {
            c.row[r + 1] = c.row[r] + count_bits(c.masks + r * c.mask_bytes, c.mask_bytes);
        }
    } else {
        c.columns = leaf->part[OZ_SPARSE_COLUMNS].data + c.first;
        for (uint32_t r = 0; r < OZ_PANEL; r++) c.row[r + 1] = oz_sparse_end(leaf, index, r);
    }
    c.slots = c.row[OZ_PANEL];
    return c;
}

/* The 16 mask bits from input `i` on; bits past the cell's inputs are 0. */
OZ_INLINE uint16_t mask16(const uint8_t *mask, size_t mask_bytes, size_t i) {
    uint16_t bits = mask[i / 8];
    if (i / 8 + 1 < mask_bytes) memcpy(&bits, mask + i / 8, 2);
    return bits;
}

/* Codes of the run, a byte each, written in steps of 8: 8 codes are as many bytes as a code has bits. */
OZ_INLINE void cell_codes(oz_codec_kind kind, const oz_leaf *leaf, const cell *c, uint8_t *codes) {
    const unsigned bits = oz_sparse_bits(kind);
    const uint8_t *p = leaf->part[OZ_SPARSE_VALUES].data + c->first / 8 * bits;
    const uint8_t *end = leaf->part[OZ_SPARSE_VALUES].data + leaf->param[OZ_SPARSE_SLOTS] / 8 * bits;
    for (size_t i = 0; i < c->slots; i += 8, p += bits) {
        uint64_t packed = 0;
        if (end - p >= 8)
            memcpy(&packed, p, 8);
        else
            memcpy(&packed, p, bits);
        uint64_t eight = s_unpack8(packed, bits) << (kind == OZ_CODEC_TERNARY);
        memcpy(codes + i, &eight, 8);
    }
}

/* How many of row r's slots, from slot `from` of the run on, lie before input `limit` of the cell. */
OZ_INLINE size_t slots_before(const cell *c, size_t r, size_t from, size_t limit) {
    size_t n = 0;
    while (from + n < c->row[r + 1] && c->columns[from + n] < limit) n++;
    return n;
}

/* Slots of row r in the inputs [i, i + n) of the cell, i a multiple of 8, when those before i end at `from`.
 */
OZ_INLINE size_t slots_within(const cell *c, size_t r, size_t from, size_t i, size_t n) {
    if (!c->masks) return slots_before(c, r, from, i + n);
    return count_bits(c->masks + r * c->mask_bytes + i / 8, oz_div_up(oz_min(n, c->inputs - i), 8));
}

/* Codes become weights: of each row, a run of slots for every scale. */
OZ_INLINE void scale_codes(const oz_leaf *leaf, size_t panel, const cell *c, const uint8_t *codes,
                           float *out) {
    const oz_scales scales = scales_of(leaf, panel);
    const size_t k0 = c->block * leaf->param[OZ_SPARSE_BLOCK];
    const float zero = (float)scales.zero;
    const size_t step = oz_min(scales.inputs, c->inputs);
    size_t from[OZ_PANEL];
    memcpy(from, c->row, sizeof from);
    for (size_t i = 0; i < c->inputs; i += step) {
        float scale[OZ_PANEL];
        v_store(scale, scale_at(&scales, (k0 + i) / scales.inputs));
        for (size_t r = 0; r < OZ_PANEL; r++) {
            size_t end = step == c->inputs ? c->row[r + 1] : from[r] + slots_within(c, r, from[r], i, step);
            for (; from[r] < end; from[r]++) out[from[r]] = scale[r] * ((float)codes[from[r]] - zero);
        }
    }
}

OZ_INLINE void widen_halves(oz_codec_kind kind, const uint8_t *p, size_t readable, size_t slots, float *out) {
    for (size_t i = 0; i < slots; i += 16, p += 32) {
        vf16 w;
        if (i + 16 <= readable)
            w = kind == OZ_CODEC_F16 ? v_load_f16(p) : v_load_bf16(p);
        else
            w = kind == OZ_CODEC_F16 ? v_load_f16_n(p, readable - i) : v_load_bf16_n(p, readable - i);
        v_store(out + i, w);
    }
}

/* The run's weights as floats, with READ_AHEAD more that may be read: in the leaf, or in `buffer` of
 * MOST_SLOTS + READ_AHEAD floats. */
OZ_INLINE const float *cell_floats(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, const cell *c,
                                   float *buffer) {
    size_t readable = leaf->param[OZ_SPARSE_SLOTS] - c->first, width = oz_float_bytes(kind);
    if (oz_codec_is_integer(kind)) {
        uint8_t codes[MOST_SLOTS];
        cell_codes(kind, leaf, c, codes);
        scale_codes(leaf, panel, c, codes, buffer);
        return buffer;
    }
    const uint8_t *p = leaf->part[OZ_SPARSE_VALUES].data + c->first * width;
    if (kind != OZ_CODEC_F32) {
        widen_halves(kind, p, readable, c->slots, buffer);
        return buffer;
    }
    if (c->slots + READ_AHEAD <= readable) return (const float *)(const void *)p;
    if (c->slots > 0) memcpy(buffer, p, c->slots * sizeof *buffer);
    return buffer;
}

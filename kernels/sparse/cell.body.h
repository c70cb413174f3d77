/* cell.body.h - one cell of a sparse leaf: where its rows begin, and its weights, codes and columns in the
 * order of their slots.
 *
 * Slots do not know their inputs, so what is done to all weights alike - widening, unpacking, scaling - is
 * done first, over the whole run of the cell; placing them is then the same for every codec. */
#include "base/arith.h"
#include "formats/sparse/sparse.h"
#include "kernels/kernel.h"
#include "kernels/scales.body.h"

typedef struct cell {
    size_t block, inputs;       /* the cell's place in the panel, and its width */
    size_t index;               /* among the cells of the leaf */
    size_t first, slots;        /* its run of slots, padding included */
    uint16_t row[OZ_PANEL + 1]; /* row r has slots [row[r], row[r + 1]) of the run: see find_rows */
    const uint8_t *masks;       /* form mask: [16][mask_bytes], else NULL */
    size_t mask_bytes;
    const uint8_t *columns; /* form rows: of each slot of the run */
} cell;

/* The masks of the next 64 inputs, and of the last n < 64. */
OZ_INLINE uint64_t mask64(const uint8_t *mask) {
    uint64_t bits;
    memcpy(&bits, mask, 8);
    return bits;
}
OZ_INLINE uint64_t mask_tail(const uint8_t *mask, size_t n) {
    uint64_t bits = 0;
    for (size_t i = 0; i < n; i += 8) bits |= (uint64_t)mask[i / 8] << i;
    return bits;
}

OZ_INLINE size_t count_bits(uint64_t bits) {
    return (size_t)__builtin_popcountll(bits);
}

OZ_INLINE size_t count_row(const uint8_t *mask, size_t inputs) {
    size_t count = 0;
    for (; inputs >= 64; inputs -= 64, mask += 8) count += count_bits(mask64(mask));
    return count + count_bits(mask_tail(mask, inputs));
}

/* NULL if the leaf stores nothing. */
OZ_INLINE const uint8_t *part_at(const oz_leaf *leaf, size_t part, size_t offset) {
    return leaf->part[part].data ? leaf->part[part].data + offset : NULL;
}

static void find_cell(const oz_leaf *leaf, size_t panel, size_t block, cell *c) {
    c->index = panel * oz_sparse_blocks(leaf) + block;
    c->block = block;
    c->inputs = oz_sparse_inputs(leaf, block);
    c->first = oz_sparse_first(leaf, c->index);
    c->slots = oz_sparse_first(leaf, c->index + 1) - c->first;
    c->masks = NULL;
    if (leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_MASK) {
        c->masks = oz_sparse_masks(leaf, panel, block);
        c->mask_bytes = oz_sparse_mask_bytes(leaf, block);
    } else {
        c->columns = part_at(leaf, OZ_SPARSE_COLUMNS, c->first);
    }
}

/* Where rows begin; who takes the slots one after the other need not know. */
static void find_rows(const oz_leaf *leaf, cell *c) {
    size_t slots = c->row[0] = 0;
    if (!c->masks) {
        memcpy(c->row + 1, leaf->part[OZ_SPARSE_ENDS].data + c->index * OZ_PANEL * 2, OZ_PANEL * 2);
        return;
    }
    const uint8_t *mask = c->masks;
    for (size_t r = 0; r < OZ_PANEL; r++, mask += c->mask_bytes) {
        slots += c->inputs == 128 ? count_row(mask, 128) : count_row(mask, c->inputs);
        c->row[r + 1] = (uint16_t)slots;
    }
}

/* Mask bits of each row, a multiple of 128 of them: in place, or padded with zeros. */
typedef struct mask_rows {
    const uint8_t *first;
    size_t stride;
    uint8_t padded[OZ_PANEL][OZ_MAX_BLOCK / 8];
} mask_rows;

/* Inputs [k, k + n) of the cell. */
static void find_masks(const cell *c, size_t k, size_t n, mask_rows *out) {
    out->first = c->masks + k / 8;
    out->stride = c->mask_bytes;
    if (n % OZ_BLOCK == 0) return;
    memset(out->padded, 0, sizeof out->padded);
    for (size_t r = 0; r < OZ_PANEL; r++)
        memcpy(out->padded[r], out->first + r * out->stride, oz_div_up(n, 8));
    out->first = out->padded[0];
    out->stride = sizeof out->padded[0];
}

/* The columns where masks of so many inputs have bits; up to 64 bytes more are written. */
OZ_INLINE uint8_t *list_masks(const cell *c, size_t inputs, uint8_t *out) {
    const uint8_t *mask = c->masks;
    OZ_ROLL
    for (size_t r = 0; r < OZ_PANEL; r++, mask += c->mask_bytes) {
        size_t k = 0;
        for (; k + 64 <= inputs; k += 64) out += vb_list_bits(mask64(mask + k / 8), (uint8_t)k, out);
        if (k < inputs) out += vb_list_bits(mask_tail(mask + k / 8, inputs - k), (uint8_t)k, out);
    }
    return out;
}

/* The column of every slot, of which OZ_READ_AHEAD more may be read: in the leaf or in the room. The first 16
 * of those are inputs of the cell, too: of the next cell, which is no wider than a whole block, or 0. */
static const uint8_t *cell_columns(const oz_leaf *leaf, const cell *c, oz_nonzeros_room *room) {
    uint8_t *out = room->columns;
    if (c->masks) {
        out = c->inputs == OZ_BLOCK ? list_masks(c, OZ_BLOCK, out) : list_masks(c, c->inputs, out);
    } else {
        const bool whole = c->inputs == leaf->param[OZ_SPARSE_BLOCK];
        if (whole && c->first + c->slots + OZ_READ_AHEAD <= leaf->param[OZ_SPARSE_SLOTS]) return c->columns;
        if (c->slots > 0) memcpy(out, c->columns, c->slots);
        out += c->slots;
    }
    memset(out, 0, OZ_LANES);
    return room->columns;
}

/* m rows of a cell's inputs, ld apart, with zeros behind them, OZ_MAX_BLOCK apart. */
static const float *pad_inputs(const cell *c, const float *x, size_t ld, size_t m, float *padded) {
    memset(padded, 0, m * OZ_MAX_BLOCK * sizeof *padded);
    for (size_t i = 0; i < m; i++) memcpy(padded + i * OZ_MAX_BLOCK, x + i * ld, c->inputs * sizeof *x);
    return padded;
}

/* ---- codes ---- */

OZ_INLINE void unpack_codes(oz_codec_kind kind, const uint8_t *p, size_t slots, uint8_t *codes) {
    const unsigned bits = oz_sparse_bits(kind);
    uint8_t last[64] = {0};
    for (size_t i = 0; i < slots; i += 64, p += 8 * bits) {
        if (slots - i < 64) memcpy(last, p, oz_div_up(slots - i, 8) * bits);
        vb64 q = vb_unpack(slots - i < 64 ? last : p, bits);
        if (kind == OZ_CODEC_TERNARY) q = vb_add(q, q);
        vb_store(codes + i, q);
    }
}

/* Codes of the run, of which OZ_READ_AHEAD more may be read: in the leaf or in the room. */
static const uint8_t *cell_codes(const oz_leaf *leaf, const cell *c, uint8_t *codes) {
    const oz_codec_kind kind = leaf->codec.kind;
    const uint8_t *p = part_at(leaf, OZ_SPARSE_VALUES, c->first / 8 * oz_sparse_bits(kind));
    switch (kind) {
    case OZ_CODEC_INT8:
        if (c->first + c->slots + OZ_READ_AHEAD <= leaf->param[OZ_SPARSE_SLOTS]) return p;
        if (c->slots > 0) memcpy(codes, p, c->slots);
        break;
    case OZ_CODEC_INT6:
        unpack_codes(OZ_CODEC_INT6, p, c->slots, codes);
        break;
    case OZ_CODEC_INT5:
        unpack_codes(OZ_CODEC_INT5, p, c->slots, codes);
        break;
    case OZ_CODEC_INT4:
        unpack_codes(OZ_CODEC_INT4, p, c->slots, codes);
        break;
    case OZ_CODEC_INT3:
        unpack_codes(OZ_CODEC_INT3, p, c->slots, codes);
        break;
    case OZ_CODEC_INT2:
        unpack_codes(OZ_CODEC_INT2, p, c->slots, codes);
        break;
    default:
        unpack_codes(OZ_CODEC_TERNARY, p, c->slots, codes);
        break;
    }
    return codes;
}

/* ---- weights ---- */

/* The scales of each row in the cell, of the up to 8 groups that it touches; twice. */
static void cell_scales(const oz_scales *scales, const cell *c, size_t k0, float table[OZ_PANEL][16]) {
    for (size_t g = 0; g * scales->inputs < c->inputs && g < 8; g++) {
        float scale[OZ_PANEL];
        v_store(scale, scale_at(scales, k0 / scales->inputs + g));
        for (size_t r = 0; r < OZ_PANEL; r++) table[r][g] = table[r][g + 8] = scale[r];
    }
}

/* Codes become weights. A row's scales lie in a register, permuted by the columns' groups. */
static void scale_codes(const oz_leaf *leaf, size_t panel, cell *c, oz_nonzeros_room *room) {
    const oz_scales scales = scales_of(leaf, panel);
    const unsigned shift = scales.inputs >= c->inputs ? 8 : (unsigned)__builtin_ctzll(scales.inputs);
    float table[OZ_PANEL][16];
    cell_scales(&scales, c, c->block * leaf->param[OZ_SPARSE_BLOCK], table);
    const uint8_t *codes = cell_codes(leaf, c, room->codes);
    const vi16 zero = vi_set1((int32_t)oz_codec_zero(leaf->codec.kind));
    find_rows(leaf, c);
    const uint8_t *columns = room->columns;
    if (shift < 8)
        columns = cell_columns(leaf, c, room);
    else
        memset(room->columns, 0, c->slots);
    for (size_t r = 0; r < OZ_PANEL; r++) {
        const vf16 scale = v_load(table[r]);
        const size_t end = c->row[r + 1];
        for (size_t s = c->row[r]; s < end; s += 16) { /* what is too much the next row overwrites */
            vi16 group = vi_shift_right(vi_load_u8(columns + s), shift);
            vi16 code = vi_sub(vi_load_u8(codes + s), zero);
            v_store(room->weights + s, v_mul(v_permute_repeated(scale, group), v_from_i32(code)));
        }
    }
}

static void widen_halves(oz_codec_kind kind, const uint8_t *p, size_t readable, size_t slots, float *out) {
    for (size_t i = 0; i < slots; i += 16, p += 32) {
        vf16 w;
        if (i + 16 <= readable)
            w = kind == OZ_CODEC_F16 ? v_load_f16(p) : v_load_bf16(p);
        else
            w = kind == OZ_CODEC_F16 ? v_load_f16_n(p, readable - i) : v_load_bf16_n(p, readable - i);
        v_store(out + i, w);
    }
}

/* The run's weights as floats, of which 16 more may be read: in the leaf or in the room. */
static const float *cell_weights(const oz_leaf *leaf, size_t panel, cell *c, oz_nonzeros_room *room) {
    const oz_codec_kind kind = leaf->codec.kind;
    const size_t readable = leaf->param[OZ_SPARSE_SLOTS] - c->first;
    if (oz_codec_is_integer(kind)) {
        scale_codes(leaf, panel, c, room);
        return room->weights;
    }
    const uint8_t *p = part_at(leaf, OZ_SPARSE_VALUES, c->first * oz_float_bytes(kind));
    if (kind != OZ_CODEC_F32) {
        widen_halves(kind, p, readable, c->slots, room->weights);
        return room->weights;
    }
    if (c->slots + 16 <= readable) return (const float *)(const void *)p;
    if (c->slots > 0) memcpy(room->weights, p, c->slots * sizeof(float));
    return room->weights;
}

/* cell.body.h - one cell of a sparse leaf: where its rows begin, and its weights, codes and columns in the
 * order of their slots: in form mask row after row, in form jagged entry after entry
 * (formats/sparse/README.md).
 *
 * Slots do not know their inputs, so what is done to all weights alike - widening, unpacking, scaling - is
 * done first, over the whole run of the cell; placing them is then the same for every codec. */
#include "base/arith.h"
#include "formats/sparse/sparse.h"
#include "kernels/kernel.h"
#include "kernels/scales.body.h"

typedef struct cell {
    size_t block, inputs; /* the cell's place in the panel, and its width */
    size_t index;         /* among the cells of the leaf */
    size_t first, slots;  /* its run of slots, padding included */
    uint16_t
        row[OZ_PANEL + 1]; /* form mask: row r has slots [row[r], row[r + 1]) of the run: see find_rows */
    const uint8_t *masks;  /* form mask: [16][mask_bytes], else NULL */
    size_t mask_bytes;
    const uint8_t *rows, *columns; /* form jagged: lengths and ranks; of each slot of the run */
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
        c->rows = part_at(leaf, OZ_SPARSE_ROWS, c->index * OZ_PANEL * sizeof(uint16_t));
        c->columns = part_at(leaf, OZ_SPARSE_COLUMNS, c->first);
    }
}

/* Where a mask's rows begin; who takes the slots one after the other need not know. */
static void find_rows(cell *c) {
    size_t slots = c->row[0] = 0;
    const uint8_t *mask = c->masks;
    for (size_t r = 0; r < OZ_PANEL; r++, mask += c->mask_bytes) {
        slots += c->inputs == 128 ? count_row(mask, 128) : count_row(mask, c->inputs);
        c->row[r + 1] = (uint16_t)slots;
    }
}

/* Form jagged, by rank. */
typedef struct ranks {
    uint16_t length[OZ_PANEL];
    uint8_t row[OZ_PANEL];
} ranks;

static void find_ranks(const cell *c, ranks *out) {
    uint16_t rows[OZ_PANEL];
    memcpy(rows, c->rows, sizeof rows);
    for (size_t r = 0; r < OZ_PANEL; r++) {
        const unsigned rank = rows[r] >> 12;
        out->length[rank] = rows[r] & 0xfff;
        out->row[rank] = (uint8_t)r;
    }
}

/* How many of the rows that had an entry before have an entry e. */
OZ_INLINE size_t rows_with(const ranks *k, size_t e, size_t before) {
    while (before > 0 && k->length[before - 1] <= e) before--;
    return before;
}

/* The same by row, a lane each. */
OZ_INLINE vi16 lengths_of(const cell *c) {
    return vi_and(vi_load_u16(c->rows), vi_set1(0xfff));
}
OZ_INLINE vi16 ranks_of(const cell *c) {
    return vi_shift_right(vi_load_u16(c->rows), 12);
}

/* How many rows have an entry e. */
OZ_INLINE size_t rows_beyond(vf16 length, size_t e) {
    return count_bits(v_mask_bits(v_less(v_set1((float)e), length)));
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

/* A row's scales lie in a register, permuted by the columns' groups. */
static void scale_rows(const oz_leaf *leaf, cell *c, unsigned shift, float table[OZ_PANEL][16],
                       const uint8_t *codes, vi16 zero, oz_nonzeros_room *room) {
    find_rows(c);
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

/* Lanes are ranks here; their scales of each group come in the order of ranks, too. */
static void scale_entries(const oz_leaf *leaf, const cell *c, unsigned shift, float table[OZ_PANEL][16],
                          const uint8_t *codes, vi16 zero, oz_nonzeros_room *room) {
    const uint8_t *columns = cell_columns(leaf, c, room);
    float scale[8][OZ_PANEL];
    ranks k;
    find_ranks(c, &k);
    const size_t groups = shift < 8 ? oz_div_up(c->inputs, (size_t)1 << shift) : 1;
    for (size_t g = 0; g < groups; g++)
        for (size_t i = 0; i < OZ_PANEL; i++) scale[g][i] = table[k.row[i]][g];
    for (size_t e = 0, s = 0, n = OZ_PANEL; (n = rows_with(&k, e, n)) > 0; e++, s += n) {
        const vi16 group = vi_shift_right(vi_load_u8(columns + s), shift);
        vf16 of_lane = v_load(scale[0]);
        for (size_t g = 1; g < groups; g++)
            of_lane = v_select(vi_equal(group, vi_set1((int32_t)g)), v_load(scale[g]), of_lane);
        v_store(room->weights + s, v_mul(of_lane, v_from_i32(vi_sub(vi_load_u8(codes + s), zero))));
    }
}

/* Codes become weights. */
static void scale_codes(const oz_leaf *leaf, size_t panel, cell *c, oz_nonzeros_room *room) {
    const oz_scales scales = scales_of(leaf, panel);
    const unsigned shift = scales.inputs >= c->inputs ? 8 : (unsigned)__builtin_ctzll(scales.inputs);
    const vi16 zero = vi_set1((int32_t)oz_codec_zero(leaf->codec.kind));
    float table[OZ_PANEL][16];
    cell_scales(&scales, c, c->block * leaf->param[OZ_SPARSE_BLOCK], table);
    const uint8_t *codes = cell_codes(leaf, c, room->codes);
    if (c->masks)
        scale_rows(leaf, c, shift, table, codes, zero, room);
    else
        scale_entries(leaf, c, shift, table, codes, zero, room);
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

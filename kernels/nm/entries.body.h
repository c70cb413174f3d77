/* entries.body.h - reading the entries of a panel in their order: the positions of 16 rows, and the codes or
 * weights that stand there.
 *
 * A list holds positions as numbers. A mask is taken apart from its lowest bit up: a power of two, converted
 * to a float, has its exponent in bits 23 and up, whatever m is. */
#include "base/arith.h"
#include "formats/nm/nm.h"
#include "kernels/kernel.h"

#include "kernels/dense/quads.body.h"
#include "kernels/scales.body.h"

/* ---- positions ---- */

typedef struct position_reader {
    const uint8_t *next;
    vi16 left; /* masks: what is not yet read of the group */
    vi16 last; /* m - 1 */
    unsigned bits;
    bool masks;
} position_reader;

/* From group `group` on. */
OZ_INLINE position_reader positions_at(const oz_leaf *leaf, size_t panel, size_t group) {
    position_reader r = {
        .next = oz_nm_positions(leaf, panel), .left = vi_zero(), .bits = oz_nm_position_bits(leaf)};
    r.last = vi_set1((int32_t)leaf->param[OZ_NM_M] - 1);
    r.masks = leaf->param[OZ_NM_FORM] == OZ_NM_MASK;
    if (r.masks)
        r.next += group * oz_nm_mask_bytes(leaf);
    else
        r.next += group * leaf->param[OZ_NM_N] * oz_nm_entry_bytes(leaf);
    return r;
}

OZ_INLINE vi16 masks_at(const uint8_t *p, unsigned position_bits) {
    switch (position_bits) {
    case 2:
        return vi_and(vi_load_u4(p), vi_set1(15));
    case 3:
        return vi_load_u8(p);
    case 4:
        return vi_load_u16(p);
    default:
        return vi_load(p);
    }
}

OZ_INLINE void begin_group(position_reader *r) {
    if (!r->masks) return;
    r->left = masks_at(r->next, r->bits);
    r->next += (size_t)2 << r->bits;
}

OZ_INLINE vi16 positions_in_list(const uint8_t *p, unsigned bits) {
    switch (bits) {
    case 2:
        return vi_load_bits(p, 2);
    case 3:
        return vi_load_bits(p, 3);
    case 4:
        return vi_load_bits(p, 4);
    default:
        return vi_load_bits(p, 5);
    }
}

/* The lowest position of each mask less one, modulo m, in the low bits; removes it from the masks. */
OZ_INLINE vi16 next_in_masks(vi16 *masks) {
    vi16 lowest = vi_and(*masks, vi_sub(vi_zero(), *masks));
    *masks = vi_sub(*masks, lowest);
    return vi_shift_right(vi_bits(v_from_i32(lowest)), 23);
}

/* Positions of the next entry; in range, but without meaning, for entries that a short group does not have.
 */
OZ_INLINE vi16 next_positions(position_reader *r) {
    if (r->masks) return vi_and(vi_add(next_in_masks(&r->left), vi_set1(1)), r->last);
    vi16 positions = vi_and(positions_in_list(r->next, r->bits), r->last);
    r->next += 2 * r->bits;
    return positions;
}

/* ---- codes ---- */

/* Integer codecs differ only in how a chunk is unpacked, which is asked once a chunk: this one stands for all
 * of them where a codec is a constant. */
#define ANY_INTEGER OZ_CODEC_INT8

OZ_INLINE bool is_integer(oz_codec_kind kind) {
    return kind != OZ_CODEC_F32 && kind != OZ_CODEC_F16 && kind != OZ_CODEC_BF16;
}

/* Unpacked a chunk at a time, so that every shift is a constant. */
typedef struct code_reader {
    oz_codec_kind kind;
    quad_reader packed;
    size_t quads; /* still packed */
    unsigned at;  /* next quad of the chunk */
    vb64 chunk[CHUNK_QUADS];
} code_reader;

OZ_INLINE void unpack_chunk_of(oz_codec_kind kind, code_reader *r) {
    if (r->quads < CHUNK_QUADS) {
        read_tail(kind, &r->packed, r->quads, r->chunk);
        r->quads = 0;
        return;
    }
    read4(kind, &r->packed, 0, r->chunk);
    read4(kind, &r->packed, 4, r->chunk + 4);
    r->quads -= CHUNK_QUADS;
}

static void unpack_chunk(code_reader *r) {
    r->at = 0;
    switch (r->kind) {
    case OZ_CODEC_INT8:
        unpack_chunk_of(OZ_CODEC_INT8, r);
        break;
    case OZ_CODEC_INT6:
        unpack_chunk_of(OZ_CODEC_INT6, r);
        break;
    case OZ_CODEC_INT5:
        unpack_chunk_of(OZ_CODEC_INT5, r);
        break;
    case OZ_CODEC_INT4:
        unpack_chunk_of(OZ_CODEC_INT4, r);
        break;
    case OZ_CODEC_INT3:
        unpack_chunk_of(OZ_CODEC_INT3, r);
        break;
    case OZ_CODEC_INT2:
        unpack_chunk_of(OZ_CODEC_INT2, r);
        break;
    default:
        unpack_chunk_of(OZ_CODEC_TERNARY, r);
        break;
    }
}

/* From quad `quad` of the panel on. */
OZ_INLINE code_reader codes_at(const oz_leaf *leaf, size_t panel, size_t quad) {
    size_t chunk = quad / CHUNK_QUADS;
    code_reader r = {.kind = leaf->codec.kind,
                     .quads = oz_div_up(oz_nm_entries(leaf), 4) - chunk * CHUNK_QUADS};
    r.packed = reader_at(r.kind, oz_nm_values(leaf, panel), chunk * CHUNK_INPUTS);
    unpack_chunk(&r);
    r.at = (unsigned)(quad % CHUNK_QUADS);
    return r;
}

OZ_INLINE vb64 next_quad(code_reader *r) {
    if (r->at == CHUNK_QUADS) unpack_chunk(r);
    return r->chunk[r->at++];
}

/* ---- weights ---- */

/* One entry after the other, as floats; integers come without their scale. */
typedef struct weight_reader {
    code_reader codes;
    vb64 quad;
    unsigned in_quad;
    vi16 zero;
    const uint8_t *next; /* floats */
} weight_reader;

OZ_INLINE weight_reader weights_at(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t entry) {
    weight_reader r = {.in_quad = 4};
    if (is_integer(kind)) {
        r.codes = codes_at(leaf, panel, entry / 4);
        r.zero = vi_set1((int32_t)oz_codec_zero(leaf->codec.kind));
    } else {
        r.next = oz_nm_values(leaf, panel) + entry * OZ_PANEL * oz_float_bytes(kind);
    }
    return r;
}

OZ_INLINE vi16 next_codes(weight_reader *r) {
    if (r->in_quad == 4) {
        r->quad = next_quad(&r->codes);
        r->in_quad = 0;
    }
    return vi_byte(r->quad, r->in_quad++);
}

OZ_INLINE vf16 next_weights(oz_codec_kind kind, weight_reader *r) {
    if (is_integer(kind)) return v_from_i32(vi_sub(next_codes(r), r->zero));
    const uint8_t *p = r->next;
    r->next += OZ_PANEL * (kind == OZ_CODEC_F32 ? 4 : 2);
    return kind == OZ_CODEC_F32 ? v_load(p) : kind == OZ_CODEC_F16 ? v_load_f16(p) : v_load_bf16(p);
}

/* Floats have none: all inputs are one group. */
OZ_INLINE oz_scales panel_scales(oz_codec_kind kind, const oz_leaf *leaf, size_t panel) {
    return is_integer(kind) ? scales_of(leaf, panel) : (oz_scales){.inputs = leaf->cols};
}

/* What scales the weights of the group that begins at input k. */
OZ_INLINE vf16 scale_from(oz_codec_kind kind, const oz_scales *scales, size_t k) {
    return is_integer(kind) ? scale_at(scales, k / scales->inputs) : v_set1(1.0f);
}

OZ_INLINE vf16 scale_weights(oz_codec_kind kind, vf16 weights, vf16 scale) {
    return is_integer(kind) ? v_mul(scale, weights) : weights;
}

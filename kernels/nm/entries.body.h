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

/* Unpacked a chunk at a time, so that every shift is a constant and the codec matters once a chunk. */
typedef struct code_reader {
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

static void unpack_chunk(oz_codec_kind kind, code_reader *r) {
    r->at = 0;
    switch (kind) {
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
OZ_INLINE code_reader codes_at(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t quad) {
    size_t chunk = quad / CHUNK_QUADS;
    code_reader r = {.quads = oz_div_up(oz_nm_entries(leaf), 4) - chunk * CHUNK_QUADS};
    r.packed = reader_at(kind, oz_nm_values(leaf, panel), chunk * CHUNK_INPUTS);
    unpack_chunk(kind, &r);
    r.at = (unsigned)(quad % CHUNK_QUADS);
    return r;
}

OZ_INLINE vb64 next_quad(oz_codec_kind kind, code_reader *r) {
    if (r->at == CHUNK_QUADS) unpack_chunk(kind, r);
    return r->chunk[r->at++];
}

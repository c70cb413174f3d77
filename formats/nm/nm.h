/* nm.h - where an nm leaf keeps what; see README.md. */
#ifndef OZ_FORMATS_NM_NM_H
#define OZ_FORMATS_NM_NM_H

#include <string.h>

#include "formats/parts.h"

enum { OZ_NM_N, OZ_NM_M, OZ_NM_FORM }; /* parameters */
enum { OZ_NM_LIST, OZ_NM_MASK };       /* forms */
enum { OZ_NM_VALUES, OZ_NM_POSITIONS, OZ_NM_SCALES };

static inline uint64_t oz_nm_groups(const oz_leaf *leaf) {
    return oz_div_up(leaf->cols, leaf->param[OZ_NM_M]);
}

/* Entries of a row, those that do not exist included: the inputs of the packed quads. */
static inline uint64_t oz_nm_entries(const oz_leaf *leaf) {
    return oz_nm_groups(leaf) * leaf->param[OZ_NM_N];
}

/* Inputs of a group, and entries that exist in it. */
static inline uint64_t oz_nm_inputs(const oz_leaf *leaf, uint64_t group) {
    return oz_min(leaf->param[OZ_NM_M], leaf->cols - group * leaf->param[OZ_NM_M]);
}

static inline uint64_t oz_nm_existing(const oz_leaf *leaf, uint64_t group) {
    return oz_min(leaf->param[OZ_NM_N], oz_nm_inputs(leaf, group));
}

static inline uint32_t oz_nm_position_bits(const oz_leaf *leaf) {
    return (uint32_t)__builtin_ctzll(leaf->param[OZ_NM_M]);
}

/* Bytes of the positions: one entry of 16 rows (list), one group of 16 rows (mask), one panel. */
static inline uint64_t oz_nm_entry_bytes(const oz_leaf *leaf) {
    return 2 * (uint64_t)oz_nm_position_bits(leaf);
}

static inline uint64_t oz_nm_mask_bytes(const oz_leaf *leaf) {
    return 2 * leaf->param[OZ_NM_M];
}

static inline uint64_t oz_nm_position_panel_bytes(const oz_leaf *leaf) {
    return leaf->param[OZ_NM_FORM] == OZ_NM_MASK ? oz_nm_groups(leaf) * oz_nm_mask_bytes(leaf)
                                                 : oz_nm_entries(leaf) * oz_nm_entry_bytes(leaf);
}

static inline const uint8_t *oz_nm_positions(const oz_leaf *leaf, uint64_t panel) {
    return leaf->part[OZ_NM_POSITIONS].data + panel * oz_nm_position_panel_bytes(leaf);
}

/* The mask of one of the 16 rows; `masks` are those of a group. */
static inline uint32_t oz_nm_mask(const oz_leaf *leaf, const uint8_t *masks, uint32_t row) {
    uint32_t bytes = (uint32_t)leaf->param[OZ_NM_M] / 8, mask = 0;
    if (bytes == 0) return masks[row / 2] >> (row % 2 * 4) & 15;
    memcpy(&mask, masks + (size_t)row * bytes, bytes);
    return mask;
}

/* Bytes of the values of one panel; floats are [entry][16 rows], integers quads over entries. */
static inline uint64_t oz_nm_value_panel_bytes(const oz_leaf *leaf) {
    oz_codec_kind kind = leaf->codec.kind;
    return oz_codec_is_integer(kind) ? oz_quads_bytes(kind, oz_div_up(oz_nm_entries(leaf), 4))
                                     : oz_nm_entries(leaf) * OZ_PANEL * oz_float_bytes(kind);
}

static inline const uint8_t *oz_nm_values(const oz_leaf *leaf, uint64_t panel) {
    return leaf->part[OZ_NM_VALUES].data + panel * oz_nm_value_panel_bytes(leaf);
}

#endif

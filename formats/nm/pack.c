/* pack.c - an nm leaf from dense weights: the n largest of each group, row by row.
 *
 * A matrix that already is n:m packs without loss; of any other this is its projection. */
#include "formats/nm/pack.h"

#include <math.h>

#include "formats/nm/nm.h"

typedef struct scratch {
    float *kept;    /* the existing entries of one row */
    uint8_t *quads; /* the codes of one panel, [quad][16][4] */
} scratch;

void oz_nm_complete(oz_leaf *leaf) {
    uint64_t list = leaf->param[OZ_NM_N] * oz_nm_entry_bytes(leaf);
    if (leaf->param[OZ_NM_FORM] != OZ_UNSET) return;
    leaf->param[OZ_NM_FORM] = oz_nm_mask_bytes(leaf) < list ? OZ_NM_MASK : OZ_NM_LIST;
}

/* The mask of the `count` largest of w[inputs]; of equal ones the earlier stays. */
static uint32_t largest(const float *w, uint64_t inputs, uint64_t count) {
    uint32_t mask = 0;
    for (; count > 0; count--) {
        uint64_t best = inputs;
        for (uint64_t i = 0; i < inputs; i++) {
            if (!(mask >> i & 1) && (best == inputs || fabsf(w[i]) > fabsf(w[best]))) best = i;
        }
        mask |= 1u << best;
    }
    return mask;
}

static void put_mask(oz_leaf *leaf, uint64_t r, uint64_t group, uint32_t mask) {
    uint32_t bytes = (uint32_t)leaf->param[OZ_NM_M] / 8, row = r % OZ_PANEL;
    uint8_t *masks = oz_part_write(leaf, OZ_NM_POSITIONS) + r / OZ_PANEL * oz_nm_position_panel_bytes(leaf) +
                     group * oz_nm_mask_bytes(leaf);
    if (bytes == 0) {
        masks[row / 2] |= (uint8_t)(mask << (row % 2 * 4));
    } else {
        memcpy(masks + (size_t)row * bytes, &mask, bytes);
    }
}

static void put_list(oz_leaf *leaf, uint64_t r, uint64_t group, uint32_t mask) {
    uint8_t *p = oz_part_write(leaf, OZ_NM_POSITIONS) + r / OZ_PANEL * oz_nm_position_panel_bytes(leaf) +
                 group * leaf->param[OZ_NM_N] * oz_nm_entry_bytes(leaf);
    for (; mask; mask &= mask - 1, p += oz_nm_entry_bytes(leaf)) {
        oz_bits_put(p, oz_nm_position_bits(leaf), r % OZ_PANEL, (uint8_t)__builtin_ctz(mask));
    }
}

/* Chooses the entries of row r, writes their positions and collects them; returns how many there are.
 * w NULL is a padded row: the first inputs of each group. */
static uint64_t choose(oz_leaf *leaf, uint64_t r, const float *w, float *kept) {
    uint64_t count = 0;
    for (uint64_t g = 0; g < oz_nm_groups(leaf); g++) {
        uint64_t existing = oz_nm_existing(leaf, g);
        const float *group = w ? w + g * leaf->param[OZ_NM_M] : NULL;
        uint32_t mask = w ? largest(group, oz_nm_inputs(leaf, g), existing) : (1u << existing) - 1;
        if (leaf->param[OZ_NM_FORM] == OZ_NM_MASK)
            put_mask(leaf, r, g, mask);
        else
            put_list(leaf, r, g, mask);
        for (; w && mask; mask &= mask - 1) kept[count++] = group[__builtin_ctz(mask)];
    }
    return count;
}

static void put_floats(oz_leaf *leaf, uint64_t r, const float *kept, uint64_t count) {
    uint8_t *values = oz_part_write(leaf, OZ_NM_VALUES) + r / OZ_PANEL * oz_nm_value_panel_bytes(leaf);
    for (uint64_t e = 0; e < count; e++) {
        oz_float_put(leaf->codec.kind, values, e * OZ_PANEL + r % OZ_PANEL, kept[e]);
    }
}

/* A scale group is whole n:m groups, so its entries are neighbours. */
static void put_codes(oz_leaf *leaf, uint64_t r, const float *kept, uint64_t count, uint8_t *quads) {
    const oz_codec *c = &leaf->codec;
    uint64_t step = c->group ? c->group / leaf->param[OZ_NM_M] * leaf->param[OZ_NM_N] : count;
    for (uint64_t e0 = 0; e0 < count; e0 += step) {
        uint64_t n = oz_min(step, count - e0);
        oz_group_fit fit = oz_codec_fit(c, kept + e0, n);
        oz_fit_put(leaf, oz_part_write(leaf, OZ_NM_SCALES), NULL, r, e0 / step, fit);
        for (uint64_t e = e0; e < e0 + n; e++) {
            quads[e / 4 * 64 + r % OZ_PANEL * 4 + e % 4] = oz_codec_encode(c, fit, kept[e]);
        }
    }
}

static void pack_panel(oz_leaf *leaf, uint64_t panel, const float *weights, const scratch *s) {
    bool integer = oz_codec_is_integer(leaf->codec.kind);
    uint64_t quads = oz_div_up(oz_nm_entries(leaf), 4);
    uint8_t zero = (uint8_t)oz_codec_zero(leaf->codec.kind);
    if (integer) memset(s->quads, zero, quads * 64);
    for (uint64_t r = panel * OZ_PANEL; r < (panel + 1) * OZ_PANEL; r++) {
        uint64_t count = choose(leaf, r, r < leaf->rows ? weights + r * leaf->cols : NULL, s->kept);
        if (integer)
            put_codes(leaf, r, s->kept, count, s->quads);
        else
            put_floats(leaf, r, s->kept, count);
    }
    if (!integer) return;
    uint8_t *values = oz_part_write(leaf, OZ_NM_VALUES) + panel * oz_nm_value_panel_bytes(leaf);
    oz_quads_pack(leaf->codec.kind, s->quads, quads, zero, values);
}

oz_status oz_nm_pack(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err) {
    uint64_t bytes[OZ_MAX_PARTS] = {0};
    OZ_TRY(leaf->format->layout(leaf, bytes, err));
    OZ_TRY(oz_leaf_check_range(leaf, weights, err));
    oz_nm_complete(leaf);
    OZ_TRY(oz_parts_alloc(leaf, arena, err));
    oz_arena temporary = {.allocator = arena->allocator};
    uint64_t entries = oz_nm_entries(leaf);
    scratch s = {oz_arena_array(&temporary, entries, sizeof(float)),
                 oz_arena_array(&temporary, oz_div_up(entries, 4), 64)};
    oz_status status = OZ_OK;
    if (s.kept && s.quads) {
        for (uint64_t p = 0; p < oz_leaf_panels(leaf); p++) pack_panel(leaf, p, weights, &s);
    } else {
        status = oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, oz_leaf_where(leaf), "no memory to pack");
    }
    oz_arena_free(&temporary);
    return status;
}

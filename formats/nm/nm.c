/* nm.c - n weights of every m neighbouring inputs: where they are and what is proved about it.
 *
 * Every row has the same number of entries, so entry e of 16 rows lies together and everything else is
 * arithmetic. Only the last, short group can have fewer inputs than n: its missing entries stay in the
 * layout as zeros at position 0. */
#include "formats/nm/nm.h"

#include "formats/nm/pack.h"

static const char *const forms[] = {"list", "mask", NULL};

static const oz_param_def params[] = {
    {"n", NULL, OZ_UNSET, true},
    {"m", NULL, OZ_UNSET, true},
    {"form", forms, OZ_UNSET, true},
};

static const oz_part_def parts[] = {
    {"values", OZ_PART_VALUES},
    {"positions", OZ_PART_INDEX},
    {"scales", OZ_PART_SCALES},
};

static oz_status check_params(const oz_leaf *leaf, oz_error *err) {
    uint64_t n = leaf->param[OZ_NM_N], m = leaf->param[OZ_NM_M];
    if (n == OZ_UNSET || m == OZ_UNSET) {
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, oz_leaf_where(leaf),
                       "nm needs n and m, as in nm:2:4");
    }
    if ((m != 4 && m != 8 && m != 16 && m != 32) || n < 1 || n >= m) {
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, oz_leaf_where(leaf),
                       "nm:%llu:%llu: m must be 4, 8, 16 or 32 and n from 1 to m - 1", (unsigned long long)n,
                       (unsigned long long)m);
    }
    return OZ_OK;
}

static oz_status layout(const oz_leaf *leaf, uint64_t bytes[OZ_MAX_PARTS], oz_error *err) {
    OZ_TRY(oz_leaf_check_shape(leaf, err));
    OZ_TRY(oz_leaf_check_symmetric(leaf, err));
    OZ_TRY(check_params(leaf, err));
    oz_leaf complete = *leaf;
    oz_nm_complete(&complete);
    bytes[OZ_NM_VALUES] = oz_leaf_panels(leaf) * oz_nm_value_panel_bytes(&complete);
    bytes[OZ_NM_POSITIONS] = oz_leaf_panels(leaf) * oz_nm_position_panel_bytes(&complete);
    bytes[OZ_NM_SCALES] = oz_scales_bytes(leaf);
    return OZ_OK;
}

/* ---- reading ---- */

static uint32_t lowest_bit(uint32_t mask) {
    return (uint32_t)__builtin_ctz(mask);
}

/* The positions of one row's existing entries in one group, ascending. */
static uint64_t read_group(const oz_leaf *leaf, uint64_t r, uint64_t group, uint32_t position[32]) {
    const uint8_t *p = oz_nm_positions(leaf, r / OZ_PANEL);
    uint64_t n = oz_nm_existing(leaf, group);
    if (leaf->param[OZ_NM_FORM] == OZ_NM_MASK) {
        uint32_t mask = oz_nm_mask(leaf, p + group * oz_nm_mask_bytes(leaf), r % OZ_PANEL);
        for (uint64_t j = 0; j < n && mask; j++, mask &= mask - 1) position[j] = lowest_bit(mask);
        return n;
    }
    for (uint64_t j = 0; j < n; j++) {
        uint64_t e = group * leaf->param[OZ_NM_N] + j;
        position[j] = oz_bits_get(p + e * oz_nm_entry_bytes(leaf), oz_nm_position_bits(leaf), r % OZ_PANEL);
    }
    return n;
}

static uint8_t read_code(const oz_leaf *leaf, uint64_t r, uint64_t entry) {
    return oz_quads_get(leaf->codec.kind, oz_nm_values(leaf, r / OZ_PANEL), r % OZ_PANEL, entry);
}

static float read_value(const oz_leaf *leaf, uint64_t r, uint64_t entry, uint64_t input) {
    if (!oz_codec_is_integer(leaf->codec.kind)) {
        return oz_float_get(leaf->codec.kind, oz_nm_values(leaf, r / OZ_PANEL),
                            entry * OZ_PANEL + r % OZ_PANEL);
    }
    return oz_codec_value(&leaf->codec, leaf->part[OZ_NM_SCALES].data, NULL,
                          oz_codec_groups(&leaf->codec, leaf->cols), r, input / oz_leaf_group(leaf),
                          read_code(leaf, r, entry));
}

static void row(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, float *out) {
    uint64_t m = leaf->param[OZ_NM_M];
    for (uint64_t i = 0; i < n; i++) out[i] = 0;
    for (uint64_t g = c0 / m; g < oz_nm_groups(leaf) && g * m < c0 + n; g++) {
        uint32_t position[32];
        uint64_t count = read_group(leaf, r, g, position);
        for (uint64_t j = 0; j < count; j++) {
            uint64_t c = g * m + position[j];
            if (c >= c0 && c < c0 + n) out[c - c0] = read_value(leaf, r, g * leaf->param[OZ_NM_N] + j, c);
        }
    }
}

static void codes(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, uint8_t *out) {
    uint64_t m = leaf->param[OZ_NM_M];
    memset(out, (int)oz_codec_zero(leaf->codec.kind), n);
    for (uint64_t g = c0 / m; g < oz_nm_groups(leaf) && g * m < c0 + n; g++) {
        uint32_t position[32];
        uint64_t count = read_group(leaf, r, g, position);
        for (uint64_t j = 0; j < count; j++) {
            uint64_t c = g * m + position[j];
            if (c >= c0 && c < c0 + n) out[c - c0] = read_code(leaf, r, g * leaf->param[OZ_NM_N] + j);
        }
    }
}

static uint64_t nonzeros(const oz_leaf *leaf) {
    uint64_t last = oz_nm_groups(leaf) - 1;
    return leaf->rows * (last * leaf->param[OZ_NM_N] + oz_nm_existing(leaf, last));
}

/* ---- proving ---- */

static oz_status position_fail(const oz_leaf *leaf, uint64_t r, uint64_t group, const uint8_t *at,
                               const char *what, oz_error *err) {
    const oz_part *p = &leaf->part[OZ_NM_POSITIONS];
    uint64_t offset = p->offset == OZ_NO_OFFSET ? OZ_NO_OFFSET : p->offset + (uint64_t)(at - p->data);
    return oz_fail(err, OZ_ERR_FORMAT, offset, oz_leaf_where(leaf), "row %llu, group %llu: %s",
                   (unsigned long long)r, (unsigned long long)group, what);
}

static oz_status check_mask(const oz_leaf *leaf, uint64_t r, uint64_t group, oz_error *err) {
    const uint8_t *masks = oz_nm_positions(leaf, r / OZ_PANEL) + group * oz_nm_mask_bytes(leaf);
    uint64_t mask = oz_nm_mask(leaf, masks, r % OZ_PANEL);
    if (mask >> oz_nm_inputs(leaf, group) != 0) {
        return position_fail(leaf, r, group, masks, "the mask has a bit past the last input", err);
    }
    if ((uint64_t)__builtin_popcountll(mask) != oz_nm_existing(leaf, group)) {
        return position_fail(leaf, r, group, masks, "the mask has not n bits", err);
    }
    return OZ_OK;
}

static oz_status check_list(const oz_leaf *leaf, uint64_t r, uint64_t group, oz_error *err) {
    uint64_t n = leaf->param[OZ_NM_N], existing = oz_nm_existing(leaf, group);
    uint32_t bits = oz_nm_position_bits(leaf), least = 0;
    const uint8_t *p = oz_nm_positions(leaf, r / OZ_PANEL) + group * n * oz_nm_entry_bytes(leaf);
    for (uint64_t j = 0; j < n; j++, p += oz_nm_entry_bytes(leaf)) {
        uint32_t position = oz_bits_get(p, bits, r % OZ_PANEL);
        if (j >= existing) {
            if (position)
                return position_fail(leaf, r, group, p, "a missing entry is not at position 0", err);
            continue;
        }
        if (position >= oz_nm_inputs(leaf, group)) {
            return position_fail(leaf, r, group, p, "a position is past the last input", err);
        }
        if (position < least) return position_fail(leaf, r, group, p, "positions do not ascend", err);
        least = position + 1;
    }
    return OZ_OK;
}

/* Kernels multiply missing entries like any other, so they must be zeros. */
static oz_status check_missing(const oz_leaf *leaf, uint64_t r, oz_error *err) {
    uint64_t n = leaf->param[OZ_NM_N], last = oz_nm_groups(leaf) - 1;
    for (uint64_t j = oz_nm_existing(leaf, last); j < n; j++) {
        uint64_t e = last * n + j;
        bool zero = oz_codec_is_integer(leaf->codec.kind)
                        ? read_code(leaf, r, e) == oz_codec_zero(leaf->codec.kind)
                        : read_value(leaf, r, e, 0) == 0;
        if (zero) continue;
        return oz_fail(err, OZ_ERR_FORMAT, leaf->part[OZ_NM_VALUES].offset, oz_leaf_where(leaf),
                       "row %llu: an entry that the short last group has no room for is not zero",
                       (unsigned long long)r);
    }
    return OZ_OK;
}

static oz_status open_leaf(const oz_leaf *leaf, oz_error *err) {
    bool mask = leaf->param[OZ_NM_FORM] == OZ_NM_MASK;
    uint64_t padded = oz_leaf_panels(leaf) * OZ_PANEL;
    if (leaf->param[OZ_NM_FORM] > OZ_NM_MASK) {
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, oz_leaf_where(leaf), "form= is missing");
    }
    for (uint64_t r = 0; r < padded; r++) {
        for (uint64_t g = 0; g < oz_nm_groups(leaf); g++) {
            OZ_TRY(mask ? check_mask(leaf, r, g, err) : check_list(leaf, r, g, err));
        }
        OZ_TRY(check_missing(leaf, r, err));
    }
    return oz_codec_is_integer(leaf->codec.kind) ? oz_scales_check(leaf, OZ_NM_SCALES, err) : OZ_OK;
}

static bool scale_rows(oz_leaf *leaf, const float *scale) {
    oz_codec_kind kind = leaf->codec.kind;
    if (oz_codec_is_integer(kind)) return oz_scales_multiply(leaf, OZ_NM_SCALES, OZ_MAX_PARTS, scale);
    uint64_t entries = oz_nm_entries(leaf);
    uint8_t *values = oz_part_write(leaf, OZ_NM_VALUES);
    for (int write = 0; write < 2; write++) {
        for (uint64_t r = 0; r < leaf->rows; r++) {
            for (uint64_t e = 0; e < entries; e++) {
                uint64_t i = (r / OZ_PANEL * entries + e) * OZ_PANEL + r % OZ_PANEL;
                float f = oz_float_get(kind, values, i) * scale[r];
                if (write)
                    oz_float_put(kind, values, i, f);
                else if (!oz_float_fits(kind, f))
                    return false;
            }
        }
    }
    return true;
}

static oz_extents extents(const oz_leaf *leaf, uint64_t panel, uint64_t k0, uint64_t n) {
    const uint64_t values = oz_nm_value_panel_bytes(leaf), positions = oz_nm_position_panel_bytes(leaf);
    return (oz_extents){{oz_panel_extent(leaf, OZ_NM_VALUES, values, panel, k0, n),
                         oz_panel_extent(leaf, OZ_NM_POSITIONS, positions, panel, k0, n)}};
}

const oz_format oz_format_nm = {
    .name = "nm",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .n_args = 2,
    .parts = parts,
    .n_parts = sizeof parts / sizeof parts[0],
    .codecs = OZ_CODECS_ALL,
    .layout = layout,
    .extents = extents,
    .open = open_leaf,
    .row = row,
    .codes = codes,
    .nonzeros = nonzeros,
    .pack = oz_nm_pack,
    .scale_rows = scale_rows,
};

/* dense.c - every weight is stored: floats row after row, integers as packed panels of 16 rows.
 *
 * Floats are laid out as everybody's tensors are, so that a foreign file is a leaf as it stands. */
#include "formats/dense/dense.h"

#include <string.h>

static const oz_part_def parts[] = {
    {"values", OZ_PART_VALUES},
    {"scales", OZ_PART_SCALES},
    {"offsets", OZ_PART_SCALES},
};

static oz_status layout(const oz_leaf *leaf, uint64_t bytes[OZ_MAX_PARTS], oz_error *err) {
    OZ_TRY(oz_leaf_check_shape(leaf, err));
    if (oz_codec_is_integer(leaf->codec.kind)) {
        bytes[OZ_DENSE_VALUES] = oz_leaf_panels(leaf) * oz_dense_panel_bytes(leaf);
    } else {
        bytes[OZ_DENSE_VALUES] = leaf->rows * leaf->cols * oz_float_bytes(leaf->codec.kind);
    }
    bytes[OZ_DENSE_SCALES] = oz_scales_bytes(leaf);
    bytes[OZ_DENSE_OFFSETS] = oz_offsets_bytes(leaf);
    return OZ_OK;
}

/* Codes of any bytes are in range, so only scales and minima can be wrong. */
static oz_status open_leaf(const oz_leaf *leaf, oz_error *err) {
    if (!oz_codec_is_integer(leaf->codec.kind)) return OZ_OK;
    OZ_TRY(oz_scales_check(leaf, OZ_DENSE_SCALES, err));
    if (leaf->codec.offset == OZ_MINIMUM) OZ_TRY(oz_scales_check(leaf, OZ_DENSE_OFFSETS, err));
    return OZ_OK;
}

static void codes(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, uint8_t *out) {
    const uint8_t *panel = oz_dense_panel(leaf, r / OZ_PANEL);
    for (uint64_t i = 0; i < n; i++) {
        out[i] = oz_quads_get(leaf->codec.kind, panel, (uint32_t)(r % OZ_PANEL), c0 + i);
    }
}

static void row(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, float *out) {
    oz_codec_kind kind = leaf->codec.kind;
    if (kind == OZ_CODEC_F32) {
        memcpy(out, leaf->part[OZ_DENSE_VALUES].data + (r * leaf->cols + c0) * sizeof *out, n * sizeof *out);
        return;
    }
    if (!oz_codec_is_integer(kind)) {
        for (uint64_t i = 0; i < n; i++) {
            out[i] = oz_float_get(kind, leaf->part[OZ_DENSE_VALUES].data, r * leaf->cols + c0 + i);
        }
        return;
    }
    uint64_t groups = oz_codec_groups(&leaf->codec, leaf->cols), group = oz_leaf_group(leaf);
    for (uint64_t i = 0; i < n; i++) {
        uint8_t code;
        codes(leaf, r, c0 + i, 1, &code);
        out[i] = oz_codec_value(&leaf->codec, leaf->part[OZ_DENSE_SCALES].data,
                                leaf->part[OZ_DENSE_OFFSETS].data, groups, r, (c0 + i) / group, code);
    }
}

/* Fits the groups of row r and writes its codes into the panel's quads [quad][16][4]. */
static void quantise_row(oz_leaf *leaf, uint64_t r, const float *w, uint8_t *quads) {
    const oz_codec *c = &leaf->codec;
    uint64_t group = oz_leaf_group(leaf);
    for (uint64_t c0 = 0; c0 < leaf->cols; c0 += group) {
        uint64_t n = oz_min(group, leaf->cols - c0);
        oz_group_fit fit = oz_codec_fit(c, w + c0, n);
        oz_fit_put(leaf, oz_part_write(leaf, OZ_DENSE_SCALES), oz_part_write(leaf, OZ_DENSE_OFFSETS), r,
                   c0 / group, fit);
        for (uint64_t i = c0; i < c0 + n; i++) {
            quads[i / 4 * 64 + r % OZ_PANEL * 4 + i % 4] = oz_codec_encode(c, fit, w[i]);
        }
    }
}

static void pack_integers(oz_leaf *leaf, const float *weights, uint8_t *quads) {
    oz_codec_kind kind = leaf->codec.kind;
    uint64_t n = oz_div_up(leaf->cols, 4), bytes = oz_dense_panel_bytes(leaf);
    uint8_t zero = (uint8_t)oz_codec_zero(kind), *out = oz_part_write(leaf, OZ_DENSE_VALUES);
    for (uint64_t r0 = 0; r0 < leaf->rows; r0 += OZ_PANEL, out += bytes) {
        memset(quads, zero, n * 64);
        for (uint64_t r = r0; r < oz_min(r0 + OZ_PANEL, leaf->rows); r++) {
            quantise_row(leaf, r, weights + r * leaf->cols, quads);
        }
        oz_quads_pack(kind, quads, n, zero, out);
    }
}

static oz_status pack(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err) {
    OZ_TRY(oz_parts_alloc(leaf, arena, err));
    if (!oz_codec_is_integer(leaf->codec.kind)) {
        OZ_TRY(oz_leaf_check_range(leaf, weights, err));
        for (uint64_t i = 0; i < leaf->rows * leaf->cols; i++) {
            oz_float_put(leaf->codec.kind, oz_part_write(leaf, OZ_DENSE_VALUES), i, weights[i]);
        }
        return OZ_OK;
    }
    size_t scratch = oz_div_up(leaf->cols, 4) * 64;
    uint8_t *quads = oz_alloc(arena->allocator, scratch, 64);
    if (!quads) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, oz_leaf_where(leaf), "no memory to pack");
    pack_integers(leaf, weights, quads);
    oz_release(arena->allocator, quads, scratch);
    return OZ_OK;
}

static bool scale_rows(oz_leaf *leaf, const float *scale) {
    if (oz_codec_is_integer(leaf->codec.kind)) {
        return oz_scales_multiply(leaf, OZ_DENSE_SCALES, OZ_DENSE_OFFSETS, scale);
    }
    oz_codec_kind kind = leaf->codec.kind;
    uint8_t *values = oz_part_write(leaf, OZ_DENSE_VALUES);
    uint64_t n = leaf->rows * leaf->cols;
    for (uint64_t i = 0; i < n; i++) {
        if (!oz_float_fits(kind, oz_float_get(kind, values, i) * scale[i / leaf->cols])) return false;
    }
    for (uint64_t i = 0; i < n; i++) {
        oz_float_put(kind, values, i, oz_float_get(kind, values, i) * scale[i / leaf->cols]);
    }
    return true;
}

static oz_extents extents(const oz_leaf *leaf, uint64_t panel, uint64_t k0, uint64_t n) {
    if (oz_codec_is_integer(leaf->codec.kind))
        return (oz_extents){
            {oz_panel_extent(leaf, OZ_DENSE_VALUES, oz_dense_panel_bytes(leaf), panel, k0, n)}};
    const uint64_t width = oz_float_bytes(leaf->codec.kind), row = panel * OZ_PANEL;
    const uint8_t *first = leaf->part[OZ_DENSE_VALUES].data + (row * leaf->cols + k0) * width;
    return (oz_extents){{{first, leaf->cols * width, n * width}}};
}

const oz_format oz_format_dense = {
    .name = "dense",
    .parts = parts,
    .n_parts = sizeof parts / sizeof parts[0],
    .codecs = OZ_CODECS_ALL,
    .layout = layout,
    .extents = extents,
    .open = open_leaf,
    .row = row,
    .codes = codes,
    .pack = pack,
    .scale_rows = scale_rows,
};

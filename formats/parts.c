/* parts.c - the bounds of a leaf, and scales as parts. */
#include "formats/parts.h"

#include <math.h>

const char *oz_leaf_where(const oz_leaf *leaf) {
    return leaf->name ? leaf->name : "";
}

oz_status oz_leaf_check_codec(const oz_leaf *leaf, oz_error *err) {
    const oz_codec *c = &leaf->codec;
    const char *where = oz_leaf_where(leaf);
    if ((unsigned)c->kind >= OZ_CODEC_COUNT || !(leaf->format->codecs & OZ_CODEC_BIT(c->kind))) {
        const char *name = (unsigned)c->kind < OZ_CODEC_COUNT ? oz_codec_name(c->kind) : "?";
        return oz_fail(err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, where, "format %s does not take codec %s",
                       leaf->format->name, name);
    }
    if (c->group != 0 && c->group != 32 && c->group != 64 && c->group != 128) {
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, where,
                       "group=%u: must be 32, 64, 128 or 0 (the row)", (unsigned)c->group);
    }
    if (!oz_codec_is_integer(c->kind) && (c->group || c->offset || c->scale_f32)) {
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, where,
                       "group, scale and offset belong to integer codecs, not to %s", oz_codec_name(c->kind));
    }
    if (c->offset > OZ_MINIMUM || (c->kind == OZ_CODEC_TERNARY && c->offset != OZ_SYMMETRIC)) {
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, where, "%s has no such offset",
                       oz_codec_name(c->kind));
    }
    return OZ_OK;
}

oz_status oz_leaf_check_shape(const oz_leaf *leaf, oz_error *err) {
    uint64_t weights = 0;
    if (leaf->rows == 0 || leaf->cols == 0) {
        return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, oz_leaf_where(leaf),
                       "a weight of %llu x %llu is empty", (unsigned long long)leaf->rows,
                       (unsigned long long)leaf->cols);
    }
    if (leaf->rows > OZ_MAX_SIDE || leaf->cols > OZ_MAX_SIDE || !oz_mul(leaf->rows, leaf->cols, &weights) ||
        weights > OZ_MAX_WEIGHTS) {
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, oz_leaf_where(leaf),
                       "a weight of %llu x %llu is too large: at most 2^31 - 1 a side, 2^48 in all",
                       (unsigned long long)leaf->rows, (unsigned long long)leaf->cols);
    }
    return oz_leaf_check_codec(leaf, err);
}

oz_status oz_leaf_check_symmetric(const oz_leaf *leaf, oz_error *err) {
    if (leaf->codec.offset == OZ_SYMMETRIC) return OZ_OK;
    return oz_fail(err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, oz_leaf_where(leaf),
                   "format %s takes symmetric codecs only: leave out offset=", leaf->format->name);
}

bool oz_float_fits(oz_codec_kind kind, float f) {
    uint8_t rounded[4];
    oz_float_put(kind, rounded, 0, f);
    return isfinite(oz_float_get(kind, rounded, 0));
}

oz_status oz_leaf_check_range(const oz_leaf *leaf, const float *weights, oz_error *err) {
    if (oz_codec_is_integer(leaf->codec.kind)) return OZ_OK;
    for (uint64_t i = 0; i < leaf->rows * leaf->cols; i++) {
        if (oz_float_fits(leaf->codec.kind, weights[i])) continue;
        return oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, oz_leaf_where(leaf),
                       "weight [%llu][%llu] = %g is too large for %s: use bf16 or f32",
                       (unsigned long long)(i / leaf->cols), (unsigned long long)(i % leaf->cols),
                       (double)weights[i], oz_codec_name(leaf->codec.kind));
    }
    return OZ_OK;
}

/* ---- scales ---- */

static uint64_t scale_count(const oz_leaf *leaf) {
    return oz_leaf_panels(leaf) * oz_codec_groups(&leaf->codec, leaf->cols) * OZ_PANEL;
}

oz_extent oz_panel_extent(const oz_leaf *leaf, size_t part, uint64_t bytes, uint64_t panel, uint64_t k0,
                          uint64_t n) {
    if (leaf->part[part].data == NULL) return (oz_extent){NULL, 0, 0};
    const uint64_t share = oz_div_up(bytes * n / leaf->cols, OZ_PANEL);
    return (oz_extent){leaf->part[part].data + panel * bytes + bytes * k0 / leaf->cols, share, share};
}

uint64_t oz_scales_bytes(const oz_leaf *leaf) {
    if (!oz_codec_is_integer(leaf->codec.kind)) return 0;
    return scale_count(leaf) * oz_scale_bytes(&leaf->codec);
}

uint64_t oz_offsets_bytes(const oz_leaf *leaf) {
    if (leaf->codec.offset == OZ_SYMMETRIC) return 0;
    return leaf->codec.offset == OZ_ZERO_POINT ? scale_count(leaf) : oz_scales_bytes(leaf);
}

static oz_codec_kind scale_kind(const oz_leaf *leaf) {
    return leaf->codec.scale_f32 ? OZ_CODEC_F32 : OZ_CODEC_F16;
}

oz_status oz_scales_check(const oz_leaf *leaf, size_t part, oz_error *err) {
    const oz_part *p = &leaf->part[part];
    uint64_t n = scale_count(leaf), size = oz_scale_bytes(&leaf->codec);
    for (uint64_t i = 0; i < n; i++) {
        if (isfinite(oz_float_get(scale_kind(leaf), p->data, i))) continue;
        uint64_t offset = p->offset == OZ_NO_OFFSET ? OZ_NO_OFFSET : p->offset + i * size;
        return oz_fail(err, OZ_ERR_FORMAT, offset, oz_leaf_where(leaf), "%s[%llu] is not a finite number",
                       leaf->format->parts[part].name, (unsigned long long)i);
    }
    return OZ_OK;
}

void oz_fit_put(const oz_leaf *leaf, void *scales, void *offsets, uint64_t r, uint64_t group,
                oz_group_fit fit) {
    const oz_codec *c = &leaf->codec;
    uint64_t groups = oz_codec_groups(c, leaf->cols);
    oz_scale_put(c, scales, groups, r, group, fit.scale);
    if (c->offset == OZ_MINIMUM) oz_scale_put(c, offsets, groups, r, group, fit.offset);
    if (c->offset == OZ_ZERO_POINT) {
        uint8_t *z = offsets;
        z[(r / OZ_PANEL * groups + group) * OZ_PANEL + r % OZ_PANEL] = (uint8_t)fit.offset;
    }
}

static bool multiply_part(oz_leaf *leaf, size_t part, const float *scale, bool write) {
    const oz_codec *c = &leaf->codec;
    uint64_t groups = oz_codec_groups(c, leaf->cols);
    uint8_t *data = oz_part_write(leaf, part);
    for (uint64_t r = 0; r < leaf->rows; r++) {
        for (uint64_t g = 0; g < groups; g++) {
            float s = oz_scale_get(c, data, groups, r, g) * scale[r];
            if (write) {
                oz_scale_put(c, data, groups, r, g, s);
            } else if (!oz_float_fits(scale_kind(leaf), s)) {
                return false;
            }
        }
    }
    return true;
}

bool oz_scales_multiply(oz_leaf *leaf, size_t scales, size_t offsets, const float *scale) {
    bool minima = leaf->codec.offset == OZ_MINIMUM && offsets < OZ_MAX_PARTS;
    if (!multiply_part(leaf, scales, scale, false)) return false;
    if (minima && !multiply_part(leaf, offsets, scale, false)) return false;
    multiply_part(leaf, scales, scale, true);
    if (minima) multiply_part(leaf, offsets, scale, true);
    return true;
}

/* ---- parts ---- */

oz_status oz_parts_alloc(oz_leaf *leaf, oz_arena *arena, oz_error *err) {
    uint64_t bytes[OZ_MAX_PARTS] = {0};
    OZ_TRY(leaf->format->layout(leaf, bytes, err));
    for (size_t i = 0; i < leaf->format->n_parts; i++) {
        leaf->part[i] = (oz_part){NULL, bytes[i], OZ_NO_OFFSET};
        if (bytes[i] == 0) continue;
        leaf->part[i].data = oz_arena_alloc(arena, bytes[i], 64);
        if (!leaf->part[i].data) {
            return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, oz_leaf_where(leaf), "no memory for %llu bytes",
                           (unsigned long long)bytes[i]);
        }
    }
    return OZ_OK;
}

uint8_t *oz_part_write(oz_leaf *leaf, size_t part) {
    return (uint8_t *)(uintptr_t)leaf->part[part].data;
}

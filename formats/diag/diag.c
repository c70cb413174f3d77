/* diag.c - a matrix that is zero off its diagonal: the vectors of VeRA, a scale for every input.
 *
 * The one format small enough to be read in a minute; docs/adding-a-format.md walks through it. */
#include "formats/diag/diag.h"

#include <string.h>

static const oz_part_def parts[] = {{"values", OZ_PART_VALUES}};

static oz_status layout(const oz_leaf *leaf, uint64_t bytes[OZ_MAX_PARTS], oz_error *err) {
    OZ_TRY(oz_leaf_check_shape(leaf, err));
    bytes[0] = oz_diag_length(leaf) * oz_float_bytes(leaf->codec.kind);
    return OZ_OK;
}

/* There is no index that could be wrong. */
static oz_status open_leaf(const oz_leaf *leaf, oz_error *err) {
    (void)leaf, (void)err;
    return OZ_OK;
}

static void row(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, float *out) {
    memset(out, 0, n * sizeof *out);
    if (r >= c0 && r < c0 + n) out[r - c0] = oz_float_get(leaf->codec.kind, leaf->part[0].data, r);
}

static uint64_t nonzeros(const oz_leaf *leaf) {
    return oz_diag_length(leaf);
}

/* Keeps the diagonal, whatever else the matrix holds: the nearest diagonal matrix. */
static oz_status pack(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err) {
    OZ_TRY(oz_leaf_check_range(leaf, weights, err));
    OZ_TRY(oz_parts_alloc(leaf, arena, err));
    for (uint64_t i = 0; i < oz_diag_length(leaf); i++) {
        oz_float_put(leaf->codec.kind, oz_part_write(leaf, 0), i, weights[i * leaf->cols + i]);
    }
    return OZ_OK;
}

static bool scale_rows(oz_leaf *leaf, const float *scale) {
    oz_codec_kind kind = leaf->codec.kind;
    uint8_t *values = oz_part_write(leaf, 0);
    for (uint64_t i = 0; i < oz_diag_length(leaf); i++) {
        if (!oz_float_fits(kind, oz_float_get(kind, values, i) * scale[i])) return false;
    }
    for (uint64_t i = 0; i < oz_diag_length(leaf); i++) {
        oz_float_put(kind, values, i, oz_float_get(kind, values, i) * scale[i]);
    }
    return true;
}

const oz_format oz_format_diag = {
    .name = "diag",
    .parts = parts,
    .n_parts = 1,
    .codecs = OZ_CODECS_FLOAT,
    .layout = layout,
    .open = open_leaf,
    .row = row,
    .nonzeros = nonzeros,
    .pack = pack,
    .scale_rows = scale_rows,
};

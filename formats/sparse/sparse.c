/* sparse.c - the weights that are not zero, by cells of 16 rows x `block` inputs.
 *
 * A cell is small enough that a column is one byte (form rows) or the cell's masks a few cache lines
 * (form mask); its weights are one run of slots, row after row. */
#include "formats/sparse/sparse.h"

#include "formats/sparse/pack.h"

static const char *const forms[] = {"mask", "rows", NULL};

static const oz_param_def params[] = {
    {"form", forms, OZ_UNSET, true},
    {"block", NULL, OZ_UNSET, true},
    {"slots", NULL, OZ_UNSET, true},
};

static const oz_part_def parts[] = {
    {"cells", OZ_PART_INDEX},   {"values", OZ_PART_VALUES}, {"ends", OZ_PART_INDEX},
    {"columns", OZ_PART_INDEX}, {"mask", OZ_PART_INDEX},    {"scales", OZ_PART_SCALES},
};

static oz_status check_params(const oz_leaf *leaf, oz_error *err) {
    uint64_t block = leaf->param[OZ_SPARSE_BLOCK], slots = leaf->param[OZ_SPARSE_SLOTS];
    const char *where = oz_leaf_where(leaf);
    if (leaf->param[OZ_SPARSE_FORM] > OZ_SPARSE_ROWS || slots == OZ_UNSET) {
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, where,
                       "the size of a sparse leaf is known once it is packed: form= or slots= is missing");
    }
    if (block != 128 && block != 256) {
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, where, "block must be 128 or 256");
    }
    if (slots % OZ_SPARSE_STEP != 0 || slots > UINT32_MAX) {
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, where,
                       "slots=%llu must be a multiple of %d below 2^32", (unsigned long long)slots,
                       OZ_SPARSE_STEP);
    }
    return OZ_OK;
}

static oz_status layout(const oz_leaf *leaf, uint64_t bytes[OZ_MAX_PARTS], oz_error *err) {
    OZ_TRY(oz_leaf_check_shape(leaf, err));
    OZ_TRY(oz_leaf_check_symmetric(leaf, err));
    OZ_TRY(check_params(leaf, err));
    oz_codec_kind kind = leaf->codec.kind;
    uint64_t cells = oz_leaf_panels(leaf) * oz_sparse_blocks(leaf), slots = leaf->param[OZ_SPARSE_SLOTS];
    bool rows = leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_ROWS;
    bytes[OZ_SPARSE_CELLS] = (cells + 1) * sizeof(uint32_t);
    bytes[OZ_SPARSE_VALUES] =
        oz_codec_is_integer(kind) ? slots / 8 * oz_sparse_bits(kind) : slots * oz_float_bytes(kind);
    bytes[OZ_SPARSE_ENDS] = rows ? cells * OZ_PANEL * sizeof(uint16_t) : 0;
    bytes[OZ_SPARSE_COLUMNS] = rows ? slots : 0;
    bytes[OZ_SPARSE_MASKS] = rows ? 0 : oz_leaf_panels(leaf) * OZ_PANEL * oz_div_up(leaf->cols, 8);
    bytes[OZ_SPARSE_SCALES] = oz_scales_bytes(leaf);
    return OZ_OK;
}

/* ---- reading ---- */

/* What one row has in one cell: its columns, and the slot of the first of them. */
typedef struct cell_row {
    uint64_t slot;
    uint32_t count;
    uint8_t column[256];
} cell_row;

static uint32_t count_bits(const uint8_t *mask, uint64_t bytes) {
    uint32_t n = 0;
    for (uint64_t i = 0; i < bytes; i++) n += (uint32_t)__builtin_popcount(mask[i]);
    return n;
}

static void read_mask(const oz_leaf *leaf, uint64_t r, uint64_t b, cell_row *out) {
    uint64_t bytes = oz_sparse_mask_bytes(leaf, b), row = r % OZ_PANEL;
    const uint8_t *masks = oz_sparse_masks(leaf, r / OZ_PANEL, b), *mask = masks + row * bytes;
    out->slot += count_bits(masks, row * bytes);
    out->count = 0;
    for (uint64_t i = 0; i < oz_sparse_inputs(leaf, b); i++) {
        if (mask[i / 8] >> (i % 8) & 1) out->column[out->count++] = (uint8_t)i;
    }
}

static void read_columns(const oz_leaf *leaf, uint64_t r, uint64_t cell, cell_row *out) {
    uint32_t row = r % OZ_PANEL, begin = row ? oz_sparse_end(leaf, cell, row - 1) : 0;
    out->slot += begin;
    out->count = oz_sparse_end(leaf, cell, row) - begin;
    if (out->count == 0) return; /* a leaf of zeros has no columns at all */
    memcpy(out->column, leaf->part[OZ_SPARSE_COLUMNS].data + out->slot, out->count);
}

static void read_row(const oz_leaf *leaf, uint64_t r, uint64_t b, cell_row *out) {
    uint64_t cell = r / OZ_PANEL * oz_sparse_blocks(leaf) + b;
    out->slot = oz_sparse_first(leaf, cell);
    if (leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_MASK)
        read_mask(leaf, r, b, out);
    else
        read_columns(leaf, r, cell, out);
}

static uint8_t read_code(const oz_leaf *leaf, uint64_t slot) {
    oz_codec_kind kind = leaf->codec.kind;
    uint8_t code = oz_bits_get(leaf->part[OZ_SPARSE_VALUES].data, oz_sparse_bits(kind), slot);
    return kind == OZ_CODEC_TERNARY ? (uint8_t)(2 * code) : code;
}

static float read_value(const oz_leaf *leaf, uint64_t r, uint64_t c, uint64_t slot) {
    const oz_codec *codec = &leaf->codec;
    if (!oz_codec_is_integer(codec->kind)) {
        return oz_float_get(codec->kind, leaf->part[OZ_SPARSE_VALUES].data, slot);
    }
    return oz_codec_value(codec, leaf->part[OZ_SPARSE_SCALES].data, NULL, oz_codec_groups(codec, leaf->cols),
                          r, c / oz_leaf_group(leaf), read_code(leaf, slot));
}

static void row(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, float *out) {
    uint64_t block = leaf->param[OZ_SPARSE_BLOCK];
    for (uint64_t i = 0; i < n; i++) out[i] = 0;
    for (uint64_t b = c0 / block; b < oz_sparse_blocks(leaf) && b * block < c0 + n; b++) {
        cell_row entries;
        read_row(leaf, r, b, &entries);
        for (uint32_t i = 0; i < entries.count; i++) {
            uint64_t c = b * block + entries.column[i];
            if (c >= c0 && c < c0 + n) out[c - c0] = read_value(leaf, r, c, entries.slot + i);
        }
    }
}

static void codes(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, uint8_t *out) {
    uint64_t block = leaf->param[OZ_SPARSE_BLOCK];
    memset(out, (int)oz_codec_zero(leaf->codec.kind), n);
    for (uint64_t b = c0 / block; b < oz_sparse_blocks(leaf) && b * block < c0 + n; b++) {
        cell_row entries;
        read_row(leaf, r, b, &entries);
        for (uint32_t i = 0; i < entries.count; i++) {
            uint64_t c = b * block + entries.column[i];
            if (c >= c0 && c < c0 + n) out[c - c0] = read_code(leaf, entries.slot + i);
        }
    }
}

static uint64_t nonzeros(const oz_leaf *leaf) {
    uint64_t n = 0, blocks = oz_sparse_blocks(leaf), panels = oz_leaf_panels(leaf);
    for (uint64_t cell = 0; cell < panels * blocks; cell++) {
        if (leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_ROWS) {
            n += oz_sparse_end(leaf, cell, OZ_PANEL - 1);
        } else {
            uint64_t b = cell % blocks;
            n +=
                count_bits(oz_sparse_masks(leaf, cell / blocks, b), OZ_PANEL * oz_sparse_mask_bytes(leaf, b));
        }
    }
    return n;
}

static const char *variant(const oz_leaf *leaf) {
    return leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_ROWS ? "sparse:rows" : "sparse:mask";
}

/* ---- proving ---- */

static oz_status cell_fail(const oz_leaf *leaf, size_t part, uint64_t cell, uint64_t at, const char *what,
                           oz_error *err) {
    const oz_part *p = &leaf->part[part];
    uint64_t offset = p->offset == OZ_NO_OFFSET ? OZ_NO_OFFSET : p->offset + at;
    return oz_fail(err, OZ_ERR_FORMAT, offset, oz_leaf_where(leaf), "cell %llu of part %s: %s",
                   (unsigned long long)cell, leaf->format->parts[part].name, what);
}

/* Every first slot is in range and the cells' runs of slots follow each other. */
static oz_status check_cells(const oz_leaf *leaf, uint64_t cells, oz_error *err) {
    uint32_t before = 0;
    for (uint64_t i = 0; i <= cells; i++) {
        uint32_t first = oz_sparse_first(leaf, i);
        const char *what = NULL;
        if (i == 0 && first != 0) what = "the first slot is not 0";
        if (i == cells && first != leaf->param[OZ_SPARSE_SLOTS]) what = "the last slot is not slots=";
        if (first < before) what = "slots do not ascend";
        if (first % OZ_SPARSE_STEP != 0) what = "the first slot is not a multiple of 8";
        if (what) return cell_fail(leaf, OZ_SPARSE_CELLS, i, i * sizeof first, what, err);
        before = first;
    }
    return OZ_OK;
}

static oz_status check_columns(const oz_leaf *leaf, uint64_t cell, uint64_t from, uint64_t to,
                               oz_error *err) {
    const uint8_t *columns = leaf->part[OZ_SPARSE_COLUMNS].data;
    uint64_t inputs = oz_sparse_inputs(leaf, cell % oz_sparse_blocks(leaf));
    uint32_t least = 0;
    for (uint64_t i = from; i < to; i++) {
        if (columns[i] >= inputs) {
            return cell_fail(leaf, OZ_SPARSE_COLUMNS, cell, i, "a column is past the cell's inputs", err);
        }
        if (columns[i] < least) {
            return cell_fail(leaf, OZ_SPARSE_COLUMNS, cell, i, "a row's columns do not ascend", err);
        }
        least = columns[i] + 1u;
    }
    return OZ_OK;
}

static oz_status check_rows_cell(const oz_leaf *leaf, uint64_t cell, oz_error *err) {
    uint64_t first = oz_sparse_first(leaf, cell), slots = oz_sparse_first(leaf, cell + 1) - first;
    uint64_t row0 = cell / oz_sparse_blocks(leaf) * OZ_PANEL, at = cell * OZ_PANEL * sizeof(uint16_t);
    uint32_t end = 0;
    for (uint32_t row = 0; row < OZ_PANEL; row++) {
        uint32_t begin = end;
        end = oz_sparse_end(leaf, cell, row);
        const char *what = NULL;
        if (end < begin)
            what = "row ends do not ascend";
        else if (end > slots)
            what = "a row ends past the cell's slots";
        else if (row0 + row >= leaf->rows && end > begin)
            what = "a row past the last one has weights";
        if (what) return cell_fail(leaf, OZ_SPARSE_ENDS, cell, at + row * sizeof(uint16_t), what, err);
        OZ_TRY(check_columns(leaf, cell, first + begin, first + end, err));
    }
    if (oz_round_up(end, OZ_SPARSE_STEP) != slots) {
        return cell_fail(leaf, OZ_SPARSE_ENDS, cell, at, "the rows do not fill the cell's slots", err);
    }
    for (uint64_t i = first + end; i < first + slots; i++) {
        if (leaf->part[OZ_SPARSE_COLUMNS].data[i] == 0) continue;
        return cell_fail(leaf, OZ_SPARSE_COLUMNS, cell, i, "the column of an unused slot is not 0", err);
    }
    return OZ_OK;
}

static oz_status check_mask_cell(const oz_leaf *leaf, uint64_t cell, oz_error *err) {
    uint64_t blocks = oz_sparse_blocks(leaf), b = cell % blocks, row0 = cell / blocks * OZ_PANEL;
    uint64_t bytes = oz_sparse_mask_bytes(leaf, b), tail = oz_sparse_inputs(leaf, b) % 8;
    const uint8_t *masks = oz_sparse_masks(leaf, cell / blocks, b);
    uint64_t at = (uint64_t)(masks - leaf->part[OZ_SPARSE_MASKS].data);
    uint32_t count = count_bits(masks, OZ_PANEL * bytes);
    for (uint64_t row = 0; row < OZ_PANEL; row++, masks += bytes) {
        if (tail && masks[bytes - 1] >> tail) {
            return cell_fail(leaf, OZ_SPARSE_MASKS, cell, at + row * bytes, "a bit is past the last input",
                             err);
        }
        if (row0 + row >= leaf->rows && count_bits(masks, bytes) != 0) {
            return cell_fail(leaf, OZ_SPARSE_MASKS, cell, at + row * bytes,
                             "a row past the last one has weights", err);
        }
    }
    if (oz_round_up(count, OZ_SPARSE_STEP) != oz_sparse_first(leaf, cell + 1) - oz_sparse_first(leaf, cell)) {
        return cell_fail(leaf, OZ_SPARSE_MASKS, cell, at, "the bits do not fill the cell's slots", err);
    }
    return OZ_OK;
}

static oz_status open_leaf(const oz_leaf *leaf, oz_error *err) {
    uint64_t cells = oz_leaf_panels(leaf) * oz_sparse_blocks(leaf);
    bool mask = leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_MASK;
    OZ_TRY(check_cells(leaf, cells, err));
    for (uint64_t cell = 0; cell < cells; cell++) {
        OZ_TRY(mask ? check_mask_cell(leaf, cell, err) : check_rows_cell(leaf, cell, err));
    }
    return oz_codec_is_integer(leaf->codec.kind) ? oz_scales_check(leaf, OZ_SPARSE_SCALES, err) : OZ_OK;
}

/* ---- scaling ---- */

/* Multiplies the stored floats of row r, or only asks whether all products fit. */
static bool scale_row(oz_leaf *leaf, uint64_t r, float scale, bool write) {
    oz_codec_kind kind = leaf->codec.kind;
    uint8_t *values = oz_part_write(leaf, OZ_SPARSE_VALUES);
    for (uint64_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        cell_row entries;
        read_row(leaf, r, b, &entries);
        for (uint64_t i = entries.slot; i < entries.slot + entries.count; i++) {
            float f = oz_float_get(kind, values, i) * scale;
            if (write)
                oz_float_put(kind, values, i, f);
            else if (!oz_float_fits(kind, f))
                return false;
        }
    }
    return true;
}

static bool scale_rows(oz_leaf *leaf, const float *scale) {
    if (oz_codec_is_integer(leaf->codec.kind)) {
        return oz_scales_multiply(leaf, OZ_SPARSE_SCALES, OZ_MAX_PARTS, scale);
    }
    for (uint64_t r = 0; r < leaf->rows; r++) {
        if (!scale_row(leaf, r, scale[r], false)) return false;
    }
    for (uint64_t r = 0; r < leaf->rows; r++) scale_row(leaf, r, scale[r], true);
    return true;
}

/* A part of `bits` for each slot. */
static oz_extent slots_extent(const oz_leaf *leaf, size_t part, uint64_t first, uint64_t slots,
                              uint64_t bits) {
    if (leaf->part[part].data == NULL) return (oz_extent){NULL, 0, 0};
    const uint64_t share = oz_div_up(slots * bits, 8 * OZ_PANEL);
    return (oz_extent){leaf->part[part].data + first * bits / 8, share, share};
}

static oz_extents extents(const oz_leaf *leaf, uint64_t panel, uint64_t k0, uint64_t n) {
    const uint64_t block = leaf->param[OZ_SPARSE_BLOCK], cell = panel * oz_sparse_blocks(leaf) + k0 / block;
    const uint64_t first = oz_sparse_first(leaf, cell), cells = oz_div_up(n, block);
    const uint64_t slots = oz_sparse_first(leaf, cell + cells) - first;
    const oz_codec_kind kind = leaf->codec.kind;
    const uint64_t bits = oz_codec_is_integer(kind) ? oz_sparse_bits(kind) : 8 * oz_float_bytes(kind);
    const oz_extent values = slots_extent(leaf, OZ_SPARSE_VALUES, first, slots, bits);
    if (leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_ROWS)
        return (oz_extents){{values, slots_extent(leaf, OZ_SPARSE_COLUMNS, first, slots, 8)}};
    const uint64_t masks = OZ_PANEL * oz_div_up(leaf->cols, 8);
    return (oz_extents){{values, oz_panel_extent(leaf, OZ_SPARSE_MASKS, masks, panel, k0, n)}};
}

const oz_format oz_format_sparse = {
    .name = "sparse",
    .params = params,
    .n_params = sizeof params / sizeof params[0],
    .parts = parts,
    .n_parts = sizeof parts / sizeof parts[0],
    .codecs = OZ_CODECS_ALL,
    .layout = layout,
    .extents = extents,
    .open = open_leaf,
    .row = row,
    .codes = codes,
    .nonzeros = nonzeros,
    .variant = variant,
    .pack = oz_sparse_pack,
    .scale_rows = scale_rows,
};

/* pack.c - a sparse leaf from dense weights.
 *
 * Weights are coded first, because only those that are not 0 afterwards are stored; then the sizes of
 * all cells are known, the form is chosen by bytes, and the parts are filled cell by cell. */
#include "formats/sparse/pack.h"

#include "formats/sparse/sparse.h"

typedef struct coded {
    const float *weights;
    uint8_t *codes;    /* integers: of every weight, the zero code where none is stored */
    oz_group_fit *fit; /* integers: [row][group] */
    float *kept;       /* the nonzeros of one group */
} coded;

static bool is_stored(const oz_leaf *leaf, const coded *c, uint64_t i) {
    oz_codec_kind kind = leaf->codec.kind;
    if (oz_codec_is_integer(kind)) return c->codes[i] != oz_codec_zero(kind);
    uint8_t rounded[4];
    oz_float_put(kind, rounded, 0, c->weights[i]);
    return oz_float_get(kind, rounded, 0) != 0;
}

/* Zeros are kept out of the fit: they cost nothing whatever the scale is. */
static void code_group(const oz_leaf *leaf, const coded *c, uint64_t begin, uint64_t n, oz_group_fit *fit) {
    size_t kept = 0;
    for (uint64_t i = begin; i < begin + n; i++) {
        if (c->weights[i] != 0) c->kept[kept++] = c->weights[i];
    }
    *fit = oz_codec_fit(&leaf->codec, c->kept, kept);
    for (uint64_t i = begin; i < begin + n; i++) {
        c->codes[i] = oz_codec_encode(&leaf->codec, *fit, c->weights[i]);
    }
}

static void code_all(const oz_leaf *leaf, const coded *c) {
    uint64_t groups = oz_codec_groups(&leaf->codec, leaf->cols), group = oz_leaf_group(leaf);
    for (uint64_t r = 0; r < leaf->rows; r++) {
        for (uint64_t g = 0; g < groups; g++) {
            uint64_t n = oz_min(group, leaf->cols - g * group);
            code_group(leaf, c, r * leaf->cols + g * group, n, &c->fit[r * groups + g]);
        }
    }
}

/* ---- choosing block and form ---- */

static uint64_t count_cell(const oz_leaf *leaf, const coded *c, uint64_t panel, uint64_t b) {
    uint64_t n = 0, c0 = b * leaf->param[OZ_SPARSE_BLOCK];
    uint64_t end = oz_min((panel + 1) * OZ_PANEL, leaf->rows);
    for (uint64_t r = panel * OZ_PANEL; r < end; r++) {
        for (uint64_t i = 0; i < oz_sparse_inputs(leaf, b); i++)
            n += is_stored(leaf, c, r * leaf->cols + c0 + i);
    }
    return n;
}

static uint64_t count_slots(const oz_leaf *leaf, const coded *c) {
    uint64_t slots = 0;
    for (uint64_t p = 0; p < oz_leaf_panels(leaf); p++) {
        for (uint64_t b = 0; b < oz_sparse_blocks(leaf); b++) {
            slots += oz_round_up(count_cell(leaf, c, p, b), OZ_SPARSE_STEP);
        }
    }
    return slots;
}

static uint64_t bytes_of_form(const oz_leaf *leaf, uint64_t form) {
    oz_leaf copy = *leaf;
    oz_bytes bytes;
    copy.param[OZ_SPARSE_FORM] = form;
    oz_leaf_bytes(&copy, &bytes);
    return bytes.total;
}

/* The smaller form; of two within 5 % the faster. Where they are that close fewer than 20 % are stored,
 * and there it is rows. */
static uint64_t choose_form(const oz_leaf *leaf) {
    double mask = (double)bytes_of_form(leaf, OZ_SPARSE_MASK);
    double rows = (double)bytes_of_form(leaf, OZ_SPARSE_ROWS);
    return rows <= 1.05 * mask ? OZ_SPARSE_ROWS : OZ_SPARSE_MASK;
}

static void complete(oz_leaf *leaf, const coded *c) {
    uint64_t n = 0, all = leaf->rows * leaf->cols;
    for (uint64_t i = 0; i < all; i++) n += is_stored(leaf, c, i);
    double density = (double)n / (double)all;
    if (leaf->param[OZ_SPARSE_BLOCK] == OZ_UNSET) leaf->param[OZ_SPARSE_BLOCK] = density > 0.125 ? 128 : 256;
    leaf->param[OZ_SPARSE_SLOTS] = count_slots(leaf, c);
    if (leaf->param[OZ_SPARSE_FORM] == OZ_UNSET) leaf->param[OZ_SPARSE_FORM] = choose_form(leaf);
}

/* ---- filling ---- */

static void put_weight(oz_leaf *leaf, const coded *c, uint64_t slot, uint64_t i) {
    oz_codec_kind kind = leaf->codec.kind;
    uint8_t *values = oz_part_write(leaf, OZ_SPARSE_VALUES);
    if (!oz_codec_is_integer(kind)) {
        oz_float_put(kind, values, slot, c->weights[i]);
    } else {
        uint8_t code = kind == OZ_CODEC_TERNARY ? c->codes[i] / 2 : c->codes[i];
        oz_bits_put(values, oz_sparse_bits(kind), slot, code);
    }
}

static void put_index(oz_leaf *leaf, uint64_t r, uint64_t b, uint64_t column, uint64_t slot) {
    if (leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_ROWS) {
        oz_part_write(leaf, OZ_SPARSE_COLUMNS)[slot] = (uint8_t)column;
        return;
    }
    uint8_t *masks = (uint8_t *)(uintptr_t)oz_sparse_masks(leaf, r / OZ_PANEL, b);
    masks[r % OZ_PANEL * oz_sparse_mask_bytes(leaf, b) + column / 8] |= (uint8_t)(1u << (column % 8));
}

/* Fills one cell from slot `first`; returns how many weights it has. */
static uint64_t fill_cell(oz_leaf *leaf, const coded *c, uint64_t panel, uint64_t b, uint64_t first) {
    uint64_t count = 0, cell = panel * oz_sparse_blocks(leaf) + b;
    for (uint64_t row = 0; row < OZ_PANEL; row++) {
        uint64_t r = panel * OZ_PANEL + row, begin = r * leaf->cols + b * leaf->param[OZ_SPARSE_BLOCK];
        for (uint64_t i = 0; r < leaf->rows && i < oz_sparse_inputs(leaf, b); i++) {
            if (!is_stored(leaf, c, begin + i)) continue;
            put_weight(leaf, c, first + count, begin + i);
            put_index(leaf, r, b, i, first + count++);
        }
        if (leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_ROWS) {
            uint16_t end = (uint16_t)count;
            memcpy(oz_part_write(leaf, OZ_SPARSE_ENDS) + (cell * OZ_PANEL + row) * sizeof end, &end,
                   sizeof end);
        }
    }
    return count;
}

static void fill(oz_leaf *leaf, const coded *c) {
    uint32_t first = 0;
    uint8_t *cells = oz_part_write(leaf, OZ_SPARSE_CELLS) + sizeof first; /* cell 0 begins at slot 0 */
    for (uint64_t p = 0; p < oz_leaf_panels(leaf); p++) {
        for (uint64_t b = 0; b < oz_sparse_blocks(leaf); b++, cells += sizeof first) {
            first += (uint32_t)oz_round_up(fill_cell(leaf, c, p, b, first), OZ_SPARSE_STEP);
            memcpy(cells, &first, sizeof first);
        }
    }
    if (!oz_codec_is_integer(leaf->codec.kind)) return;
    uint64_t groups = oz_codec_groups(&leaf->codec, leaf->cols);
    for (uint64_t i = 0; i < leaf->rows * groups; i++) {
        oz_fit_put(leaf, oz_part_write(leaf, OZ_SPARSE_SCALES), NULL, i / groups, i % groups, c->fit[i]);
    }
}

static oz_status pack_with(oz_leaf *leaf, const float *weights, oz_arena *temporary, oz_arena *arena,
                           oz_error *err) {
    coded c = {.weights = weights};
    if (oz_codec_is_integer(leaf->codec.kind)) {
        uint64_t groups = oz_codec_groups(&leaf->codec, leaf->cols);
        c.codes = oz_arena_array(temporary, leaf->rows, leaf->cols);
        c.fit = oz_arena_array(temporary, leaf->rows * groups, sizeof *c.fit);
        c.kept = oz_arena_array(temporary, leaf->cols, sizeof *c.kept);
        if (!c.codes || !c.fit || !c.kept) {
            return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, oz_leaf_where(leaf), "no memory to pack");
        }
        code_all(leaf, &c);
    }
    complete(leaf, &c);
    OZ_TRY(oz_parts_alloc(leaf, arena, err));
    fill(leaf, &c);
    return OZ_OK;
}

oz_status oz_sparse_pack(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err) {
    oz_leaf check = *leaf;
    uint64_t bytes[OZ_MAX_PARTS] = {0};
    check.param[OZ_SPARSE_SLOTS] = 0; /* what was given must be right; the rest is completed */
    if (check.param[OZ_SPARSE_FORM] == OZ_UNSET) check.param[OZ_SPARSE_FORM] = OZ_SPARSE_MASK;
    if (check.param[OZ_SPARSE_BLOCK] == OZ_UNSET) check.param[OZ_SPARSE_BLOCK] = 128;
    OZ_TRY(leaf->format->layout(&check, bytes, err));
    OZ_TRY(oz_leaf_check_range(leaf, weights, err));
    oz_arena temporary = {.allocator = arena->allocator};
    oz_status status = pack_with(leaf, weights, &temporary, arena, err);
    oz_arena_free(&temporary);
    return status;
}

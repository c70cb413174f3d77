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
 * and there it is jagged. */
static uint64_t choose_form(const oz_leaf *leaf) {
    double mask = (double)bytes_of_form(leaf, OZ_SPARSE_MASK);
    double jagged = (double)bytes_of_form(leaf, OZ_SPARSE_JAGGED);
    return jagged <= 1.05 * mask ? OZ_SPARSE_JAGGED : OZ_SPARSE_MASK;
}

static void complete(oz_leaf *leaf, const coded *c) {
    uint64_t n = 0, all = leaf->rows * leaf->cols;
    for (uint64_t i = 0; i < all; i++) n += is_stored(leaf, c, i);
    double density = (double)n / (double)all;
    /* Few inputs are looked up faster; but a cell's own bytes count where it stores next to nothing. */
    if (leaf->param[OZ_SPARSE_BLOCK] == OZ_UNSET)
        leaf->param[OZ_SPARSE_BLOCK] = density > 1.0 / 64 ? 128 : 256;
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

/* The columns of one cell that are stored, row by row. */
typedef struct cell_columns {
    uint16_t length[OZ_PANEL];
    uint8_t column[OZ_PANEL][256];
} cell_columns;

static void find_columns(const oz_leaf *leaf, const coded *c, uint64_t panel, uint64_t b, cell_columns *out) {
    const uint64_t c0 = b * leaf->param[OZ_SPARSE_BLOCK], inputs = oz_sparse_inputs(leaf, b);
    for (uint64_t row = 0; row < OZ_PANEL; row++) {
        const uint64_t r = panel * OZ_PANEL + row;
        out->length[row] = 0;
        for (uint64_t i = 0; r < leaf->rows && i < inputs; i++) {
            if (is_stored(leaf, c, r * leaf->cols + c0 + i))
                out->column[row][out->length[row]++] = (uint8_t)i;
        }
    }
}

/* Place of entry e of a row in the dense weights. */
static uint64_t place_of(const oz_leaf *leaf, const cell_columns *columns, uint64_t panel, uint64_t b,
                         uint64_t row, uint64_t e) {
    return (panel * OZ_PANEL + row) * leaf->cols + b * leaf->param[OZ_SPARSE_BLOCK] + columns->column[row][e];
}

/* Both fill one cell from slot `first` and return where it ends. */
static uint64_t fill_mask(oz_leaf *leaf, const coded *c, const cell_columns *columns, uint64_t panel,
                          uint64_t b, uint64_t first) {
    uint8_t *mask = (uint8_t *)(uintptr_t)oz_sparse_masks(leaf, panel, b);
    for (uint64_t row = 0; row < OZ_PANEL; row++, mask += oz_sparse_mask_bytes(leaf, b)) {
        for (uint64_t e = 0; e < columns->length[row]; e++) {
            const uint8_t column = columns->column[row][e];
            put_weight(leaf, c, first++, place_of(leaf, columns, panel, b, row, e));
            mask[column / 8] |= (uint8_t)(1u << (column % 8));
        }
    }
    return first;
}

static uint64_t fill_jagged(oz_leaf *leaf, const coded *c, const cell_columns *columns, uint64_t panel,
                            uint64_t b, uint64_t first) {
    uint8_t by_rank[OZ_PANEL], *rows = oz_part_write(leaf, OZ_SPARSE_ROWS);
    const uint64_t cell = panel * oz_sparse_blocks(leaf) + b;
    for (uint64_t row = 0; row < OZ_PANEL; row++) {
        uint64_t rank = 0;
        for (uint64_t r = 0; r < OZ_PANEL; r++)
            rank += columns->length[r] > columns->length[row] ||
                    (columns->length[r] == columns->length[row] && r < row);
        const uint16_t both = (uint16_t)(columns->length[row] | rank << 12);
        memcpy(rows + (cell * OZ_PANEL + row) * sizeof both, &both, sizeof both);
        by_rank[rank] = (uint8_t)row;
    }
    for (uint64_t e = 0; e < columns->length[by_rank[0]]; e++) {
        for (uint64_t i = 0; i < OZ_PANEL && columns->length[by_rank[i]] > e; i++) {
            put_weight(leaf, c, first, place_of(leaf, columns, panel, b, by_rank[i], e));
            oz_part_write(leaf, OZ_SPARSE_COLUMNS)[first++] = columns->column[by_rank[i]][e];
        }
    }
    return first;
}

static uint64_t fill_cell(oz_leaf *leaf, const coded *c, uint64_t panel, uint64_t b, uint64_t first) {
    cell_columns columns;
    find_columns(leaf, c, panel, b, &columns);
    return leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_JAGGED ? fill_jagged(leaf, c, &columns, panel, b, first)
                                                           : fill_mask(leaf, c, &columns, panel, b, first);
}

static void fill(oz_leaf *leaf, const coded *c) {
    uint32_t first = 0;
    uint8_t *cells = oz_part_write(leaf, OZ_SPARSE_CELLS) + sizeof first; /* cell 0 begins at slot 0 */
    for (uint64_t p = 0; p < oz_leaf_panels(leaf); p++) {
        for (uint64_t b = 0; b < oz_sparse_blocks(leaf); b++, cells += sizeof first) {
            first = (uint32_t)oz_round_up(fill_cell(leaf, c, p, b, first), OZ_SPARSE_STEP);
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

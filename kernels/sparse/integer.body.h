/* integer.body.h - sparse codes: the fused product with up to 4 quantised activation rows, and the decoder to
 * quads.
 *
 * Codes less the zero code are signed bytes, 0 where nothing is stored. A mask expands a row of them in a
 * register beside the dense activations. Columns are scattered over a cell that stays in the first-level
 * cache; where bytes can be looked up in 128, the activations are brought to the columns instead. */

/* A cell's codes, and how far each row has been read. */
typedef struct code_reader {
    cell c;
    _Alignas(64) int8_t dense[OZ_PANEL][OZ_MAX_BLOCK]; /* form rows */
    uint8_t codes[OZ_MOST_NONZEROS + OZ_READ_AHEAD];   /* in the order of the slots */
} code_reader;

static void scatter_codes(code_reader *r) {
    const uint8_t *columns = r->c.columns;
    memset(r->dense, 0, sizeof r->dense);
    for (size_t i = 0; i < OZ_PANEL; i++) {
        int8_t *row = r->dense[i];
        const size_t end = r->c.row[i + 1];
        for (size_t s = r->c.row[i]; s < end; s++) row[columns[s]] = (int8_t)r->codes[s];
    }
}

static void open_codes(const oz_leaf *leaf, size_t panel, size_t block, code_reader *r) {
    find_cell(leaf, panel, block, &r->c);
    cell_codes(leaf, &r->c, r->codes);
}

/* 128 inputs of row i from k on, a multiple of 128; behind the cell's inputs are zeros. Columns must have
 * been scattered; of masks (NULL for columns), what lies before k must have been read. */
OZ_INLINE void read_row(const mask_rows *masks, code_reader *r, size_t i, size_t k, vb64 w[2]) {
    if (!masks) {
        w[0] = vb_load(r->dense[i] + k);
        w[1] = vb_load(r->dense[i] + k + 64);
        return;
    }
    const uint8_t *codes = r->codes + r->c.row[i];
    uint64_t mask[2];
    memcpy(mask, masks->first + i * masks->stride, sizeof mask);
    w[0] = vb_expand_open(codes, mask[0]);
    w[1] = vb_expand_open(codes + count_bits(mask[0]), mask[1]);
    r->c.row[i] += count_bits(mask[0]) + count_bits(mask[1]);
}

/* sum + the products of signed codes and inputs, and what OZ_DOT4_BIAS leaves of 128 times the inputs' sum.
 */
OZ_INLINE vi16 dot_codes(vi16 sum, vb64 w, const int8_t *x) {
    return v_dot4_u8(sum, vb_xor(w, vb_set1(128)), vb_load(x));
}

/* Sums over 128 inputs, [activation row][half of the inputs][row], four inputs a lane; one half stands for
 * both if one segment covers them. */
typedef struct lane_sums {
    vi16 lane[OZ_MV_BATCH][2][OZ_PANEL];
} lane_sums;

OZ_INLINE void sum_block_as(const mask_rows *masks, bool whole, code_reader *r, size_t k, const int8_t *x,
                            size_t ld, size_t m, lane_sums *sums) {
    OZ_ROLL
    for (size_t row = 0; row < OZ_PANEL; row++) {
        vb64 w[2];
        read_row(masks, r, row, k, w);
        for (size_t i = 0; i < m; i++) {
            vi16 low = dot_codes(vi_zero(), w[0], x + i * ld);
            vi16 high = dot_codes(whole ? low : vi_zero(), w[1], x + i * ld + 64);
            sums->lane[i][0][row] = whole ? high : low;
            if (!whole) sums->lane[i][1][row] = high;
        }
    }
}

/* Inputs [k, k + n) of the reader's cell, n at most 128. */
static void sum_block(bool whole, code_reader *r, size_t k, size_t n, const int8_t *x, size_t ld, size_t m,
                      lane_sums *sums) {
    mask_rows masks;
    if (!r->c.masks) {
        if (whole)
            sum_block_as(NULL, true, r, k, x, ld, m, sums);
        else
            sum_block_as(NULL, false, r, k, x, ld, m, sums);
        return;
    }
    find_masks(&r->c, k, n, &masks);
    if (whole && m == 1)
        sum_block_as(&masks, true, r, k, x, ld, 1, sums);
    else if (whole)
        sum_block_as(&masks, true, r, k, x, ld, m, sums);
    else
        sum_block_as(&masks, false, r, k, x, ld, m, sums);
}

/* The sums of 16 rows over `inputs` (32, or the whole vector) from input `at` of the block on. */
OZ_INLINE vi16 segment_sum(vi16 lane[2][OZ_PANEL], size_t at, size_t inputs) {
    static const int32_t halves[2][OZ_LANES] = {{-1, -1, -1, -1, -1, -1, -1, -1},
                                                {0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1}};
    if (inputs != 32) return vi_sum_rows(lane[at / 64]);
    vi16 half[OZ_PANEL], lanes = vi_load(halves[at / 32 % 2]);
    for (size_t row = 0; row < OZ_PANEL; row++) half[row] = vi_and(lane[at / 64][row], lanes);
    return vi_sum_rows(half);
}

/* What a product with codes keeps from block to block. */
typedef struct product {
    const oz_scales scales;
    const oz_rows *x;
    size_t ld, step; /* bytes of a row of activations; inputs of a segment */
    vf16 acc[OZ_MV_BATCH];
} product;

OZ_INLINE void add_sums(product *p, size_t i, size_t k, vi16 sum) {
    vf16 in_scale = v_broadcast(p->x->scale + (i * p->ld + k) / OZ_BLOCK);
    p->acc[i] = add_segment(p->acc[i], scale_at(&p->scales, k / p->scales.inputs), in_scale, sum);
}

/* The n inputs from k on, n at most 128, which are those from `from` on of the reader's cell. */
static void add_block(product *p, code_reader *r, size_t from, size_t k, size_t n) {
    const bool whole = p->step >= n;
    lane_sums sums;
    sum_block(whole, r, from, n, p->x->i8 + k, p->ld, p->x->m, &sums);
    for (size_t i = 0; i < p->x->m; i++) {
        for (size_t at = 0; at < n; at += p->step) {
            vi16 sum = segment_sum(sums.lane[i], at, whole ? OZ_BLOCK : p->step);
            int32_t inputs = segment_input_sum(p->x, i, p->ld, k + at, oz_min(p->step, n - at));
            add_sums(p, i, k + at, vi_sub(sum, vi_set1((128 - OZ_DOT4_BIAS) * inputs)));
        }
    }
}

#ifdef OZ_LOOK_UP
/* One segment of a cell of columns: the activations under each row's slots, 64 at a time. */
static vi16 sum_columns(const code_reader *r, const uint8_t *columns, unsigned shift, uint8_t segment,
                        const int8_t *x) {
    vi16 sums[OZ_PANEL];
    const int8_t *table = x + ((size_t)segment << shift) / OZ_BLOCK * OZ_BLOCK;
    for (size_t row = 0; row < OZ_PANEL; row++) {
        vi16 sum = vi_zero();
        const size_t end = r->c.row[row + 1];
        for (size_t s = r->c.row[row]; s < end; s += 64) {
            const uint64_t live = end - s >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (end - s)) - 1;
            vb64 in = vb_look_up(table, vb_load(columns + s), shift, segment, live);
            sum = v_dot4_s8(sum, vb_load(r->codes + s), in);
        }
        sums[row] = sum;
    }
    return vi_sum_rows(sums);
}

static void add_columns(product *p, const code_reader *r, size_t k) {
    const unsigned shift = p->step >= oz_min(r->c.inputs, OZ_BLOCK) ? 7 : (unsigned)__builtin_ctzll(p->step);
    uint8_t columns[OZ_MOST_NONZEROS + OZ_READ_AHEAD];
    list_columns(&r->c, columns);
    for (size_t i = 0; i < p->x->m; i++) {
        const int8_t *x = p->x->i8 + i * p->ld + k;
        for (size_t at = 0; at < r->c.inputs; at += (size_t)1 << shift) {
            add_sums(p, i, k + at, sum_columns(r, columns, shift, (uint8_t)(at >> shift), x));
        }
    }
}
#else
static void add_columns(product *p, code_reader *r, size_t k) {
    scatter_codes(r);
    for (size_t from = 0; from < r->c.inputs; from += OZ_BLOCK) {
        add_block(p, r, from, k + from, oz_min(OZ_BLOCK, r->c.inputs - from));
    }
}
#endif

static void add_masks(product *p, code_reader *r, size_t k) {
    for (size_t from = 0; from < r->c.inputs; from += OZ_BLOCK) {
        add_block(p, r, from, k + from, oz_min(OZ_BLOCK, r->c.inputs - from));
    }
}

static void mv_panel_codes(const oz_leaf *leaf, size_t panel, const oz_rows *x, float *y, size_t ldy) {
    product p = {.scales = scales_of(leaf, panel), .x = x, .ld = oz_round_up(leaf->cols, OZ_BLOCK)};
    code_reader reader;
    p.step = oz_min(p.scales.inputs, OZ_BLOCK);
    for (size_t i = 0; i < x->m; i++) p.acc[i] = v_zero();
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        open_codes(leaf, panel, b, &reader);
        if (reader.c.masks)
            add_masks(&p, &reader, b * leaf->param[OZ_SPARSE_BLOCK]);
        else
            add_columns(&p, &reader, b * leaf->param[OZ_SPARSE_BLOCK]);
    }
    for (size_t i = 0; i < x->m; i++) add_to_rows(leaf, panel, p.acc[i], y + i * ldy);
}

static void OZ_NAME(sparse_mv_integer)(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x,
                                       float *y, size_t ldy) {
    for (size_t panel = panel0; panel < panel1; panel++) mv_panel_codes(leaf, panel, x, y, ldy);
}

/* Rows of codes become quads: 16 x 16 dwords at a time. */
static void decode_u8(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile) {
    const size_t block = leaf->param[OZ_SPARSE_BLOCK], quads = oz_div_up(n, 4), from = k0 % block;
    const vb64 zero = vb_set1((uint8_t)oz_codec_zero(leaf->codec.kind));
    code_reader reader;
    vf16 square[2][OZ_PANEL];
    open_codes(leaf, panel, k0 / block, &reader);
    mask_rows masks;
    if (reader.c.masks)
        find_masks(&reader.c, from, n, &masks);
    else
        scatter_codes(&reader);
    for (size_t row = 0; row < OZ_PANEL; row++) {
        vb64 w[2];
        if (reader.c.masks) {
            if (from > 0) reader.c.row[row] += count_row(reader.c.masks + row * reader.c.mask_bytes, from);
            read_row(&masks, &reader, row, from, w);
        } else {
            read_row(NULL, &reader, row, from, w);
        }
        square[0][row] = v_from_bits(vi_quads(vb_add(w[0], zero)));
        square[1][row] = v_from_bits(vi_quads(vb_add(w[1], zero)));
    }
    for (size_t half = 0; half < 2 && half * OZ_LANES < quads; half++) {
        v_transpose(square[half]);
        for (size_t q = 0; q < oz_min(OZ_LANES, quads - half * OZ_LANES); q++) {
            vi_store(tile + (half * OZ_LANES + q) * 64, vi_bits(square[half][q]));
        }
    }
}

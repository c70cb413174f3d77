/* integer.body.h - sparse codes: the fused product with up to 4 quantised activation rows, and the decoder to
 * quads.
 *
 * Rows of 128 codes are made dense, the zero code where nothing is stored, and what follows is the exact
 * arithmetic of a dense leaf. A mask expands them in a register; columns are scattered over a cell that stays
 * in the first-level cache. */

/* Each code xor the zero code. */
typedef struct dense_cell {
    _Alignas(64) uint8_t row[OZ_PANEL][OZ_MAX_BLOCK];
} dense_cell;

/* A cell's codes, and how far each row has been read. */
typedef struct code_reader {
    cell c;
    vb64 zero;
    dense_cell dense;                       /* form rows */
    uint8_t codes[MOST_SLOTS + READ_AHEAD]; /* xor the zero code, in the order of the slots */
} code_reader;

static void scatter_codes(code_reader *r) {
    const uint8_t *columns = r->c.columns;
    memset(&r->dense, 0, sizeof r->dense);
    for (size_t i = 0; i < OZ_PANEL; i++) {
        uint8_t *row = r->dense.row[i];
        const size_t end = r->c.row[i + 1];
        for (size_t s = r->c.row[i]; s < end; s++) row[columns[s]] = r->codes[s];
    }
}

static void open_codes(const oz_leaf *leaf, size_t panel, size_t block, code_reader *r) {
    find_cell(leaf, panel, block, &r->c);
    r->zero = vb_set1((uint8_t)oz_codec_zero(leaf->codec.kind));
    cell_codes(leaf, &r->c, r->codes);
    if (!r->c.masks) scatter_codes(r);
}

/* Inputs [k, k + n) of row i, n at most 128; inputs behind them have the zero code. Of a mask, what lies
 * before k must have been read. */
OZ_INLINE void read_codes(bool masks, code_reader *r, size_t i, size_t k, size_t n, vb64 q[2]) {
    if (masks) {
        const uint8_t *row = r->c.masks + i * r->c.mask_bytes + k / 8, *codes = r->codes + r->c.row[i];
        uint64_t mask[2];
        if (n == OZ_BLOCK)
            memcpy(mask, row, sizeof mask);
        else
            read_mask_tail(row, n, mask);
        q[0] = vb_expand_open(codes, mask[0]);
        q[1] = vb_expand_open(codes + count_bits(mask[0]), mask[1]);
        r->c.row[i] += count_bits(mask[0]) + count_bits(mask[1]);
    } else {
        q[0] = vb_load(r->dense.row[i] + k);
        q[1] = vb_load(r->dense.row[i] + k + 64);
    }
    q[0] = vb_xor(q[0], r->zero);
    q[1] = vb_xor(q[1], r->zero);
}

OZ_INLINE vi16 dot_codes(bool int8, vi16 sum, vb64 q, const int8_t *x) {
    return int8 ? v_dot4_u8(sum, q, vb_load(x)) : v_dot4_u7(sum, q, vb_load(x));
}

/* Exact sums over 128 inputs, [activation row][half of the inputs][row], four inputs a lane; one half stands
 * for both if one segment covers them. */
typedef struct lane_sums {
    vi16 lane[OZ_MV_BATCH][2][OZ_PANEL];
} lane_sums;

OZ_INLINE void sum_block_as(bool masks, bool int8, bool whole, code_reader *r, size_t k, size_t n,
                            const int8_t *x, size_t ld, size_t m, lane_sums *sums) {
    OZ_ROLL
    for (size_t row = 0; row < OZ_PANEL; row++) {
        vb64 q[2];
        read_codes(masks, r, row, k, n, q);
        for (size_t i = 0; i < m; i++) {
            vi16 low = dot_codes(int8, vi_zero(), q[0], x + i * ld);
            vi16 high = dot_codes(int8, whole ? low : vi_zero(), q[1], x + i * ld + 64);
            sums->lane[i][0][row] = whole ? high : low;
            if (!whole) sums->lane[i][1][row] = high;
        }
    }
}

OZ_INLINE void sum_block_of(bool int8, bool whole, code_reader *r, size_t k, size_t n, const int8_t *x,
                            size_t ld, size_t m, lane_sums *sums) {
    if (r->c.masks && m == 1)
        sum_block_as(true, int8, whole, r, k, n, x, ld, 1, sums);
    else if (r->c.masks)
        sum_block_as(true, int8, whole, r, k, n, x, ld, m, sums);
    else
        sum_block_as(false, int8, whole, r, k, n, x, ld, m, sums);
}

static void sum_block(bool int8, bool whole, code_reader *r, size_t k, size_t n, const int8_t *x, size_t ld,
                      size_t m, lane_sums *sums) {
    if (int8 && whole)
        sum_block_of(true, true, r, k, n, x, ld, m, sums);
    else if (int8)
        sum_block_of(true, false, r, k, n, x, ld, m, sums);
    else if (whole)
        sum_block_of(false, true, r, k, n, x, ld, m, sums);
    else
        sum_block_of(false, false, r, k, n, x, ld, m, sums);
}

/* The sums of 16 rows over `inputs` (32, or the whole vector) from input `at` of the block on. */
OZ_INLINE vi16 segment_sum(vi16 lane[2][OZ_PANEL], size_t at, size_t inputs) {
    static const int32_t halves[3][OZ_LANES / 2] = {{0}, {-1, -1, -1, -1, -1, -1, -1, -1}, {0}};
    if (inputs != 32) return vi_sum_rows(lane[at / 64]);
    vi16 half[OZ_PANEL], lanes = vi_load(halves[at % 64 == 0 ? 1 : 0]);
    for (size_t row = 0; row < OZ_PANEL; row++) half[row] = vi_and(lane[at / 64][row], lanes);
    return vi_sum_rows(half);
}

/* acc += the segments of n inputs from the leaf's k on; `bias` is the zero code as the dot product sees it.
 */
OZ_INLINE vf16 add_block(const oz_scales *scales, int32_t bias, size_t k, size_t n, const oz_rows *x,
                         size_t i, size_t ld, vi16 lane[2][OZ_PANEL], vf16 acc) {
    const size_t step = oz_min(scales->inputs, OZ_BLOCK);
    for (size_t at = 0; at < n; at += step) {
        segment_input in = segment_input_at(x, i, ld, k + at, oz_min(step, n - at));
        vi16 sum = vi_sub(segment_sum(lane, at, step < n ? step : OZ_BLOCK), vi_set1(bias * in.sum));
        acc = add_segment(acc, scale_at(scales, (k + at) / scales->inputs), in.scale, sum);
    }
    return acc;
}

static void mv_panel_codes(const oz_leaf *leaf, size_t panel, const oz_rows *x, float *y, size_t ldy) {
    const oz_scales scales = scales_of(leaf, panel);
    const size_t ld = oz_round_up(leaf->cols, OZ_BLOCK), block = leaf->param[OZ_SPARSE_BLOCK];
    const bool int8 = leaf->codec.kind == OZ_CODEC_INT8;
    const int32_t bias = scales.zero - (int8 ? OZ_DOT4_BIAS : 0);
    code_reader reader;
    vf16 acc[OZ_MV_BATCH];
    for (size_t i = 0; i < x->m; i++) acc[i] = v_zero();
    for (size_t k = 0; k < leaf->cols; k += OZ_BLOCK) {
        lane_sums sums;
        const size_t n = oz_min(OZ_BLOCK, leaf->cols - k);
        if (k % block == 0) open_codes(leaf, panel, k / block, &reader);
        sum_block(int8, oz_min(scales.inputs, OZ_BLOCK) >= n, &reader, k % block, n, x->i8 + k, ld, x->m,
                  &sums);
        for (size_t i = 0; i < x->m; i++)
            acc[i] = add_block(&scales, bias, k, n, x, i, ld, sums.lane[i], acc[i]);
    }
    for (size_t i = 0; i < x->m; i++) add_to_rows(leaf, panel, acc[i], y + i * ldy);
}

static void mv_integer(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x, float *y,
                       size_t ldy) {
    for (size_t panel = panel0; panel < panel1; panel++) mv_panel_codes(leaf, panel, x, y, ldy);
}

/* Rows of codes become quads: 16 x 16 dwords at a time. */
static void decode_u8(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile) {
    const size_t block = leaf->param[OZ_SPARSE_BLOCK], quads = oz_div_up(n, 4), from = k0 % block;
    code_reader reader;
    vf16 square[2][OZ_PANEL];
    open_codes(leaf, panel, k0 / block, &reader);
    for (size_t row = 0; row < OZ_PANEL; row++) {
        vb64 q[2];
        if (reader.c.masks) {
            if (from > 0) reader.c.row[row] += count_row(reader.c.masks + row * reader.c.mask_bytes, from);
            read_codes(true, &reader, row, from, n, q);
        } else {
            read_codes(false, &reader, row, from, n, q);
        }
        square[0][row] = v_from_bits(vi_quads(q[0]));
        square[1][row] = v_from_bits(vi_quads(q[1]));
    }
    for (size_t half = 0; half < 2 && half * OZ_LANES < quads; half++) {
        v_transpose(square[half]);
        for (size_t q = 0; q < oz_min(OZ_LANES, quads - half * OZ_LANES); q++) {
            vi_store(tile + (half * OZ_LANES + q) * 64, vi_bits(square[half][q]));
        }
    }
}

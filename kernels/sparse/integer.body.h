/* integer.body.h - sparse codes: the fused product with up to 4 quantised activation rows, and the decoder to
 * quads.
 *
 * A mask expands a row of codes in a register beside the dense activations, onto the code of zero. In form
 * rows the activations are brought to the columns instead: looked up where 128 bytes can be, for two rows at
 * a time, else copied for all slots of a cell before its rows are told apart. */

/* A cell's codes; of rows that are read block by block, c.row says how far. */
typedef struct code_reader {
    cell c;
    uint8_t zero;
    const uint8_t *codes, *columns; /* of the slots; columns NULL in form mask */
    oz_nonzeros_room room;
} code_reader;

static void open_codes(const oz_leaf *leaf, size_t panel, size_t block, code_reader *r) {
    find_cell(leaf, panel, block, &r->c);
    r->zero = (uint8_t)oz_codec_zero(leaf->codec.kind);
    r->codes = cell_codes(leaf, &r->c, r->room.codes);
    r->columns = r->c.masks ? NULL : cell_columns(leaf, &r->c, &r->room);
    if (r->columns || r->c.inputs > OZ_BLOCK) find_rows(leaf, &r->c);
}

/* The 128 codes where a mask has bits, `rest` where not; returns how many have been read. */
OZ_INLINE size_t read_codes(const uint8_t *codes, const uint8_t *mask, vb64 rest, vb64 w[2]) {
    const size_t low = count_bits(mask64(mask));
    w[0] = vb_expand64(rest, codes, mask);
    w[1] = vb_expand64(rest, codes + low, mask + 8);
    return low + count_bits(mask64(mask + 8));
}

/* Sums over 128 inputs, [activation row][half of the inputs][row], four inputs a lane; one half stands for
 * both if one segment covers them. */
typedef struct lane_sums {
    vi16 lane[OZ_MV_BATCH][2][OZ_PANEL];
} lane_sums;

/* `only`: the cell has no further block, so rows follow each other. */
OZ_INLINE void sum_block_as(const mask_rows *masks, bool only, bool whole, code_reader *r, const int8_t *x,
                            size_t ld, size_t m, lane_sums *sums) {
    const uint8_t *next = r->codes, *mask = masks->first;
    const size_t stride = masks->stride;
    const vb64 zero = vb_set1(r->zero), x0 = vb_load(x), x1 = vb_load(x + 64);
    OZ_ROLL
    for (size_t row = 0; row < OZ_PANEL; row++, mask += stride) {
        vb64 w[2];
        oz_ask_ahead(mask, OZ_BLOCK / 8);
        oz_ask_ahead(next, 64);
        const size_t read = read_codes(only ? next : r->codes + r->c.row[row], mask, zero, w);
        if (only)
            next += read;
        else
            r->c.row[row] = (uint16_t)(r->c.row[row] + read);
        for (size_t i = 0; i < m; i++) {
            vi16 low = v_dot4_u8(vi_zero(), w[0], m == 1 ? x0 : vb_load(x + i * ld));
            vi16 high = v_dot4_u8(whole ? low : vi_zero(), w[1], m == 1 ? x1 : vb_load(x + i * ld + 64));
            sums->lane[i][0][row] = whole ? high : low;
            if (!whole) sums->lane[i][1][row] = high;
        }
    }
}

/* Inputs [k, k + n) of the reader's cell, n at most 128. */
static void sum_block(bool whole, code_reader *r, size_t k, size_t n, const int8_t *x, size_t ld, size_t m,
                      lane_sums *sums) {
    mask_rows masks;
    find_masks(&r->c, k, n, &masks);
    if (r->c.inputs > OZ_BLOCK)
        sum_block_as(&masks, false, whole, r, x, ld, m, sums);
    else if (whole && m == 1)
        sum_block_as(&masks, true, true, r, x, ld, 1, sums);
    else
        sum_block_as(&masks, true, whole, r, x, ld, m, sums);
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
            add_sums(p, i, k + at, vi_sub(sum, vi_set1((r->zero - OZ_DOT4_BIAS) * inputs)));
        }
    }
}

/* ---- form rows ---- */

#ifdef OZ_LOOK_UP
OZ_INLINE vi16 dot_inputs(vi16 sum, vb64 codes, vb64 zero, vb64 inputs) {
    return vi_sub(v_dot4_u8(sum, codes, inputs), v_dot4_u8(vi_zero(), zero, inputs));
}

/* A bit for each of up to 32 slots from s on, before `end`. */
OZ_INLINE uint64_t slots_left(size_t s, size_t end) {
    return s < end ? UINT64_C(0xffffffff) >> (32 - oz_min(32, end - s)) : 0;
}

/* `count` segments of a cell, 1 or 2, of 1 << shift inputs each: slots are read once, 32 of each of two rows
 * at a time. */
OZ_INLINE void sum_segments(const code_reader *r, unsigned shift, size_t segment, size_t count,
                            const int8_t *x, vi16 sum[2]) {
    const vb64 zero = vb_set1(r->zero);
    vi16 sums[2][OZ_PANEL / 2];
    OZ_ROLL
    for (size_t row = 0; row < OZ_PANEL; row += 2) {
        size_t s = r->c.row[row], t = r->c.row[row + 1];
        const size_t s_end = t, t_end = r->c.row[row + 2];
        vi16 acc[2] = {vi_zero(), vi_zero()};
        do {
            const uint64_t live = slots_left(s, s_end) | slots_left(t, t_end) << 32;
            const vb64 columns = vb_load_two(r->columns + s, r->columns + t);
            const vb64 codes = vb_load_two(r->codes + s, r->codes + t);
            OZ_UNROLL
            for (size_t i = 0; i < count; i++) {
                const int8_t *table = x + ((segment + i) << shift) / OZ_BLOCK * OZ_BLOCK;
                vb64 inputs = vb_look_up(table, columns, shift, (uint8_t)(segment + i), live);
                acc[i] = dot_inputs(acc[i], codes, zero, inputs);
            }
            s = oz_min(s + 32, s_end);
            t = oz_min(t + 32, t_end);
        } while (s < s_end || t < t_end);
        OZ_UNROLL
        for (size_t i = 0; i < count; i++) sums[i][row / 2] = acc[i];
    }
    OZ_UNROLL
    for (size_t i = 0; i < count; i++) sum[i] = vi_sum_halves(sums[i]);
}

static void add_segments(product *p, const code_reader *r, size_t i, size_t k, unsigned shift) {
    const int8_t *x = p->x->i8 + i * p->ld + k;
    const size_t segments = oz_div_up(r->c.inputs, (size_t)1 << shift);
    for (size_t at = 0; at < segments; at += 2) {
        const size_t count = oz_min(2, segments - at);
        vi16 sum[2];
        if (shift == 7 && count == 2)
            sum_segments(r, 7, 0, 2, x, sum);
        else if (count == 2)
            sum_segments(r, shift, at, 2, x, sum);
        else
            sum_segments(r, shift, at, 1, x, sum);
        for (size_t j = 0; j < count; j++) add_sums(p, i, k + ((at + j) << shift), sum[j]);
    }
}
#else
/* in[s] = the input under slot s, one of the 128 from x + from on, 0 if it is another; 64 more are written.
 */
static void bring_inputs(const code_reader *r, const int8_t *x, size_t from, int8_t *in) {
    const vb_table inputs = vb_tabulate(x + from);
    const vb64 first = vb_set1((uint8_t)from);
    for (size_t s = 0; s < r->c.slots; s += 64)
        vb_store(in + s, vb_find(&inputs, vb_xor(vb_load(r->columns + s), first)));
}

/* sum += codes of the n slots from s on, or 64, times their inputs in a segment of 1 << shift of them. */
OZ_INLINE vi16 dot_slots(vi16 sum, const code_reader *r, size_t s, size_t n, vb64 zero, unsigned shift,
                         uint8_t segment, const int8_t *in) {
    if (shift == 7) return v_dot4_first(sum, r->codes + s, zero, in + s, n); /* others are 0 already */
    vb64 mine = vb_keep(vb_load(in + s), vb_load(r->columns + s), shift, segment, n);
    return v_dot4_s8(sum, vb_sub(vb_load(r->codes + s), zero), mine);
}

/* One segment of a cell: 64 slots of a row at a time. */
OZ_INLINE vi16 sum_segment(const code_reader *r, unsigned shift, uint8_t segment, const int8_t *in) {
    const vb64 zero = vb_set1(r->zero);
    vi16 sums[OZ_PANEL];
    OZ_ROLL
    for (size_t row = 0; row < OZ_PANEL; row++) {
        vi16 sum = vi_zero();
        const size_t end = r->c.row[row + 1];
        OZ_ROLL
        for (size_t s = r->c.row[row]; s < end; s += 64)
            sum = dot_slots(sum, r, s, end - s, zero, shift, segment, in);
        sums[row] = sum;
    }
    return vi_sum_rows(sums);
}

static void add_segments(product *p, const code_reader *r, size_t i, size_t k, unsigned shift) {
    int8_t in[OZ_MOST_NONZEROS + OZ_READ_AHEAD];
    for (size_t at = 0; at < r->c.inputs; at += (size_t)1 << shift) {
        if (at % OZ_BLOCK == 0) bring_inputs(r, p->x->i8 + i * p->ld + k, at, in);
        add_sums(p, i, k + at,
                 shift == 7 ? sum_segment(r, 7, 0, in) : sum_segment(r, shift, (uint8_t)(at >> shift), in));
    }
}
#endif

static void add_columns(product *p, const code_reader *r, size_t k) {
    const unsigned shift = p->step >= oz_min(r->c.inputs, OZ_BLOCK) ? 7 : (unsigned)__builtin_ctzll(p->step);
    for (size_t i = 0; i < p->x->m; i++) add_segments(p, r, i, k, shift);
}

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

/* Inputs [from, from + 128) of the cell as rows of codes. */
static void scatter_codes(const code_reader *r, size_t from, uint8_t rows[OZ_PANEL][OZ_BLOCK]) {
    memset(rows, r->zero, OZ_PANEL * OZ_BLOCK);
    for (size_t i = 0; i < OZ_PANEL; i++) {
        const size_t end = r->c.row[i + 1];
        for (size_t s = r->c.row[i]; s < end; s++) {
            if (r->columns[s] / OZ_BLOCK == from / OZ_BLOCK) rows[i][r->columns[s] % OZ_BLOCK] = r->codes[s];
        }
    }
}

static void expand_codes(const code_reader *r, size_t from, size_t n, uint8_t rows[OZ_PANEL][OZ_BLOCK]) {
    mask_rows masks;
    const uint8_t *next = r->codes, *mask = r->c.masks;
    find_masks(&r->c, from, n, &masks);
    for (size_t i = 0; i < OZ_PANEL; i++, mask += r->c.mask_bytes) {
        vb64 w[2];
        const size_t before = count_row(mask, from);
        read_codes(next + before, masks.first + i * masks.stride, vb_set1(r->zero), w);
        next += before + count_row(mask + from / 8, r->c.inputs - from);
        vb_store(rows[i], w[0]);
        vb_store(rows[i] + 64, w[1]);
    }
}

/* Rows of codes become quads: 16 x 16 dwords at a time. */
static void decode_u8(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile) {
    const size_t block = leaf->param[OZ_SPARSE_BLOCK], quads = oz_div_up(n, 4);
    uint8_t rows[OZ_PANEL][OZ_BLOCK];
    code_reader reader;
    open_codes(leaf, panel, k0 / block, &reader);
    if (reader.columns)
        scatter_codes(&reader, k0 % block, rows);
    else
        expand_codes(&reader, k0 % block, n, rows);
    for (size_t half = 0; half < 2 && half * OZ_LANES < quads; half++) {
        vf16 square[OZ_PANEL];
        for (size_t i = 0; i < OZ_PANEL; i++) square[i] = v_from_bits(vi_quads(vb_load(rows[i] + 64 * half)));
        v_transpose(square);
        for (size_t q = 0; q < oz_min(OZ_LANES, quads - half * OZ_LANES); q++) {
            vi_store(tile + (half * OZ_LANES + q) * 64, vi_bits(square[q]));
        }
    }
}

/* ---- decoding to nonzeros ---- */

/* A bit for every slot, set where its column is OZ_BLOCK or above. */
typedef struct upper_slots {
    uint8_t bits[OZ_MOST_NONZEROS / 8 + 8];
} upper_slots;

static void find_upper(const uint8_t *columns, size_t slots, upper_slots *upper) {
    for (size_t i = 0; i < slots; i += 64) {
        const uint64_t bits = vb_top_bits(vb_load(columns + i));
        memcpy(upper->bits + i / 8, &bits, sizeof bits);
    }
}

static size_t count_upper(const upper_slots *upper, size_t slot, size_t end) {
    enum { AT_ONCE = 56 }; /* bits of a word, wherever its first one lies in a byte */
    size_t count = 0;
    for (; slot < end; slot += AT_ONCE) {
        const uint64_t some = (UINT64_C(1) << oz_min(AT_ONCE, end - slot)) - 1;
        count += count_bits(mask64(upper->bits + slot / 8) >> slot % 8 & some);
    }
    return count;
}

static void find_halves(const cell *c, const uint8_t *columns, uint16_t half[OZ_PANEL]) {
    upper_slots upper;
    find_upper(columns, c->slots, &upper);
    for (size_t r = 0; r < OZ_PANEL; r++)
        half[r] = (uint16_t)(c->row[r + 1] - count_upper(&upper, c->row[r], c->row[r + 1]));
}

static void decode_nz_codes(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out) {
    cell c;
    find_cell(leaf, panel, k0 / leaf->param[OZ_SPARSE_BLOCK], &c);
    find_rows(leaf, &c);
    const uint8_t *codes = cell_codes(leaf, &c, out->room.codes);
    const vi16 zero = vi_set1((int32_t)oz_codec_zero(leaf->codec.kind));
    for (size_t i = 0; i < c.slots; i += OZ_LANES)
        v_store(out->room.weights + i, v_from_i32(vi_sub(vi_load_u8(codes + i), zero)));
    out->value = out->room.weights;
    out->column = cell_columns(leaf, &c, &out->room);
    out->each = 0;
    memcpy(out->end, c.row + 1, sizeof out->end);
    if (n > OZ_BLOCK) find_halves(&c, out->column, out->half);
}

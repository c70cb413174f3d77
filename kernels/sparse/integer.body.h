/* integer.body.h - sparse codes: the fused product with up to 4 quantised activation rows, and the decoder to
 * quads.
 *
 * A block of 16 rows x 128 inputs is written out densely, the zero code where nothing is stored; it stays
 * in the first-level cache, and what follows is the exact arithmetic of a dense leaf. */

typedef struct dense_codes {
    uint8_t row[OZ_PANEL][OZ_BLOCK];
} dense_codes;

OZ_INLINE void place_codes_mask(const cell *c, const uint8_t *codes, size_t from, size_t n, uint8_t zero,
                                dense_codes *out) {
    for (size_t r = 0; r < OZ_PANEL; r++) {
        const uint8_t *mask = c->masks + r * c->mask_bytes, *next = codes + c->row[r];
        if (from > 0) next += count_bits(mask, from / 8);
        size_t k = 0;
        for (; k + 16 <= n; k += 16) {
            uint16_t bits;
            memcpy(&bits, mask + (from + k) / 8, 2);
            s_expand16(out->row[r] + k, next, bits, zero);
            next += __builtin_popcount(bits);
        }
        if (k < n) {
            s_expand16(out->row[r] + k, next, mask16(mask, c->mask_bytes, from + k), zero);
            k += 16;
        }
        memset(out->row[r] + k, zero, OZ_BLOCK - k);
    }
}

OZ_INLINE void place_codes_columns(const cell *c, const uint8_t *codes, size_t from, uint8_t zero,
                                   dense_codes *out) {
    memset(out, zero, sizeof *out);
    for (size_t r = 0; r < OZ_PANEL; r++) {
        uint8_t *row = out->row[r];
        size_t s = c->row[r], end = c->row[r + 1];
        if (from > 0) s += slots_before(c, r, s, from);
        if (c->inputs > from + OZ_BLOCK) end = s + slots_before(c, r, s, from + OZ_BLOCK);
        for (; s < end; s++) row[c->columns[s] - from] = codes[s];
    }
}

/* Inputs [from, from + n) of the cell, from being 0 or 128; inputs past n get the zero code too. */
OZ_INLINE void place_codes(oz_codec_kind kind, const cell *c, const uint8_t *codes, size_t from, size_t n,
                           dense_codes *out) {
    uint8_t zero = (uint8_t)oz_codec_zero(kind);
    if (c->masks)
        place_codes_mask(c, codes, from, n, zero, out);
    else
        place_codes_columns(c, codes, from, zero, out);
}

OZ_INLINE vi16 dot_codes(oz_codec_kind kind, vi16 sum, const uint8_t *codes, const int8_t *x) {
    vb64 q = vb_load(codes), in = vb_load(x);
    return kind == OZ_CODEC_INT8 ? v_dot4_u8(sum, q, in) : v_dot4_u7(sum, q, in);
}

/* Exact sums of 16 rows over the 128 inputs at x, four inputs a lane: [lane][row], lanes of the second half
 * of the inputs behind those of the first, or added to them if one segment covers both. */
OZ_INLINE void dot_block(oz_codec_kind kind, const dense_codes *codes, const int8_t *x, bool whole,
                         vf16 sums[2 * OZ_LANES]) {
    for (size_t r = 0; r < OZ_PANEL; r++) {
        vi16 low = dot_codes(kind, vi_zero(), codes->row[r], x);
        vi16 high = dot_codes(kind, whole ? low : vi_zero(), codes->row[r] + 64, x + 64);
        sums[r] = v_from_bits(whole ? high : low);
        if (!whole) sums[OZ_LANES + r] = v_from_bits(high);
    }
    v_transpose(sums);
    if (!whole) v_transpose(sums + OZ_LANES);
}

/* acc += the segments of one block of n inputs, which begins at input k. */
OZ_INLINE vf16 add_block(oz_codec_kind kind, const oz_scales *scales, const dense_codes *codes, size_t k,
                         size_t n, const oz_rows *x, size_t i, size_t ld, vf16 acc) {
    const size_t step = oz_min(scales->inputs, OZ_BLOCK);
    const bool whole = step >= n || step == OZ_BLOCK;
    const int32_t zero = scales->zero - (kind == OZ_CODEC_INT8 ? OZ_DOT4_BIAS : 0);
    const size_t lanes = whole ? OZ_LANES : step / 4;
    vf16 sums[2 * OZ_LANES];
    dot_block(kind, codes, x->i8 + i * ld + k, whole, sums);
    for (size_t at = 0; at < n; at += step) {
        segment_input in = segment_input_at(x, i, ld, k + at, oz_min(step, n - at));
        vi16 sum = vi_zero();
        for (size_t lane = 0; lane < lanes; lane++) sum = vi_add(sum, vi_bits(sums[at / 4 + lane]));
        sum = vi_sub(sum, vi_set1(zero * in.sum));
        acc = add_segment(acc, scale_at(scales, (k + at) / scales->inputs), in.scale, sum);
    }
    return acc;
}

OZ_INLINE void mv_integer_panel(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, const oz_rows *x,
                                float *y, size_t ldy) {
    const oz_scales scales = scales_of(leaf, panel);
    const size_t ld = oz_round_up(leaf->cols, OZ_BLOCK);
    vf16 acc[OZ_MV_BATCH];
    for (size_t i = 0; i < x->m; i++) acc[i] = v_zero();
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        uint8_t codes[MOST_SLOTS + READ_AHEAD];
        dense_codes block;
        cell c = cell_at(leaf, panel, b);
        cell_codes(kind, leaf, &c, codes);
        for (size_t from = 0; from < c.inputs; from += OZ_BLOCK) {
            size_t n = oz_min(OZ_BLOCK, c.inputs - from), k = b * leaf->param[OZ_SPARSE_BLOCK] + from;
            place_codes(kind, &c, codes, from, n, &block);
            for (size_t i = 0; i < x->m; i++)
                acc[i] = add_block(kind, &scales, &block, k, n, x, i, ld, acc[i]);
        }
    }
    for (size_t i = 0; i < x->m; i++) add_to_rows(leaf, panel, acc[i], y + i * ldy);
}

OZ_INLINE void mv_integer(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, float *y, size_t ldy) {
    for (size_t panel = panel0; panel < panel1; panel++) mv_integer_panel(kind, leaf, panel, x, y, ldy);
}

/* Rows of codes become quads: 16 x 16 dwords at a time. */
OZ_INLINE void decode_codes(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                            uint8_t *tile) {
    const size_t block = leaf->param[OZ_SPARSE_BLOCK], quads = oz_div_up(n, 4);
    uint8_t codes[MOST_SLOTS + READ_AHEAD];
    dense_codes rows;
    cell c = cell_at(leaf, panel, k0 / block);
    cell_codes(kind, leaf, &c, codes);
    place_codes(kind, &c, codes, k0 % block, n, &rows);
    for (size_t q0 = 0; q0 < quads; q0 += OZ_LANES) {
        vf16 square[OZ_PANEL];
        for (size_t r = 0; r < OZ_PANEL; r++) square[r] = v_load(rows.row[r] + 4 * q0);
        v_transpose(square);
        for (size_t q = q0; q < oz_min(q0 + OZ_LANES, quads); q++) {
            vi_store(tile + q * 64, vi_bits(square[q - q0]));
        }
    }
}

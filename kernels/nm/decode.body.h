/* decode.body.h - blocks of an nm leaf as floats, as codes and as nonzeros, for every n:m, form and codec.
 *
 * Rows are lanes. A dense position takes the entry whose position equals it, so nothing is scattered: floats
 * are selected by comparison, codes are shifted to their byte. Entries that a short group lacks are zeros,
 * which change nothing where they are added. */

#define MOST_ENTRIES 31 /* of a group */

/* ---- floats ---- */

OZ_INLINE oz_tile decode_floats(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                                float *buffer) {
    const size_t m = leaf->param[OZ_NM_M], entries = leaf->param[OZ_NM_N];
    position_reader positions = positions_at(leaf, panel, k0 / m);
    weight_reader weights = weights_at(kind, leaf, panel, k0 / m * entries);
    const oz_scales scales = panel_scales(kind, leaf, panel);
    for (size_t k = 0; k < n; k += m) {
        vi16 position[MOST_ENTRIES];
        vf16 weight[MOST_ENTRIES], scale = scale_from(kind, &scales, k0 + k);
        begin_group(&positions);
        for (size_t j = 0; j < entries; j++) {
            position[j] = next_positions(&positions);
            weight[j] = scale_weights(kind, next_weights(kind, &weights), scale);
        }
        for (size_t p = 0; p < oz_min(m, n - k); p++) {
            vi16 here = vi_set1((int32_t)p);
            vf16 w = v_zero();
            for (size_t j = 0; j < entries; j++) {
                w = v_add(w, v_select(vi_equal(position[j], here), weight[j], v_zero()));
            }
            v_store(buffer + (k + p) * OZ_PANEL, w);
        }
    }
    return (oz_tile){.p = buffer, .row_stride = 1, .k_stride = OZ_PANEL};
}

/* ---- codes ---- */

OZ_INLINE void decode_codes(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, uint8_t *tile) {
    const size_t m = leaf->param[OZ_NM_M], entries = leaf->param[OZ_NM_N];
    const uint32_t symmetric = oz_codec_zero(leaf->codec.kind);
    const vi16 zero = vi_set1((int32_t)symmetric), zeros = vi_set1((int32_t)(0x01010101 * symmetric));
    position_reader positions = positions_at(leaf, panel, k0 / m);
    weight_reader weights = weights_at(ANY_INTEGER, leaf, panel, k0 / m * entries);
    for (size_t k = 0; k < n; k += m) {
        vi16 shift[MOST_ENTRIES], code[MOST_ENTRIES];
        begin_group(&positions);
        for (size_t j = 0; j < entries; j++) {
            shift[j] = vi_shift_left(next_positions(&positions), 3);
            vi16 read = next_codes(&weights);
            code[j] =
                vi_sub(vi_or(read, zero), vi_and(read, zero)); /* exclusive or: 0 where nothing is stored */
        }
        for (size_t p = 0; p < oz_min(m, n - k); p += 4) {
            vi16 quad = vi_zero();
            for (size_t j = 0; j < entries; j++) {
                quad = vi_or(quad, vi_move_left(code[j], vi_sub(shift[j], vi_set1((int32_t)(8 * p)))));
            }
            quad = vi_sub(vi_or(quad, zeros), vi_and(quad, zeros));
            vi_store(tile + (k + p) * OZ_PANEL, quad);
        }
    }
}

/* ---- nonzeros ---- */

/* Rows are lanes here as well: an entry's 16 positions and weights lie beside each other. */

/* Entries whose positions are taken apart at once: of one group, or of whole groups. */
#define QUAD 4
static bool quads_are_even(const oz_leaf *leaf) {
    const size_t n = leaf->param[OZ_NM_N];
    return leaf->param[OZ_NM_FORM] == OZ_NM_LIST && (n % QUAD == 0 || QUAD % n == 0);
}

/* Columns of the entries of whole quads, of a block that begins with its list at p; returns how many. */
OZ_INLINE size_t list_columns(const uint8_t *p, unsigned bits, size_t n, size_t each, uint8_t *column) {
    const size_t m = (size_t)1 << bits, groups = n < QUAD ? QUAD / n : 1, quads = n < QUAD ? 1 : n / QUAD;
    uint8_t offset[QUAD * OZ_PANEL];
    for (unsigned j = 0; j < QUAD; j++)
        memset(offset + j * OZ_PANEL, (int)(j / (unsigned)n * (unsigned)m), OZ_PANEL);
    vb64 at = vb_load(offset);
    const vb64 next = vb_set1((uint8_t)(groups * m));
    size_t e = 0;
    for (size_t quad = 0; e + QUAD <= each; e += QUAD, p += 8 * bits) {
        vb_store(column + e * OZ_PANEL, vb_pair_fours(vb_add(vb_unpack(p, bits), at)));
        if (++quad < quads) continue;
        at = vb_add(at, next);
        quad = 0;
    }
    return e;
}

OZ_INLINE size_t quads_of_columns(const uint8_t *p, unsigned bits, size_t n, size_t each, uint8_t *column) {
    switch (bits) {
    case 2:
        return list_columns(p, 2, n, each, column);
    case 3:
        return list_columns(p, 3, n, each, column);
    case 4:
        return list_columns(p, 4, n, each, column);
    default:
        return list_columns(p, 5, n, each, column);
    }
}

/* Of entry e of 16 rows. */
static void store_columns(vi16 columns, size_t e, uint8_t *column) {
    uint8_t row[OZ_PANEL];
    vi_store_u8(row, columns);
    for (size_t r = 0; r < OZ_PANEL; r += 4) memcpy(column + oz_even_column(e, r), row + r, 4);
}

/* Of `each` entries of every row, from input k0 on. Rows that do not exist read input 0: their positions may
 * be past the inputs. */
static void decode_columns(const oz_leaf *leaf, size_t panel, size_t k0, size_t each, uint8_t *column) {
    const size_t m = leaf->param[OZ_NM_M], n = leaf->param[OZ_NM_N];
    const size_t rows = oz_min(OZ_PANEL, leaf->rows - panel * OZ_PANEL);
    position_reader positions = positions_at(leaf, panel, k0 / m);
    size_t e = 0;
    if (quads_are_even(leaf)) {
        e = quads_of_columns(positions.next, positions.bits, n, each, column);
        positions.next += e * oz_nm_entry_bytes(leaf);
    }
    for (; e < each; e++) {
        if (e % n == 0) begin_group(&positions);
        vi16 group = vi_set1((int32_t)(e / n * m));
        store_columns(vi_add(next_positions(&positions), group), e, column);
    }
    for (size_t r = rows; r < OZ_PANEL; r++) {
        for (e = 0; e < each; e++) column[oz_even_column(e, r)] = 0;
    }
}

/* Entries that do not exist are left out. Floats lie as they are to be in the leaf. */
OZ_INLINE void decode_nonzeros(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                               oz_nonzeros *out) {
    const size_t m = leaf->param[OZ_NM_M], entries = leaf->param[OZ_NM_N], last = oz_div_up(n, m) - 1;
    const size_t first = k0 / m * entries;
    out->each = last * entries + oz_nm_existing(leaf, k0 / m + last);
    out->column = out->room.columns;
    decode_columns(leaf, panel, k0, out->each, out->room.columns);
    if (kind == OZ_CODEC_F32) {
        out->value = (const float *)(const void *)oz_nm_values(leaf, panel) + first * OZ_PANEL;
        return;
    }
    weight_reader weights = weights_at(kind, leaf, panel, first);
    const oz_scales scales = panel_scales(kind, leaf, panel);
    out->value = out->room.weights;
    for (size_t e = 0; e < out->each; e++) {
        const vf16 scale = scale_from(kind, &scales, k0 + e / entries * m);
        v_store(out->room.weights + e * OZ_PANEL, scale_weights(kind, next_weights(kind, &weights), scale));
    }
}

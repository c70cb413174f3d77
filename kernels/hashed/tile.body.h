/* tile.body.h - map roast: the array holds a tile of W as [inputs][outputs], so sixteen rows of W are one
 * vector for each input, and a product keeps one sum a lane.
 *
 * Signs come as 32 inputs a lane, input 0 in the lowest bit; inputs are therefore walked downwards, so that
 * the sign that is due is always the top bit. */

#define MOST_BLOCK_N 64 /* with 32 inputs, what STRETCH holds */
#define SIGN_INPUTS 32

/* Tiles whose rows are whole panels. */
OZ_INLINE bool tile_fits(const oz_leaf *leaf) {
    uint64_t block_n = leaf->param[OZ_HASHED_BLOCK_N];
    return leaf->param[OZ_HASHED_MAP] == OZ_HASHED_ROAST && block_n % OZ_PANEL == 0 &&
           block_n <= MOST_BLOCK_N;
}

#define SPAN (2 * SIGN_INPUTS) /* inputs whose tiles and signs are found at once */

/* Inputs [k, end) of one tile: input k's weights, for the rows from r0 on, begin at slot. */
typedef struct tile_piece {
    size_t k, end, slot;
} tile_piece;

/* The pieces of a span, none of which is in both of its halves. */
typedef struct tile_span {
    size_t pieces;
    tile_piece piece[SPAN + 1];
} tile_span;

/* The tiles of 16 rows, input after input. Sums that are hashed grow by r0 from tile to tile. */
typedef struct tile_walk {
    bool steady; /* no sum of the leaf wraps */
    hash_rule rule;
    uint64_t hash, next, column; /* of the tile behind this one, its number, and that of its rows' tiles */
    size_t inputs, step, row;    /* of a tile, slots from input to input, first row in the tile */
    size_t slot, left;           /* of the tile: where its next input begins, and inputs from there on */
} tile_walk;

OZ_INLINE size_t next_tile(tile_walk *w, const oz_leaf *leaf) {
    if (!w->steady) return oz_hashed_tile(leaf, w->next++, w->column) + w->row;
    const size_t slot = hash_slot(&w->rule, w->hash) + w->row;
    w->hash = next_hash(&w->rule, w->hash);
    return slot;
}

/* From input k0 of rows r0 ... r0 + 15 on. */
OZ_INLINE tile_walk tile_walk_at(const oz_leaf *leaf, size_t r0, size_t k0) {
    const uint64_t *v = leaf->param, start = v[OZ_HASHED_START];
    const size_t inputs = v[OZ_HASHED_BLOCK_K], step = v[OZ_HASHED_BLOCK_N], within = k0 % inputs;
    tile_walk w = {
        .inputs = inputs, .step = step, .row = r0 % step, .column = r0 / step, .next = k0 / inputs};
    const uint64_t b = w.column + start + leaf->cols;
    uint64_t sum = 0, largest;
    w.rule = hash_rule_of(leaf, v[OZ_HASHED_SLOTS] - inputs * step, v[OZ_HASHED_R0]);
    w.steady = hash_sum(leaf, leaf->cols + start, b, &largest) && hash_sum(leaf, w.next + start, b, &sum);
    w.hash = sum % w.rule.modulus;
    w.slot = next_tile(&w, leaf) + within * step;
    w.left = inputs - within;
    return w;
}

/* The next inputs, [k, k + n), n <= SPAN. */
OZ_INLINE void tile_span_next(tile_span *span, tile_walk *w, const oz_leaf *leaf, size_t k, size_t n) {
    const size_t half = k + SIGN_INPUTS, end = k + n;
    span->pieces = 0;
    for (size_t some; k < end; k += some) {
        if (w->left == 0) {
            w->slot = next_tile(w, leaf);
            w->left = w->inputs;
        }
        some = oz_min(w->left, (k < half && half < end ? half : end) - k);
        span->piece[span->pieces++] = (tile_piece){k, k + some, w->slot};
        w->slot += some * w->step;
        w->left -= some;
    }
}

OZ_INLINE void tile_reach(oz_codec_kind kind, array_reader *array, const tile_piece *t, size_t step,
                          size_t panels) {
    array_reach(kind, array, t->slot, (t->end - t->k - 1) * step + panels * OZ_PANEL);
}

/* 16 weights of one input, if wanted without scales; the sign of each is the top bit of its lane, which moves
 * on. */
OZ_INLINE vf16 tile_weights(oz_codec_kind kind, const array_reader *array, size_t slot, bool plain,
                            vi16 *bits) {
    vf16 w = plain ? read_plain(kind, array->array + slot * slot_bytes(kind)) : read_slots(kind, array, slot);
    w = v_flip_top(w, *bits);
    *bits = vi_add(*bits, *bits);
    return w;
}

typedef struct tile_product {
    size_t panels, sums, m;
    bool one_scale; /* for all weights of an input */
} tile_product;

/* Whether that is so: an int8 array whose groups, of 32 slots at least, hold two panels of any input. */
OZ_INLINE bool has_one_scale(oz_codec_kind kind, const oz_leaf *leaf) {
    const uint64_t both = 2 * OZ_PANEL;
    return kind == OZ_CODEC_INT8 && leaf->param[OZ_HASHED_ALIGN] % both == 0 &&
           leaf->param[OZ_HASHED_BLOCK_N] % both == 0;
}

/* Weights of one input, from `slot` on, times one activation of each row, which takes their scale if they
 * have the same one; acc[panel * sums + sum][row]. What is read later begins `ahead` slots behind. */
OZ_INLINE void dot_input(oz_codec_kind kind, const array_reader *array, size_t slot, size_t ahead, vi16 *bits,
                         const float *x, size_t ld, tile_product p, size_t sum, vf16 acc[][OZ_MV_BATCH]) {
    vf16 w[2];
    OZ_UNROLL
    for (size_t a = 0; a < p.panels; a++) {
        const size_t at = slot + a * OZ_PANEL;
        if (a * OZ_PANEL * slot_bytes(kind) % 64 == 0)
            __builtin_prefetch(array->array + (at + ahead) * slot_bytes(kind));
        w[a] = tile_weights(kind, array, at, p.one_scale, &bits[a]);
    }
    const vf16 scale = p.one_scale ? scale_at_slot(array, slot) : v_zero();
    OZ_UNROLL
    for (size_t i = 0; i < p.m; i++) {
        vf16 in = v_broadcast(x + i * ld);
        if (p.one_scale) in = v_mul(in, scale);
        OZ_UNROLL
        for (size_t a = 0; a < p.panels; a++) {
            vf16 *to = &acc[a * p.sums + sum][i];
            *to = v_muladd(w[a], in, *to);
        }
    }
}

/* One piece, from its last input on. */
OZ_INLINE void dot_piece(oz_codec_kind kind, const array_reader *array, const tile_piece *t, size_t ahead,
                         size_t step, vi16 bits[2], const oz_rows *x, tile_product p,
                         vf16 acc[][OZ_MV_BATCH]) {
    const float *in = x->f32 + t->k;
    size_t j = t->end - t->k;
    for (; j >= p.sums; j -= p.sums) {
        OZ_UNROLL
        for (size_t u = 0; u < p.sums; u++) {
            const size_t k = j - 1 - u;
            dot_input(kind, array, t->slot + k * step, ahead, bits, in + k, x->ld, p, u, acc);
        }
    }
    for (; j > 0; j--)
        dot_input(kind, array, t->slot + (j - 1) * step, ahead, bits, in + j - 1, x->ld, p, 0, acc);
}

/* The pieces of `span` before the last *pieces that begin at input k0 or behind, inputs [k0, k0 + n), n <=
 * 32; their signs are in `bits`. */
OZ_INLINE void dot_inputs(oz_codec_kind kind, array_reader *array, const tile_span *span,
                          const tile_span *ahead, size_t *pieces, size_t step, size_t k0, size_t n,
                          vi16 bits[2], const oz_rows *x, tile_product p, vf16 acc[][OZ_MV_BATCH]) {
    if (n < SIGN_INPUTS) {
        for (size_t a = 0; a < p.panels; a++) bits[a] = vi_shift_left(bits[a], (unsigned)(SIGN_INPUTS - n));
    }
    for (; *pieces > 0 && span->piece[*pieces - 1].k >= k0; --*pieces) {
        const tile_piece *t = &span->piece[*pieces - 1];
        const size_t behind = *pieces <= ahead->pieces ? ahead->piece[*pieces - 1].slot - t->slot : 0;
        if (!p.one_scale) tile_reach(kind, array, t, step, p.panels);
        dot_piece(kind, array, t, behind, step, bits, x, p, acc);
    }
}

OZ_INLINE void tile_store(const oz_leaf *leaf, size_t r0, tile_product p, vf16 acc[][OZ_MV_BATCH], float *y,
                          size_t ldy) {
    OZ_UNROLL
    for (size_t a = 0; a < p.panels; a++) {
        size_t r = r0 + a * OZ_PANEL, rows = oz_min(OZ_PANEL, leaf->rows - r);
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) {
            vf16 sum = acc[a * p.sums][i];
            OZ_UNROLL
            for (size_t u = 1; u < p.sums; u++) sum = v_add(sum, acc[a * p.sums + u][i]);
            float *out = y + i * ldy + r;
            v_store_n(out, v_add(v_load_n(out, rows), sum), rows);
        }
    }
}

/* The signs of a span, and its tiles, are found a span ahead: their hashes take long, and the sums need not
 * wait for them. */
typedef struct span_ahead {
    tile_span tiles;
    sign_lanes signs[2];
} span_ahead;

OZ_INLINE void look_ahead(span_ahead *span, tile_walk *walk, sign_rows s[2], const oz_leaf *leaf, size_t r0,
                          size_t k, size_t panels) {
    tile_span_next(&span->tiles, walk, leaf, k, oz_min(leaf->cols - k, SPAN));
    for (size_t a = 0; a < panels && k < leaf->cols; a++)
        span->signs[a] = sign_rows_next(&s[a], leaf, r0 + a * OZ_PANEL, k);
}

OZ_INLINE void tile_rows(oz_codec_kind kind, array_reader *array, const oz_leaf *leaf, size_t r0,
                         const oz_rows *x, tile_product p, float *y, size_t ldy) {
    tile_walk walk = tile_walk_at(leaf, r0, 0);
    sign_rows s[2];
    span_ahead spans[2];
    vf16 acc[8][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t a = 0; a < p.panels * p.sums; a++) {
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) acc[a][i] = v_zero();
    }
    for (size_t a = 0; a < p.panels; a++) sign_rows_begin(&s[a], leaf, r0 + a * OZ_PANEL, 0);
    look_ahead(&spans[0], &walk, s, leaf, r0, 0, p.panels);
    for (size_t k = 0, turn = 0; k < leaf->cols; k += SPAN, turn = !turn) {
        const size_t n = oz_min(leaf->cols - k, SPAN), low_n = oz_min(n, SIGN_INPUTS);
        const tile_span *span = &spans[turn].tiles, *ahead = &spans[!turn].tiles;
        look_ahead(&spans[!turn], &walk, s, leaf, r0, k + n, p.panels);
        const sign_lanes *signs = spans[turn].signs;
        vi16 low[2] = {signs[0].low, signs[p.panels - 1].low},
             high[2] = {signs[0].high, signs[p.panels - 1].high};
        size_t pieces = span->pieces;
        if (n > SIGN_INPUTS)
            dot_inputs(kind, array, span, ahead, &pieces, walk.step, k + SIGN_INPUTS, n - SIGN_INPUTS, high,
                       x, p, acc);
        dot_inputs(kind, array, span, ahead, &pieces, walk.step, k, low_n, low, x, p, acc);
    }
    tile_store(leaf, r0, p, acc, y, ldy);
}

/* Two panels of one tile at once, where the registers hold their sums. */
OZ_INLINE void tile_batch(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, size_t m, bool one_scale, float *y, size_t ldy) {
    /* Signs and weights need registers, too. */
    const tile_product one = {1, sums_at_once(2 * m), m, one_scale};
    const tile_product two = {2, sums_at_once(4 * m), m, one_scale};
    const bool pairs = leaf->param[OZ_HASHED_BLOCK_N] % (2 * OZ_PANEL) == 0 && OZ_MV_SUMS >= 2 * m;
    array_reader array;
    array_begin(kind, &array, leaf);
    for (size_t p = panel0; p < panel1;) {
        if (pairs && p % 2 == 0 && p + 1 < panel1) {
            tile_rows(kind, &array, leaf, p * OZ_PANEL, x, two, y, ldy);
            p += 2;
        } else {
            tile_rows(kind, &array, leaf, p * OZ_PANEL, x, one, y, ldy);
            p++;
        }
    }
}

OZ_INLINE void tile_mv(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                       const oz_rows *x, float *y, size_t ldy) {
    if (has_one_scale(kind, leaf))
        OZ_WITH_ROWS(x->m, tile_batch(kind, leaf, panel0, panel1, x, M, true, y, ldy));
    else
        OZ_WITH_ROWS(x->m, tile_batch(kind, leaf, panel0, panel1, x, M, false, y, ldy));
}

/* The same for a decoder, to [32 inputs][16 rows]. */
OZ_INLINE void copy_inputs(oz_codec_kind kind, array_reader *array, const tile_span *span, size_t *pieces,
                           size_t step, size_t k0, size_t n, vi16 bits, float *out) {
    if (n < SIGN_INPUTS) bits = vi_shift_left(bits, (unsigned)(SIGN_INPUTS - n));
    for (; *pieces > 0 && span->piece[*pieces - 1].k >= k0; --*pieces) {
        const tile_piece *t = &span->piece[*pieces - 1];
        tile_reach(kind, array, t, step, 1);
        for (size_t j = t->end - t->k; j-- > 0;)
            v_store(out + (t->k + j - k0) * OZ_PANEL,
                    tile_weights(kind, array, t->slot + j * step, false, &bits));
    }
}

/* The buffer is [n][16 rows], as the tiles are. */
OZ_INLINE oz_tile tile_decode(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                              float *buffer) {
    array_reader array;
    sign_rows s;
    size_t r0 = panel * OZ_PANEL;
    array_begin(kind, &array, leaf);
    sign_rows_begin(&s, leaf, r0, k0);
    tile_walk walk = tile_walk_at(leaf, r0, k0);
    tile_span span;
    for (size_t k = 0; k < n; k += SPAN) {
        const size_t some = oz_min(n - k, SPAN), low = oz_min(some, SIGN_INPUTS), at = k0 + k;
        tile_span_next(&span, &walk, leaf, at, some);
        sign_lanes lanes = sign_rows_next(&s, leaf, r0, at);
        float *out = buffer + k * OZ_PANEL;
        size_t pieces = span.pieces;
        if (some > SIGN_INPUTS)
            copy_inputs(kind, &array, &span, &pieces, walk.step, at + SIGN_INPUTS, some - SIGN_INPUTS,
                        lanes.high, out + SIGN_INPUTS * OZ_PANEL);
        copy_inputs(kind, &array, &span, &pieces, walk.step, at, low, lanes.low, out);
    }
    for (size_t r = leaf->rows - r0; r < OZ_PANEL; r++) {
        for (size_t k = 0; k < n; k++) buffer[k * OZ_PANEL + r] = 0;
    }
    return (oz_tile){.p = buffer, .row_stride = 1, .k_stride = OZ_PANEL};
}

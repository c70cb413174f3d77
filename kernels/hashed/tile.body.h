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

/* Where the tiles of a span of inputs begin in the array, from the one that has the first input on. */
typedef struct tile_span {
    size_t first, slot[SPAN + 1];
} tile_span;

/* Inputs [k, k + n), n <= SPAN, of rows r0 ...; n may be 0. */
OZ_INLINE void tile_span_at(tile_span *span, const oz_leaf *leaf, size_t r0, size_t k, size_t n) {
    const size_t block_k = leaf->param[OZ_HASHED_BLOCK_K], block_n = leaf->param[OZ_HASHED_BLOCK_N];
    span->first = k / block_k;
    for (size_t t = 0; (span->first + t) * block_k < k + n; t++)
        span->slot[t] = oz_hashed_tile(leaf, span->first + t, r0 / block_n) + r0 % block_n;
}

/* Inputs [k, end) of one tile: input k's weights, for the rows from r0 on, begin at slot. */
typedef struct tile_piece {
    size_t k, slot, step; /* slots from input to input */
    size_t ahead;         /* what is read later, to be fetched meanwhile */
} tile_piece;

/* The tile's part of inputs [k0, end), end > k0, that ends at `end`. */
OZ_INLINE tile_piece tile_piece_at(const oz_leaf *leaf, const tile_span *span, const tile_span *ahead,
                                   size_t k0, size_t end) {
    size_t block_k = leaf->param[OZ_HASHED_BLOCK_K], block_n = leaf->param[OZ_HASHED_BLOCK_N];
    size_t tile = (end - 1) / block_k, k = oz_max(k0, tile * block_k);
    size_t slot = span->slot[tile - span->first] + (k - tile * block_k) * block_n;
    return (tile_piece){k, slot, block_n, ahead->slot[tile - span->first]};
}

OZ_INLINE void tile_reach(oz_codec_kind kind, array_reader *array, const tile_piece *t, size_t end,
                          size_t panels) {
    array_reach(kind, array, t->slot, (end - t->k - 1) * t->step + panels * OZ_PANEL);
}

/* The 16 weights of input j of the piece, if wanted without scales; the sign of each is the top bit of its
 * lane, which moves on. */
OZ_INLINE vf16 tile_weights(oz_codec_kind kind, const array_reader *array, const tile_piece *t, size_t j,
                            size_t panel, bool plain, vi16 *bits) {
    const size_t slot = t->slot + j * t->step + panel * OZ_PANEL;
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

/* Weights of one input times one activation of each row, which takes their scale if they have the same one;
 * acc[panel * sums + sum][row]. */
OZ_INLINE void dot_input(oz_codec_kind kind, const array_reader *array, const tile_piece *t, size_t j,
                         vi16 *bits, const oz_rows *x, tile_product p, size_t sum, vf16 acc[][OZ_MV_BATCH]) {
    vf16 w[2];
    OZ_UNROLL
    for (size_t a = 0; a < p.panels; a++) {
        if (a * OZ_PANEL * slot_bytes(kind) % 64 == 0)
            __builtin_prefetch(array->array + (t->ahead + j * t->step + a * OZ_PANEL) * slot_bytes(kind));
        w[a] = tile_weights(kind, array, t, j, a, p.one_scale, &bits[a]);
    }
    const vf16 scale = p.one_scale ? scale_at_slot(array, t->slot + j * t->step) : v_zero();
    OZ_UNROLL
    for (size_t i = 0; i < p.m; i++) {
        vf16 in = v_broadcast(x->f32 + i * x->ld + t->k + j);
        if (p.one_scale) in = v_mul(in, scale);
        OZ_UNROLL
        for (size_t a = 0; a < p.panels; a++) {
            vf16 *to = &acc[a * p.sums + sum][i];
            *to = v_muladd(w[a], in, *to);
        }
    }
}

/* Inputs [k0, k0 + n), n <= 32, whose signs are in `bits`. */
OZ_INLINE void dot_inputs(oz_codec_kind kind, array_reader *array, const oz_leaf *leaf, const tile_span *span,
                          const tile_span *ahead, size_t k0, size_t n, vi16 bits[2], const oz_rows *x,
                          tile_product p, vf16 acc[][OZ_MV_BATCH]) {
    if (n < SIGN_INPUTS) {
        for (size_t a = 0; a < p.panels; a++) bits[a] = vi_shift_left(bits[a], (unsigned)(SIGN_INPUTS - n));
    }
    for (size_t end = k0 + n; end > k0;) {
        tile_piece t = tile_piece_at(leaf, span, ahead, k0, end);
        if (!p.one_scale) tile_reach(kind, array, &t, end, p.panels);
        size_t j = end - t.k;
        for (; j >= p.sums; j -= p.sums) {
            OZ_UNROLL
            for (size_t u = 0; u < p.sums; u++) dot_input(kind, array, &t, j - 1 - u, bits, x, p, u, acc);
        }
        for (; j > 0; j--) dot_input(kind, array, &t, j - 1, bits, x, p, 0, acc);
        end = t.k;
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

OZ_INLINE void tile_rows(oz_codec_kind kind, array_reader *array, const oz_leaf *leaf, size_t r0,
                         const oz_rows *x, tile_product p, float *y, size_t ldy) {
    sign_rows s[2];
    sign_lanes lanes[2];
    vf16 acc[8][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t a = 0; a < p.panels * p.sums; a++) {
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) acc[a][i] = v_zero();
    }
    for (size_t a = 0; a < p.panels; a++) sign_rows_begin(&s[a], leaf, r0 + a * OZ_PANEL, 0);
    tile_span spans[2] = {{0}, {0}};
    tile_span_at(&spans[0], leaf, r0, 0, oz_min(leaf->cols, SPAN));
    for (size_t k = 0, turn = 0; k < leaf->cols; k += SPAN, turn = !turn) {
        const size_t n = oz_min(leaf->cols - k, SPAN);
        const tile_span *span = &spans[turn], *ahead = &spans[!turn];
        tile_span_at(&spans[!turn], leaf, r0, k + n, oz_min(leaf->cols - k - n, SPAN));
        for (size_t a = 0; a < p.panels; a++) lanes[a] = sign_rows_next(&s[a], leaf, r0 + a * OZ_PANEL, k);
        vi16 low[2] = {lanes[0].low, lanes[p.panels - 1].low},
             high[2] = {lanes[0].high, lanes[p.panels - 1].high};
        dot_inputs(kind, array, leaf, span, ahead, k, oz_min(n, SIGN_INPUTS), low, x, p, acc);
        if (n > SIGN_INPUTS)
            dot_inputs(kind, array, leaf, span, ahead, k + SIGN_INPUTS, n - SIGN_INPUTS, high, x, p, acc);
    }
    tile_store(leaf, r0, p, acc, y, ldy);
}

/* Two panels of one tile at once, where the registers hold their sums. */
OZ_INLINE void tile_batch(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, size_t m, bool one_scale, float *y, size_t ldy) {
    const size_t sums = sums_at_once(m);
    const tile_product one = {1, sums, m, one_scale}, two = {2, sums > 1 ? sums / 2 : 1, m, one_scale};
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

OZ_INLINE void copy_inputs(oz_codec_kind kind, array_reader *array, const oz_leaf *leaf,
                           const tile_span *span, size_t k0, size_t n, vi16 bits, float *out) {
    if (n < SIGN_INPUTS) bits = vi_shift_left(bits, (unsigned)(SIGN_INPUTS - n));
    for (size_t end = k0 + n; end > k0;) {
        tile_piece t = tile_piece_at(leaf, span, span, k0, end);
        tile_reach(kind, array, &t, end, 1);
        for (size_t j = end - t.k; j-- > 0;)
            v_store(out + (t.k + j - k0) * OZ_PANEL, tile_weights(kind, array, &t, j, 0, false, &bits));
        end = t.k;
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
    tile_span span;
    for (size_t k = 0; k < n; k += SPAN) {
        size_t some = oz_min(n - k, SPAN);
        tile_span_at(&span, leaf, r0, k0 + k, some);
        sign_lanes lanes = sign_rows_next(&s, leaf, r0, k0 + k);
        float *out = buffer + k * OZ_PANEL;
        copy_inputs(kind, &array, leaf, &span, k0 + k, oz_min(some, SIGN_INPUTS), lanes.low, out);
        if (some <= SIGN_INPUTS) break;
        copy_inputs(kind, &array, leaf, &span, k0 + k + SIGN_INPUTS, some - SIGN_INPUTS, lanes.high,
                    out + SIGN_INPUTS * OZ_PANEL);
    }
    for (size_t r = leaf->rows - r0; r < OZ_PANEL; r++) {
        for (size_t k = 0; k < n; k++) buffer[k * OZ_PANEL + r] = 0;
    }
    return (oz_tile){buffer, 1, OZ_PANEL};
}

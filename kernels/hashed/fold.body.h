/* fold.body.h - maps whose neighbouring weights lie in neighbouring slots (pareto, robe): a row of W is a few
 * stretches of the array, read as they lie.
 *
 * Several rows run together, up to the next end of any one's stretch, so that one load of the activations
 * serves them all. Where their slots agree mod 16 (with pareto, wherever cols is a multiple of 16), vectors
 * begin at slots that are multiples of 16: loads are aligned, and no vector of an int8 array has two scales.
 */

/* The run of slots that was last asked for. With pareto it goes on from row to row, and most rows need
 * no hash. */
typedef struct run_memory {
    uint64_t x, n;
    size_t slot;
} run_memory;

OZ_INLINE oz_hashed_run run_at(run_memory *last, const oz_leaf *leaf, size_t r, size_t c, size_t most) {
    if (leaf->param[OZ_HASHED_MAP] != OZ_HASHED_PARETO) return oz_hashed_run_at(leaf, r, c, most);
    uint64_t x = leaf->param[OZ_HASHED_START] + r * leaf->cols + c;
    if (x - last->x >= last->n) {
        oz_hashed_run run = oz_hashed_run_at(leaf, r, c, UINT64_MAX);
        *last = (run_memory){x, run.n, run.slot};
    }
    uint64_t within = x - last->x;
    return (oz_hashed_run){last->slot + within, 1, oz_min(most, last->n - within)};
}

/* Stretches of some rows from the same input on: where each begins in the array, and the signs of the first
 * row; those of the others follow. The first input has its sign at bit `shift` of signs. */
typedef struct stretch {
    size_t slot[4];
    const slot_scales *scales; /* of each row */
    size_t inside; /* slots before the first one since those scales begin, the same for all rows */
    const char *signs;
    unsigned shift;
} stretch;

/* m rows of activations times `rows` rows of W. */
typedef struct fold_product {
    size_t rows, m, ldx;
} fold_product;

/* The stretch from its input j on. */
OZ_INLINE stretch stretch_from(stretch t, size_t j, size_t rows) {
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) t.slot[r] += j;
    t.inside += j;
    t.signs += (t.shift + j) / 8;
    t.shift = (unsigned)((t.shift + j) % 8);
    return t;
}

OZ_INLINE const char *signs_of(const stretch *t, size_t r, size_t j) {
    return t->signs + r * sizeof(sign_bits) + j / 8;
}

/* The first n < 16 inputs. */
OZ_INLINE void dot_some(oz_codec_kind kind, const slots_view *v, stretch t, size_t n, fold_product p,
                        const float *x, vf16 acc[][OZ_MV_BATCH]) {
    OZ_UNROLL
    for (size_t r = 0; r < p.rows; r++) {
        vf16 w = v_flip(read_some(kind, v, &t.scales[r], t.slot[r], n), signs_of(&t, r, 0), t.shift);
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) acc[r][i] = v_muladd(w, v_load_n(x + i * p.ldx, n), acc[r][i]);
    }
}

/* The 16 inputs from j on. A single activation takes the signs itself, so that weights may stay in memory. */
OZ_INLINE void dot_whole(oz_codec_kind kind, const slots_view *v, const stretch *t, size_t j, fold_product p,
                         const float *x, vf16 acc[][OZ_MV_BATCH]) {
    vf16 in[OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t i = 0; i < p.m; i++) in[i] = v_load(x + i * p.ldx + j);
    OZ_UNROLL
    for (size_t r = 0; r < p.rows; r++) {
        vf16 w = read_slots(kind, v, &t->scales[r], t->slot[r] + j, t->inside + j);
        if (p.m == 1) {
            acc[r][0] = v_muladd(v_flip(in[0], signs_of(t, r, j), t->shift), w, acc[r][0]);
            continue;
        }
        w = v_flip(w, signs_of(t, r, j), t->shift);
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) acc[r][i] = v_muladd(w, in[i], acc[r][i]);
    }
}

OZ_INLINE void move_sums(fold_product p, vf16 from[][OZ_MV_BATCH], vf16 to[][OZ_MV_BATCH]) {
    OZ_UNROLL
    for (size_t r = 0; r < p.rows; r++) {
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) to[r][i] = from[r][i];
    }
}

/* n inputs, a multiple of 16. The sums are copied so that they live in registers. */
OZ_INLINE void dot_vectors(oz_codec_kind kind, const slots_view *v, stretch t, size_t n, fold_product p,
                           const float *x, vf16 sums[][OZ_MV_BATCH]) {
    vf16 acc[4][OZ_MV_BATCH];
    move_sums(p, sums, acc);
    for (size_t j = 0; j < n; j += 16) dot_whole(kind, v, &t, j, p, x, acc);
    move_sums(p, acc, sums);
}

/* n inputs, of which `head` come before the first whole vector. */
OZ_INLINE void dot_stretch(oz_codec_kind kind, const slots_view *v, stretch t, size_t n, size_t head,
                           fold_product p, const float *x, vf16 acc[][OZ_MV_BATCH]) {
    const size_t whole = (n - head) / 16 * 16, tail = n - head - whole;
    if (head) dot_some(kind, v, t, head, p, x, acc);
    if (whole) dot_vectors(kind, v, stretch_from(t, head, p.rows), whole, p, x + head, acc);
    if (tail) dot_some(kind, v, stretch_from(t, head + whole, p.rows), tail, p, x + head + whole, acc);
}

/* Inputs before the first slot that is a multiple of 16. */
OZ_INLINE size_t slots_to_vector(size_t slot, size_t n) {
    return oz_min((16 - slot % 16) % 16, n);
}

/* All rows' slots are the same mod `step`, a power of two. */
OZ_INLINE bool slots_agree(const stretch *t, size_t rows, size_t step) {
    size_t differ = 0;
    for (size_t r = 1; r < rows; r++) differ |= t->slot[r] ^ t->slot[0];
    return differ % step == 0;
}

OZ_INLINE size_t slot_inside(const slots_view *v, size_t slot) {
    return slot & (((size_t)1 << v->log2_group) - 1);
}

OZ_INLINE void dot_rows(oz_codec_kind kind, const slots_view *v, stretch t, size_t n, fold_product p,
                        const float *x, vf16 acc[][OZ_MV_BATCH]) {
    const bool integer = kind == OZ_CODEC_INT8;
    const bool agree = slots_agree(&t, p.rows, integer ? (size_t)1 << v->log2_group : 16);
    if (agree || !integer) {
        t.inside = slot_inside(v, t.slot[0]);
        dot_stretch(kind, v, t, n, agree ? slots_to_vector(t.slot[0], n) : 0, p, x, acc);
        return;
    }
    for (size_t r = 0; r < p.rows; r++) {
        stretch one = {{t.slot[r]}, &t.scales[r], slot_inside(v, t.slot[r]), signs_of(&t, r, 0), t.shift};
        dot_stretch(kind, v, one, n, slots_to_vector(one.slot[0], n), (fold_product){1, p.m, p.ldx}, x,
                    acc + r);
    }
}

/* y[i][r0 + r] += row r0 + r of W times row i of the activations. */
OZ_INLINE void fold_rows(oz_codec_kind kind, const slots_view *v, run_memory *last, const oz_leaf *leaf,
                         size_t r0, const oz_rows *x, fold_product p, float *y, size_t ldy) {
    sign_bits signs[4];
    slot_scales scales[4];
    vf16 acc[4][OZ_MV_BATCH];
    for (size_t a = 0; a < 4 * OZ_MV_BATCH; a++) acc[a / OZ_MV_BATCH][a % OZ_MV_BATCH] = v_zero();
    for (size_t c0 = 0; c0 < leaf->cols; c0 += SEGMENT) {
        size_t all = oz_min(leaf->cols - c0, SEGMENT), n;
        for (size_t r = 0; r < p.rows; r++) signs_prepare(&signs[r], leaf, (r0 + r) * leaf->cols + c0, all);
        for (size_t done = 0; done < all; done += n) {
            stretch t = {{0}, scales, 0, (const char *)signs[0].words + done / 8, (unsigned)(done % 8)};
            n = all - done;
            for (size_t r = 0; r < p.rows; r++) {
                oz_hashed_run run = run_at(last, leaf, r0 + r, c0 + done, n);
                t.slot[r] = run.slot;
                n = run.n;
            }
            for (size_t r = 0; r < p.rows && kind == OZ_CODEC_INT8; r++)
                scales_prepare(&scales[r], v, leaf, t.slot[r], n);
            dot_rows(kind, v, t, n, p, x->f32 + c0 + done, acc);
        }
    }
    for (size_t i = 0; i < p.m; i++) {
        for (size_t r = 0; r < p.rows; r++) y[i * ldy + r0 + r] += v_sum(acc[r][i]);
    }
}

/* Rows of W, or vectors of a row, at once, so that the sums of m activation rows fit the registers. */
OZ_INLINE size_t sums_at_once(size_t m) {
    return OZ_MV_SUMS / m >= 4 ? 4 : OZ_MV_SUMS / m >= 2 ? 2 : 1;
}

OZ_INLINE void fold_batch(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, size_t m, float *y, size_t ldy) {
    const fold_product many = {sums_at_once(m), m, x->ld}, one = {1, m, x->ld};
    const slots_view v = slots_of(kind, leaf);
    run_memory last = {0, 0, 0};
    size_t r = panel0 * OZ_PANEL, end = oz_min(panel1 * OZ_PANEL, leaf->rows);
    for (; r + many.rows <= end; r += many.rows) fold_rows(kind, &v, &last, leaf, r, x, many, y, ldy);
    for (; r < end; r++) fold_rows(kind, &v, &last, leaf, r, x, one, y, ldy);
}

OZ_INLINE void fold_mv(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                       const oz_rows *x, float *y, size_t ldy) {
    switch (x->m) {
    case 1:
        fold_batch(kind, leaf, panel0, panel1, x, 1, y, ldy);
        break;
    case 2:
        fold_batch(kind, leaf, panel0, panel1, x, 2, y, ldy);
        break;
    case 3:
        fold_batch(kind, leaf, panel0, panel1, x, 3, y, ldy);
        break;
    default:
        fold_batch(kind, leaf, panel0, panel1, x, 4, y, ldy);
        break;
    }
}

OZ_INLINE void copy_stretch(oz_codec_kind kind, const slots_view *v, stretch t, size_t n, float *out) {
    const size_t head = kind == OZ_CODEC_INT8 ? slots_to_vector(t.slot[0], n) : 0;
    const size_t whole = (n - head) / 16 * 16, tail = n - head - whole;
    const stretch body = stretch_from(t, head, 1), rest = stretch_from(t, head + whole, 1);
    if (head) v_store_n(out, v_flip(read_some(kind, v, t.scales, t.slot[0], head), t.signs, t.shift), head);
    out += head;
    for (size_t j = 0; j < whole; j += 16) {
        vf16 w = read_slots(kind, v, t.scales, body.slot[0] + j, body.inside + j);
        v_store(out + j, v_flip(w, signs_of(&body, 0, j), body.shift));
    }
    out += whole;
    if (tail)
        v_store_n(out, v_flip(read_some(kind, v, t.scales, rest.slot[0], tail), rest.signs, rest.shift),
                  tail);
}

/* The buffer is [16 rows][n]. */
OZ_INLINE oz_tile fold_decode(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                              float *buffer) {
    const slots_view v = slots_of(kind, leaf);
    sign_bits signs;
    slot_scales scales;
    scales.first = 0; /* floats have no more than that */
    run_memory last = {0, 0, 0};
    size_t r0 = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, leaf->rows - r0);
    for (size_t r = 0; r < rows; r++) {
        signs_prepare(&signs, leaf, (r0 + r) * leaf->cols + k0, n);
        for (size_t done = 0; done < n;) {
            oz_hashed_run run = run_at(&last, leaf, r0 + r, k0 + done, n - done);
            if (kind == OZ_CODEC_INT8) scales_prepare(&scales, &v, leaf, run.slot, run.n);
            stretch t = {{run.slot},
                         &scales,
                         slot_inside(&v, run.slot),
                         (const char *)signs.words + done / 8,
                         (unsigned)(done % 8)};
            copy_stretch(kind, &v, t, run.n, buffer + r * n + done);
            done += run.n;
        }
    }
    memset(buffer + rows * n, 0, (OZ_PANEL - rows) * n * sizeof *buffer);
    return (oz_tile){buffer, n, 1};
}

/* fold.body.h - maps whose neighbouring weights lie in neighbouring slots (pareto, robe): a row of W is a few
 * stretches of the array, read as they lie.
 *
 * Several rows run together, up to the next end of any one's stretch, so that one load of the activations
 * serves them all. Signs are hashed for many rows at once. */

/* Stretches of some rows from the same input on: where each begins in the array, and its signs, of which the
 * first is bit `shift`. */
typedef struct stretch {
    size_t slot[4];
    const uint8_t *signs[4];
    unsigned shift;
} stretch;

/* The stretches without their first n inputs. */
OZ_INLINE stretch stretch_behind(stretch t, size_t rows, size_t n) {
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) {
        t.slot[r] += n;
        t.signs[r] += (t.shift + n) / 8;
    }
    t.shift = (t.shift + n) % 8;
    return t;
}

/* m rows of activations times `rows` rows of W. */
typedef struct fold_product {
    size_t rows, m, ldx;
} fold_product;

OZ_INLINE void copy_sums(fold_product p, vf16 from[][OZ_MV_BATCH], vf16 to[][OZ_MV_BATCH]) {
    OZ_UNROLL
    for (size_t r = 0; r < p.rows; r++) {
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) to[r][i] = from[r][i];
    }
}

/* One vector of a row of W. A single activation takes the signs, so that weights may stay in memory. */
OZ_INLINE void dot_vector(vf16 w, const uint8_t *signs, unsigned shift, fold_product p, const vf16 *in,
                          vf16 *acc) {
    if (p.m == 1) {
        acc[0] = v_muladd(v_flip(in[0], signs, shift), w, acc[0]);
        return;
    }
    w = v_flip(w, signs, shift);
    OZ_UNROLL
    for (size_t i = 0; i < p.m; i++) acc[i] = v_muladd(w, in[i], acc[i]);
}

/* n inputs, a multiple of 16. The sums are copied so that they live in registers. */
OZ_INLINE void dot_vectors(oz_codec_kind kind, const array_reader *a, const stretch *t, unsigned shift,
                           size_t n, fold_product p, const float *x, vf16 sums[][OZ_MV_BATCH]) {
    vf16 acc[4][OZ_MV_BATCH], in[OZ_MV_BATCH];
    const uint8_t *w[4], *signs[4];
    OZ_UNROLL
    for (size_t r = 0; r < p.rows; r++) {
        w[r] = a->array + t->slot[r] * slot_bytes(kind);
        signs[r] = t->signs[r];
    }
    copy_sums(p, sums, acc);
    for (size_t j = 0; j < n; j += 16) {
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) in[i] = v_load(x + i * p.ldx + j);
        OZ_UNROLL
        for (size_t r = 0; r < p.rows; r++)
            dot_vector(read_plain(kind, w[r] + j * slot_bytes(kind)), signs[r] + j / 8, shift, p, in, acc[r]);
    }
    copy_sums(p, acc, sums);
}

/* n inputs; of an int8 array, without its scales. */
OZ_INLINE void dot_plain(oz_codec_kind kind, const array_reader *a, stretch t, size_t n, fold_product p,
                         const float *x, vf16 sums[][OZ_MV_BATCH]) {
    const size_t whole = n / 16 * 16, rest = n - whole;
    if (t.shift == 0)
        dot_vectors(kind, a, &t, 0, whole, p, x, sums);
    else
        dot_vectors(kind, a, &t, t.shift, whole, p, x, sums);
    if (rest == 0) return;
    vf16 in[OZ_MV_BATCH];
    t = stretch_behind(t, p.rows, whole);
    OZ_UNROLL
    for (size_t i = 0; i < p.m; i++) in[i] = v_load_n(x + i * p.ldx + whole, rest);
    OZ_UNROLL
    for (size_t r = 0; r < p.rows; r++)
        dot_vector(read_some(kind, a, t.slot[r], rest), t.signs[r], t.shift, p, in, sums[r]);
}

/* n inputs whose slots are of one group of an int8 array, in each row. */
OZ_INLINE void dot_group(const array_reader *a, stretch t, size_t n, fold_product p, const float *x,
                         vf16 sums[][OZ_MV_BATCH]) {
    vf16 part[4][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t r = 0; r < p.rows; r++) {
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) part[r][i] = v_zero();
    }
    dot_plain(OZ_CODEC_INT8, a, t, n, p, x, part);
    OZ_UNROLL
    for (size_t r = 0; r < p.rows; r++) {
        vf16 scale = scale_at_slot(a, t.slot[r]);
        OZ_UNROLL
        for (size_t i = 0; i < p.m; i++) sums[r][i] = v_muladd(scale, part[r][i], sums[r][i]);
    }
}

#define GROUP 64 /* slots that an int8 array's loop treats alike, unless its groups are shorter */

/* Rows whose groups end at the same inputs. */
OZ_INLINE void dot_in_step(const array_reader *a, stretch t, size_t n, size_t group, fold_product p,
                           const float *x, vf16 sums[][OZ_MV_BATCH]) {
    for (size_t some; n > 0; n -= some, x += some) {
        some = oz_min(n, group - t.slot[0] % group);
        if (some == GROUP)
            dot_group(a, t, GROUP, p, x, sums);
        else
            dot_group(a, t, some, p, x, sums);
        t = stretch_behind(t, p.rows, some);
    }
}

/* An int8 array. */
OZ_INLINE void dot_groups(const array_reader *a, stretch t, size_t n, fold_product p, const float *x,
                          vf16 sums[][OZ_MV_BATCH]) {
    const size_t group = oz_min((size_t)1 << a->log2_group, GROUP);
    const fold_product one = {1, p.m, p.ldx};
    size_t apart = 0;
    for (size_t r = 1; r < p.rows; r++) apart |= t.slot[r] - t.slot[0];
    if (apart % group == 0) {
        dot_in_step(a, t, n, group, p, x, sums);
        return;
    }
    for (size_t r = 0; r < p.rows; r++) {
        stretch row = {.slot = {t.slot[r]}, .signs = {t.signs[r]}, .shift = t.shift};
        dot_in_step(a, row, n, group, one, x, sums + r);
    }
}

/* Loads of a f32 array that cross no cache line make up for a short vector where a stretch is long. */
#define LONG_STRETCH 128

OZ_INLINE void dot_stretch(oz_codec_kind kind, const array_reader *a, stretch t, size_t n, fold_product p,
                           const float *x, vf16 sums[][OZ_MV_BATCH]) {
    if (kind == OZ_CODEC_INT8) {
        dot_groups(a, t, n, p, x, sums);
        return;
    }
    const size_t head = kind == OZ_CODEC_F32 && n >= LONG_STRETCH ? (0 - t.slot[0]) % 16 : 0;
    if (head) dot_plain(kind, a, t, head, p, x, sums);
    dot_plain(kind, a, stretch_behind(t, p.rows, head), n - head, p, x + head, sums);
}

/* What reading a leaf's rows in their order remembers. */
typedef struct fold_reader {
    array_reader array;
    run_memory last;
    bool chunked; /* map robe */
    chunk_rule rule;
    chunk_walk walk[4]; /* of rows that run together */
    sign_bits signs;
} fold_reader;

/* The stretches of rows r ... r + rows - 1 that begin at input c and have *n inputs, at most as many as asked
 * for. The signs of one row, and those of several where they are few, are kept for weights up to `end`. */
OZ_INLINE stretch stretch_at(fold_reader *f, const oz_leaf *leaf, size_t r, size_t rows, size_t c, size_t *n,
                             size_t end) {
    const size_t i = r * leaf->cols + c;
    stretch t = {.shift = 0};
    *n = oz_min(*n, STRETCH);
    for (size_t k = 0; k < rows; k++) {
        oz_hashed_run run = f->chunked ? chunk_run(&f->rule, &f->walk[k], leaf, r + k, c, *n)
                                       : run_at(&f->last, leaf, r + k, c, *n);
        t.slot[k] = run.slot;
        *n = run.n;
    }
    const size_t reach = (rows - 1) * leaf->cols + *n;
    signs_reach(&f->signs, leaf, i, reach, rows > 1 ? rows * leaf->cols - c : reach, end);
    for (size_t k = 0; k < rows; k++)
        t.signs[k] = (const uint8_t *)f->signs.words + (i + k * leaf->cols - f->signs.from) / 8;
    t.shift = (unsigned)((i - f->signs.from) % 8);
    return t;
}

OZ_INLINE void fold_begin(oz_codec_kind kind, fold_reader *f, const oz_leaf *leaf) {
    array_begin(kind, &f->array, leaf);
    f->last = (run_memory){0, 0, 0};
    f->chunked = leaf->param[OZ_HASHED_MAP] == OZ_HASHED_ROBE;
    if (f->chunked) f->rule = chunk_rule_of(leaf, slot_bytes(kind));
    for (size_t k = 0; k < 4; k++) f->walk[k].row = UINT64_MAX;
    f->signs.from = f->signs.to = 0;
}

/* y[i][r + k] += row r + k of W times row i of the activations. */
OZ_INLINE void fold_rows(oz_codec_kind kind, fold_reader *f, const oz_leaf *leaf, size_t r, size_t end,
                         const oz_rows *x, fold_product p, float *y, size_t ldy) {
    vf16 acc[4][OZ_MV_BATCH];
    for (size_t a = 0; a < 4 * OZ_MV_BATCH; a++) acc[a / OZ_MV_BATCH][a % OZ_MV_BATCH] = v_zero();
    for (size_t c = 0, n; c < leaf->cols; c += n) {
        n = leaf->cols - c;
        stretch t = stretch_at(f, leaf, r, p.rows, c, &n, end);
        dot_stretch(kind, &f->array, t, n, p, x->f32 + c, acc);
    }
    for (size_t i = 0; i < p.m; i++) {
        for (size_t k = 0; k < p.rows; k++) y[i * ldy + r + k] += v_sum(acc[k][i]);
    }
}

/* Rows, or vectors of a row, at once, so that the sums of m activation rows fit the registers. */
OZ_INLINE size_t sums_at_once(size_t m) {
    return OZ_MV_SUMS / m >= 4 ? 4 : OZ_MV_SUMS / m >= 2 ? 2 : 1;
}

/* Rows run together, so that one load of the activations serves them all, where their signs begin at the same
 * bit of a byte and there is room for all of them. */
OZ_INLINE bool rows_together(const oz_leaf *leaf, size_t rows) {
    return leaf->cols % 8 == 0 && rows * leaf->cols <= MOST_SIGNS;
}

OZ_INLINE void fold_batch(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, size_t m, float *y, size_t ldy) {
    const size_t at_once = kind == OZ_CODEC_INT8 ? sums_at_once(2 * m) : sums_at_once(m);
    const fold_product many = {at_once, m, x->ld}, one = {1, m, x->ld};
    const size_t rows = oz_min(panel1 * OZ_PANEL, leaf->rows), end = rows * leaf->cols;
    size_t r = panel0 * OZ_PANEL;
    fold_reader f;
    fold_begin(kind, &f, leaf);
    if (rows_together(leaf, many.rows)) {
        for (; r + many.rows <= rows; r += many.rows) fold_rows(kind, &f, leaf, r, end, x, many, y, ldy);
    }
    for (; r < rows; r++) fold_rows(kind, &f, leaf, r, end, x, one, y, ldy);
}

OZ_INLINE void fold_mv(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                       const oz_rows *x, float *y, size_t ldy) {
    if (x->m == 1 && in_step(leaf)) {
        strands_mv(kind, leaf, panel0, panel1, x, y);
        return;
    }
    OZ_WITH_ROWS(x->m, fold_batch(kind, leaf, panel0, panel1, x, M, y, ldy));
}

/* n weights, of an int8 array from one group. */
OZ_INLINE void copy_plain(oz_codec_kind kind, const array_reader *a, stretch t, size_t n, float *out) {
    const uint8_t *p = a->array + t.slot[0] * slot_bytes(kind);
    const vf16 scale = kind == OZ_CODEC_INT8 ? scale_at_slot(a, t.slot[0]) : v_zero();
    size_t j = 0;
    for (; j + 16 <= n; j += 16) {
        vf16 w = read_plain(kind, p + j * slot_bytes(kind));
        if (kind == OZ_CODEC_INT8) w = v_mul(w, scale);
        v_store(out + j, v_flip(w, t.signs[0] + j / 8, t.shift));
    }
    if (j == n) return;
    vf16 w = read_some(kind, a, t.slot[0] + j, n - j);
    if (kind == OZ_CODEC_INT8) w = v_mul(w, scale);
    v_store_n(out + j, v_flip(w, t.signs[0] + j / 8, t.shift), n - j);
}

OZ_INLINE void copy_stretch(oz_codec_kind kind, const array_reader *a, stretch t, size_t n, float *out) {
    const size_t group = kind == OZ_CODEC_INT8 ? (size_t)1 << a->log2_group : SIZE_MAX;
    for (size_t some; n > 0; n -= some, out += some) {
        some = oz_min(n, group - t.slot[0] % group);
        copy_plain(kind, a, t, some, out);
        t = stretch_behind(t, 1, some);
    }
}

/* The buffer is [16 rows][n]. */
OZ_INLINE oz_tile fold_decode(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                              float *buffer) {
    if (in_step(leaf)) return strands_decode(kind, leaf, panel, k0, n, buffer);
    const size_t r0 = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, leaf->rows - r0);
    fold_reader f;
    fold_begin(kind, &f, leaf);
    for (size_t r = 0; r < rows; r++) {
        size_t end = r * leaf->cols + k0 + n;
        for (size_t done = 0, some; done < n; done += some) {
            some = n - done;
            stretch t = stretch_at(&f, leaf, r0 + r, 1, k0 + done, &some, (r0 * leaf->cols) + end);
            copy_stretch(kind, &f.array, t, some, buffer + r * n + done);
        }
    }
    memset(buffer + rows * n, 0, (OZ_PANEL - rows) * n * sizeof *buffer);
    return (oz_tile){.p = buffer, .row_stride = n, .k_stride = 1};
}

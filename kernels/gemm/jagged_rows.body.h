/* jagged_rows.body.h - nonzeros x a panel of columns where rows lie entry by entry, longest row first. Rows
 * that are neighbours have nearly the same length, so several go by together: first the entries that all of
 * them have, then those that fewer and fewer do, whose missing weights are zeros. */

/* Sums that the registers hold. */
#define JAGGED_SUMS (OZ_GEMM_ROWS * OZ_GEMM_VECTORS)

/* Entries [e, end) of `rows` rows from rank `rank` on; `cut`: the last of them need not have any. */
OZ_INLINE void add_entries(const oz_nonzeros *w, size_t rank, size_t rows, bool cut, size_t e, size_t end,
                           const float **value, const uint8_t **column, oz_inputs x, size_t vectors,
                           vf16 acc[8][NZ_VECTORS]) {
    OZ_ROLL
    for (; e < end; e++) {
        const size_t with = w->with[e], live = cut ? with - rank : rows;
        OZ_UNROLL
        for (size_t r0 = 0; r0 < rows; r0 += 4) {
            const size_t some = rows < 4 ? rows : 4, left = live > r0 ? live - r0 : 0;
            const vf16 four = rows < 4 ? v_zero()
                              : cut    ? v_repeat4_n(*value + r0, left < 4 ? left : 4)
                                       : v_repeat4(*value + r0);
            OZ_UNROLL
            for (unsigned r = 0; r < some; r++) {
                const float *in = input_at(x, (*column)[r0 + r]);
                const vf16 weight = rows < 4 ? v_broadcast(*value + r) : v_spread(four, r);
                OZ_UNROLL
                for (size_t v = 0; v < vectors; v++)
                    acc[r0 + r][v] = v_muladd(weight, v_load(in + 16 * v), acc[r0 + r][v]);
            }
        }
        *value += with;
        *column += with;
    }
}

/* `rows` rows from rank `rank` on x `vectors` vectors of y. */
OZ_INLINE void gemm_jagged_rows(const oz_nonzeros *w, size_t rank, size_t rows, oz_inputs x, float *y,
                                size_t lanes, size_t vectors) {
    vf16 acc[8][NZ_VECTORS];
    const float *value = w->value + rank;
    const uint8_t *column = w->column + rank;
    const size_t all = w->length[rank + rows - 1], most = w->length[rank];
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) {
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) acc[r][v] = v_load(y + w->row[rank + r] * lanes + 16 * v);
    }
    add_entries(w, rank, rows, false, 0, all, &value, &column, x, vectors, acc);
    if (rows > 1) add_entries(w, rank, rows, true, all, most, &value, &column, x, vectors, acc);
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) {
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) v_store(y + w->row[rank + r] * lanes + 16 * v, acc[r][v]);
    }
}

OZ_INLINE void gemm_jagged_lanes(const oz_nonzeros *w, oz_inputs x, float *y, size_t lanes) {
    const size_t vectors = lanes / 16, fit = JAGGED_SUMS / vectors;
    const size_t rows = fit >= 8 && vectors == 1 ? 8 : fit >= 4 ? 4 : 1;
    for (size_t rank = 0; rank < OZ_PANEL && w->length[rank] > 0; rank += rows)
        gemm_jagged_rows(w, rank, rows, x, y, lanes, vectors);
}

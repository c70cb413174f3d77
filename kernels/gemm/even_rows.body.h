/* even_rows.body.h - nonzeros x a panel of columns where all 16 rows have the same number of them.
 *
 * A weight meets its activations in memory, so loads are the limit, and next to them instructions: as many
 * rows go at once as leave registers for the sums of all columns, so that an address serves a whole row of
 * activations. */

/* Sums, rows x vectors of columns, that the registers hold. */
#define EVEN_SUMS (OZ_GEMM_ROWS * OZ_GEMM_VECTORS)
/* Rows whose columns one load has (oz_even_column). */
#define EVEN_FOUR 4

OZ_INLINE size_t even_rows_at_once(size_t vectors) {
    const size_t rows = EVEN_SUMS / vectors;
    return rows >= 4 ? rows / 4 * 4 : rows >= 2 ? 2 : 1;
}

/* One entry of up to four rows; their columns are the low bytes. */
OZ_INLINE void add_entry(vf16 acc[][NZ_VECTORS], const float *value, uint64_t columns, oz_inputs x,
                         size_t rows, size_t vectors) {
    const vf16 four = rows == EVEN_FOUR ? v_repeat4(value) : v_zero();
    OZ_UNROLL
    for (unsigned r = 0; r < rows; r++) {
        const float *in = input_found(x, columns >> 8 * r & 255);
        const vf16 w = rows == EVEN_FOUR ? v_spread(four, r) : v_set1(value[r]);
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) acc[r][v] = v_muladd(w, v_load(in + 16 * v), acc[r][v]);
    }
}

/* Rows [row, row + rows), all their columns. */
OZ_INLINE void gemm_even_rows(const oz_nonzeros *w, oz_inputs x, oz_sums sums, size_t row, size_t rows,
                              size_t lanes) {
    const size_t vectors = lanes / 16, each = w->each;
    const size_t some = rows < EVEN_FOUR ? rows : EVEN_FOUR, loads = rows / some;
    const float *value = w->value + row;
    const uint8_t *column = w->column + oz_even_column(0, row);
    vf16 acc[EVEN_SUMS][NZ_VECTORS];
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) begin_sums(sums, row + r, 0, lanes, acc[r], vectors);
    uint64_t next[EVEN_SUMS];
    OZ_UNROLL
    for (size_t i = 0; i < loads; i++) next[i] = columns_from(column + 2 * EVEN_FOUR * i);
    OZ_ROLL
    for (size_t e = 0; e < each / 2; e++, value += 2 * OZ_PANEL) {
        column += 2 * OZ_PANEL;
        OZ_UNROLL
        for (size_t i = 0; i < loads; i++) {
            const uint64_t columns = next[i];
            next[i] = columns_from(column + 2 * EVEN_FOUR * i);
            add_entry(acc + some * i, value + some * i, columns, x, some, vectors);
            add_entry(acc + some * i, value + OZ_PANEL + some * i, columns >> 32, x, some, vectors);
        }
    }
    for (size_t i = 0; each % 2 == 1 && i < loads; i++)
        add_entry(acc + some * i, value + some * i, next[i], x, some, vectors);
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) end_sums(sums, row + r, 0, lanes, acc[r], vectors);
}

OZ_INLINE void gemm_even_lanes(const oz_nonzeros *w, oz_inputs x, oz_sums sums, size_t lanes,
                               const oz_extents *ahead) {
    const size_t rows = even_rows_at_once(lanes / 16);
    for (size_t r = 0; r < OZ_PANEL; r += rows) {
        ask_for_shares(ahead, r, rows);
        gemm_even_rows(w, x, sums, r, rows, lanes);
    }
}

/* even_rows.body.h - nonzeros x a panel of columns where all 16 rows have the same number of them.
 *
 * A weight meets its activations in memory, so loads are the limit. Rows go by in fours, whose weights are
 * one load, and whose columns are half of one. */

#define EVEN_ROWS 4
/* Vectors of columns, or fours of rows, whose sums the registers hold. */
#define EVEN_SUMS (OZ_GEMM_ROWS * OZ_GEMM_VECTORS / EVEN_ROWS)

/* One entry of four rows; their columns are the low bytes. */
OZ_INLINE void add_four(vf16 acc[EVEN_ROWS][NZ_VECTORS], const float *value, uint64_t columns, oz_inputs x,
                        size_t vectors) {
    const vf16 weights = v_repeat4(value);
    OZ_UNROLL
    for (unsigned r = 0; r < EVEN_ROWS; r++) {
        const float *in = input_found(x, columns >> 8 * r & 255);
        const vf16 w = v_spread(weights, r);
        OZ_UNROLL
        for (size_t v = 0; v < vectors; v++) acc[r][v] = v_muladd(w, v_load(in + 16 * v), acc[r][v]);
    }
}

/* `fours` times four rows x `vectors` vectors of sums. */
OZ_INLINE void gemm_even_rows(const oz_nonzeros *w, oz_inputs x, oz_sums sums, size_t row, size_t c,
                              size_t lanes, size_t fours, size_t vectors) {
    const float *value = w->value + row;
    const uint8_t *column = w->column + 2 * row;
    const size_t each = w->each;
    vf16 acc[EVEN_SUMS][EVEN_ROWS][NZ_VECTORS];
    OZ_UNROLL
    for (size_t r = 0; r < fours * EVEN_ROWS; r++)
        begin_sums(sums, row + r, c, lanes, acc[r / EVEN_ROWS][r % EVEN_ROWS], vectors);
    uint64_t next[EVEN_SUMS];
    OZ_UNROLL
    for (size_t f = 0; f < fours; f++) next[f] = columns_from(column + 2 * EVEN_ROWS * f);
    OZ_ROLL
    for (size_t e = 0; e < each / 2; e++, value += 2 * OZ_PANEL) {
        column += 2 * OZ_PANEL;
        OZ_UNROLL
        for (size_t f = 0; f < fours; f++) {
            const uint64_t columns = next[f];
            next[f] = columns_from(column + 2 * EVEN_ROWS * f);
            add_four(acc[f], value + EVEN_ROWS * f, columns, x, vectors);
            add_four(acc[f], value + OZ_PANEL + EVEN_ROWS * f, columns >> 32, x, vectors);
        }
    }
    for (size_t f = 0; each % 2 == 1 && f < fours; f++)
        add_four(acc[f], value + EVEN_ROWS * f, next[f], x, vectors);
    OZ_UNROLL
    for (size_t r = 0; r < fours * EVEN_ROWS; r++)
        end_sums(sums, row + r, c, lanes, acc[r / EVEN_ROWS][r % EVEN_ROWS], vectors);
}

OZ_INLINE void gemm_even_lanes(const oz_nonzeros *w, oz_inputs x, oz_sums sums, size_t lanes,
                               const oz_extents *ahead) {
    const size_t vectors = lanes / 16 < EVEN_SUMS ? lanes / 16 : EVEN_SUMS, fours = EVEN_SUMS / vectors;
    for (size_t c = 0; c < lanes; c += 16 * vectors, x.x += 16 * vectors, ahead = NULL) {
        for (size_t r = 0; r < OZ_PANEL; r += fours * EVEN_ROWS) {
            ask_for_shares(ahead, r, fours * EVEN_ROWS);
            gemm_even_rows(w, x, sums, r, c, lanes, fours, vectors);
        }
    }
}

/* even_rows.body.h - nonzeros x a panel of columns where all 16 rows have the same number of them: entry e of
 * row r lies at e * 16 + r. */
/* Rows of equal length go by together: `rows` chains of sums for every vector. */
OZ_INLINE void gemm_even_lanes(const oz_nonzeros *w, const float *x, float *y, size_t lanes) {
    const size_t vectors = lanes / 16, rows = OZ_NZ_SETS * NZ_VECTORS / vectors;
    for (size_t r0 = 0; r0 < OZ_PANEL; r0 += rows, y += rows * lanes) {
        const float *value = w->value + r0;
        const uint8_t *column = w->column + r0;
        vf16 acc[OZ_NZ_SETS * NZ_VECTORS][NZ_VECTORS];
        OZ_UNROLL
        for (size_t r = 0; r < rows; r++) {
            OZ_UNROLL
            for (size_t v = 0; v < vectors; v++) acc[r][v] = v_load(y + r * lanes + 16 * v);
        }
        OZ_ROLL
        for (size_t e = 0; e < w->each; e++, value += OZ_PANEL, column += OZ_PANEL) {
            OZ_UNROLL
            for (size_t r = 0; r < rows; r++)
                add_weighted(acc[r], value[r], x + (size_t)column[r] * lanes, vectors);
        }
        OZ_UNROLL
        for (size_t r = 0; r < rows; r++) {
            OZ_UNROLL
            for (size_t v = 0; v < vectors; v++) v_store(y + r * lanes + 16 * v, acc[r][v]);
        }
    }
}

/* gemm_rows.body.h - packed panels of floats x activations that lie in rows: rows of weights are the lanes,
 * each activation is broadcast from where it lies, and sums lie in rows, too. So nothing is carried into
 * panels of columns nor out of them; but weights must be packed, which pays if many columns share them.
 *
 * A block of columns x panels of accumulators stays in registers, each one chain of multiply-adds over the
 * inputs, as in gemm_f32.body.h: both give the same bits. */

/* `columns` rows of x times `panels` panels. The rows behind them are asked for if they come next. */
OZ_INLINE void multiply_rows(const float *const *w, size_t n, const float *x, size_t ldx, float *y,
                             size_t ldy, size_t columns, size_t panels, bool ask) {
    vf16 acc[OZ_ROWS_COLUMNS][OZ_ROWS_PANELS];
    OZ_UNROLL
    for (size_t c = 0; c < columns; c++) {
        OZ_UNROLL
        for (size_t p = 0; p < panels; p++) acc[c][p] = v_load(y + c * ldy + p * OZ_PANEL);
    }
    for (size_t k0 = 0; k0 < n; k0 += LINE) {
        const size_t end = k0 + LINE < n ? k0 + LINE : n;
        OZ_UNROLL
        for (size_t c = 0; ask && c < columns; c++) __builtin_prefetch(x + (columns + c) * ldx + k0, 0, 2);
        OZ_ROLL
        for (size_t k = k0; k < end; k++) {
            vf16 weight[OZ_ROWS_PANELS];
            OZ_UNROLL
            for (size_t p = 0; p < panels; p++) weight[p] = v_load(w[p] + k * OZ_PANEL);
            OZ_UNROLL
            for (size_t c = 0; c < columns; c++) {
                const vf16 in = v_broadcast(x + c * ldx + k);
                OZ_UNROLL
                for (size_t p = 0; p < panels; p++) acc[c][p] = v_muladd(weight[p], in, acc[c][p]);
            }
        }
    }
    OZ_UNROLL
    for (size_t c = 0; c < columns; c++) {
        OZ_UNROLL
        for (size_t p = 0; p < panels; p++) v_store(y + c * ldy + p * OZ_PANEL, acc[c][p]);
    }
}

/* Columns whose activations stay near while the panels go by. */
#define NEAR_COLUMNS (16 * OZ_ROWS_COLUMNS)

/* Some panels of some columns. Few sums are slow, but nearly all are multiplied many at a time. */
OZ_INLINE void multiply_panels(const float *const *w, size_t n, const float *x, size_t columns, size_t ldx,
                               float *y, size_t ldy, size_t panels, bool ask) {
    size_t c = 0;
#define COLUMNS(step)                                                                                        \
    for (; c + step <= columns; c += step)                                                                   \
    multiply_rows(w, n, x + c * ldx, ldx, y + c * ldy, ldy, step, panels, ask)
    COLUMNS(OZ_ROWS_COLUMNS);
    COLUMNS(4);
    COLUMNS(2);
    COLUMNS(1);
#undef COLUMNS
}

static void gemm_rows(const float *const *w, size_t panels, size_t n, const float *x, size_t columns,
                      size_t ldx, float *y, size_t ldy) {
    for (size_t c = 0; c < columns; c += NEAR_COLUMNS, x += NEAR_COLUMNS * ldx, y += NEAR_COLUMNS * ldy) {
        const size_t some = oz_min(NEAR_COLUMNS, columns - c);
        size_t p = 0;
#define PANELS(step)                                                                                         \
    for (; p + step <= panels; p += step)                                                                    \
    multiply_panels(w + p, n, x, some, ldx, y + p * OZ_PANEL, ldy, step, p == 0)
        PANELS(OZ_ROWS_PANELS);
#if OZ_ROWS_PANELS > 1
        PANELS(2);
        PANELS(1);
#endif
#undef PANELS
    }
}

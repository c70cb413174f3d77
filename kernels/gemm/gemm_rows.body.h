/* gemm_rows.body.h - packed panels of floats x activations where they lie: rows of weights are the lanes,
 * each activation is broadcast, and any number of columns comes out even. Nothing is carried into panels of
 * columns; but weights must be packed, which pays if many columns share them.
 *
 * A block of columns x panels of accumulators stays in registers, each one chain of multiply-adds over the
 * inputs, as in gemm_f32.body.h: both give the same bits. */

/* `columns` columns of x times `panels` panels. Those behind them are asked for if they come next: of columns
 * that are rows a line each at every line of inputs; of columns that are neighbours the next line of every
 * input, for which cores wait longest if another has written it. */
OZ_INLINE void multiply_rows(const float *const *w, size_t n, oz_activations x, float *y, size_t ldy,
                             size_t columns, size_t panels, bool ask) {
    vf16 acc[OZ_ROWS_COLUMNS][OZ_ROWS_PANELS];
    OZ_UNROLL
    for (size_t c = 0; c < columns; c++) {
        OZ_UNROLL
        for (size_t p = 0; p < panels; p++) acc[c][p] = v_load(y + c * ldy + p * OZ_PANEL);
    }
    const float *from = x.x;
    const bool ask_rows = ask && x.input_stride == 1, ask_lines = ask && !ask_rows;
    for (size_t k0 = 0; k0 < n; k0 += LINE) {
        const size_t end = k0 + LINE < n ? k0 + LINE : n;
        OZ_UNROLL
        for (size_t c = 0; ask_rows && c < columns; c++)
            __builtin_prefetch(from + (columns + c) * x.column_stride, 0, 2);
        OZ_GEMM_LOOP
        for (size_t k = k0; k < end; k++, from += x.input_stride) {
            if (ask_lines) __builtin_prefetch(from + LINE + columns);
            vf16 weight[OZ_ROWS_PANELS];
            OZ_UNROLL
            for (size_t p = 0; p < panels; p++) weight[p] = v_load(w[p] + k * OZ_PANEL);
            OZ_UNROLL
            for (size_t c = 0; c < columns; c++) {
                const vf16 in = v_broadcast(from + c * x.column_stride);
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
OZ_INLINE void multiply_panels(const float *const *w, size_t n, oz_activations x, size_t columns, float *y,
                               size_t ldy, size_t panels, bool ask) {
#define COLUMNS(step)                                                                                        \
    for (; columns >= step; columns -= step, x.x += step * x.column_stride, y += step * ldy)                 \
    multiply_rows(w, n, x, y, ldy, step, panels, ask)
    COLUMNS(OZ_ROWS_COLUMNS);
    COLUMNS(4);
    COLUMNS(2);
    COLUMNS(1);
#undef COLUMNS
}

static void gemm_rows(const float *const *w, size_t panels, size_t n, oz_activations x, size_t columns,
                      float *y, size_t ldy) {
    for (; columns > 0; x.x += NEAR_COLUMNS * x.column_stride, y += NEAR_COLUMNS * ldy) {
        const size_t some = oz_min(NEAR_COLUMNS, columns);
        columns -= some;
        size_t p = 0;
#define PANELS(step)                                                                                         \
    for (; p + step <= panels; p += step)                                                                    \
    multiply_panels(w + p, n, x, some, y + p * OZ_PANEL, ldy, step, p == 0)
        PANELS(OZ_ROWS_PANELS);
#if OZ_ROWS_PANELS > 1
        PANELS(2);
        PANELS(1);
#endif
#undef PANELS
    }
}

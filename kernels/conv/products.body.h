/* products.body.h - a decoded block of 16 rows times pixels that lie in planes: gemm.body.h's two ways, with
 * an address for every input instead of a panel's rows. */

#define PRODUCT_SUMS (OZ_GEMM_ROWS * OZ_GEMM_VECTORS)
#define PRODUCT_ROWS (PRODUCT_SUMS < 8 ? PRODUCT_SUMS : 8)

/* `rows` rows x `vectors` vectors of y, their sums in registers. Weights of a foreign file may have any
 * alignment. */
OZ_INLINE void multiply_pixels(const char *w, size_t row_bytes, size_t k_bytes, size_t n, oz_pixels x,
                               size_t lanes, float *y, int rows, int vectors) {
    vf16 sum[PRODUCT_ROWS][OZ_GEMM_VECTORS];
    OZ_UNROLL
    for (int r = 0; r < rows; r++) {
        OZ_UNROLL
        for (int v = 0; v < vectors; v++) sum[r][v] = v_load(y + (size_t)r * lanes + 16 * v);
    }
    for (size_t k = 0; k < n; k++, w += k_bytes) {
        const float *from = x.x + x.offset[k];
        vf16 in[OZ_GEMM_VECTORS];
        OZ_UNROLL
        for (int v = 0; v < vectors; v++) in[v] = v_load(from + 16 * v);
        OZ_UNROLL
        for (int r = 0; r < rows; r++) {
            vf16 weight = v_broadcast(w + (size_t)r * row_bytes);
            OZ_UNROLL
            for (int v = 0; v < vectors; v++) sum[r][v] = v_muladd(weight, in[v], sum[r][v]);
        }
    }
    OZ_UNROLL
    for (int r = 0; r < rows; r++) {
        OZ_UNROLL
        for (int v = 0; v < vectors; v++) v_store(y + (size_t)r * lanes + 16 * v, sum[r][v]);
    }
}

OZ_INLINE void product_f32_lanes(oz_tile tile, size_t n, oz_pixels x, float *y, size_t lanes) {
    const int vectors = lanes / 16 < OZ_GEMM_VECTORS ? (int)lanes / 16 : OZ_GEMM_VECTORS;
    const int rows = PRODUCT_SUMS / vectors < PRODUCT_ROWS ? PRODUCT_SUMS / vectors : PRODUCT_ROWS;
    const size_t row_bytes = tile.row_stride * sizeof(float), k_bytes = tile.k_stride * sizeof(float);
    for (size_t c = 0; c < lanes; c += 16 * (size_t)vectors, x.x += 16 * vectors, y += 16 * vectors) {
        const char *w = (const char *)tile.p;
        size_t r = 0;
        for (; r + (size_t)rows <= OZ_PANEL; r += (size_t)rows, w += (size_t)rows * row_bytes)
            multiply_pixels(w, row_bytes, k_bytes, n, x, lanes, y + r * lanes, rows, vectors);
        if (r < OZ_PANEL)
            multiply_pixels(w, row_bytes, k_bytes, n, x, lanes, y + r * lanes, OZ_PANEL % rows, vectors);
    }
}

static void product_f32(oz_tile w, size_t n, oz_pixels x, size_t lanes, float *y) {
    OZ_WITH_LANES(lanes, product_f32_lanes(w, n, x, y, LANES));
}

#define PRODUCT_NZ_VECTORS (OZ_COLUMNS / 16)

OZ_INLINE void add_pixels(vf16 *sum, float weight, const float *x, size_t vectors) {
    vf16 w = v_set1(weight);
    OZ_UNROLL
    for (size_t v = 0; v < vectors; v++) sum[v] = v_muladd(w, v_load(x + 16 * v), sum[v]);
}

/* One row's nonzeros, `count` of them, `step` apart. Further sets of sums take turns where one set's chain of
 * additions would be waited for. */
OZ_INLINE void multiply_row(const float *value, const uint8_t *column, size_t count, size_t step, oz_pixels x,
                            float *y, size_t lanes) {
    const size_t vectors = lanes / 16, sets = OZ_NZ_SETS * PRODUCT_NZ_VECTORS / vectors;
    vf16 sum[OZ_NZ_SETS * PRODUCT_NZ_VECTORS][PRODUCT_NZ_VECTORS];
    OZ_UNROLL
    for (size_t v = 0; v < vectors; v++) {
        sum[0][v] = v_load(y + 16 * v);
        OZ_UNROLL
        for (size_t set = 1; set < sets; set++) sum[set][v] = v_zero();
    }
    size_t i = 0;
    for (; i + sets <= count; i += sets, value += sets * step, column += sets * step) {
        OZ_UNROLL
        for (size_t set = 0; set < sets; set++)
            add_pixels(sum[set], value[set * step], x.x + x.offset[column[set * step]], vectors);
    }
    for (; i < count; i++, value += step, column += step)
        add_pixels(sum[0], *value, x.x + x.offset[*column], vectors);
    OZ_UNROLL
    for (size_t v = 0; v < vectors; v++) {
        OZ_UNROLL
        for (size_t set = 1; set < sets; set++) sum[0][v] = v_add(sum[0][v], sum[set][v]);
        v_store(y + 16 * v, sum[0][v]);
    }
}

OZ_INLINE void product_nz_lanes(const oz_nonzeros *w, oz_pixels x, float *y, size_t lanes) {
    if (w->each) {
        for (size_t r = 0; r < OZ_PANEL; r++)
            multiply_row(w->value + r, w->column + r, w->each, OZ_PANEL, x, y + r * lanes, lanes);
        return;
    }
    for (size_t r = 0, first = 0; r < OZ_PANEL; first = w->end[r++])
        multiply_row(w->value + first, w->column + first, w->end[r] - first, 1, x, y + r * lanes, lanes);
}

static void product_nz(const oz_nonzeros *w, oz_pixels x, size_t lanes, float *y) {
    OZ_WITH_LANES(lanes, product_nz_lanes(w, x, y, LANES));
}

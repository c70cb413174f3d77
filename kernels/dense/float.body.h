/* float.body.h - dense float leaves, row-major at any alignment: the fused product with up to 4 activation
 * rows, and the decoder, which for f32 only points into the leaf.
 *
 * The product reads several rows at once, so that one load of the activations serves them all and memory
 * sees several streams. */
#include "formats/dense/dense.h"

OZ_INLINE vf16 load_weights(oz_codec_kind kind, const uint8_t *p) {
    return kind == OZ_CODEC_F32 ? v_load(p) : kind == OZ_CODEC_F16 ? v_load_f16(p) : v_load_bf16(p);
}
OZ_INLINE vf16 load_weights_n(oz_codec_kind kind, const uint8_t *p, size_t n) {
    return kind == OZ_CODEC_F32   ? v_load_n(p, n)
           : kind == OZ_CODEC_F16 ? v_load_f16_n(p, n)
                                  : v_load_bf16_n(p, n);
}

/* y[i][r] += row r . x[i] for `rows` rows from w on and m rows of x. */
OZ_INLINE void mv_rows(oz_codec_kind kind, const uint8_t *w, size_t cols, size_t rows, const float *x,
                       size_t ldx, size_t m, float *y, size_t ldy) {
    const size_t width = kind == OZ_CODEC_F32 ? 4 : 2, row_bytes = cols * width;
    vf16 acc[4][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[r][i] = v_zero();
    }
    size_t k = 0;
    for (; k + 16 <= cols; k += 16) {
        /* Rows of 2 bytes a weight are short enough to be waited for, those of 4 only crowd memory. What
         * follows a row's end is read by its neighbour: its own next one is `rows` on. */
        const size_t next = k * width + OZ_AHEAD < row_bytes ? 0 : (rows - 1) * row_bytes;
        vf16 in[OZ_MV_BATCH];
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) in[i] = v_load(x + i * ldx + k);
        OZ_UNROLL
        for (size_t r = 0; r < rows; r++) {
            if (width == 2) oz_ask_ahead(w + r * row_bytes + k * width + next, 64);
            vf16 weights = load_weights(kind, w + r * row_bytes + k * width);
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) acc[r][i] = v_muladd(weights, in[i], acc[r][i]);
        }
    }
    for (; k < cols; k = cols) {
        OZ_UNROLL
        for (size_t r = 0; r < rows; r++) {
            vf16 weights = load_weights_n(kind, w + r * row_bytes + k * width, cols - k);
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) {
                acc[r][i] = v_muladd(weights, v_load_n(x + i * ldx + k, cols - k), acc[r][i]);
            }
        }
    }
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) y[i * ldy + r] += v_sum(acc[r][i]);
    }
}

/* Rows at once, so that the sums of m activation rows fit the registers. */
OZ_INLINE size_t rows_at_once(size_t m) {
    return OZ_MV_SUMS / m >= 4 ? 4 : OZ_MV_SUMS / m >= 2 ? 2 : 1;
}

OZ_INLINE void mv_batch(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                        const oz_rows *x, size_t m, float *y, size_t ldy) {
    const size_t step = rows_at_once(m), row_bytes = leaf->cols * (kind == OZ_CODEC_F32 ? 4 : 2);
    const uint8_t *w = leaf->part[OZ_DENSE_VALUES].data;
    size_t r = panel0 * OZ_PANEL, end = oz_min(panel1 * OZ_PANEL, leaf->rows);
    for (; r + step <= end; r += step) {
        mv_rows(kind, w + r * row_bytes, leaf->cols, step, x->f32, x->ld, m, y + r, ldy);
    }
    for (; r < end; r++) mv_rows(kind, w + r * row_bytes, leaf->cols, 1, x->f32, x->ld, m, y + r, ldy);
}

OZ_INLINE void mv_float(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                        const oz_rows *x, float *y, size_t ldy) {
    OZ_WITH_ROWS(x->m, mv_batch(kind, leaf, panel0, panel1, x, M, y, ldy));
}

/* A few inputs more than a block are no second one, which would load and store all sums for them. */
static size_t float_block(const oz_leaf *leaf) {
    return leaf->cols <= OZ_BLOCK + OZ_BLOCK / 4 ? oz_round_up(leaf->cols, OZ_LANES) : OZ_BLOCK;
}

/* Rows of the buffer are n long; rows past the leaf's are zeros. */
OZ_INLINE oz_tile decode_floats(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                                float *buffer) {
    const size_t width = kind == OZ_CODEC_F32 ? 4 : 2, row = panel * OZ_PANEL;
    const size_t rows = oz_min(OZ_PANEL, leaf->rows - row);
    const uint8_t *w = leaf->part[OZ_DENSE_VALUES].data + (row * leaf->cols + k0) * width;
    if (kind == OZ_CODEC_F32 && rows == OZ_PANEL) {
        return (oz_tile){.p = (const float *)(const void *)w, .row_stride = leaf->cols, .k_stride = 1};
    }
    for (size_t r = 0; r < rows; r++, w += leaf->cols * width) {
        float *out = buffer + r * n;
        size_t k = 0;
        for (; k + 16 <= n; k += 16) v_store(out + k, load_weights(kind, w + k * width));
        if (k < n) v_store_n(out + k, load_weights_n(kind, w + k * width, n - k), n - k);
    }
    memset(buffer + rows * n, 0, (OZ_PANEL - rows) * n * sizeof(float));
    return (oz_tile){.p = buffer, .row_stride = n, .k_stride = 1};
}

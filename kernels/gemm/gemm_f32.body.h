/* gemm_f32.body.h - 16 rows of decoded floats x columns.
 *
 * A block of rows x vectors of accumulators stays in registers while the inputs of the block run past:
 * each weight is broadcast, each vector of activations serves all rows. */
#include "kernels/gemm/ahead.body.h"
#include "kernels/gemm/inputs.body.h"
#include "kernels/gemm/sums.body.h"

/* Accumulators that a product may have, rows x vectors, and rows of them: fewer columns leave room for more.
 */
#define MOST_SUMS (OZ_GEMM_ROWS * OZ_GEMM_VECTORS)
#define MOST_ROWS (MOST_SUMS < 8 ? MOST_SUMS : 8)

#define LINE 16 /* floats */

/* `rows` rows x `vectors` vectors of sums. */
OZ_INLINE void multiply_f32(oz_tile w, size_t n, oz_inputs x, size_t lanes, oz_sums sums, size_t row,
                            size_t column, int rows, int vectors, const oz_extents *ahead) {
    vf16 acc[MOST_ROWS][OZ_GEMM_VECTORS];
    OZ_UNROLL
    for (int r = 0; r < rows; r++) begin_sums(sums, row + (size_t)r, column, lanes, acc[r], (size_t)vectors);
    const char *weights = (const char *)w.p;
    for (size_t k0 = 0; k0 < n; k0 += LINE) {
        const size_t end = k0 + LINE < n ? k0 + LINE : n;
        ask_for_lines(ahead, row, (size_t)rows, k0 * sizeof(float));
        OZ_GEMM_LOOP
        for (size_t k = k0; k < end; k++) {
            const float *from = input_at(x, k);
            vf16 in[OZ_GEMM_VECTORS];
            OZ_UNROLL
            for (int v = 0; v < vectors; v++) in[v] = v_load(from + 16 * v);
            OZ_UNROLL
            for (int r = 0; r < rows; r++) {
                vf16 weight = v_broadcast(weights + (size_t)r * w.row_stride * sizeof(float));
                OZ_UNROLL
                for (int v = 0; v < vectors; v++) acc[r][v] = v_muladd(weight, in[v], acc[r][v]);
            }
            weights += w.k_stride * sizeof(float);
        }
    }
    OZ_UNROLL
    for (int r = 0; r < rows; r++) end_sums(sums, row + (size_t)r, column, lanes, acc[r], (size_t)vectors);
}

/* Weights that lie in a foreign file may have any alignment: they are only reached through v_broadcast. */
static const float *weights_at(const float *p, size_t i) {
    return (const float *)(const void *)((const char *)p + i * sizeof(float));
}

static oz_tile tile_from_row(oz_tile w, size_t row) {
    w.p = weights_at(w.p, row * w.row_stride);
    return w;
}

OZ_INLINE void gemm_f32_lanes(oz_tile w, size_t n, oz_inputs x, oz_sums sums, size_t lanes,
                              const oz_extents *ahead) {
    const int vectors = lanes / 16 < OZ_GEMM_VECTORS ? (int)lanes / 16 : OZ_GEMM_VECTORS;
    const int most = MOST_SUMS / vectors < MOST_ROWS ? MOST_SUMS / vectors : MOST_ROWS;
    const int rows = vectors == 3 ? MOST_ROWS : most; /* that many of three still fit, and come out even */
    for (size_t c = 0; c < lanes; c += 16 * (size_t)vectors, x.x += 16 * vectors, ahead = NULL) {
        size_t r = 0;
        for (; r + (size_t)rows <= OZ_PANEL; r += (size_t)rows)
            multiply_f32(tile_from_row(w, r), n, x, lanes, sums, r, c, rows, vectors, ahead);
        if (r < OZ_PANEL)
            multiply_f32(tile_from_row(w, r), n, x, lanes, sums, r, c, OZ_PANEL % rows, vectors, ahead);
    }
}

/* tile.body.h - map roast: the array holds a tile of W as [inputs][outputs], so sixteen rows of W are one
 * vector for each input, and a product keeps one sum a lane. */
#include "base/arith.h"

#define MOST_BLOCK_N 64 /* with 64 inputs, 4096 slots: what view_scales prepares */

/* Tiles whose rows are whole panels. */
OZ_INLINE bool tile_fits(const oz_leaf *leaf) {
    uint64_t block_n = leaf->param[OZ_HASHED_BLOCK_N];
    return leaf->param[OZ_HASHED_MAP] == OZ_HASHED_ROAST && block_n % OZ_PANEL == 0 &&
           block_n <= MOST_BLOCK_N;
}

/* Inputs [k, k + n) of one tile. */
typedef struct tile_piece {
    size_t slot, n; /* of the panel's first row */
} tile_piece;

/* The tile's part of inputs [k, end) for the panel that starts at row r0. */
OZ_INLINE tile_piece tile_piece_at(const oz_leaf *leaf, size_t r0, size_t k, size_t end) {
    size_t block_k = leaf->param[OZ_HASHED_BLOCK_K], block_n = leaf->param[OZ_HASHED_BLOCK_N];
    size_t base = oz_hashed_tile(leaf, k / block_k, r0 / block_n);
    size_t within = k % block_k;
    return (tile_piece){base + within * block_n + r0 % block_n, oz_min(end - k, block_k - within)};
}

/* The next weight of each row; `bits` has its sign at bit 0 and moves on. */
OZ_INLINE vf16 tile_next(oz_codec_kind kind, const slots_view *v, size_t slot, vi16 *bits) {
    vf16 w = read_across(kind, v, slot);
    w = v_from_bits(vi_add(vi_bits(w), vi_shift_left(*bits, 31)));
    *bits = vi_shift_right(*bits, 1);
    return w;
}

OZ_INLINE void tile_dot(oz_codec_kind kind, const slots_view *v, tile_piece t, size_t step, vi16 *bits,
                        const float *x, size_t ldx, size_t m, size_t sums, vf16 acc[][OZ_MV_BATCH]) {
    size_t j = 0;
    for (; j + sums <= t.n; j += sums) {
        OZ_UNROLL
        for (size_t u = 0; u < sums; u++) {
            vf16 w = tile_next(kind, v, t.slot + (j + u) * step, bits);
            OZ_UNROLL
            for (size_t i = 0; i < m; i++)
                acc[u][i] = v_muladd(w, v_broadcast(x + i * ldx + j + u), acc[u][i]);
        }
    }
    for (; j < t.n; j++) {
        vf16 w = tile_next(kind, v, t.slot + j * step, bits);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[0][i] = v_muladd(w, v_broadcast(x + i * ldx + j), acc[0][i]);
    }
}

/* Inputs [k0, k0 + n), n <= 32, whose signs are in `bits`. */
OZ_INLINE void tile_dot_inputs(oz_codec_kind kind, slots_view *v, const oz_leaf *leaf, size_t r0, size_t k0,
                               size_t n, vi16 bits, const oz_rows *x, size_t m, size_t sums,
                               vf16 acc[][OZ_MV_BATCH]) {
    size_t step = leaf->param[OZ_HASHED_BLOCK_N];
    for (size_t k = k0; k < k0 + n;) {
        tile_piece t = tile_piece_at(leaf, r0, k, k0 + n);
        view_scales(kind, v, leaf, t.slot, (t.n - 1) * step + OZ_PANEL);
        tile_dot(kind, v, t, step, &bits, x->f32 + k, x->ld, m, sums, acc);
        k += t.n;
    }
}

OZ_INLINE void tile_panel(oz_codec_kind kind, slots_view *v, const oz_leaf *leaf, size_t r0, const oz_rows *x,
                          size_t m, size_t sums, float *y, size_t ldy) {
    size_t rows = oz_min(OZ_PANEL, leaf->rows - r0), cols = leaf->cols;
    vf16 acc[4][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t u = 0; u < sums; u++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[u][i] = v_zero();
    }
    sign_rows s;
    sign_rows_begin(&s, leaf, r0, rows, 0);
    for (size_t k = 0; k < cols; k += 64) {
        sign_lanes bits = sign_rows_next(&s, leaf, r0, rows, k);
        tile_dot_inputs(kind, v, leaf, r0, k, oz_min(cols - k, 32), bits.low, x, m, sums, acc);
        if (k + 32 >= cols) break;
        tile_dot_inputs(kind, v, leaf, r0, k + 32, oz_min(cols - k - 32, 32), bits.high, x, m, sums, acc);
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        float *out = y + i * ldy + r0;
        OZ_UNROLL
        for (size_t u = 1; u < sums; u++) acc[0][i] = v_add(acc[0][i], acc[u][i]);
        v_store_n(out, v_add(v_load_n(out, rows), acc[0][i]), rows);
    }
}

OZ_INLINE void tile_batch(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, size_t m, float *y, size_t ldy) {
    slots_view v;
    view_begin(kind, &v, leaf);
    for (size_t p = panel0; p < panel1; p++)
        tile_panel(kind, &v, leaf, p * OZ_PANEL, x, m, sums_at_once(m), y, ldy);
}

OZ_INLINE void tile_mv(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                       const oz_rows *x, float *y, size_t ldy) {
    switch (x->m) {
    case 1:
        tile_batch(kind, leaf, panel0, panel1, x, 1, y, ldy);
        break;
    case 2:
        tile_batch(kind, leaf, panel0, panel1, x, 2, y, ldy);
        break;
    case 3:
        tile_batch(kind, leaf, panel0, panel1, x, 3, y, ldy);
        break;
    default:
        tile_batch(kind, leaf, panel0, panel1, x, 4, y, ldy);
        break;
    }
}

OZ_INLINE void tile_copy_inputs(oz_codec_kind kind, slots_view *v, const oz_leaf *leaf, size_t r0, size_t k0,
                                size_t n, vi16 bits, float *out) {
    size_t step = leaf->param[OZ_HASHED_BLOCK_N];
    for (size_t k = k0; k < k0 + n;) {
        tile_piece t = tile_piece_at(leaf, r0, k, k0 + n);
        view_scales(kind, v, leaf, t.slot, (t.n - 1) * step + OZ_PANEL);
        for (size_t j = 0; j < t.n; j++, out += OZ_PANEL)
            v_store(out, tile_next(kind, v, t.slot + j * step, &bits));
        k += t.n;
    }
}

/* The buffer is [inputs][16 rows], as the tiles are. */
OZ_INLINE oz_tile tile_decode(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                              float *buffer) {
    slots_view v;
    sign_rows s;
    view_begin(kind, &v, leaf);
    size_t r0 = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, leaf->rows - r0);
    sign_rows_begin(&s, leaf, r0, rows, k0);
    for (size_t k = 0; k < n; k += 64) {
        sign_lanes bits = sign_rows_next(&s, leaf, r0, rows, k0 + k);
        tile_copy_inputs(kind, &v, leaf, r0, k0 + k, oz_min(n - k, 32), bits.low, buffer + k * OZ_PANEL);
        if (k + 32 >= n) break;
        tile_copy_inputs(kind, &v, leaf, r0, k0 + k + 32, oz_min(n - k - 32, 32), bits.high,
                         buffer + (k + 32) * OZ_PANEL);
    }
    for (size_t r = rows; r < OZ_PANEL; r++) {
        for (size_t k = 0; k < n; k++) buffer[k * OZ_PANEL + r] = 0;
    }
    return (oz_tile){buffer, 1, OZ_PANEL};
}

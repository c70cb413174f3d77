/* fold.body.h - maps whose neighbouring weights lie in neighbouring slots (pareto, robe): a row of W is a few
 * stretches of the array, read as they lie.
 *
 * A stretch is cut into vectors at any slot, for int8 at slots that are multiples of 16, so that no vector
 * has more than one scale. */
#include "base/arith.h"

/* Weights [0, n) of a stretch: slot, n, the signs at bit `bit` of s. */
typedef struct stretch {
    size_t slot, n, bit;
} stretch;

/* The vectors before the first whole one. */
OZ_INLINE size_t stretch_head(oz_codec_kind kind, stretch t) {
    return kind == OZ_CODEC_INT8 ? oz_min((16 - t.slot % 16) % 16, t.n) : 0;
}

OZ_INLINE void dot_some(oz_codec_kind kind, const slots_view *v, const sign_bits *s, stretch t, size_t j,
                        size_t n, const float *x, size_t ldx, size_t m, vf16 acc[OZ_MV_BATCH]) {
    if (n == 0) return;
    vf16 w = read_some(kind, v, t.slot + j, n);
    w = with_signs(w, s, t.bit + j, sign_shift(t.bit + j));
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) acc[i] = v_muladd(w, v_load_n(x + i * ldx + j, n), acc[i]);
}

/* Adds the products of m rows of x with a stretch to acc; `sums` sets of sums hide the latency. */
OZ_INLINE void dot_stretch(oz_codec_kind kind, const slots_view *v, const sign_bits *s, stretch t,
                           const float *x, size_t ldx, size_t m, size_t sums, vf16 acc[][OZ_MV_BATCH]) {
    size_t j = stretch_head(kind, t);
    dot_some(kind, v, s, t, 0, j, x, ldx, m, acc[0]);
    vi16 shift = sign_shift(t.bit + j);
    for (; j + 16 * sums <= t.n; j += 16 * sums) {
        OZ_UNROLL
        for (size_t u = 0; u < sums; u++) {
            size_t at = j + 16 * u;
            vf16 w = with_signs(read_in_group(kind, v, t.slot + at), s, t.bit + at, shift);
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) acc[u][i] = v_muladd(w, v_load(x + i * ldx + at), acc[u][i]);
        }
    }
    for (; j + 16 <= t.n; j += 16) {
        vf16 w = with_signs(read_in_group(kind, v, t.slot + j), s, t.bit + j, shift);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[0][i] = v_muladd(w, v_load(x + i * ldx + j), acc[0][i]);
    }
    dot_some(kind, v, s, t, j, t.n - j, x, ldx, m, acc[0]);
}

OZ_INLINE void fold_row(oz_codec_kind kind, slots_view *v, const oz_leaf *leaf, size_t r, const oz_rows *x,
                        size_t m, size_t sums, float *y, size_t ldy) {
    vf16 acc[4][OZ_MV_BATCH];
    sign_bits s;
    OZ_UNROLL
    for (size_t u = 0; u < sums; u++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[u][i] = v_zero();
    }
    for (size_t c0 = 0; c0 < leaf->cols; c0 += SEGMENT) {
        size_t n = oz_min(leaf->cols - c0, SEGMENT);
        signs_prepare(&s, leaf, r * leaf->cols + c0, n);
        for (size_t done = 0; done < n;) {
            oz_hashed_run run = oz_hashed_run_at(leaf, r, c0 + done, n - done);
            view_scales(kind, v, leaf, run.slot, run.n);
            stretch t = {run.slot, run.n, s.first + done};
            dot_stretch(kind, v, &s, t, x->f32 + c0 + done, x->ld, m, sums, acc);
            done += run.n;
        }
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        OZ_UNROLL
        for (size_t u = 1; u < sums; u++) acc[0][i] = v_add(acc[0][i], acc[u][i]);
        y[i * ldy + r] += v_sum(acc[0][i]);
    }
}

OZ_INLINE size_t sums_at_once(size_t m) {
    return OZ_MV_SUMS / m >= 4 ? 4 : OZ_MV_SUMS / m >= 2 ? 2 : 1;
}

OZ_INLINE void fold_batch(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, size_t m, float *y, size_t ldy) {
    slots_view v;
    view_begin(kind, &v, leaf);
    size_t end = oz_min(panel1 * OZ_PANEL, leaf->rows);
    for (size_t r = panel0 * OZ_PANEL; r < end; r++)
        fold_row(kind, &v, leaf, r, x, m, sums_at_once(m), y, ldy);
}

OZ_INLINE void fold_mv(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                       const oz_rows *x, float *y, size_t ldy) {
    switch (x->m) {
    case 1:
        fold_batch(kind, leaf, panel0, panel1, x, 1, y, ldy);
        break;
    case 2:
        fold_batch(kind, leaf, panel0, panel1, x, 2, y, ldy);
        break;
    case 3:
        fold_batch(kind, leaf, panel0, panel1, x, 3, y, ldy);
        break;
    default:
        fold_batch(kind, leaf, panel0, panel1, x, 4, y, ldy);
        break;
    }
}

OZ_INLINE void copy_some(oz_codec_kind kind, const slots_view *v, const sign_bits *s, stretch t, size_t j,
                         size_t n, float *out) {
    if (n == 0) return;
    vf16 w = read_some(kind, v, t.slot + j, n);
    v_store_n(out + j, with_signs(w, s, t.bit + j, sign_shift(t.bit + j)), n);
}

OZ_INLINE void copy_stretch(oz_codec_kind kind, const slots_view *v, const sign_bits *s, stretch t,
                            float *out) {
    size_t j = stretch_head(kind, t);
    copy_some(kind, v, s, t, 0, j, out);
    vi16 shift = sign_shift(t.bit + j);
    for (; j + 16 <= t.n; j += 16)
        v_store(out + j, with_signs(read_in_group(kind, v, t.slot + j), s, t.bit + j, shift));
    copy_some(kind, v, s, t, j, t.n - j, out);
}

OZ_INLINE oz_tile fold_decode(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                              float *buffer) {
    slots_view v;
    sign_bits s;
    view_begin(kind, &v, leaf);
    size_t r0 = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, leaf->rows - r0);
    for (size_t r = r0; r < r0 + rows; r++) {
        float *out = buffer + (r - r0) * n;
        signs_prepare(&s, leaf, r * leaf->cols + k0, n);
        for (size_t done = 0; done < n;) {
            oz_hashed_run run = oz_hashed_run_at(leaf, r, k0 + done, n - done);
            view_scales(kind, &v, leaf, run.slot, run.n);
            copy_stretch(kind, &v, &s, (stretch){run.slot, run.n, s.first + done}, out + done);
            done += run.n;
        }
    }
    memset(buffer + rows * n, 0, (OZ_PANEL - rows) * n * sizeof *buffer);
    return (oz_tile){buffer, n, 1};
}

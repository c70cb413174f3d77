/* float.body.h - the fused product of nm weights as floats with up to 4 activation rows.
 *
 * Rows are lanes: an entry is one vector of weights, and its inputs are the group's activations, held in a
 * register and permuted by the positions. Where m is less than 16 the register repeats them, so that the bits
 * of an index above the position do not matter. */
#include "kernels/panel.body.h"

/* The shape of the loops: constants where they are called. */
typedef struct pattern {
    size_t m;
    bool masks;
} pattern;

OZ_INLINE bool multiplies_floats(const oz_leaf *leaf) {
    bool masks = leaf->param[OZ_NM_FORM] == OZ_NM_MASK;
    return leaf->param[OZ_NM_M] <= (masks ? 8 : 16);
}

OZ_INLINE vf16 window_at(size_t m, const float *x) {
    return m == 4 ? v_repeat4(x) : m == 8 ? v_repeat8(x) : v_load(x);
}

OZ_INLINE vf16 inputs_of(size_t m, vf16 window, vi16 positions) {
    return m == 16 ? v_permute(window, positions) : v_permute_repeated(window, positions);
}

/* What is not yet read of a panel. */
typedef struct entry_reader {
    const uint8_t *positions, *weights;
} entry_reader;

OZ_INLINE vf16 load_weights(oz_codec_kind kind, const uint8_t *p) {
    return kind == OZ_CODEC_F32 ? v_load(p) : kind == OZ_CODEC_F16 ? v_load_f16(p) : v_load_bf16(p);
}

/* acc[i] += one group of `count` entries times the m inputs at x + i * ld. */
OZ_INLINE void dot_group(oz_codec_kind kind, pattern p, size_t count, entry_reader *r, const float *x,
                         size_t ld, size_t m, vf16 *acc) {
    const unsigned bits = p.m == 4 ? 2 : p.m == 8 ? 3 : 4;
    vf16 window[OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) window[i] = window_at(p.m, x + i * ld);
    vi16 masks = p.masks ? masks_at(r->positions, bits) : vi_zero();
    if (p.masks) r->positions += 2 * p.m;
    for (size_t j = 0; j < count; j++) {
        vi16 positions;
        if (p.masks) {
            positions = vi_add(next_in_masks(&masks), vi_set1(1));
        } else {
            positions = vi_load_bits(r->positions, bits);
            r->positions += 2 * bits;
        }
        vf16 weights = load_weights(kind, r->weights);
        r->weights += OZ_PANEL * (kind == OZ_CODEC_F32 ? 4 : 2);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++)
            acc[i] = v_muladd(weights, inputs_of(p.m, window[i], positions), acc[i]);
    }
}

#define SUMS 4 /* groups at once, so that one sum need not wait for another */

OZ_INLINE void mv_float_panel(oz_codec_kind kind, pattern p, const oz_leaf *leaf, size_t panel,
                              const oz_rows *x, size_t m, float *y, size_t ldy) {
    const size_t entries = leaf->param[OZ_NM_N], whole = leaf->cols / p.m,
                 sums = m == 1   ? SUMS
                        : m == 2 ? 2
                                 : 1;
    entry_reader r = {oz_nm_positions(leaf, panel), oz_nm_values(leaf, panel)};
    vf16 acc[SUMS][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t s = 0; s < sums; s++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[s][i] = v_zero();
    }
    size_t g = 0;
    for (; g + sums <= whole; g += sums) {
        OZ_UNROLL
        for (size_t s = 0; s < sums; s++) {
            dot_group(kind, p, entries, &r, x->f32 + (g + s) * p.m, x->ld, m, acc[s]);
        }
    }
    for (; g < whole; g++) dot_group(kind, p, entries, &r, x->f32 + g * p.m, x->ld, m, acc[0]);
    if (whole * p.m < leaf->cols) {
        float last[OZ_MV_BATCH * OZ_LANES];
        for (size_t i = 0; i < m; i++) {
            v_store(last + i * OZ_LANES,
                    v_load_n(x->f32 + i * x->ld + whole * p.m, leaf->cols - whole * p.m));
        }
        dot_group(kind, p, entries, &r, last, OZ_LANES, m, acc[0]);
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        OZ_UNROLL
        for (size_t s = 1; s < sums; s++) acc[0][i] = v_add(acc[0][i], acc[s][i]);
        add_to_rows(leaf, panel, acc[0][i], y + i * ldy);
    }
}

OZ_INLINE void mv_float_pattern(oz_codec_kind kind, pattern p, const oz_leaf *leaf, size_t panel,
                                const oz_rows *x, float *y, size_t ldy) {
    OZ_WITH_ROWS(x->m, mv_float_panel(kind, p, leaf, panel, x, M, y, ldy));
}

OZ_INLINE void mv_float(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                        const oz_rows *x, float *y, size_t ldy) {
    bool masks = leaf->param[OZ_NM_FORM] == OZ_NM_MASK;
    for (size_t panel = panel0; panel < panel1; panel++) {
        switch (leaf->param[OZ_NM_M]) {
        case 4:
            if (masks)
                mv_float_pattern(kind, (pattern){4, true}, leaf, panel, x, y, ldy);
            else
                mv_float_pattern(kind, (pattern){4, false}, leaf, panel, x, y, ldy);
            break;
        case 8:
            if (masks)
                mv_float_pattern(kind, (pattern){8, true}, leaf, panel, x, y, ldy);
            else
                mv_float_pattern(kind, (pattern){8, false}, leaf, panel, x, y, ldy);
            break;
        default:
            mv_float_pattern(kind, (pattern){16, false}, leaf, panel, x, y, ldy);
            break;
        }
    }
}

/* float.body.h - the fused product of nm weights as floats with up to 4 activation rows, for every pattern,
 * form, codec and activation precision.
 *
 * Rows are lanes: an entry is one vector of weights, and its inputs are the group's activations, held in
 * registers and permuted by the positions. Where m is less than 16 a register repeats them, so that the bits
 * of an index above the position do not matter. Quantised activations are widened: the sum of a segment of
 * up to 128 products of bytes is exact in floats too, so codes lose nothing. */
#include "kernels/panel.body.h"

/* The shape of the loops: constants where they are called. */
typedef struct pattern {
    size_t m;
    bool masks;
} pattern;

#define GROUP_REACH 32 /* inputs of the longest group */

/* The m inputs of a group, in one vector or two. */
typedef struct window {
    vf16 first, second;
} window;

OZ_INLINE window window_at(size_t m, const float *x) {
    window w = {.second = v_zero()};
    w.first = m == 4 ? v_repeat4(x) : m == 8 ? v_repeat8(x) : v_load(x);
    if (m == 32) w.second = v_load(x + OZ_LANES);
    return w;
}

OZ_INLINE vf16 inputs_of(size_t m, window w, vi16 positions) {
    if (m < 16) return v_permute_repeated(w.first, positions);
    vf16 low = v_permute(w.first, positions);
    if (m == 16) return low;
    vm16 is_low = vi_equal(vi_and(positions, vi_set1(OZ_LANES)), vi_zero());
    return v_select(is_low, low, v_permute(w.second, positions));
}

/* acc[i] += one group of `count` entries times the m inputs at x + i * ld. */
OZ_INLINE void dot_group(oz_codec_kind kind, pattern p, size_t count, const uint8_t **positions,
                         weight_reader *weights, vf16 scale, const float *x, size_t ld, size_t m, vf16 *acc) {
    const unsigned bits = p.m == 4 ? 2 : p.m == 8 ? 3 : p.m == 16 ? 4 : 5;
    window in[OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) in[i] = window_at(p.m, x + i * ld);
    vi16 masks = p.masks ? masks_at(*positions, bits) : vi_zero();
    if (p.masks) *positions += 2 * p.m;
    for (size_t j = 0; j < count; j++) {
        vi16 place;
        if (p.masks) {
            place = vi_add(next_in_masks(&masks), vi_set1(1));
        } else {
            place = vi_load_bits(*positions, bits);
            *positions += 2 * bits;
        }
        if (!is_integer(kind)) oz_ask_ahead(weights->next, 64);
        vf16 w = scale_weights(kind, next_weights(kind, weights), scale);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[i] = v_muladd(w, inputs_of(p.m, in[i], place), acc[i]);
    }
}

#define SUMS 4 /* groups at once, so that one sum need not wait for another */

/* What is not yet read of a panel, and how: a scale of 1 where codes meet quantised activations. */
typedef struct panel_reader {
    const uint8_t *positions;
    weight_reader weights;
    size_t entries; /* of a group */
    vf16 scale;
} panel_reader;

/* sum[i] = `groups` whole groups times their inputs, which begin at x + i * ld. */
OZ_INLINE void dot_groups(oz_codec_kind kind, pattern p, panel_reader *r, size_t groups, const float *x,
                          size_t ld, size_t m, vf16 sum[OZ_MV_BATCH]) {
    const size_t sums = m == 1 ? SUMS : m == 2 ? 2 : 1;
    vf16 acc[SUMS][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t s = 0; s < sums; s++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[s][i] = v_zero();
    }
    size_t g = 0;
    for (; g + sums <= groups; g += sums) {
        oz_ask_ahead(r->positions, 64);
        OZ_UNROLL
        for (size_t s = 0; s < sums; s++)
            dot_group(kind, p, r->entries, &r->positions, &r->weights, r->scale, x + (g + s) * p.m, ld, m,
                      acc[s]);
    }
    for (; g < groups; g++)
        dot_group(kind, p, r->entries, &r->positions, &r->weights, r->scale, x + g * p.m, ld, m, acc[0]);
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        OZ_UNROLL
        for (size_t s = 1; s < sums; s++) acc[0][i] = v_add(acc[0][i], acc[s][i]);
        sum[i] = acc[0][i];
    }
}

/* Float activations: the inputs of a last, short group are copied, with zeros behind them. */
OZ_INLINE void dot_floats(oz_codec_kind kind, pattern p, const oz_leaf *leaf, panel_reader *r,
                          const oz_scales *scales, const oz_rows *x, size_t m, vf16 acc[OZ_MV_BATCH]) {
    const size_t whole = leaf->cols / p.m * p.m;
    vf16 sum[OZ_MV_BATCH];
    for (size_t k = 0, n; k < whole; k += n) {
        n = oz_min(scales->inputs, whole - k);
        r->scale = scale_from(kind, scales, k);
        dot_groups(kind, p, r, n / p.m, x->f32 + k, x->ld, m, sum);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[i] = v_add(acc[i], sum[i]);
    }
    if (whole == leaf->cols) return;
    float last[OZ_MV_BATCH * GROUP_REACH] = {0};
    for (size_t i = 0; i < m; i++)
        memcpy(last + i * GROUP_REACH, x->f32 + i * x->ld + whole, (leaf->cols - whole) * sizeof(float));
    r->scale = scale_from(kind, scales, whole);
    dot_group(kind, p, r->entries, &r->positions, &r->weights, r->scale, last, GROUP_REACH, m, acc);
}

/* Quantised activations have zeros behind the last input. */
OZ_INLINE void dot_quantised(oz_codec_kind kind, pattern p, const oz_leaf *leaf, panel_reader *r,
                             const oz_scales *scales, const oz_rows *x, size_t m, vf16 acc[OZ_MV_BATCH]) {
    const size_t ld = oz_round_up(leaf->cols, OZ_BLOCK), step = oz_min(scales->inputs, OZ_BLOCK);
    float in[OZ_MV_BATCH * OZ_BLOCK];
    vf16 sum[OZ_MV_BATCH];
    r->scale = v_set1(1.0f);
    for (size_t k = 0; k < leaf->cols; k += step) {
        const size_t groups = oz_div_up(oz_min(step, leaf->cols - k), p.m);
        for (size_t i = 0; i < m; i++) {
            for (size_t j = 0; j < groups * p.m; j += OZ_LANES)
                v_store(in + i * OZ_BLOCK + j, v_load_i8(x->i8 + i * ld + k + j));
        }
        dot_groups(kind, p, r, groups, in, OZ_BLOCK, m, sum);
        vf16 scale = scale_at(scales, k / scales->inputs);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) {
            vf16 in_scale = v_broadcast(x->scale + (i * ld + k) / OZ_BLOCK);
            acc[i] = v_fma(v_mul(scale, in_scale), sum[i], acc[i]);
        }
    }
}

OZ_INLINE void mv_pattern(oz_codec_kind kind, pattern p, bool quantised, const oz_leaf *leaf, size_t panel,
                          const oz_rows *x, size_t m, float *y, size_t ldy) {
    const oz_scales scales = panel_scales(kind, leaf, panel);
    panel_reader r = {oz_nm_positions(leaf, panel), weights_at(kind, leaf, panel, 0), leaf->param[OZ_NM_N],
                      v_set1(1.0f)};
    vf16 acc[OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) acc[i] = v_zero();
    if (quantised)
        dot_quantised(kind, p, leaf, &r, &scales, x, m, acc);
    else
        dot_floats(kind, p, leaf, &r, &scales, x, m, acc);
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, acc[i], y + i * ldy);
}

typedef void mv_panel_fn(const oz_leaf *leaf, size_t panel, const oz_rows *x, float *y, size_t ldy);

/* The product of one codec, activation precision and pattern. */
#define PATTERN(name, kind, quantised, ...)                                                                  \
    static void name(const oz_leaf *leaf, size_t panel, const oz_rows *x, float *y, size_t ldy) {            \
        OZ_WITH_ROWS(x->m, mv_pattern(kind, (pattern){__VA_ARGS__}, quantised, leaf, panel, x, M, y, ldy));  \
    }

/* All of a codec, and the function that picks one. */
#define PATTERNS(name, kind, quantised)                                                                      \
    PATTERN(name##_4_list, kind, quantised, 4, false)                                                        \
    PATTERN(name##_4_mask, kind, quantised, 4, true)                                                         \
    PATTERN(name##_8_list, kind, quantised, 8, false)                                                        \
    PATTERN(name##_8_mask, kind, quantised, 8, true)                                                         \
    PATTERN(name##_16_list, kind, quantised, 16, false)                                                      \
    PATTERN(name##_16_mask, kind, quantised, 16, true)                                                       \
    PATTERN(name##_32_list, kind, quantised, 32, false)                                                      \
    PATTERN(name##_32_mask, kind, quantised, 32, true)                                                       \
    static void OZ_NAME(nm_##name)(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x,      \
                                   float *y, size_t ldy) {                                                   \
        static mv_panel_fn *const runs[][2] = {{name##_4_list, name##_4_mask},                               \
                                               {name##_8_list, name##_8_mask},                               \
                                               {name##_16_list, name##_16_mask},                             \
                                               {name##_32_list, name##_32_mask}};                            \
        mv_panel_fn *run = runs[oz_nm_position_bits(leaf) - 2][leaf->param[OZ_NM_FORM] == OZ_NM_MASK];       \
        for (size_t panel = panel0; panel < panel1; panel++) run(leaf, panel, x, y, ldy);                    \
    }

PATTERNS(mv_f32, OZ_CODEC_F32, false)
PATTERNS(mv_f16, OZ_CODEC_F16, false)
PATTERNS(mv_bf16, OZ_CODEC_BF16, false)
PATTERNS(mv_integer_f32, ANY_INTEGER, false)
PATTERNS(mv_integer_i8, ANY_INTEGER, true)

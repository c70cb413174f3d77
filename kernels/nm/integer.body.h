/* integer.body.h - the fused product of nm codes with up to 4 rows of quantised activations, for patterns
 * whose quads of entries reach over at most 32 inputs.
 *
 * The activations under a quad fit one or two tables of 16 bytes, in which a shuffle looks up 16 rows x 4
 * entries at once; the exact dot product with the codes follows. Inputs that are not stored take no part in
 * it, so the activations that do are summed too, to take the zero code off. */
#include "kernels/nm/positions.body.h"

/* What the loops are unrolled for. */
typedef struct quad_shape {
    size_t n, m;
    bool masks;
} quad_shape;

/* Inputs under a quad. */
OZ_INLINE size_t span_of(quad_shape s) {
    return 4 / s.n * s.m;
}

OZ_INLINE size_t record_bytes(quad_shape s) {
    return s.masks ? 16 : s.m == 4 ? 16 : s.m == 8 ? 24 : 32;
}

/* Where the entries' groups begin in their table: byte j of every row. */
OZ_INLINE vb64 group_offsets(quad_shape s) {
    const size_t table = span_of(s) < 16 ? span_of(s) : 16;
    uint8_t offset[4];
    for (size_t j = 0; j < 4; j++) offset[j] = (uint8_t)(j / s.n * s.m % table);
    return vb_quad(offset);
}

OZ_INLINE vb64 inputs_under(quad_shape s, const int8_t *x, vb64 index) {
    if (span_of(s) == 8) return vb_shuffle16(vb_load_repeat8(x), index);
    vb64 low = vb_shuffle16(vb_load_repeat16(x), index);
    return span_of(s) == 16 ? low : vb_words(low, vb_shuffle16(vb_load_repeat16(x + 16), index));
}

typedef struct quad_sums {
    vi16 product, input; /* of codes (less OZ_DOT4_BIAS) and inputs; of inputs */
} quad_sums;

OZ_INLINE void add_quad(bool int8, vb64 codes, vb64 in, quad_sums *s) {
    s->product = int8 ? v_dot4_u8(s->product, codes, in) : v_dot4_u7(s->product, codes, in);
    if (!int8 || OZ_DOT4_BIAS == 0) s->input = v_dot4_u7(s->input, vb_set1(1), in);
}

/* A segment of `quads` quads from input k on. */
OZ_INLINE void sum_segment(bool int8, quad_shape shape, code_reader *codes, const uint8_t *positions,
                           size_t quads, const int8_t *x, size_t ld, size_t m, quad_sums *sums) {
    const vb64 offsets = group_offsets(shape);
    for (size_t q = 0; q < quads; q++, positions += record_bytes(shape), x += span_of(shape)) {
        vb64 index = vb_add(quad_positions(shape.m, shape.masks, positions), offsets);
        vb64 code = next_quad(codes);
        for (size_t i = 0; i < m; i++) add_quad(int8, code, inputs_under(shape, x + i * ld, index), &sums[i]);
    }
}

/* The last quad where the panel's entries do not fill it: what it lacks are zero codes at position 0. */
OZ_INLINE void sum_last_quad(bool int8, quad_shape shape, const oz_leaf *leaf, code_reader *codes,
                             const uint8_t *positions, const int8_t *x, size_t ld, size_t m,
                             quad_sums *sums) {
    uint8_t records[32] = {0};
    memcpy(records, positions, oz_nm_entries(leaf) % 4 * oz_nm_entry_bytes(leaf));
    sum_segment(int8, shape, codes, records, 1, x, ld, m, sums);
}

OZ_INLINE void mv_integer_panel(bool int8, quad_shape shape, const oz_leaf *leaf, size_t panel,
                                const oz_rows *x, size_t m, float *y, size_t ldy) {
    const oz_scales scales = scales_of(leaf, panel);
    const size_t ld = oz_round_up(leaf->cols, OZ_BLOCK), step = oz_min(scales.inputs, OZ_BLOCK);
    const size_t full = oz_nm_entries(leaf) / 4 * span_of(shape); /* inputs under whole quads */
    const vi16 zero = vi_set1(scales.zero - (int8 ? OZ_DOT4_BIAS : 0));
    const uint8_t *positions = oz_nm_positions(leaf, panel);
    code_reader codes = codes_at(leaf, panel, 0);
    vf16 acc[OZ_MV_BATCH];
    for (size_t i = 0; i < m; i++) acc[i] = v_zero();
    for (size_t k = 0; k < leaf->cols; k += step) {
        const size_t end = oz_min(k + step, leaf->cols),
                     quads = (oz_min(oz_round_up(end, span_of(shape)), full) - k) / span_of(shape);
        quad_sums sums[OZ_MV_BATCH];
        for (size_t i = 0; i < m; i++) sums[i] = (quad_sums){vi_zero(), vi_zero()};
        sum_segment(int8, shape, &codes, positions, quads, x->i8 + k, ld, m, sums);
        positions += quads * record_bytes(shape);
        if (k + quads * span_of(shape) < end) {
            sum_last_quad(int8, shape, leaf, &codes, positions, x->i8 + full, ld, m, sums);
        }
        vf16 scale = scale_at(&scales, k / scales.inputs);
        for (size_t i = 0; i < m; i++) {
            vi16 whole = vi_sub(sums[i].product, vi_mul(zero, sums[i].input));
            acc[i] = add_segment(acc[i], scale, v_broadcast(x->scale + (i * ld + k) / OZ_BLOCK), whole);
        }
    }
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, acc[i], y + i * ldy);
}

/* One row of activations keeps its sums in registers. */
#define SHAPE(name, int8, ...)                                                                               \
    static void name(const oz_leaf *leaf, size_t panel, const oz_rows *x, float *y, size_t ldy) {            \
        if (x->m == 1)                                                                                       \
            mv_integer_panel(int8, (quad_shape){__VA_ARGS__}, leaf, panel, x, 1, y, ldy);                    \
        else                                                                                                 \
            mv_integer_panel(int8, (quad_shape){__VA_ARGS__}, leaf, panel, x, x->m, y, ldy);                 \
    }
#define SHAPES(name, ...) SHAPE(name##_wide, true, __VA_ARGS__) SHAPE(name##_narrow, false, __VA_ARGS__)

SHAPES(mv_1_4, 1, 4, false)
SHAPES(mv_2_4, 2, 4, false)
SHAPES(mv_1_8, 1, 8, false)
SHAPES(mv_2_8, 2, 8, false)
SHAPES(mv_4_8, 4, 8, false)
SHAPES(mv_2_16, 2, 16, false)
SHAPES(mv_4_16, 4, 16, false)
SHAPES(mv_4_8_masks, 4, 8, true)

typedef struct shape_entry {
    quad_shape shape;
    mv_panel_fn *wide, *narrow; /* int8, less than 8 bits */
} shape_entry;

static const shape_entry shapes[] = {
    {{1, 4, false}, mv_1_4_wide, mv_1_4_narrow},    {{2, 4, false}, mv_2_4_wide, mv_2_4_narrow},
    {{1, 8, false}, mv_1_8_wide, mv_1_8_narrow},    {{2, 8, false}, mv_2_8_wide, mv_2_8_narrow},
    {{4, 8, false}, mv_4_8_wide, mv_4_8_narrow},    {{2, 16, false}, mv_2_16_wide, mv_2_16_narrow},
    {{4, 16, false}, mv_4_16_wide, mv_4_16_narrow}, {{4, 8, true}, mv_4_8_masks_wide, mv_4_8_masks_narrow},
};

/* False if no product knows the leaf's pattern. */
static bool mv_shape(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x, float *y,
                     size_t ldy) {
    const bool masks = leaf->param[OZ_NM_FORM] == OZ_NM_MASK;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const shape_entry *s = &shapes[i];
        if (s->shape.n != leaf->param[OZ_NM_N] || s->shape.m != leaf->param[OZ_NM_M] ||
            s->shape.masks != masks)
            continue;
        mv_panel_fn *run = leaf->codec.kind == OZ_CODEC_INT8 ? s->wide : s->narrow;
        for (size_t panel = panel0; panel < panel1; panel++) run(leaf, panel, x, y, ldy);
        return true;
    }
    return false;
}

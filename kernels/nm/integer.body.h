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

/* A dot product that is one instruction is waited for: one row of activations sums in several chains. */
#ifdef OZ_SIMD_VNNI
#define MOST_CHAINS 4
#else
#define MOST_CHAINS 1
#endif

typedef struct quad_sums {
    vi16 product, input; /* of codes (less OZ_DOT4_BIAS) and inputs; of inputs */
} quad_sums;

/* Codecs of less than 8 bits but int4: unpacked as their reader finds them. */
#define NARROW OZ_CODEC_INT6

/* What is not yet read of a panel. */
typedef struct quads_reader {
    const uint8_t *positions;
    quad_reader packed; /* int8 and int4, which have whole units in 4 quads */
    code_reader codes;  /* the others */
} quads_reader;

OZ_INLINE quads_reader quads_at(oz_codec_kind kind, const oz_leaf *leaf, size_t panel) {
    quads_reader r = {.positions = oz_nm_positions(leaf, panel)};
    if (kind == NARROW)
        r.codes = codes_at(leaf, panel, 0);
    else
        r.packed = reader_at(kind, oz_nm_values(leaf, panel), 0);
    return r;
}

/* The next n <= 4 quads. */
OZ_INLINE void read_codes(oz_codec_kind kind, quads_reader *r, size_t n, vb64 out[4]) {
    OZ_UNROLL
    for (unsigned q = 0; q < 4; q++) {
        if (q < n) out[q] = kind == NARROW ? next_quad(&r->codes) : quad_at(kind, r->packed.next, q);
    }
    if (kind != NARROW) r->packed.next += n * chunk_bytes(kind) / CHUNK_QUADS;
}

OZ_INLINE void add_quad(oz_codec_kind kind, vb64 codes, vb64 in, quad_sums *s) {
    const bool wide = kind == OZ_CODEC_INT8;
    s->product = wide ? v_dot4_u8(s->product, codes, in) : v_dot4_u7(s->product, codes, in);
    if (!wide || OZ_DOT4_BIAS == 0) s->input = v_dot4_u7(s->input, vb_set1(1), in);
}

OZ_INLINE void add_quads(oz_codec_kind kind, const vb64 codes[4], const vb64 in[4], size_t n, unsigned chains,
                         quad_sums *s) {
    if (kind == OZ_CODEC_INT4 && n == 4 && chains == 1) {
        const vb64 one = vb_set1(1);
        s->product =
            v_dot4x4_u5(s->product, codes[0], codes[1], codes[2], codes[3], in[0], in[1], in[2], in[3]);
        s->input = v_dot4x4_u5(s->input, one, one, one, one, in[0], in[1], in[2], in[3]);
        return;
    }
    OZ_UNROLL
    for (unsigned q = 0; q < 4; q++) {
        if (q < n) add_quad(kind, codes[q], in[q], &s[q % chains]);
    }
}

/* n <= 4 quads whose records begin at `positions` and whose inputs at x. */
OZ_INLINE void sum_quads(oz_codec_kind kind, quad_shape shape, quads_reader *r, const uint8_t *positions,
                         size_t n, const int8_t *x, size_t ld, size_t m, unsigned chains,
                         quad_sums sums[][MOST_CHAINS]) {
    const vb64 offsets = group_offsets(shape);
    vb64 codes[4], index[4], in[4];
    read_codes(kind, r, n, codes);
    OZ_UNROLL
    for (unsigned q = 0; q < 4; q++) {
        if (q < n)
            index[q] =
                vb_or(quad_positions(shape.m, shape.masks, positions + q * record_bytes(shape)), offsets);
    }
    for (size_t i = 0; i < m; i++) {
        OZ_UNROLL
        for (unsigned q = 0; q < 4; q++) {
            if (q < n) in[q] = inputs_under(shape, x + i * ld + q * span_of(shape), index[q]);
        }
        add_quads(kind, codes, in, n, chains, sums[i]);
    }
}

/* A segment of `entries` entries. Those that do not fill four quads are read with zeros behind them: what
 * the last quad lacks are zero codes at position 0. */
OZ_INLINE void sum_segment(oz_codec_kind kind, quad_shape shape, quads_reader *r, size_t entries,
                           const int8_t *x, size_t ld, size_t m, unsigned chains,
                           quad_sums sums[][MOST_CHAINS]) {
    const size_t four = 4 * record_bytes(shape);
    for (; entries >= 16; entries -= 16, r->positions += four, x += 4 * span_of(shape)) {
        oz_ask_ahead(r->positions, four);
        if (kind != NARROW) oz_ask_ahead(r->packed.next, chunk_bytes(kind) / 2);
        sum_quads(kind, shape, r, r->positions, 4, x, ld, m, chains, sums);
    }
    if (entries == 0) return;
    uint8_t records[4 * 32] = {0};
    memcpy(records, r->positions, entries * record_bytes(shape) / 4);
    r->positions += entries * record_bytes(shape) / 4;
    sum_quads(kind, shape, r, records, oz_div_up(entries, 4), x, ld, m, chains, sums);
}

OZ_INLINE void mv_integer_panel(oz_codec_kind kind, quad_shape shape, const oz_leaf *leaf, size_t panel,
                                const oz_rows *x, size_t m, unsigned chains, float *y, size_t ldy) {
    const oz_scales scales = scales_of(leaf, panel);
    const size_t ld = oz_round_up(leaf->cols, OZ_BLOCK), step = oz_min(scales.inputs, OZ_BLOCK);
    const vi16 zero = vi_set1(scales.zero - (kind == OZ_CODEC_INT8 ? OZ_DOT4_BIAS : 0));
    quads_reader r = quads_at(kind, leaf, panel);
    size_t left = oz_nm_entries(leaf);
    vf16 acc[OZ_MV_BATCH];
    for (size_t i = 0; i < m; i++) acc[i] = v_zero();
    for (size_t k = 0, entries; k < leaf->cols; k += step, left -= entries) {
        quad_sums sums[OZ_MV_BATCH][MOST_CHAINS];
        for (size_t i = 0; i < m; i++) {
            OZ_UNROLL
            for (unsigned c = 0; c < chains; c++) sums[i][c] = (quad_sums){vi_zero(), vi_zero()};
        }
        entries = oz_min(left, oz_div_up(step, shape.m) * shape.n);
        sum_segment(kind, shape, &r, entries, x->i8 + k, ld, m, chains, sums);
        vf16 scale = scale_at(&scales, k / scales.inputs);
        for (size_t i = 0; i < m; i++) {
            quad_sums s = sums[i][0];
            OZ_UNROLL
            for (unsigned c = 1; c < chains; c++) {
                s.product = vi_add(s.product, sums[i][c].product);
                s.input = vi_add(s.input, sums[i][c].input);
            }
            vi16 whole = vi_sub(s.product, vi_mul(zero, s.input));
            acc[i] = add_segment(acc[i], scale, v_broadcast(x->scale + (i * ld + k) / OZ_BLOCK), whole);
        }
    }
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, acc[i], y + i * ldy);
}

/* One row of activations keeps its sums in registers. */
#define SHAPE(name, kind, ...)                                                                               \
    static void name(const oz_leaf *leaf, size_t panel, const oz_rows *x, float *y, size_t ldy) {            \
        if (x->m == 1)                                                                                       \
            mv_integer_panel(kind, (quad_shape){__VA_ARGS__}, leaf, panel, x, 1, MOST_CHAINS, y, ldy);       \
        else                                                                                                 \
            mv_integer_panel(kind, (quad_shape){__VA_ARGS__}, leaf, panel, x, x->m, 1, y, ldy);              \
    }
#define SHAPES(name, ...)                                                                                    \
    SHAPE(name##_int8, OZ_CODEC_INT8, __VA_ARGS__)                                                           \
    SHAPE(name##_int4, OZ_CODEC_INT4, __VA_ARGS__)                                                           \
    SHAPE(name##_narrow, NARROW, __VA_ARGS__)

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
    mv_panel_fn *int8, *int4, *narrow;
} shape_entry;

#define ENTRY(name, ...)                                                                                     \
    { {__VA_ARGS__}, name##_int8, name##_int4, name##_narrow }

static const shape_entry shapes[] = {
    ENTRY(mv_1_4, 1, 4, false),   ENTRY(mv_2_4, 2, 4, false),      ENTRY(mv_1_8, 1, 8, false),
    ENTRY(mv_2_8, 2, 8, false),   ENTRY(mv_4_8, 4, 8, false),      ENTRY(mv_2_16, 2, 16, false),
    ENTRY(mv_4_16, 4, 16, false), ENTRY(mv_4_8_masks, 4, 8, true),
};

/* Only where every segment is of fours of quads are those of int4 found without unpacking what lies before.
 */
static mv_panel_fn *codes_of(const shape_entry *s, const oz_leaf *leaf) {
    const size_t step = leaf->codec.group ? oz_min(leaf->codec.group, OZ_BLOCK) : OZ_BLOCK;
    if (leaf->codec.kind == OZ_CODEC_INT8) return s->int8;
    return leaf->codec.kind == OZ_CODEC_INT4 && step % (4 * span_of(s->shape)) == 0 ? s->int4 : s->narrow;
}

/* False if no product knows the leaf's pattern. */
static bool mv_shape(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x, float *y,
                     size_t ldy) {
    const bool masks = leaf->param[OZ_NM_FORM] == OZ_NM_MASK;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const shape_entry *s = &shapes[i];
        if (s->shape.n != leaf->param[OZ_NM_N] || s->shape.m != leaf->param[OZ_NM_M] ||
            s->shape.masks != masks)
            continue;
        mv_panel_fn *run = codes_of(s, leaf);
        for (size_t panel = panel0; panel < panel1; panel++) run(leaf, panel, x, y, ldy);
        return true;
    }
    return false;
}

/* gemm_u8.body.h - 16 rows of codes x a panel of quantised activations: exact integer sums over a segment
 * of inputs, started at minus the zero point's share, then one scaled addition per segment in the order that
 * kernel.h promises.
 *
 * Quads of codes are broadcast, quads of activations fill the vector. On instruction sets that go
 * through 16-bit pairs, codes of up to 5 bits let four quads share their widening. */
#include "kernels/gemm/ahead.body.h"
#include "kernels/scales.body.h"

/* Accumulators, rows x vectors, and rows of them: fewer columns leave room for more. */
#define U8_SUMS (OZ_GEMM_U8_ROWS * OZ_GEMM_U8_VECTORS)
#define U8_ROWS (U8_SUMS < 8 ? U8_SUMS : 8)
#define U8_VECTORS OZ_GEMM_U8_VECTORS
#define TILE_QUAD (OZ_PANEL * 4) /* bytes of one quad of inputs, in a tile; a panel has 4 * lanes */

typedef enum code_width { CODES_U5, CODES_U7, CODES_U8 } code_width;

OZ_INLINE vi16 dot_quad(code_width width, vi16 acc, vb64 codes, vb64 x) {
    return width == CODES_U8 ? v_dot4_u8(acc, codes, x) : v_dot4_u7(acc, codes, x);
}

/* What a sum of (q - bias) * x is short of, in codes: see OZ_DOT4_BIAS. */
OZ_INLINE int32_t dot_bias(code_width width) {
    return width == CODES_U8 ? OZ_DOT4_BIAS : 0;
}

OZ_INLINE code_width code_width_of(oz_codec_kind kind) {
    return kind == OZ_CODEC_INT8 ? CODES_U8 : kind == OZ_CODEC_INT6 ? CODES_U7 : CODES_U5;
}

/* What of a block of accumulators is in use; all constants once inlined. */
typedef struct sums_shape {
    int rows, vectors;
    size_t lanes;
} sums_shape;

#include "kernels/gemm/words.body.h"

/* Bits by which sums are too far up. */
OZ_INLINE unsigned sums_shift(code_width width) {
    return width == CODES_U8 ? WORDS_SHIFT : 0;
}

OZ_INLINE void add_quad(code_width width, const uint8_t *tile, const int8_t *x, sums_shape in_use,
                        vi16 sums[U8_ROWS][U8_VECTORS]) {
    vb64 in[U8_VECTORS];
    OZ_UNROLL
    for (int v = 0; v < in_use.vectors; v++) in[v] = vb_load(x + 64 * v);
    OZ_UNROLL
    for (int r = 0; r < in_use.rows; r++) {
        vb64 codes = vb_quad(tile + 4 * r);
        OZ_UNROLL
        for (int v = 0; v < in_use.vectors; v++) sums[r][v] = dot_quad(width, sums[r][v], codes, in[v]);
    }
}

/* sums[row][vector] of `quads` quads: codes of its rows from `tile`, columns from `x`. */
OZ_INLINE void sum_codes(code_width width, const uint8_t *tile, const int8_t *x, size_t quads,
                         sums_shape in_use, vi16 sums[U8_ROWS][U8_VECTORS]) {
    const size_t quad_bytes = 4 * in_use.lanes;
    size_t q = 0;
#ifdef OZ_WORDS
    if (width == CODES_U8) {
        sum_words(tile, x, quads, in_use, sums);
        return;
    }
#endif
#ifndef OZ_SIMD_VNNI
    if (width == CODES_U5) {
        for (; q + 4 <= quads; q += 4, tile += 4 * TILE_QUAD, x += 4 * quad_bytes) {
            OZ_UNROLL
            for (int v = 0; v < in_use.vectors; v++) {
                vb64 x0 = vb_load(x + 64 * v), x1 = vb_load(x + quad_bytes + 64 * (size_t)v);
                vb64 x2 = vb_load(x + 2 * quad_bytes + 64 * (size_t)v),
                     x3 = vb_load(x + 3 * quad_bytes + 64 * (size_t)v);
                OZ_UNROLL
                for (int r = 0; r < in_use.rows; r++) {
                    sums[r][v] =
                        v_dot4x4_u5(sums[r][v], vb_quad(tile + 4 * r), vb_quad(tile + TILE_QUAD + 4 * r),
                                    vb_quad(tile + 2 * TILE_QUAD + 4 * r),
                                    vb_quad(tile + 3 * TILE_QUAD + 4 * r), x0, x1, x2, x3);
                }
            }
        }
    }
#endif
    for (; q < quads; q++, tile += TILE_QUAD, x += quad_bytes) add_quad(width, tile, x, in_use, sums);
}

/* One segment of one group, for all 16 rows: what the inner loops need of it. Written as vectors and read by
 * the number at once, which only works without waiting inside one cache line. */
typedef struct segment {
    _Alignas(64) int32_t total[OZ_COLUMNS]; /* X, the sums of the activations */
    int32_t start[OZ_COLUMNS];              /* -zero * X, where all rows have the same zero */
    float scale[OZ_PANEL], minimum[OZ_PANEL];
    int32_t less[OZ_PANEL]; /* -zero, of the codes as the dot product sees them */
    bool minima, zeros;     /* the rows have minima; have zeros of their own */
    size_t quads;
    const uint8_t *tile;
    const int8_t *x;
    const float *x_scale; /* [lanes] */
    oz_extents ahead;     /* to ask for meanwhile */
#ifdef OZ_WORDS
    _Alignas(64) uint8_t words[OZ_BLOCK / 4 * WORDS_QUAD]; /* the tile, of codes of 8 bits */
#endif
} segment;

/* Loops of known length end without a mispredicted branch. */
OZ_INLINE void sum_segment(code_width width, const segment *s, size_t row, size_t column, sums_shape in_use,
                           vi16 sums[U8_ROWS][U8_VECTORS]) {
    const uint8_t *tile = s->tile + 4 * row;
    const int8_t *x = s->x + 4 * column;
    if (s->quads == OZ_BLOCK / 4)
        sum_codes(width, tile, x, OZ_BLOCK / 4, in_use, sums);
    else if (s->quads == 8)
        sum_codes(width, tile, x, 8, in_use, sums);
    else
        sum_codes(width, tile, x, s->quads, in_use, sums);
}

OZ_INLINE void multiply_segment(code_width width, const segment *s, size_t lanes, float *acc) {
    const int vectors = lanes / 16 < U8_VECTORS ? (int)lanes / 16 : U8_VECTORS;
    const int rows = U8_SUMS / vectors < U8_ROWS ? U8_SUMS / vectors : U8_ROWS;
    for (size_t c = 0; c < lanes; c += 16 * (size_t)vectors) {
        for (size_t r0 = 0; r0 < OZ_PANEL; r0 += (size_t)rows) {
            if (c == 0) ask_for_shares(&s->ahead, r0, (size_t)rows);
            vi16 sums[U8_ROWS][U8_VECTORS];
            OZ_UNROLL
            for (int r = 0; r < rows; r++) {
                OZ_UNROLL
                for (int v = 0; v < vectors; v++) {
                    sums[r][v] = s->zeros ? vi_mul(vi_set1(s->less[r0 + (size_t)r]),
                                                   vi_load(s->total + c + 16 * (size_t)v))
                                          : vi_load(s->start + c + 16 * (size_t)v);
                }
            }
            sum_segment(width, s, r0, c, (sums_shape){rows, vectors, lanes}, sums);
            OZ_UNROLL
            for (int r = 0; r < rows; r++) {
                size_t row = r0 + (size_t)r;
                OZ_UNROLL
                for (int v = 0; v < vectors; v++) {
                    size_t column = c + 16 * (size_t)v;
                    float *to = acc + row * lanes + column;
                    vf16 in_scale = v_load(s->x_scale + column);
                    vf16 sum = v_from_i32(sums[r][v]);
                    if (sums_shift(width)) sum = v_mul(sum, v_set1(1.0f / (1 << WORDS_SHIFT)));
                    vf16 y = v_fma(v_mul(v_set1(s->scale[row]), in_scale), sum, v_load(to));
                    if (s->minima) {
                        vf16 total = v_from_i32(vi_load(s->total + column));
                        y = v_fma(v_mul(v_set1(s->minimum[row]), in_scale), total, y);
                    }
                    v_store(to, y);
                }
            }
        }
    }
}

/* The sums of `pieces` times 32 inputs of 16 columns. */
OZ_INLINE vi16 total_of(const int32_t *sum, size_t pieces, size_t lanes) {
    vi16 total = vi_load(sum);
    for (size_t i = 1; i < pieces; i++) total = vi_add(total, vi_load(sum + i * lanes));
    return total;
}

OZ_INLINE void sum_inputs(segment *s, const int32_t *sum, size_t pieces, vi16 less, size_t lanes) {
    OZ_UNROLL
    for (size_t c = 0; c < lanes; c += 16) {
        vi16 total = pieces == 4 ? total_of(sum + c, 4, lanes) : total_of(sum + c, pieces, lanes);
        vi_store(s->total + c, total);
        vi_store(s->start + c, vi_mul(less, total));
    }
}

OZ_INLINE void gemm_u8_width(code_width width, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                             const uint8_t *tile, const oz_columns *x, size_t lanes, float *acc,
                             const oz_extents *ahead) {
    oz_scales scales = scales_of(leaf, panel);
    size_t step = oz_min(scales.inputs, OZ_BLOCK);
    segment s; /* not initialised as a whole: to clear it takes longer than to fill it */
    s.minima = scales.offset == OZ_MINIMUM;
    s.zeros = scales.offset == OZ_ZERO_POINT;
    for (size_t k = 0; k < n; k += step) {
        size_t inputs = oz_min(step, n - k), group = (k0 + k) / scales.inputs;
        s.quads = oz_div_up(inputs, 4);
        s.ahead = extents_within(ahead, k, inputs, n);
        s.tile = tile + k / 4 * TILE_QUAD;
        s.x = x->i8 + (k0 + k) * lanes;
        s.x_scale = x->scale + (k0 + k) / OZ_BLOCK * lanes;
        v_store(s.scale, scale_at(&scales, group));
        if (s.minima) v_store(s.minimum, minimum_at(&scales, group));
        vi16 less = vi_sub(vi_set1(dot_bias(width)), zero_at(&scales, group));
        less = vi_shift_left(less, sums_shift(width));
        vi_store(s.less, less);
        sum_inputs(&s, x->sum + (k0 + k) / 32 * lanes, oz_div_up(inputs, 32), less, lanes);
#ifdef OZ_WORDS
        if (width == CODES_U8) s.tile = codes_to_words(s.tile, s.quads, s.words);
#endif
        multiply_segment(width, &s, lanes, acc);
    }
}

static void gemm_u8(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, const uint8_t *tile,
                    const oz_columns *x, float *acc, const oz_extents *ahead) {
    switch (code_width_of(leaf->codec.kind)) {
    case CODES_U5:
        OZ_WITH_LANES(x->lanes, gemm_u8_width(CODES_U5, leaf, panel, k0, n, tile, x, LANES, acc, ahead));
        break;
    case CODES_U7:
        OZ_WITH_LANES(x->lanes, gemm_u8_width(CODES_U7, leaf, panel, k0, n, tile, x, LANES, acc, ahead));
        break;
    default:
        OZ_WITH_LANES(x->lanes, gemm_u8_width(CODES_U8, leaf, panel, k0, n, tile, x, LANES, acc, ahead));
        break;
    }
}

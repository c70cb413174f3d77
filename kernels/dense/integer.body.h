/* integer.body.h - dense integer leaves: the fused product with up to 4 quantised activation rows, and the
 * decoders to codes and to floats.
 *
 * One vector of codes holds 16 rows x 4 inputs, one broadcast of four activations meets them all. The order
 * of roundings is the one kernel.h promises, so results equal those of gemm_u8 to the bit. */
#include "formats/dense/dense.h"
#include "kernels/dense/quads.body.h"
#include "kernels/dense/ternary.body.h"
#include "kernels/panel.body.h"

/* A dot product that is one instruction is waited for: short batches sum in several chains. */
#ifdef OZ_SIMD_VNNI
#define CHAINS(m) ((m) >= 3 ? 1u : 4u / (unsigned)(m))
#else
#define CHAINS(m) 1u
#endif

/* sums of the chains += four quads times their activations. */
OZ_INLINE void dot_quads(oz_codec_kind kind, const vb64 q[4], const int8_t *x, unsigned chains, vi16 sum[4]) {
    vb64 x0 = vb_quad(x), x1 = vb_quad(x + 4), x2 = vb_quad(x + 8), x3 = vb_quad(x + 12);
    if (kind == OZ_CODEC_INT8 || chains > 1) {
        sum[0] = v_dot4_u8(sum[0], q[0], x0);
        sum[1 % chains] = v_dot4_u8(sum[1 % chains], q[1], x1);
        sum[2 % chains] = v_dot4_u8(sum[2 % chains], q[2], x2);
        sum[3 % chains] = v_dot4_u8(sum[3 % chains], q[3], x3);
    } else if (kind == OZ_CODEC_INT6) {
        sum[0] = v_dot4_u7(v_dot4_u7(sum[0], q[0], x0), q[1], x1);
        sum[0] = v_dot4_u7(v_dot4_u7(sum[0], q[2], x2), q[3], x3);
    } else {
        sum[0] = v_dot4x4_u5(sum[0], q[0], q[1], q[2], q[3], x0, x1, x2, x3);
    }
}

/* part[i] += the next chunk of a panel times row i. */
OZ_INLINE void dot_chunk(oz_codec_kind kind, quad_reader *r, size_t skip, const int8_t *x, size_t ld,
                         size_t m, unsigned chains, vi16 part[][4]) {
    oz_ask_ahead(r->next + skip, chunk_bytes(kind));
    OZ_UNROLL
    for (unsigned j = 0; j < CHUNK_QUADS; j += 4) {
        vb64 q[4];
        read4(kind, r, j, q);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) dot_quads(kind, q, x + i * ld + 4 * j, chains, part[i]);
    }
}

OZ_INLINE void dot_tail(oz_codec_kind kind, quad_reader *r, const int8_t *x, size_t ld, size_t quads,
                        size_t m, vi16 part[][4]) {
    vb64 tail[CHUNK_QUADS];
    read_tail(kind, r, quads, tail);
    for (size_t j = 0; j < quads; j++, x += 4) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) {
            vb64 in = vb_quad(x + i * ld);
            part[i][0] = kind == OZ_CODEC_INT8 ? v_dot4_u8(part[i][0], tail[j], in)
                                               : v_dot4_u7(part[i][0], tail[j], in);
        }
    }
}

/* sum[panel][row of activations] over one segment; x: rows of ld bytes. Panels take turns at each chunk, and
 * ask for what lies OZ_AHEAD + `skip` bytes on. */
OZ_INLINE void sum_segment(oz_codec_kind kind, quad_reader *r, size_t panels, size_t skip,
                           vb64 divided[DIGITS], const int8_t *x, size_t ld, size_t quads, size_t m,
                           vi16 sum[OZ_MV_BATCH]) {
    (void)divided;
#ifdef OZ_SIMD_VNNI
    if (kind == OZ_CODEC_TERNARY && m == 1) {
        sum_ternary(r, panels, skip, x, quads, sum);
        return;
    }
#endif
#ifdef OZ_PAIRS
    if (kind == OZ_CODEC_TERNARY) {
        sum_digits(r, divided, x, ld, quads, m, sum);
        return;
    }
#endif
    const unsigned chains = CHAINS(panels * m);
    vi16 part[OZ_MV_BATCH][4];
    OZ_UNROLL
    for (size_t i = 0; i < panels * m; i++) {
        OZ_UNROLL
        for (unsigned c = 0; c < chains; c++) part[i][c] = vi_zero();
    }
    for (; quads >= CHUNK_QUADS; quads -= CHUNK_QUADS, x += CHUNK_INPUTS) {
        OZ_UNROLL
        for (size_t p = 0; p < panels; p++) dot_chunk(kind, &r[p], skip, x, ld, m, chains, part + p * m);
    }
    OZ_UNROLL
    for (size_t p = 0; p < panels; p++) dot_tail(kind, &r[p], x, ld, quads, m, part + p * m);
    OZ_UNROLL
    for (size_t i = 0; i < panels * m; i++) {
        sum[i] = part[i][0];
        OZ_UNROLL
        for (unsigned c = 1; c < chains; c++) sum[i] = vi_add(sum[i], part[i][c]);
    }
}

/* What the sum of codes (less the bias) and inputs has of zero codes; only zero points differ by row. */
OZ_INLINE vi16 zeros_times(oz_codec_kind kind, const oz_scales *s, size_t group, int32_t bias,
                           int32_t total) {
    if (kind == OZ_CODEC_TERNARY || s->offset != OZ_ZERO_POINT) return vi_set1((s->zero - bias) * total);
    return vi_mul(vi_sub(zero_at(s, group), vi_set1(bias)), vi_set1(total));
}

/* acc[i] += what a segment of `inputs` inputs from k on adds of a panel. */
OZ_INLINE void add_segments(oz_codec_kind kind, const oz_scales *scales, size_t group, const oz_rows *x,
                            size_t ld, size_t k, size_t inputs, size_t m, const vi16 *sum, vf16 *acc) {
    const int32_t bias = kind == OZ_CODEC_INT8 ? OZ_DOT4_BIAS : 0;
    vf16 scale = scale_at(scales, group);
    ask_for_scales(scales, group);
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        const int32_t total = segment_input_sum(x, i, ld, k, inputs);
        vf16 in_scale = v_broadcast(x->scale + (i * ld + k) / OZ_BLOCK);
        vi16 whole = vi_sub(sum[i], zeros_times(kind, scales, group, bias, total));
        acc[i] = add_segment(acc[i], scale, in_scale, whole);
        if (scales->offset == OZ_MINIMUM) {
            vf16 minimum = v_mul(minimum_at(scales, group), in_scale);
            acc[i] = v_fma(minimum, v_set1((float)total), acc[i]);
        }
    }
}

/* Panels [panel, panel + panels), at most OZ_MV_BATCH / m of them. */
OZ_INLINE void mv_panels(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t panels,
                         const oz_rows *x, size_t m, float *y, size_t ldy) {
    const size_t ld = oz_round_up(leaf->cols, OZ_BLOCK);
    oz_scales scales[OZ_MV_BATCH];
    quad_reader reader[OZ_MV_BATCH];
    vb64 divided[DIGITS]; /* see sum_digits */
    vf16 acc[OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t p = 0; p < panels; p++) {
        scales[p] = scales_of(leaf, panel + p);
        reader[p] = reader_at(kind, oz_dense_panel(leaf, panel + p), 0);
    }
    OZ_UNROLL
    for (size_t i = 0; i < panels * m; i++) acc[i] = v_zero();
    const size_t step = oz_min(scales[0].inputs, OZ_BLOCK);
    /* What follows a panel's end is read by its neighbour: its own next one is `panels` on. */
    const uint8_t *second = oz_dense_panel(leaf, panel + 1);
    const size_t rest = (size_t)(oz_dense_panel(leaf, panel + panels) - second);
    for (size_t k = 0, group = 0, end = scales[0].inputs; k < leaf->cols; k += step) {
        size_t inputs = oz_min(step, leaf->cols - k);
        if (k == end) end += scales[0].inputs, group++;
        vi16 sum[OZ_MV_BATCH];
        const size_t skip = reader[0].next + OZ_AHEAD < second ? 0 : rest;
        sum_segment(kind, reader, panels, skip, divided, x->i8 + k, ld, oz_div_up(inputs, 4), m, sum);
        OZ_UNROLL
        for (size_t p = 0; p < panels; p++)
            add_segments(kind, &scales[p], group, x, ld, k, inputs, m, sum + p * m, acc + p * m);
    }
    OZ_UNROLL
    for (size_t p = 0; p < panels; p++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel + p, acc[p * m + i], y + i * ldy);
    }
}

/* As many as registers hold sums of: memory brings several streams sooner than one. Digits that are cut out
 * of their bytes keep the processor busier than memory, and leave no registers. */
OZ_INLINE size_t panels_at_once(oz_codec_kind kind, size_t m) {
#ifdef OZ_PAIRS
    if (kind == OZ_CODEC_TERNARY) return 1;
#endif
    (void)kind;
    return OZ_MV_BATCH / m;
}

OZ_INLINE void mv_codes(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                        const oz_rows *x, size_t m, float *y, size_t ldy) {
    const size_t panels = panels_at_once(kind, m);
    size_t panel = panel0;
    for (; panel + panels <= panel1; panel += panels) mv_panels(kind, leaf, panel, panels, x, m, y, ldy);
    for (; panels > 1 && panel < panel1; panel++) mv_panels(kind, leaf, panel, 1, x, m, y, ldy);
}

OZ_INLINE void mv_integer(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, float *y, size_t ldy) {
    OZ_WITH_ROWS(x->m, mv_codes(kind, leaf, panel0, panel1, x, M, y, ldy));
}

/* The inputs of the last quad that the leaf does not have. */
static void clear_past_end(oz_codec_kind kind, size_t n, uint8_t *tile) {
    uint8_t *quad = tile + n / 4 * 64;
    for (size_t row = 0; n % 4 != 0 && row < OZ_PANEL; row++) {
        memset(quad + 4 * row + n % 4, (int)oz_codec_zero(kind), 4 - n % 4);
    }
}

OZ_INLINE void decode_codes(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                            uint8_t *tile) {
    quad_reader reader = reader_at(kind, oz_dense_panel(leaf, panel), k0);
    size_t quads = oz_div_up(n, 4);
    uint8_t *to = tile;
    for (; quads >= CHUNK_QUADS; quads -= CHUNK_QUADS) {
        OZ_UNROLL
        for (unsigned j = 0; j < CHUNK_QUADS; j += 4, to += 256) {
            vb64 q[4];
            read4(kind, &reader, j, q);
            OZ_UNROLL
            for (int i = 0; i < 4; i++) vb_store(to + 64 * i, q[i]);
        }
    }
    vb64 tail[CHUNK_QUADS];
    read_tail(kind, &reader, quads, tail);
    for (size_t j = 0; j < quads; j++) vb_store(to + 64 * j, tail[j]);
    if (k0 + n == leaf->cols) clear_past_end(kind, n, tile);
}

/* What turns the codes of one group into weights. */
typedef struct group_values {
    vf16 scale, zero, minimum;
    bool minima;
} group_values;

OZ_INLINE group_values values_at(const oz_scales *s, size_t group) {
    group_values g = {.scale = scale_at(s, group), .minima = s->offset == OZ_MINIMUM};
    g.zero = v_from_i32(zero_at(s, group));
    g.minimum = g.minima ? minimum_at(s, group) : v_zero();
    return g;
}

/* Four inputs of 16 rows -> out[input][16], the first `inputs` of them. */
OZ_INLINE void store_values(vb64 quad, const group_values *g, size_t inputs, float *out) {
    OZ_UNROLL
    for (unsigned i = 0; i < 4; i++) {
        vf16 code = v_from_i32(vi_byte(quad, i));
        vf16 w = g->minima ? v_add(v_mul(g->scale, code), g->minimum) : v_mul(g->scale, v_sub(code, g->zero));
        if (i < inputs) v_store(out + i * OZ_PANEL, w);
    }
}

OZ_INLINE oz_tile decode_values(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                                float *buffer) {
    const oz_scales scales = scales_of(leaf, panel);
    quad_reader reader = reader_at(kind, oz_dense_panel(leaf, panel), k0);
    for (size_t k = 0; k < n; k += CHUNK_INPUTS) {
        group_values g = values_at(&scales, (k0 + k) / scales.inputs);
        float *out = buffer + k * OZ_PANEL;
        if (n - k >= CHUNK_INPUTS) {
            OZ_UNROLL
            for (unsigned j = 0; j < CHUNK_QUADS; j += 4) {
                vb64 q[4];
                read4(kind, &reader, j, q);
                OZ_UNROLL
                for (unsigned i = 0; i < 4; i++) store_values(q[i], &g, 4, out + (j + i) * 4 * OZ_PANEL);
            }
        } else {
            vb64 tail[CHUNK_QUADS];
            read_tail(kind, &reader, oz_div_up(n - k, 4), tail);
            for (size_t i = 0; i < n - k; i += 4)
                store_values(tail[i / 4], &g, n - k - i, out + i * OZ_PANEL);
        }
    }
    return (oz_tile){.p = buffer, .row_stride = 1, .k_stride = OZ_PANEL};
}

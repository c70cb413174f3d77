/* integer.body.h - dense integer leaves: the fused product with up to 4 quantised activation rows, and the
 * decoders to codes and to floats.
 *
 * One vector of codes holds 16 rows x 4 inputs, one broadcast of four activations meets them all. The order
 * of roundings is the one kernel.h promises, so results equal those of gemm_u8 to the bit. */
#include "formats/dense/dense.h"
#include "kernels/dense/quads.body.h"
#include "kernels/scales.body.h"

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

#define DIGITS 5 /* of a byte */

#ifdef OZ_SIMD_VNNI
/* A chain for each digit: with two, each line of bytes would wait for three dot products one after another.
 */
typedef struct ternary_sums {
    vi16 before[DIGITS], after[DIGITS];
} ternary_sums;

OZ_INLINE void dot_rest(quad_reader *r, const int8_t *x, unsigned chain, ternary_sums *s) {
    vb64 in = vb_quad(x);
    s->before[chain] = v_dot4_u8(s->before[chain], r->rest, in);
    r->rest = vb_add(r->rest, vb_add(r->rest, r->rest));
    s->after[chain] = v_dot4_u8(s->after[chain], r->rest, in);
}

/* Ternary digits need not be cut out of their bytes: with r a byte, r' = 3 r modulo 256 and d the digit,
 * 256 d = 3 r - r', so two sums of products with all of r and of r' give 256 times the sum wanted. The shift
 * is of a number made positive. */
OZ_INLINE vi16 sum_ternary(quad_reader *reader, const int8_t *x, size_t quads) {
    quad_reader r = *reader;
    ternary_sums s;
    OZ_UNROLL
    for (unsigned i = 0; i < DIGITS; i++) s.before[i] = s.after[i] = vi_zero();
    for (; r.left > 0 && quads > 0; r.left--, quads--, x += 4) dot_rest(&r, x, 0, &s);
    for (; quads >= DIGITS; quads -= DIGITS, x += 4 * DIGITS, r.next += 64) {
        oz_ask_ahead(r.next, 64);
        r.rest = vb_load(r.next);
        OZ_UNROLL
        for (unsigned i = 0; i < DIGITS; i++) dot_rest(&r, x + 4 * i, i, &s);
    }
    if (quads > 0) {
        r.rest = vb_load(r.next);
        r.next += 64;
        for (r.left = DIGITS; quads > 0; r.left--, quads--, x += 4) dot_rest(&r, x, 0, &s);
    }
    *reader = r;
    OZ_UNROLL
    for (unsigned i = 1; i < DIGITS; i++) {
        s.before[0] = vi_add(s.before[0], s.before[i]);
        s.after[0] = vi_add(s.after[0], s.after[i]);
    }
    vi16 sum = vi_sub(vi_mul(s.before[0], vi_set1(3)), s.after[0]);
    return vi_sub(vi_shift_right(vi_add(sum, vi_set1(1 << 30)), 8), vi_set1(1 << 22));
}
#endif

#ifdef OZ_PAIRS
/* Products of digits, summed by twos in words; or digits that are kept for later. */
typedef struct digit_sums {
    const int8_t *x;
    size_t ld;
    vb64 pairs[OZ_MV_BATCH];
} digit_sums;

OZ_INLINE void dot_digit(vb64 digit, size_t m, digit_sums *s) {
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) s->pairs[i] = vb_add_pairs(s->pairs[i], digit, vb_quad(s->x + i * s->ld));
    s->x += 4;
}

OZ_INLINE void use_digit(vb64 digit, size_t m, digit_sums *s, vb64 *kept) {
    if (kept)
        *kept = digit;
    else
        dot_digit(digit, m, s);
}

/* All digits of the next bytes. Two are what 9 * byte / 256 is, and the byte below is what is left: bytes are
 * multiplied as the low and the high halves of words, a table takes the two digits apart. */
OZ_INLINE void next_digits(quad_reader *r, size_t m, digit_sums *s, vb64 kept[DIGITS]) {
    static const uint8_t firsts[16] = {0, 0, 0, 1, 1, 1, 2, 2, 2}, seconds[16] = {0, 1, 2, 0, 1, 2, 0, 1, 2};
    const vb64 first = vb_load_repeat16(firsts), second = vb_load_repeat16(seconds);
    oz_ask_ahead(r->next, 64);
    vb64 low = vb_load(r->next), high = low;
    r->next += 64;
    OZ_UNROLL
    for (unsigned i = 0; i < 4; i += 2) {
        low = vb_times_low(low, 9);
        high = i == 0 ? vb_times_high(high, 9) : vb_times_low(high, 9);
        vb64 two = vb_tops(low, high);
        use_digit(vb_shuffle16(first, two), m, s, kept ? kept + i : NULL);
        use_digit(vb_shuffle16(second, two), m, s, kept ? kept + i + 1 : NULL);
    }
    use_digit(vb_tops(vb_times_low(low, 3), vb_times_low(high, 3)), m, s, kept ? kept + 4 : NULL);
}

/* `divided`: the digits of the byte in which a segment ends, of which r->left are the next one's. Pairs of
 * products of a whole segment, 32 times 2 * 2 * 127, fit 16 bits. */
OZ_INLINE void sum_digits(quad_reader *r, vb64 divided[DIGITS], const int8_t *x, size_t ld, size_t quads,
                          size_t m, vi16 sum[OZ_MV_BATCH]) {
    digit_sums s = {.x = x, .ld = ld};
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) s.pairs[i] = vb_set1(0);
    for (; r->left > 0 && quads > 0; r->left--, quads--) dot_digit(divided[DIGITS - r->left], m, &s);
    for (; quads >= DIGITS; quads -= DIGITS) next_digits(r, m, &s, NULL);
    if (quads > 0) {
        next_digits(r, m, &s, divided);
        for (r->left = DIGITS; quads > 0; r->left--, quads--) dot_digit(divided[DIGITS - r->left], m, &s);
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) sum[i] = vi_widen_pairs(s.pairs[i]);
}
#endif

/* Sums over one segment, per activation row; x: rows of ld bytes. */
OZ_INLINE void sum_segment(oz_codec_kind kind, quad_reader *r, vb64 divided[DIGITS], const int8_t *x,
                           size_t ld, size_t quads, size_t m, vi16 sum[OZ_MV_BATCH]) {
    (void)divided;
#ifdef OZ_SIMD_VNNI
    if (kind == OZ_CODEC_TERNARY && m == 1) {
        sum[0] = sum_ternary(r, x, quads);
        return;
    }
#endif
#ifdef OZ_PAIRS
    if (kind == OZ_CODEC_TERNARY) {
        sum_digits(r, divided, x, ld, quads, m, sum);
        return;
    }
#endif
    const unsigned chains = CHAINS(m);
    vi16 part[OZ_MV_BATCH][4];
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        OZ_UNROLL
        for (unsigned c = 0; c < chains; c++) part[i][c] = vi_zero();
    }
    for (; quads >= CHUNK_QUADS; quads -= CHUNK_QUADS) {
        oz_ask_ahead(r->next, chunk_bytes(kind));
        OZ_UNROLL
        for (unsigned j = 0; j < CHUNK_QUADS; j += 4, x += 16) {
            vb64 q[4];
            read4(kind, r, j, q);
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) dot_quads(kind, q, x + i * ld, chains, part[i]);
        }
    }
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
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        sum[i] = part[i][0];
        OZ_UNROLL
        for (unsigned c = 1; c < chains; c++) sum[i] = vi_add(sum[i], part[i][c]);
    }
}

OZ_INLINE void add_to_rows(const oz_leaf *leaf, size_t panel, const vf16 *acc, size_t m, float *y,
                           size_t ldy) {
    size_t row = panel * OZ_PANEL, rows = oz_min(OZ_PANEL, leaf->rows - row);
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        float *to = y + i * ldy + row;
        if (rows == OZ_PANEL)
            v_store(to, v_add(v_load(to), acc[i]));
        else
            v_store_n(to, v_add(v_load_n(to, rows), acc[i]), rows);
    }
}

/* What the sum of codes (less the bias) and inputs has of zero codes; only zero points differ by row. */
OZ_INLINE vi16 zeros_times(oz_codec_kind kind, const oz_scales *s, size_t group, int32_t bias,
                           int32_t total) {
    if (kind == OZ_CODEC_TERNARY || s->offset != OZ_ZERO_POINT) return vi_set1((s->zero - bias) * total);
    return vi_mul(vi_sub(zero_at(s, group), vi_set1(bias)), vi_set1(total));
}

OZ_INLINE void mv_panel(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, const oz_rows *x, size_t m,
                        float *y, size_t ldy) {
    const oz_scales scales = scales_of(leaf, panel);
    const size_t ld = oz_round_up(leaf->cols, OZ_BLOCK), step = oz_min(scales.inputs, OZ_BLOCK);
    const int32_t bias = kind == OZ_CODEC_INT8 ? OZ_DOT4_BIAS : 0;
    quad_reader reader = reader_at(kind, oz_dense_panel(leaf, panel), 0);
    vb64 divided[DIGITS]; /* see sum_digits */
    vf16 acc[OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) acc[i] = v_zero();
    for (size_t k = 0, group = 0, end = scales.inputs; k < leaf->cols; k += step) {
        size_t inputs = oz_min(step, leaf->cols - k);
        if (k == end) end += scales.inputs, group++;
        vi16 sum[OZ_MV_BATCH];
        sum_segment(kind, &reader, divided, x->i8 + k, ld, oz_div_up(inputs, 4), m, sum);
        vf16 scale = scale_at(&scales, group);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) {
            const int32_t *sums = x->sum + (i * ld + k) / 32;
            int32_t total = sums[0];
            for (size_t j = 32; j < inputs; j += 32) total += sums[j / 32];
            vf16 in_scale = v_broadcast(x->scale + (i * ld + k) / OZ_BLOCK);
            vi16 whole = vi_sub(sum[i], zeros_times(kind, &scales, group, bias, total));
            acc[i] = v_fma(v_mul(scale, in_scale), v_from_i32(whole), acc[i]);
            if (scales.offset == OZ_MINIMUM) {
                vf16 minimum = v_mul(minimum_at(&scales, group), in_scale);
                acc[i] = v_fma(minimum, v_set1((float)total), acc[i]);
            }
        }
    }
    add_to_rows(leaf, panel, acc, m, y, ldy);
}

OZ_INLINE void mv_integer(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                          const oz_rows *x, float *y, size_t ldy) {
    for (size_t panel = panel0; panel < panel1; panel++) {
        OZ_WITH_ROWS(x->m, mv_panel(kind, leaf, panel, x, M, y, ldy));
    }
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

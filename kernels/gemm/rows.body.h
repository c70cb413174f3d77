/* rows.body.h - decoded blocks times up to 4 activation rows: any decoder as a kernel for small batches.
 *
 * A block is decoded into the first-level cache and multiplied at once; the sums of a panel stay in one
 * place until its last block. Codes are summed in the order that kernel.h promises. */
#include "kernels/panel.body.h"

/* Sums of a panel that are under way: what lies a row a lane, and what is to be added up over its lanes. */
typedef struct block_sums {
    vf16 lanes[OZ_MV_BATCH], row[OZ_MV_BATCH][OZ_PANEL];
} block_sums;

/* Rows, or inputs, at once, so that the sums of m activation rows fit the registers. */
OZ_INLINE size_t sums_at_once(size_t m) {
    return OZ_MV_SUMS / m >= 4 ? 4 : OZ_MV_SUMS / m >= 2 ? 2 : 1;
}

/* ---- floats ---- */

/* lanes[i] += the inputs of 16 rows that lie beside each other, `stride` floats from input to input. */
OZ_INLINE void dot_lanes(const float *w, size_t stride, size_t n, const float *x, size_t ld, size_t m,
                         vf16 *lanes) {
    const size_t sums = sums_at_once(m);
    vf16 acc[4][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        acc[0][i] = lanes[i];
        OZ_UNROLL
        for (size_t s = 1; s < sums; s++) acc[s][i] = v_zero();
    }
    size_t k = 0;
    for (; k + sums <= n; k += sums) {
        OZ_UNROLL
        for (size_t s = 0; s < sums; s++) {
            vf16 weights = v_load(w + (k + s) * stride);
            OZ_UNROLL
            for (size_t i = 0; i < m; i++)
                acc[s][i] = v_muladd(weights, v_broadcast(x + i * ld + k + s), acc[s][i]);
        }
    }
    for (; k < n; k++) {
        vf16 weights = v_load(w + k * stride);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[0][i] = v_muladd(weights, v_broadcast(x + i * ld + k), acc[0][i]);
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        OZ_UNROLL
        for (size_t s = 1; s < sums; s++) acc[0][i] = v_add(acc[0][i], acc[s][i]);
        lanes[i] = acc[0][i];
    }
}

/* sums[i][r] += `rows` rows of n inputs, which lie `stride` bytes apart at any alignment. */
OZ_INLINE void dot_rows(const char *w, size_t stride, size_t rows, size_t n, const float *x, size_t ld,
                        size_t m, vf16 sums[][OZ_PANEL]) {
    vf16 acc[4][OZ_MV_BATCH], in[OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[r][i] = sums[i][r];
    }
    size_t k = 0;
    for (; k + OZ_LANES <= n; k += OZ_LANES) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) in[i] = v_load(x + i * ld + k);
        OZ_UNROLL
        for (size_t r = 0; r < rows; r++) {
            vf16 weights = v_load(w + r * stride + k * sizeof(float));
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) acc[r][i] = v_muladd(weights, in[i], acc[r][i]);
        }
    }
    for (; k < n; k = n) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) in[i] = v_load_n(x + i * ld + k, n - k);
        OZ_UNROLL
        for (size_t r = 0; r < rows; r++) {
            vf16 weights = v_load_n(w + r * stride + k * sizeof(float), n - k);
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) acc[r][i] = v_muladd(weights, in[i], acc[r][i]);
        }
    }
    OZ_UNROLL
    for (size_t r = 0; r < rows; r++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) sums[i][r] = acc[r][i];
    }
}

OZ_INLINE void dot_tile(oz_tile w, size_t n, const float *x, size_t ld, size_t m, block_sums *s) {
    if (w.row_stride == 1) {
        dot_lanes(w.p, w.k_stride, n, x, ld, m, s->lanes);
        return;
    }
    const size_t step = sums_at_once(m), stride = w.row_stride * sizeof(float);
    for (size_t r = 0; r < OZ_PANEL; r += step)
        dot_rows((const char *)w.p + r * stride, stride, step, n, x, ld, m,
                 (vf16(*)[OZ_PANEL]) & s->row[0][r]);
}

/* A weight at a time; the sum of a row goes to its first lane. */
OZ_INLINE void dot_nonzeros(const oz_nonzeros *w, const float *x, size_t ld, size_t m, block_sums *s) {
    float sum[OZ_MV_BATCH][OZ_PANEL];
    size_t j = 0;
    for (size_t r = 0; r < OZ_PANEL; r++) {
        float acc[2][OZ_MV_BATCH] = {{0}};
        const size_t end = w->end[r];
        for (; j + 2 <= end; j += 2) {
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) {
                acc[0][i] += w->value[j] * x[i * ld + w->column[j]];
                acc[1][i] += w->value[j + 1] * x[i * ld + w->column[j + 1]];
            }
        }
        for (; j < end; j++) {
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) acc[0][i] += w->value[j] * x[i * ld + w->column[j]];
        }
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) sum[i][r] = acc[0][i] + acc[1][i];
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) s->lanes[i] = v_add(s->lanes[i], v_load(sum[i]));
}

/* The same of rows that lie beside each other. */
OZ_INLINE void dot_even(const oz_nonzeros *w, const float *x, size_t ld, size_t m, block_sums *s) {
    for (size_t e = 0; e < w->each; e++) {
        for (size_t i = 0; i < m; i++) {
            float in[OZ_PANEL];
            for (size_t r = 0; r < OZ_PANEL; r++) in[r] = x[i * ld + w->column[oz_even_column(e, r)]];
            s->lanes[i] = v_muladd(v_load(w->value + e * OZ_PANEL), v_load(in), s->lanes[i]);
        }
    }
}

/* ---- codes ---- */

/* sum[i] += `quads` quads of 16 rows times their activations of row i; rows lie ld bytes apart. */
OZ_INLINE void dot_codes(code_width width, const uint8_t *tile, size_t quads, const int8_t *x, size_t ld,
                         size_t m, vi16 sum[OZ_MV_BATCH]) {
    vi16 acc[2][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) acc[0][i] = acc[1][i] = vi_zero();
    size_t q = 0;
    for (; q + 4 <= quads; q += 4, tile += 4 * TILE_QUAD, x += 16) {
        vb64 w0 = vb_load(tile), w1 = vb_load(tile + TILE_QUAD), w2 = vb_load(tile + 2 * TILE_QUAD),
             w3 = vb_load(tile + 3 * TILE_QUAD);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) {
            const int8_t *in = x + i * ld;
            vb64 x0 = vb_quad(in), x1 = vb_quad(in + 4), x2 = vb_quad(in + 8), x3 = vb_quad(in + 12);
            if (width == CODES_U5) {
                acc[0][i] = v_dot4x4_u5(acc[0][i], w0, w1, w2, w3, x0, x1, x2, x3);
            } else {
                acc[0][i] = dot_quad(width, dot_quad(width, acc[0][i], w0, x0), w2, x2);
                acc[1][i] = dot_quad(width, dot_quad(width, acc[1][i], w1, x1), w3, x3);
            }
        }
    }
    for (; q < quads; q++, tile += TILE_QUAD, x += 4) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++)
            acc[0][i] = dot_quad(width, acc[0][i], vb_load(tile), vb_quad(x + i * ld));
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) sum[i] = vi_add(acc[0][i], acc[1][i]);
}

/* Inputs [k0, k0 + n), n <= 128, decoded to `tile`. */
OZ_INLINE void dot_code_block(code_width width, const oz_leaf *leaf, const oz_scales *scales, size_t k0,
                              size_t n, const uint8_t *tile, const oz_rows *x, size_t m, vf16 *lanes) {
    const size_t ld = oz_round_up(leaf->cols, OZ_BLOCK), step = oz_min(scales->inputs, OZ_BLOCK);
    for (size_t k = k0; k < k0 + n; k += step, tile += step / 4 * TILE_QUAD) {
        const size_t inputs = oz_min(step, k0 + n - k), group = k / scales->inputs;
        vi16 sum[OZ_MV_BATCH];
        dot_codes(width, tile, oz_div_up(inputs, 4), x->i8 + k, ld, m, sum);
        vf16 scale = scale_at(scales, group);
        vi16 zero = vi_sub(zero_at(scales, group), vi_set1(dot_bias(width)));
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) {
            const int32_t total = segment_input_sum(x, i, ld, k, inputs);
            vf16 in_scale = v_broadcast(x->scale + (i * ld + k) / OZ_BLOCK);
            lanes[i] = add_segment(lanes[i], scale, in_scale, vi_sub(sum[i], vi_mul(zero, vi_set1(total))));
            if (scales->offset == OZ_MINIMUM) {
                vf16 minimum = v_mul(minimum_at(scales, group), in_scale);
                lanes[i] = v_fma(minimum, v_set1((float)total), lanes[i]);
            }
        }
    }
}

OZ_INLINE void dot_coded(const oz_leaf *leaf, const oz_scales *scales, size_t k0, size_t n,
                         const uint8_t *tile, const oz_rows *x, size_t m, vf16 *lanes) {
    switch (code_width_of(leaf->codec.kind)) {
    case CODES_U5:
        dot_code_block(CODES_U5, leaf, scales, k0, n, tile, x, m, lanes);
        break;
    case CODES_U7:
        dot_code_block(CODES_U7, leaf, scales, k0, n, tile, x, m, lanes);
        break;
    default:
        dot_code_block(CODES_U8, leaf, scales, k0, n, tile, x, m, lanes);
        break;
    }
}

/* ---- panels ---- */

/* Where a block is decoded. */
typedef union block_room {
    _Alignas(64) float f32[OZ_PANEL * OZ_MAX_BLOCK];
    uint8_t u8[OZ_PANEL * OZ_BLOCK];
    oz_nonzeros nz;
} block_room;

/* To y go the lanes, and the sums over lanes where the decoder's tiles lie so: codes have none, and are added
 * once. */
OZ_INLINE void finish_panel(const oz_leaf *leaf, size_t panel, bool codes, size_t m, block_sums *s, float *y,
                            size_t ldy) {
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        vf16 sum = codes ? s->lanes[i] : v_add(s->lanes[i], sums_of(s->row[i]));
        add_to_rows(leaf, panel, sum, y + i * ldy);
    }
}

OZ_INLINE void multiply_blocks(const oz_decoder *d, const oz_leaf *leaf, size_t panel, const oz_rows *x,
                               size_t m, block_room *room, float *y, size_t ldy) {
    const size_t block = oz_decoder_block(d, leaf);
    const oz_scales scales = d->u8 ? scales_of(leaf, panel) : (oz_scales){0};
    block_sums s;
    for (size_t i = 0; i < m; i++) {
        s.lanes[i] = v_zero();
        for (size_t r = 0; r < OZ_PANEL; r++) s.row[i][r] = v_zero();
    }
    for (size_t k0 = 0; k0 < leaf->cols; k0 += block) {
        const size_t n = oz_min(block, leaf->cols - k0);
        if (d->u8) {
            d->u8(leaf, panel, k0, n, room->u8);
            dot_coded(leaf, &scales, k0, n, room->u8, x, m, s.lanes);
        } else if (d->nz) {
            d->nz(leaf, panel, k0, n, &room->nz);
            if (room->nz.each)
                dot_even(&room->nz, x->f32 + k0, x->ld, m, &s);
            else
                dot_nonzeros(&room->nz, x->f32 + k0, x->ld, m, &s);
        } else {
            dot_tile(d->f32(leaf, panel, k0, n, room->f32), n, x->f32 + k0, x->ld, m, &s);
        }
    }
    finish_panel(leaf, panel, d->u8 != NULL, m, &s, y, ldy);
}

static void mv_blocks(const oz_decoder *d, const oz_leaf *leaf, size_t panel0, size_t panel1,
                      const oz_rows *x, float *y, size_t ldy) {
    block_room room;
    for (size_t panel = panel0; panel < panel1; panel++)
        OZ_WITH_ROWS(x->m, multiply_blocks(d, leaf, panel, x, M, &room, y, ldy));
}

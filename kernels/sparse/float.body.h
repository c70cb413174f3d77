/* float.body.h - sparse weights as floats: the fused product with up to 4 activation rows, and the decoders.
 *
 * Form mask expands 16 inputs at a time and costs the same at any sparsity; form rows takes one step a stored
 * weight, with loads that no gather instruction beats. Chains of additions are hidden by the rows that
 * follow. */
#include "kernels/panel.body.h"

/* sum[i * OZ_PANEL + r] += x[i] times row r of the weights from w on, which stand where the bits of n masks
 * are set; n is 128 or 256. Rows follow each other, so nobody needs to know where each begins; a single
 * activation stays in registers for all of them. Two sums, so that one need not wait for the other. */
OZ_INLINE void dot_masks(const mask_rows *masks, size_t n, const float *w, const float *x, size_t ld,
                         size_t m, vf16 *sum) {
    const uint8_t *mask = masks->first;
    vf16 in[OZ_MAX_BLOCK / OZ_LANES];
    OZ_UNROLL
    for (size_t v = 0; v < n / OZ_LANES; v++) in[v] = v_load(x + v * OZ_LANES);
    OZ_ROLL
    for (size_t r = 0; r < OZ_PANEL; r++, mask += masks->stride) {
        vf16 acc[2][OZ_MV_BATCH];
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[0][i] = acc[1][i] = v_zero();
        OZ_UNROLL
        for (size_t v = 0; v < n / OZ_LANES; v++) {
            const uint16_t bits = (uint16_t)(mask64(mask + v / 4 * 8) >> (v % 4 * 16));
            vf16 weights = v_expand_next(&w, bits);
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) {
                vf16 input = m == 1 ? in[v] : v_load(x + i * ld + v * OZ_LANES);
                acc[v % 2][i] = v_muladd(weights, input, acc[v % 2][i]);
            }
        }
        OZ_UNROLL
        for (size_t i = 0; i < m; i++)
            sum[i * OZ_PANEL + r] = v_add(sum[i * OZ_PANEL + r], v_add(acc[0][i], acc[1][i]));
    }
}

OZ_INLINE void dot_mask_cell(const cell *c, const float *w, const float *x, size_t ld, size_t m, vf16 *sum) {
    mask_rows masks;
    float padded[OZ_MV_BATCH * OZ_MAX_BLOCK];
    find_masks(c, 0, c->inputs, &masks);
    if (c->inputs % OZ_BLOCK != 0) {
        x = pad_inputs(c, x, ld, m, padded);
        ld = OZ_MAX_BLOCK;
    }
    if (c->inputs <= OZ_BLOCK)
        dot_masks(&masks, OZ_BLOCK, w, x, ld, m, sum);
    else
        dot_masks(&masks, OZ_MAX_BLOCK, w, x, ld, m, sum);
}

OZ_INLINE void mv_panel_mask(const oz_leaf *leaf, size_t panel, const oz_rows *x, size_t m, float *y,
                             size_t ldy) {
    oz_nonzeros_room room;
    vf16 sum[OZ_MV_BATCH * OZ_PANEL];
    for (size_t i = 0; i < m * OZ_PANEL; i++) sum[i] = v_zero();
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        cell c;
        find_cell(leaf, panel, b, &c);
        const float *w = cell_weights(leaf, panel, &c, &room);
        dot_mask_cell(&c, w, x->f32 + b * leaf->param[OZ_SPARSE_BLOCK], x->ld, m, sum);
    }
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, sums_of(sum + i * OZ_PANEL), y + i * ldy);
}

#define CHAINS 4

/* sum[16 * i] += slots [s, end) times their inputs of x[i], each in several chains. */
OZ_INLINE void dot_columns(const uint8_t *columns, const float *w, size_t s, size_t end, const float *x,
                           size_t ld, size_t m, float *sum) {
    const size_t chains = m == 1 ? CHAINS : 2;
    float part[CHAINS][OZ_MV_BATCH] = {{0}};
    for (; s + chains <= end; s += chains) {
        OZ_UNROLL
        for (size_t j = 0; j < chains; j++) {
            const float *in = x + columns[s + j];
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) part[j][i] = s_muladd(w[s + j], in[i * ld], part[j][i]);
        }
    }
    for (; s < end; s++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) part[0][i] = s_muladd(w[s], x[i * ld + columns[s]], part[0][i]);
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        OZ_UNROLL
        for (size_t j = 1; j < chains; j++) part[0][i] += part[j][i];
        sum[i * OZ_PANEL] += part[0][i];
    }
}

OZ_INLINE void mv_panel_rows(const oz_leaf *leaf, size_t panel, const oz_rows *x, size_t m, float *y,
                             size_t ldy) {
    oz_nonzeros_room room;
    float sum[OZ_MV_BATCH * OZ_PANEL] = {0};
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        cell c;
        find_cell(leaf, panel, b, &c);
        const float *w = cell_weights(leaf, panel, &c, &room),
                    *in = x->f32 + b * leaf->param[OZ_SPARSE_BLOCK];
        for (size_t r = 0; r < OZ_PANEL; r++) {
            dot_columns(c.columns, w, c.row[r], c.row[r + 1], in, x->ld, m, sum + r);
        }
    }
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, v_load(sum + i * OZ_PANEL), y + i * ldy);
}

OZ_INLINE void mv_batch(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x, size_t m,
                        float *y, size_t ldy) {
    const bool mask = leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_MASK;
    for (size_t panel = panel0; panel < panel1; panel++) {
        if (mask) mv_panel_mask(leaf, panel, x, m, y, ldy);
#ifdef OZ_LOOK_UP
        else if (m == 1)
            mv_panel_look_up(leaf, panel, x, y);
#endif
        else
            mv_panel_rows(leaf, panel, x, m, y, ldy);
    }
}

static void OZ_NAME(sparse_mv_float)(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x,
                                     float *y, size_t ldy) {
    OZ_WITH_ROWS(x->m, mv_batch(leaf, panel0, panel1, x, M, y, ldy));
}

/* ---- decoding: a block is a cell ---- */

static void place_mask(const cell *c, const float *w, size_t n, float *out) {
    for (size_t r = 0; r < OZ_PANEL; r++, out += n) {
        const uint8_t *mask = c->masks + r * c->mask_bytes;
        const float *next = w + c->row[r];
        for (size_t k = 0; k < n; k += 16) {
            const uint16_t bits = (uint16_t)mask_tail(mask + k / 8, oz_min(OZ_LANES, n - k));
            vf16 weights = v_expand_next(&next, bits);
            if (k + 16 <= n)
                v_store(out + k, weights);
            else
                v_store_n(out + k, weights, n - k);
        }
    }
}

static void place_columns(const cell *c, const float *w, size_t n, float *out) {
    memset(out, 0, OZ_PANEL * n * sizeof *out);
    for (size_t r = 0; r < OZ_PANEL; r++, out += n) {
        for (size_t s = c->row[r]; s < c->row[r + 1]; s++) out[c->columns[s]] = w[s];
    }
}

static oz_tile decode_f32(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *out) {
    oz_nonzeros_room room;
    cell c;
    find_cell(leaf, panel, k0 / leaf->param[OZ_SPARSE_BLOCK], &c);
    const float *w = cell_weights(leaf, panel, &c, &room);
    if (c.masks)
        place_mask(&c, w, n, out);
    else
        place_columns(&c, w, n, out);
    return (oz_tile){.p = out, .row_stride = n, .k_stride = 1};
}

static void decode_nz(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out) {
    (void)n;
    cell c;
    find_cell(leaf, panel, k0 / leaf->param[OZ_SPARSE_BLOCK], &c);
    for (size_t r = 0; r < OZ_PANEL; r++) out->end[r] = (uint16_t)c.row[r + 1];
    out->each = 0;
    out->value = cell_weights(leaf, panel, &c, &out->room);
    out->column = c.columns;
    if (c.masks) {
        list_columns(&c, out->room.columns);
        out->column = out->room.columns;
    }
}

/* float.body.h - sparse weights as floats: the fused product with up to 4 activation rows, and the decoder to
 * a block of 16 rows.
 *
 * Form mask expands 16 inputs at a time and costs the same at any sparsity; form rows takes one step a stored
 * weight, with loads that no gather instruction beats. Chains of additions are hidden by the rows that
 * follow. */
#include "kernels/panel.body.h"

/* acc[i] += row . x[i] over one cell. */
OZ_INLINE void dot_mask(const cell *c, size_t r, const float *w, const float *x, size_t ld, size_t m,
                        vf16 *acc) {
    const uint8_t *mask = c->masks + r * c->mask_bytes;
    size_t k = 0;
    w += c->row[r];
    for (; k + 16 <= c->inputs; k += 16) {
        uint16_t bits;
        memcpy(&bits, mask + k / 8, 2);
        vf16 weights = v_expand_open(w, bits);
        w += __builtin_popcount(bits);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++)
            acc[i * OZ_PANEL] = v_muladd(weights, v_load(x + i * ld + k), acc[i * OZ_PANEL]);
    }
    if (k == c->inputs) return;
    vf16 weights = v_expand_open(w, mask16(mask, c->mask_bytes, k));
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        acc[i * OZ_PANEL] = v_muladd(weights, v_load_n(x + i * ld + k, c->inputs - k), acc[i * OZ_PANEL]);
    }
}

#define CHAINS 4

/* sum[16 * i] += row . x[i] over one cell, each in CHAINS / m or more parts. */
OZ_INLINE void dot_columns(const cell *c, size_t r, const float *w, const float *x, size_t ld, size_t m,
                           float *sum) {
    const size_t chains = m == 1 ? CHAINS : 2;
    float part[CHAINS][OZ_MV_BATCH] = {{0}};
    size_t s = c->row[r], end = c->row[r + 1];
    for (; s + chains <= end; s += chains) {
        OZ_UNROLL
        for (size_t j = 0; j < chains; j++) {
            const float *in = x + c->columns[s + j];
            OZ_UNROLL
            for (size_t i = 0; i < m; i++) part[j][i] = s_muladd(w[s + j], in[i * ld], part[j][i]);
        }
    }
    for (; s < end; s++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) part[0][i] = s_muladd(w[s], x[i * ld + c->columns[s]], part[0][i]);
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        OZ_UNROLL
        for (size_t j = 1; j < chains; j++) part[0][i] += part[j][i];
        sum[i * OZ_PANEL] += part[0][i];
    }
}

OZ_INLINE void mv_panel_mask(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, const oz_rows *x,
                             size_t m, float *y, size_t ldy) {
    float buffer[MOST_SLOTS + READ_AHEAD];
    vf16 acc[OZ_MV_BATCH * OZ_PANEL];
    for (size_t i = 0; i < m * OZ_PANEL; i++) acc[i] = v_zero();
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        cell c = cell_at(leaf, panel, b);
        const float *w = cell_floats(kind, leaf, panel, &c, buffer);
        const float *in = x->f32 + b * leaf->param[OZ_SPARSE_BLOCK];
        for (size_t r = 0; r < OZ_PANEL; r++) dot_mask(&c, r, w, in, x->ld, m, acc + r);
    }
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, sums_of(acc + i * OZ_PANEL), y + i * ldy);
}

OZ_INLINE void mv_panel_rows(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, const oz_rows *x,
                             size_t m, float *y, size_t ldy) {
    float buffer[MOST_SLOTS + READ_AHEAD], sum[OZ_MV_BATCH * OZ_PANEL] = {0};
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        cell c = cell_at(leaf, panel, b);
        const float *w = cell_floats(kind, leaf, panel, &c, buffer);
        const float *in = x->f32 + b * leaf->param[OZ_SPARSE_BLOCK];
        for (size_t r = 0; r < OZ_PANEL; r++) dot_columns(&c, r, w, in, x->ld, m, sum + r);
    }
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, v_load(sum + i * OZ_PANEL), y + i * ldy);
}

OZ_INLINE void mv_float_batch(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                              const oz_rows *x, size_t m, float *y, size_t ldy) {
    bool mask = leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_MASK;
    for (size_t panel = panel0; panel < panel1; panel++) {
        if (mask)
            mv_panel_mask(kind, leaf, panel, x, m, y, ldy);
        else
            mv_panel_rows(kind, leaf, panel, x, m, y, ldy);
    }
}

OZ_INLINE void mv_float(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                        const oz_rows *x, float *y, size_t ldy) {
    switch (x->m) {
    case 1:
        mv_float_batch(kind, leaf, panel0, panel1, x, 1, y, ldy);
        break;
    case 2:
        mv_float_batch(kind, leaf, panel0, panel1, x, 2, y, ldy);
        break;
    case 3:
        mv_float_batch(kind, leaf, panel0, panel1, x, 3, y, ldy);
        break;
    default:
        mv_float_batch(kind, leaf, panel0, panel1, x, 4, y, ldy);
        break;
    }
}

/* ---- decoding: a block is a cell ---- */

static void place_mask(const cell *c, const float *w, size_t n, float *out) {
    for (size_t r = 0; r < OZ_PANEL; r++, out += n) {
        const uint8_t *mask = c->masks + r * c->mask_bytes;
        const float *next = w + c->row[r];
        for (size_t k = 0; k < n; k += 16) {
            uint16_t bits = mask16(mask, c->mask_bytes, k);
            vf16 weights = v_expand_open(next, bits);
            next += __builtin_popcount(bits);
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

OZ_INLINE oz_tile decode_floats(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0, size_t n,
                                float *out) {
    float buffer[MOST_SLOTS + READ_AHEAD];
    cell c = cell_at(leaf, panel, k0 / leaf->param[OZ_SPARSE_BLOCK]);
    const float *w = cell_floats(kind, leaf, panel, &c, buffer);
    if (c.masks)
        place_mask(&c, w, n, out);
    else
        place_columns(&c, w, n, out);
    return (oz_tile){.p = out, .row_stride = n, .k_stride = 1};
}

/* Eight inputs at a time, as many of the eight bytes written as are needed. */
static void list_columns(const cell *c, uint8_t *out) {
    for (size_t r = 0; r < OZ_PANEL; r++) {
        const uint8_t *mask = c->masks + r * c->mask_bytes;
        for (size_t i = 0; i < c->mask_bytes; i++) {
            uint64_t places;
            memcpy(&places, oz_set_bits[mask[i]], 8);
            places += 8 * i * UINT64_C(0x0101010101010101);
            memcpy(out, &places, 8);
            out += __builtin_popcount(mask[i]);
        }
    }
}

OZ_INLINE void decode_nonzeros(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, size_t k0,
                               oz_nonzeros *out) {
    cell c = cell_at(leaf, panel, k0 / leaf->param[OZ_SPARSE_BLOCK]);
    if (kind != OZ_CODEC_F32) {
        cell_floats(kind, leaf, panel, &c, out->value);
    } else {
        const uint8_t *w = leaf->part[OZ_SPARSE_VALUES].data + c.first * sizeof(float);
        if (c.slots > 0) memcpy(out->value, w, c.slots * sizeof(float));
    }
    for (size_t r = 0; r < OZ_PANEL; r++) out->end[r] = (uint16_t)c.row[r + 1];
    uint8_t listed[MOST_SLOTS + 8];
    const uint8_t *columns = c.masks ? listed : c.columns;
    if (c.masks) list_columns(&c, listed);
    if (c.slots > 0) memcpy(out->column, columns, c.slots);
}

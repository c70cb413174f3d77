/* float.body.h - sparse weights as floats: the fused product with up to 4 activation rows, and the decoders.
 *
 * Form mask expands 64 inputs at a time and costs the same at any sparsity. In form jagged the 16 lanes are a
 * cell's rows in the order of ranks: entry after entry, each lane's activation is looked up, where all rows
 * have the entry and then where fewer and fewer do. Neither has a branch that depends on the length of a row.
 */
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
        for (size_t i = 0; i < m; i++) {
            acc[0][i] = sum[i * OZ_PANEL + r];
            acc[1][i] = v_zero();
        }
        OZ_UNROLL
        for (size_t k = 0; k < n; k += 64) {
            vf16 weights[4];
            v_expand64(w, mask + k / 8, weights);
            w += count_bits(mask64(mask + k / 8));
            OZ_UNROLL
            for (size_t v = 0; v < 4; v++) {
                OZ_UNROLL
                for (size_t i = 0; i < m; i++) {
                    vf16 input = m == 1 ? in[k / OZ_LANES + v] : v_load(x + i * ld + k + v * OZ_LANES);
                    acc[v % 2][i] = v_muladd(weights[v], input, acc[v % 2][i]);
                }
            }
        }
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) sum[i * OZ_PANEL + r] = v_add(acc[0][i], acc[1][i]);
    }
}

/* Where m rows of a cell's inputs lie, ld apart: whole blocks of 128, or 256. */
typedef struct cell_inputs {
    const float *x;
    size_t ld;
} cell_inputs;

/* A panel's last cell may be narrower: its inputs are copied, once for all panels, with zeros behind them. */
typedef struct padded_inputs {
    cell_inputs whole;
    float last[OZ_MV_BATCH * OZ_MAX_BLOCK];
} padded_inputs;

static void pad_inputs(const oz_leaf *leaf, const oz_rows *x, size_t m, padded_inputs *out) {
    const size_t b = oz_sparse_blocks(leaf) - 1, inputs = oz_sparse_inputs(leaf, b);
    out->whole = (cell_inputs){x->f32, x->ld};
    if (inputs % OZ_BLOCK == 0) return;
    memset(out->last, 0, m * OZ_MAX_BLOCK * sizeof *out->last);
    for (size_t i = 0; i < m; i++)
        memcpy(out->last + i * OZ_MAX_BLOCK, x->f32 + i * x->ld + b * leaf->param[OZ_SPARSE_BLOCK],
               inputs * sizeof *out->last);
}

OZ_INLINE cell_inputs inputs_of(const padded_inputs *x, const oz_leaf *leaf, const cell *c) {
    if (c->inputs % OZ_BLOCK != 0) return (cell_inputs){x->last, OZ_MAX_BLOCK};
    return (cell_inputs){x->whole.x + c->block * leaf->param[OZ_SPARSE_BLOCK], x->whole.ld};
}

OZ_INLINE void dot_mask_cell(const cell *c, const float *w, cell_inputs x, size_t m, vf16 *sum) {
    mask_rows masks;
    find_masks(c, 0, c->inputs, &masks);
    if (c->inputs <= OZ_BLOCK)
        dot_masks(&masks, OZ_BLOCK, w, x.x, x.ld, m, sum);
    else
        dot_masks(&masks, OZ_MAX_BLOCK, w, x.x, x.ld, m, sum);
}

/* The sums of the rows, in the order of ranks; n is 128 or 256. */
OZ_INLINE vf16 dot_entries(const uint8_t *columns, const float *w, const float *x, size_t n, vi16 lengths) {
    const v_table inputs = v_tabulate(x, n);
    const vf16 length = v_from_i32(lengths);
    const size_t all = vi_least(lengths);
    vf16 acc[2] = {v_zero(), v_zero()};
    size_t e = 0;
    OZ_ROLL
    for (; e + 2 <= all; e += 2) {
        OZ_UNROLL
        for (size_t a = 0; a < 2; a++, w += OZ_LANES, columns += OZ_LANES)
            acc[a] = v_muladd(v_look_up(&inputs, n, columns), v_load(w), acc[a]);
    }
    vf16 at = v_set1((float)e);
    OZ_ROLL
    for (size_t rows; (rows = count_bits(v_mask_bits(v_less(at, length)))) > 0; w += rows, columns += rows) {
        acc[0] = v_muladd(v_look_up(&inputs, n, columns), v_load_n(w, rows), acc[0]);
        at = v_add(at, v_set1(1.0f));
    }
    return v_add(acc[0], acc[1]);
}

OZ_INLINE vf16 dot_jagged_cell(const cell *c, const uint8_t *columns, const float *w, const float *x) {
    const vi16 lengths = lengths_of(c);
    vf16 sums = c->inputs <= OZ_BLOCK ? dot_entries(columns, w, x, OZ_BLOCK, lengths)
                                      : dot_entries(columns, w, x, OZ_MAX_BLOCK, lengths);
    return v_permute(sums, ranks_of(c));
}

/* One form's cells of a panel; a leaf has one form. */
OZ_INLINE void mv_mask_panel(const oz_leaf *leaf, size_t panel, const padded_inputs *x, size_t m, float *y,
                             size_t ldy) {
    oz_nonzeros_room room;
    vf16 sum[OZ_MV_BATCH * OZ_PANEL];
    OZ_UNROLL
    for (size_t i = 0; i < m * OZ_PANEL; i++) sum[i] = v_zero();
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        cell c;
        find_cell(leaf, panel, b, &c);
        const float *w = cell_weights(leaf, panel, &c, &room);
        dot_mask_cell(&c, w, inputs_of(x, leaf, &c), m, sum);
    }
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, sums_of(sum + i * OZ_PANEL), y + i * ldy);
}

OZ_INLINE void mv_jagged_panel(const oz_leaf *leaf, size_t panel, const padded_inputs *x, size_t m, float *y,
                               size_t ldy) {
    oz_nonzeros_room room;
    vf16 sum[OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) sum[i] = v_zero();
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        cell c;
        find_cell(leaf, panel, b, &c);
        const cell_inputs in = inputs_of(x, leaf, &c);
        const float *w = cell_weights(leaf, panel, &c, &room);
        const uint8_t *columns = cell_columns(leaf, &c, &room);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++)
            sum[i] = v_add(sum[i], dot_jagged_cell(&c, columns, w, in.x + i * in.ld));
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, sum[i], y + i * ldy);
}

OZ_INLINE void mv_batch(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x, size_t m,
                        float *y, size_t ldy) {
    padded_inputs in;
    pad_inputs(leaf, x, m, &in);
    for (size_t panel = panel0; panel < panel1; panel++) {
        if (leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_MASK)
            mv_mask_panel(leaf, panel, &in, m, y, ldy);
        else
            mv_jagged_panel(leaf, panel, &in, m, y, ldy);
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
            vf16 weights = v_expand_open(next, bits);
            next += count_bits(bits);
            if (k + 16 <= n)
                v_store(out + k, weights);
            else
                v_store_n(out + k, weights, n - k);
        }
    }
}

static void place_entries(const cell *c, const float *w, size_t n, float *out) {
    ranks k;
    find_ranks(c, &k);
    memset(out, 0, OZ_PANEL * n * sizeof *out);
    for (size_t e = 0, s = 0, rows = OZ_PANEL; (rows = rows_with(&k, e, rows)) > 0; e++) {
        for (size_t i = 0; i < rows; i++, s++) out[k.row[i] * n + c->columns[s]] = w[s];
    }
}

static oz_tile decode_f32(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, float *out) {
    oz_nonzeros_room room;
    cell c;
    find_cell(leaf, panel, k0 / leaf->param[OZ_SPARSE_BLOCK], &c);
    const float *w = cell_weights(leaf, panel, &c, &room);
    if (c.masks) {
        find_rows(&c);
        place_mask(&c, w, n, out);
    } else {
        place_entries(&c, w, n, out);
    }
    return (oz_tile){.p = out, .row_stride = n, .k_stride = 1};
}

static void find_diagonals(const cell *c, oz_nonzeros *out) {
    const vf16 length = v_from_i32(lengths_of(c));
    uint16_t rows[OZ_PANEL];
    memcpy(rows, c->rows, sizeof rows);
    for (size_t r = 0; r < OZ_PANEL; r++) {
        const unsigned rank = rows[r] >> 12;
        out->length[rank] = rows[r] & 0xfff;
        out->row[rank] = (uint8_t)r;
    }
    OZ_ROLL
    for (size_t e = 0, with = 1; with > 0; e++) out->with[e] = (uint8_t)(with = rows_beyond(length, e));
}

static void decode_nz(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out) {
    cell c;
    (void)n;
    find_cell(leaf, panel, k0 / leaf->param[OZ_SPARSE_BLOCK], &c);
    out->value = cell_weights(leaf, panel, &c, &out->room);
    out->column = cell_columns(leaf, &c, &out->room);
    if (c.masks) {
        find_rows(&c);
        memcpy(out->end, c.row + 1, sizeof out->end);
        out->order = OZ_NZ_ROWS;
    } else {
        find_diagonals(&c, out);
        out->order = OZ_NZ_JAGGED;
    }
}

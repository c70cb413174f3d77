/* float.body.h - sparse weights as floats: the fused product with up to 4 activation rows, and the decoders.
 *
 * Form mask expands 64 inputs at a time and costs the same at any sparsity. Form rows multiplies a cell's run
 * of slots as one, whatever rows they belong to, and then adds up each row's products: neither step has a
 * branch that depends on how many weights a row has. Chains of additions are hidden by the rows that follow.
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
        oz_ask_ahead(mask, n / 8);
        OZ_UNROLL
        for (size_t k = 0; k < n; k += 64) {
            vf16 weights[4];
            oz_ask_ahead((const uint8_t *)w, 128); /* of half of 64 inputs so many bytes are stored */
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

/* product[s] = weight of slot s times its input of n, 128 or 256; 16 more may be written. */
OZ_INLINE void multiply_slots(const uint8_t *columns, const float *w, size_t slots, const v_table *inputs,
                              size_t n, float *product) {
    const v_table table = *inputs;
    OZ_ROLL
    for (size_t s = 0; s < slots; s += OZ_LOOKED_UP) {
        vf16 input[OZ_LOOKED_UP / OZ_LANES];
        v_look_up(&table, n, columns + s, input);
        OZ_UNROLL
        for (size_t v = 0; v < OZ_LOOKED_UP / OZ_LANES; v++) {
            const size_t at = s + v * OZ_LANES;
            if (v > 0 && at >= slots) break;
            oz_ask_ahead((const uint8_t *)(w + at), OZ_LANES * sizeof *w);
            v_store(product + at, v_mul(input[v], v_load(w + at)));
        }
    }
}

/* sum[r] += the products of row r, in as many steps as the longest row takes; the steps that the shortest one
 * fills need not ask which lanes are its own. */
OZ_INLINE void add_rows(const cell *c, const float *product, vf16 *sum) {
    int32_t left[OZ_MAX_BLOCK / OZ_LANES][OZ_PANEL]; /* of each row's products, so many are left at a step */
    const vi16 count = vi_sub(vi_load_u16(c->row + 1), vi_load_u16(c->row));
    size_t shortest, longest;
    vi_extremes(count, &shortest, &longest);
    const size_t full = shortest / OZ_LANES * OZ_LANES;
    OZ_ROLL
    for (size_t s = full; s < longest; s += OZ_LANES)
        vi_store(left[s / OZ_LANES], vi_sub(count, vi_set1((int32_t)s)));
    OZ_ROLL
    for (size_t r = 0; r < OZ_PANEL; r++) {
        const float *own = product + c->row[r];
        vf16 acc = sum[r];
        size_t s = 0;
        for (; s < full; s += OZ_LANES) acc = v_add(acc, v_load(own + s));
        OZ_ROLL
        for (; s < longest; s += OZ_LANES) acc = v_add_first(acc, own + s, &left[s / OZ_LANES][r]);
        sum[r] = acc;
    }
}

/* Whole blocks of inputs, as they are looked up: made once for several panels where they are not too many,
 * else for each cell anew. */
enum { MOST_TABLES = 16 };
typedef struct tables {
    v_table of[MOST_TABLES];
    size_t blocks; /* of each row of activations */
} tables;

OZ_INLINE v_table tabulate(const float *x, size_t inputs) {
    return inputs <= OZ_BLOCK ? v_tabulate(x, OZ_BLOCK) : v_tabulate(x, OZ_MAX_BLOCK);
}

OZ_INLINE void make_tables(const oz_leaf *leaf, size_t panels, const oz_rows *x, size_t m, tables *t) {
    const size_t block = leaf->param[OZ_SPARSE_BLOCK], blocks = leaf->cols / block;
    const bool looked_up = leaf->param[OZ_SPARSE_FORM] == OZ_SPARSE_ROWS;
    t->blocks = 0;
    if (!looked_up || panels < 2 || m * blocks > MOST_TABLES) return;
    t->blocks = blocks;
    for (size_t i = 0; i < m; i++) {
        for (size_t b = 0; b < blocks; b++)
            t->of[i * blocks + b] = tabulate(x->f32 + i * x->ld + b * block, block);
    }
}

/* Of row i of the activations, which lies at x; `own` is room for one that is made for this cell. A table may
 * be where the inputs are: in the room for padded ones, too. */
OZ_INLINE const v_table *table_of(const tables *t, const cell *c, size_t i, const float *x, float *padded,
                                  v_table *own) {
    if (c->block < t->blocks) return &t->of[i * t->blocks + c->block];
    *own = tabulate(c->inputs % OZ_BLOCK != 0 ? pad_inputs(c, x, 0, 1, padded) : x, c->inputs);
    return own;
}

OZ_INLINE void dot_columns_cell(const cell *c, const uint8_t *columns, const float *w, const v_table *inputs,
                                vf16 *sum) {
    float product[OZ_MOST_NONZEROS + OZ_MAX_BLOCK]; /* rows are read as far as the longest goes */
    if (c->inputs <= OZ_BLOCK)
        multiply_slots(columns, w, c->slots, inputs, OZ_BLOCK, product);
    else
        multiply_slots(columns, w, c->slots, inputs, OZ_MAX_BLOCK, product);
    add_rows(c, product, sum);
}

OZ_INLINE void mv_panel(const oz_leaf *leaf, size_t panel, const oz_rows *x, size_t m, const tables *t,
                        float *y, size_t ldy) {
    oz_nonzeros_room room;
    float padded[OZ_MAX_BLOCK];
    vf16 sum[OZ_MV_BATCH * OZ_PANEL];
    OZ_UNROLL
    for (size_t i = 0; i < m * OZ_PANEL; i++) sum[i] = v_zero();
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        const float *in = x->f32 + b * leaf->param[OZ_SPARSE_BLOCK];
        cell c;
        find_cell(leaf, panel, b, &c);
        const float *w = cell_weights(leaf, panel, &c, &room);
        if (c.masks) {
            dot_mask_cell(&c, w, in, x->ld, m, sum);
            continue;
        }
        const uint8_t *columns = cell_columns(leaf, &c, &room);
        find_rows(leaf, &c);
        for (size_t i = 0; i < m; i++) {
            v_table own;
            const v_table *inputs = table_of(t, &c, i, in + i * x->ld, padded, &own);
            dot_columns_cell(&c, columns, w, inputs, sum + i * OZ_PANEL);
        }
    }
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, sums_of(sum + i * OZ_PANEL), y + i * ldy);
}

OZ_INLINE void mv_batch(const oz_leaf *leaf, size_t panel0, size_t panel1, const oz_rows *x, size_t m,
                        float *y, size_t ldy) {
    tables t;
    make_tables(leaf, panel1 - panel0, x, m, &t);
    for (size_t panel = panel0; panel < panel1; panel++) mv_panel(leaf, panel, x, m, &t, y, ldy);
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
    find_rows(leaf, &c);
    if (c.masks)
        place_mask(&c, w, n, out);
    else
        place_columns(&c, w, n, out);
    return (oz_tile){.p = out, .row_stride = n, .k_stride = 1};
}

static void decode_nz(const oz_leaf *leaf, size_t panel, size_t k0, size_t n, oz_nonzeros *out) {
    cell c;
    (void)n;
    find_cell(leaf, panel, k0 / leaf->param[OZ_SPARSE_BLOCK], &c);
    out->value = cell_weights(leaf, panel, &c, &out->room);
    out->column = cell_columns(leaf, &c, &out->room);
    find_rows(leaf, &c);
    memcpy(out->end, c.row + 1, sizeof out->end);
    out->each = 0;
}

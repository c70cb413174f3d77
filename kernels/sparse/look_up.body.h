/* look_up.body.h - the fused product of float weights in form rows with one activation row, where vectors can
 * be looked up in registers: the inputs of a cell stay in eight of them, and a step takes 16 stored weights
 * of a row. (Of a mask, the columns would have to be listed first, which costs what expanding it does.) */
#include "kernels/panel.body.h"

#ifdef OZ_LOOK_UP

/* How many of the n ascending columns are below 128; 64 more can be read. */
OZ_INLINE size_t count_first(const uint8_t *columns, size_t n) {
    for (size_t s = 0; s < n; s += 64) {
        const uint64_t second = vb_top_bits(vb_load(columns + s));
        if (second) return oz_min(n, s + (size_t)__builtin_ctzll(second));
    }
    return n;
}

/* sum[r] += row r of the cell times its inputs from x, those in [from, from + 128): next[r] is their first
 * slot, and moves behind the last. */
OZ_INLINE void look_up_columns(const cell *c, const uint8_t *columns, size_t from, size_t next[OZ_PANEL],
                               const float *w, const float *x, vf16 *sum) {
    vf16 in[OZ_BLOCK / OZ_LANES];
    OZ_UNROLL
    for (size_t v = 0; v < OZ_BLOCK / OZ_LANES; v++) in[v] = v_load(x + v * OZ_LANES);
    OZ_ROLL
    for (size_t r = 0; r < OZ_PANEL; r++) {
        vf16 acc = sum[r];
        size_t s = next[r], end = c->row[r + 1];
        if (from + OZ_BLOCK < c->inputs) end = s + count_first(columns + s, end - s);
        next[r] = end;
        for (; s < end; s += OZ_LANES) {
            vf16 weights = v_load_n(w + s, oz_min(end - s, OZ_LANES)); /* zeros behind */
            acc = v_muladd(weights, v_look_up128(in, vi_load_u8(columns + s)), acc);
        }
        sum[r] = acc;
    }
}

static void look_up_cell(const cell *c, oz_nonzeros_room *room, const float *w, const float *x, vf16 *sum) {
    float padded[OZ_MAX_BLOCK];
    size_t next[OZ_PANEL];
    if (c->inputs % OZ_BLOCK != 0) x = pad_inputs(c, x, 0, 1, padded);
    list_columns(c, room->columns);
    memcpy(next, c->row, sizeof next);
    for (size_t from = 0; from < c->inputs; from += OZ_BLOCK)
        look_up_columns(c, room->columns, from, next, w, x + from, sum);
}

static void mv_panel_look_up(const oz_leaf *leaf, size_t panel, const oz_rows *x, float *y) {
    oz_nonzeros_room room;
    vf16 sum[OZ_PANEL];
    for (size_t r = 0; r < OZ_PANEL; r++) sum[r] = v_zero();
    for (size_t b = 0; b < oz_sparse_blocks(leaf); b++) {
        cell c;
        find_cell(leaf, panel, b, &c);
        const float *w = cell_weights(leaf, panel, &c, &room);
        look_up_cell(&c, &room, w, x->f32 + b * leaf->param[OZ_SPARSE_BLOCK], sum);
    }
    add_to_rows(leaf, panel, sums_of(sum), y);
}
#endif

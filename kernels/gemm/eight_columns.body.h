/* eight_columns.body.h - the nonzeros of 16 rows x 8 columns: half a vector, so that nothing is done for
 * columns that are not there, and twice as many inputs fit the first-level cache. */

/* Where the activations of each entry begin, in floats. Of all at once that is little work; taken from its
 * byte beside its one multiply-add, a column would be half of it. (Beside four of 64 columns the load of a
 * place costs more than it saves.) */
OZ_INLINE void locate_entries(const oz_nonzeros *w, int32_t *place) {
    const size_t used = w->end[OZ_PANEL - 1] + OZ_NZ_STEP;
    for (size_t i = 0; i < used; i += 16) vi_store(place + i, vi_shift_left(vi_load_u8(w->column + i), 3));
}

/* Four nonzeros of one row, a chain of additions each. */
OZ_INLINE void add_four_8(vf8 acc[OZ_NZ_STEP], vf8 weights, const int32_t *place, const float *x) {
    OZ_UNROLL
    for (unsigned j = 0; j < OZ_NZ_STEP; j++)
        acc[j] = v8_muladd(v8_spread(weights, j), v8_load(x + place[j]), acc[j]);
}

OZ_INLINE void gemm_uneven_8(const oz_nonzeros *w, const float *x, float *y, const oz_extents *ahead) {
    int32_t place[OZ_MOST_NONZEROS + OZ_READ_AHEAD];
    locate_entries(w, place);
    for (size_t r = 0, i = 0; r < OZ_PANEL; r++, y += 8) {
        const size_t end = w->end[r];
        ask_for_shares(ahead, r, 1);
        vf8 acc[OZ_NZ_STEP] = {v8_load(y), v8_zero(), v8_zero(), v8_zero()};
        OZ_ROLL
        for (; i + OZ_NZ_STEP < end; i += OZ_NZ_STEP)
            add_four_8(acc, v_low(v_repeat4(w->value + i)), place + i, x);
        add_four_8(acc, v_low(v_repeat4_n(w->value + i, end - i)), place + i, x);
        i = end;
        v8_store(y, v8_add(v8_add(acc[0], acc[1]), v8_add(acc[2], acc[3])));
    }
}

/* One entry of four rows, a chain each; their columns are the low bytes. */
OZ_INLINE void add_four_rows(vf8 acc[OZ_NZ_STEP], vf8 weights, uint64_t columns, const float *x) {
    OZ_UNROLL
    for (unsigned j = 0; j < OZ_NZ_STEP; j++)
        acc[j] = v8_muladd(v8_spread(weights, j), v8_load(x + 8 * (columns >> 8 * j & 255)), acc[j]);
}

/* One entry of eight rows. */
OZ_INLINE void add_eight_rows(vf8 acc[8], const float *value, uint64_t low, uint64_t high, const float *x) {
    add_four_rows(acc, v_low(v_repeat4(value)), low, x);
    add_four_rows(acc + 4, v_low(v_repeat4(value + 4)), high, x);
}

/* Rows of the same length: eight at a time. */
OZ_INLINE void gemm_even_8(const oz_nonzeros *w, const float *x, float *y, const oz_extents *ahead) {
    for (size_t r0 = 0; r0 < OZ_PANEL; r0 += 8, y += 64) {
        vf8 acc[8];
        ask_for_shares(ahead, r0, 8);
        OZ_UNROLL
        for (size_t r = 0; r < 8; r++) acc[r] = v8_load(y + 8 * r);
        const float *value = w->value + r0;
        const uint8_t *column = w->column + 2 * r0;
        uint64_t low = columns_from(column), high = columns_from(column + 8);
        OZ_ROLL
        for (size_t e = 0; e < w->each / 2; e++, value += 2 * OZ_PANEL) {
            const uint64_t low_now = low, high_now = high;
            column += 2 * OZ_PANEL;
            low = columns_from(column), high = columns_from(column + 8);
            add_eight_rows(acc, value, low_now, high_now, x);
            add_eight_rows(acc, value + OZ_PANEL, low_now >> 32, high_now >> 32, x);
        }
        if (w->each % 2 == 1) add_eight_rows(acc, value, low, high, x);
        OZ_UNROLL
        for (size_t r = 0; r < 8; r++) v8_store(y + 8 * r, acc[r]);
    }
}

OZ_INLINE void gemm_eight_columns(const oz_nonzeros *w, const float *x, float *y, const oz_extents *ahead) {
    if (w->each)
        gemm_even_8(w, x, y, ahead);
    else
        gemm_uneven_8(w, x, y, ahead);
}

/* eight_columns.body.h - the nonzeros of 16 rows x 8 columns: half a vector, so that nothing is done for
 * columns that are not there, and twice as many inputs fit the first-level cache. */

/* Four nonzeros of one row, a chain of additions each. */
OZ_INLINE void add_step_8(vf8 acc[OZ_NZ_STEP], vf8 weights, uint64_t columns, oz_inputs x) {
    OZ_UNROLL
    for (unsigned j = 0; j < OZ_NZ_STEP; j++)
        acc[j] = v8_muladd(v8_spread(weights, j), v8_load(input_at(x, columns >> 8 * j & 255)), acc[j]);
}

OZ_INLINE void gemm_uneven_8(const oz_nonzeros *w, oz_inputs x, float *y, const oz_extents *ahead) {
    uint64_t columns = columns_from(w->column);
    size_t i = 0;
    for (size_t r = 0; r < OZ_PANEL; r++, y += 8) {
        const size_t end = w->end[r];
        uint64_t now = columns;
        ask_for_shares(ahead, r, 1);
        vf8 acc[OZ_NZ_STEP] = {v8_load(y), v8_zero(), v8_zero(), v8_zero()};
        OZ_ROLL
        for (; i + OZ_NZ_STEP < end; i += OZ_NZ_STEP, now = columns) {
            columns = columns_from(w->column + i + OZ_NZ_STEP);
            add_step_8(acc, v_low(v_repeat4(w->value + i)), now, x);
        }
        columns = columns_from(w->column + end);
        add_step_8(acc, v_low(v_repeat4_n(w->value + i, end - i)), now, x);
        i = end;
        v8_store(y, v8_add(v8_add(acc[0], acc[1]), v8_add(acc[2], acc[3])));
    }
}

/* One entry of eight rows. */
OZ_INLINE void add_eight_rows(vf8 acc[8], const float *value, uint64_t low, uint64_t high, oz_inputs x) {
    add_step_8(acc, v_low(v_repeat4(value)), low, x);
    add_step_8(acc + 4, v_low(v_repeat4(value + 4)), high, x);
}

/* Rows of the same length: eight at a time. */
OZ_INLINE void gemm_even_8(const oz_nonzeros *w, oz_inputs x, float *y, const oz_extents *ahead) {
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

OZ_INLINE void gemm_eight_columns(const oz_nonzeros *w, oz_inputs x, float *y, const oz_extents *ahead) {
    if (w->each)
        gemm_even_8(w, x, y, ahead);
    else
        gemm_uneven_8(w, x, y, ahead);
}

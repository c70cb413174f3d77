/* eight_columns.body.h - the nonzeros of 16 rows x 8 columns: half a vector, so that nothing is done for
 * columns that are not there, and twice as many inputs fit the first-level cache. */

/* Four nonzeros of one row, a chain of additions each. */
OZ_INLINE void add_step_8(vf8 acc[OZ_NZ_STEP], vf8 weights, const uint8_t *columns, oz_inputs x) {
    uint32_t places;
    memcpy(&places, columns, sizeof places);
    OZ_UNROLL
    for (unsigned j = 0; j < OZ_NZ_STEP; j++)
        acc[j] = v8_muladd(v8_spread(weights, j), v8_load(input_at(x, places >> 8 * j & 255)), acc[j]);
}

OZ_INLINE void gemm_uneven_8(const oz_nonzeros *w, oz_inputs x, float *y) {
    size_t i = 0;
    for (size_t r = 0; r < OZ_PANEL; r++, y += 8) {
        const size_t end = w->end[r];
        vf8 acc[OZ_NZ_STEP] = {v8_load(y), v8_zero(), v8_zero(), v8_zero()};
        OZ_ROLL
        for (; i + OZ_NZ_STEP < end; i += OZ_NZ_STEP)
            add_step_8(acc, v_low(v_repeat4(w->value + i)), w->column + i, x);
        add_step_8(acc, v_low(v_repeat4_n(w->value + i, end - i)), w->column + i, x);
        i = end;
        v8_store(y, v8_add(v8_add(acc[0], acc[1]), v8_add(acc[2], acc[3])));
    }
}

/* Rows of the same length: eight at a time. */
OZ_INLINE void gemm_even_8(const oz_nonzeros *w, oz_inputs x, float *y) {
    for (size_t r0 = 0; r0 < OZ_PANEL; r0 += 8, y += 64) {
        vf8 acc[8];
        OZ_UNROLL
        for (size_t r = 0; r < 8; r++) acc[r] = v8_load(y + 8 * r);
        OZ_ROLL
        for (size_t e = r0; e < r0 + w->each * OZ_PANEL; e += OZ_PANEL) {
            add_step_8(acc, v_low(v_repeat4(w->value + e)), w->column + e, x);
            add_step_8(acc + 4, v_low(v_repeat4(w->value + e + 4)), w->column + e + 4, x);
        }
        OZ_UNROLL
        for (size_t r = 0; r < 8; r++) v8_store(y + 8 * r, acc[r]);
    }
}

OZ_INLINE void gemm_eight_columns(const oz_nonzeros *w, oz_inputs x, float *y) {
    if (w->each)
        gemm_even_8(w, x, y);
    else
        gemm_uneven_8(w, x, y);
}

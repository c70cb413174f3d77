/* values.body.h - dense integer leaves: the fused product with up to 4 float activation rows.
 *
 * Rows are lanes. The inputs of a chunk meet codes less their zero, and their sum is scaled: the weights
 * themselves are never made. With minima, whose products may cancel, that would not be exact enough; such
 * leaves are decoded. */

/* part[sum][i] += four inputs of 16 rows times the activations from x on. */
OZ_INLINE void dot_quad_values(vb64 quad, vi16 zero, const float *x, size_t ld, size_t m, size_t sums,
                               vf16 part[4][OZ_MV_BATCH]) {
    OZ_UNROLL
    for (unsigned j = 0; j < 4; j++) {
        vf16 code = v_from_i32(vi_sub(vi_byte(quad, j), zero));
        OZ_UNROLL
        for (size_t i = 0; i < m; i++)
            part[j % sums][i] = v_muladd(code, v_broadcast(x + i * ld + j), part[j % sums][i]);
    }
}

/* sum[i] = a whole chunk times the activations from x on, without its scale. */
OZ_INLINE void dot_chunk_values(oz_codec_kind kind, quad_reader *reader, vi16 zero, const float *x, size_t ld,
                                size_t m, vf16 sum[OZ_MV_BATCH]) {
    const size_t sums = rows_at_once(m);
    vf16 part[4][OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t s = 0; s < sums; s++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) part[s][i] = v_zero();
    }
    OZ_UNROLL
    for (unsigned j = 0; j < CHUNK_QUADS; j += 4) {
        vb64 q[4];
        read4(kind, reader, j, q);
        OZ_UNROLL
        for (unsigned i = 0; i < 4; i++) dot_quad_values(q[i], zero, x + 4 * (j + i), ld, m, sums, part);
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) {
        sum[i] = part[0][i];
        OZ_UNROLL
        for (size_t s = 1; s < sums; s++) sum[i] = v_add(sum[i], part[s][i]);
    }
}

OZ_INLINE void mv_values_panel(oz_codec_kind kind, const oz_leaf *leaf, size_t panel, const oz_rows *x,
                               size_t m, float *y, size_t ldy) {
    const oz_scales scales = scales_of(leaf, panel);
    const size_t whole = leaf->cols / CHUNK_INPUTS * CHUNK_INPUTS, rest = leaf->cols - whole;
    quad_reader reader = reader_at(kind, oz_dense_panel(leaf, panel), 0);
    vf16 acc[OZ_MV_BATCH];
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) acc[i] = v_zero();
    for (size_t k = 0; k < whole; k += CHUNK_INPUTS) {
        const size_t group = k / scales.inputs;
        const vf16 scale = scale_at(&scales, group);
        vf16 sum[OZ_MV_BATCH];
        dot_chunk_values(kind, &reader, zero_at(&scales, group), x->f32 + k, x->ld, m, sum);
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) acc[i] = v_muladd(scale, sum[i], acc[i]);
    }
    float last[CHUNK_INPUTS * OZ_PANEL];
    if (rest > 0) decode_values(kind, leaf, panel, whole, rest, last);
    for (size_t k = 0; k < rest; k++) {
        OZ_UNROLL
        for (size_t i = 0; i < m; i++) {
            vf16 in = v_broadcast(x->f32 + i * x->ld + whole + k);
            acc[i] = v_muladd(v_load(last + k * OZ_PANEL), in, acc[i]);
        }
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) add_to_rows(leaf, panel, acc[i], y + i * ldy);
}

OZ_INLINE void mv_values(oz_codec_kind kind, const oz_leaf *leaf, size_t panel0, size_t panel1,
                         const oz_rows *x, float *y, size_t ldy) {
    for (size_t panel = panel0; panel < panel1; panel++) {
        OZ_WITH_ROWS(x->m, mv_values_panel(kind, leaf, panel, x, M, y, ldy));
    }
}

/* taps.body.h - the whole of a row that has few inputs (depthwise): its sums never leave registers. */

/* Vectors of sums at once: enough to hide the latency of one addition, as far as registers reach. */
#define ROW_VECTORS (OZ_NZ_SETS * 4)

OZ_INLINE void sum_vectors(const float *w, size_t n, oz_pixels x, size_t left, const oz_epilogue *e,
                           float *out, oz_activation act, int vectors) {
    vf16 sum[ROW_VECTORS];
    OZ_UNROLL
    for (int v = 0; v < vectors; v++) sum[v] = v_zero();
    for (size_t k = 0; k < n; k++) {
        const float *from = x.x + x.offset[k];
        vf16 weight = v_broadcast(w + k);
        OZ_UNROLL
        for (int v = 0; v < vectors; v++) sum[v] = v_muladd(weight, v_load(from + 16 * v), sum[v]);
    }
    vf16 scale = v_set1(e->scale ? *e->scale : 1.0f), bias = v_set1(e->bias ? *e->bias : 0.0f);
    OZ_UNROLL
    for (int v = 0; v < vectors; v++) {
        vf16 y = activate(v_muladd(sum[v], scale, bias), act, v_set1(e->slope));
        if (vectors > 1)
            v_store(out + 16 * v, y);
        else
            v_store_n(out, y, oz_min(16, left));
    }
}

OZ_INLINE void sum_pixels(const float *w, size_t n, oz_pixels x, size_t pixels, const oz_epilogue *e,
                          float *out, oz_activation act) {
    size_t i = 0;
    for (; i + 16 * ROW_VECTORS <= pixels; i += 16 * ROW_VECTORS, x.x += 16 * ROW_VECTORS)
        sum_vectors(w, n, x, pixels - i, e, out + i, act, ROW_VECTORS);
    for (; i < pixels; i += 16, x.x += 16) sum_vectors(w, n, x, pixels - i, e, out + i, act, 1);
}

static void sum_row(const float *w, size_t n, oz_pixels x, size_t pixels, const oz_epilogue *e, float *out) {
    const oz_activation act = e->act;
#define CALL(a) sum_pixels(w, n, x, pixels, e, out, a)
    OZ_EACH_ACTIVATION(CALL)
#undef CALL
}

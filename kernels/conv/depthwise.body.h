/* depthwise.body.h - one plane through a 3 x 3 kernel, with steps of 1 or 2: the taps stay in registers, and
 * an input line serves all the output lines that it touches. */

/* Output lines at once. */
#define DEPTHWISE_LINES 4

/* Inputs x0, x0 + stride, ... of a line; what is not in [0, width) is zero, and not read. */
OZ_INLINE vf16 line_inputs(const float *line, ptrdiff_t x0, size_t width, int stride, int edge) {
    if (!edge) return stride == 1 ? v_load(line + x0) : v_evens(v_load(line + x0), v_load(line + x0 + 16));
    uint32_t first = x0 < 0 ? UINT32_MAX << -x0 : UINT32_MAX;
    ptrdiff_t left = (ptrdiff_t)width - x0;
    uint32_t in = left <= 0 ? 0 : left >= 32 ? first : first & ((UINT32_C(1) << left) - 1);
    vf16 low = v_load_where(line + x0, v_mask((uint16_t)in));
    if (stride == 1) return low;
    return v_evens(low, v_load_where(line + x0 + 16, v_mask((uint16_t)(in >> 16))));
}

/* `lines` output lines from oy on, in [ox, ox + 16). */
OZ_INLINE void depthwise_vector(const oz_plane3x3 *p, const vf16 *w, const vf16 *after, size_t oy, size_t ox,
                                int lines, int stride, int edge) {
    vf16 sum[DEPTHWISE_LINES];
    OZ_UNROLL
    for (int r = 0; r < lines; r++) sum[r] = v_zero();
    OZ_UNROLL
    for (int l = 0; l < (lines - 1) * stride + 3; l++) {
        size_t y = oy * (size_t)stride + (size_t)l - p->top; /* wraps above the first line */
        if (y >= p->height) continue;
        const float *line = p->in + y * p->width;
        OZ_UNROLL
        for (int kx = 0; kx < 3; kx++) {
            ptrdiff_t x0 = (ptrdiff_t)(ox * (size_t)stride) + kx - (ptrdiff_t)p->left;
            vf16 x = line_inputs(line, x0, p->width, stride, edge);
            OZ_UNROLL
            for (int r = 0; r < lines; r++) {
                const int ky = l - r * stride;
                if (ky >= 0 && ky < 3) sum[r] = v_muladd(w[3 * ky + kx], x, sum[r]);
            }
        }
    }
    const size_t n = oz_min(16, p->out_width - ox);
    OZ_UNROLL
    for (int r = 0; r < lines; r++) {
        vf16 y = v_min(after[3], v_max(after[2], v_muladd(sum[r], after[0], after[1])));
        v_store_n(p->out + (oy + (size_t)r) * p->out_width + ox, y, n);
    }
}

OZ_INLINE void depthwise_lines(const oz_plane3x3 *p, const vf16 *w, const vf16 *after, size_t oy, int lines,
                               int stride) {
    for (size_t ox = 0; ox < p->out_width; ox += 16) {
        /* Every tap's two vectors (of a step of 1, one) lie in the line. */
        size_t begin = ox * (size_t)stride, end = begin + 2 + 16 * (size_t)stride;
        if (begin >= p->left && end <= p->width + p->left)
            depthwise_vector(p, w, after, oy, ox, lines, stride, 0);
        else
            depthwise_vector(p, w, after, oy, ox, lines, stride, 1);
    }
}

OZ_INLINE void depthwise_plane(const oz_plane3x3 *p, int stride) {
    vf16 w[9], after[4] = {v_set1(p->scale), v_set1(p->bias), v_set1(p->least), v_set1(p->most)};
    OZ_UNROLL
    for (int k = 0; k < 9; k++) w[k] = v_broadcast(p->weights + k);
    size_t oy = 0;
    for (; oy + DEPTHWISE_LINES <= p->out_height; oy += DEPTHWISE_LINES)
        depthwise_lines(p, w, after, oy, DEPTHWISE_LINES, stride);
    for (; oy < p->out_height; oy++) depthwise_lines(p, w, after, oy, 1, stride);
}

static void plane3x3(const oz_plane3x3 *p) {
    if (p->stride == 1)
        depthwise_plane(p, 1);
    else
        depthwise_plane(p, 2);
}

/* depthwise.body.h - one plane through a 3 x 3 kernel, with steps of 1 or 2: the taps stay in registers, and
 * an input line serves all the output lines that it touches. */

/* Output lines at once, at most: nine additions to each wait for each other. With steps of 2 lines share too
 * few inputs for more than four to pay. */
#define DEPTHWISE_ROOMY (OZ_GEMM_VECTORS > 1) /* registers for more than four */
#define DEPTHWISE_LINES(stride) (DEPTHWISE_ROOMY && (stride) == 1 ? 8 : 4)
#define DEPTHWISE_MOST 8

/* Of the vectors that taps_of loads, which inputs lie in [0, width). */
typedef struct tap_masks {
    vm16 load[3];
} tap_masks;

OZ_INLINE vm16 inputs_inside(ptrdiff_t x0, size_t width) {
    const ptrdiff_t left = (ptrdiff_t)width - x0;
    const uint32_t first = x0 < 0 ? UINT32_MAX << -x0 : UINT32_MAX;
    return v_mask((uint16_t)(left >= 16 ? first : left <= 0 ? 0 : first & ((UINT32_C(1) << left) - 1)));
}

OZ_INLINE tap_masks masks_at(ptrdiff_t x0, size_t width, int stride) {
    tap_masks m;
    OZ_UNROLL
    for (int i = 0; i < 3; i++) m.load[i] = inputs_inside(x0 + (stride == 1 ? i : 16 * i), width);
    return m;
}

/* Inputs x + kx, x + kx + stride, ... of a line for kx = 0, 1, 2; where there are masks, zero outside, and
 * not read. With a step of 2 the taps share what is loaded: the third are the first, one on. */
OZ_INLINE void taps_of(const float *x, const tap_masks *in, int stride, vf16 tap[3]) {
    if (stride == 1) {
        OZ_UNROLL
        for (int kx = 0; kx < 3; kx++) tap[kx] = in ? v_load_where(x + kx, in->load[kx]) : v_load(x + kx);
        return;
    }
    const vf16 low = in ? v_load_where(x, in->load[0]) : v_load(x);
    const vf16 high = in ? v_load_where(x + 16, in->load[1]) : v_load(x + 16);
    const vf16 next = in ? v_load_where(x + 32, in->load[2]) : v_broadcast(x + 32);
    tap[0] = v_evens(low, high);
    tap[1] = v_odds(low, high);
    tap[2] = v_follow(tap[0], next);
}

/* Asks for what taps_of reads of a line that comes later: there are too many lines, too short, for hardware
 * to look ahead. Where registers hold four output lines it gains nothing. */
OZ_INLINE void ask_for_taps(const float *x, int stride) {
    OZ_UNROLL
    for (int i = 0; i < stride; i++) __builtin_prefetch(x + 16 * i);
}

/* A line outside of the plane. */
static const float no_line[3 * OZ_LANES];

/* `lines` output lines from oy on, in [ox, ox + 16). */
OZ_INLINE void depthwise_vector(const oz_plane3x3 *p, const vf16 *w, const vf16 *after, size_t oy, size_t ox,
                                int lines, int stride, const tap_masks *in) {
    const ptrdiff_t x0 = (ptrdiff_t)(ox * (size_t)stride) - (ptrdiff_t)p->left;
    vf16 sum[DEPTHWISE_MOST];
    OZ_UNROLL
    for (int r = 0; r < lines; r++) sum[r] = v_zero();
    OZ_UNROLL
    for (int l = 0; l < (lines - 1) * stride + 3; l++) {
        size_t y = oy * (size_t)stride + (size_t)l - p->top; /* wraps above the first line */
        const float *line = y < p->height ? p->in + y * p->width + x0 : no_line;
        vf16 tap[3];
        if (DEPTHWISE_ROOMY && l >= 3 - stride) /* the first of the next lines are these lines' last */
            ask_for_taps(p->in + (y + (size_t)(lines * stride)) * p->width + x0, stride);
        taps_of(line, in, stride, tap);
        OZ_UNROLL
        for (int kx = 0; kx < 3; kx++) {
            OZ_UNROLL
            for (int r = 0; r < lines; r++) {
                const int ky = l - r * stride;
                if (ky >= 0 && ky < 3) sum[r] = v_muladd(w[3 * ky + kx], tap[kx], sum[r]);
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
        /* Every tap's vectors lie in the line. */
        size_t begin = ox * (size_t)stride, end = begin + 2 + 16 * (size_t)stride;
        if (begin >= p->left && end <= p->width + p->left) {
            depthwise_vector(p, w, after, oy, ox, lines, stride, NULL);
        } else {
            const tap_masks in = masks_at((ptrdiff_t)begin - (ptrdiff_t)p->left, p->width, stride);
            depthwise_vector(p, w, after, oy, ox, lines, stride, &in);
        }
    }
}

OZ_INLINE void depthwise_plane(const oz_plane3x3 *p, int stride) {
    vf16 w[9], after[4] = {v_set1(p->scale), v_set1(p->bias), v_set1(p->least), v_set1(p->most)};
    OZ_UNROLL
    for (int k = 0; k < 9; k++) w[k] = v_broadcast(p->weights + k);
    const size_t height = p->out_height, most = DEPTHWISE_LINES(stride);
    for (size_t oy = 0, lines; oy < height; oy += lines) {
        lines = height >= most && height - oy > 4 ? most : height >= 4 ? 4 : 1;
        const size_t first = oz_min(oy, height - lines); /* the last may be some that are there already */
        if (lines == most)
            depthwise_lines(p, w, after, first, (int)most, stride);
        else if (lines == 4)
            depthwise_lines(p, w, after, first, 4, stride);
        else
            depthwise_lines(p, w, after, first, 1, stride);
    }
}

static void plane3x3(const oz_plane3x3 *p) {
    if (p->stride == 1)
        depthwise_plane(p, 1);
    else
        depthwise_plane(p, 2);
}

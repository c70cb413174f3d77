/* lines.body.h - copies of input lines, moved, thinned out and padded with zeros, as panels and planes of a
 * convolution want them. */

/* out[i] = in[2 * i] for n <= 16 numbers. */
OZ_INLINE void copy_every_second(const float *in, size_t n, float *out) {
    const size_t reach = 2 * n - 1;
    vf16 low = v_load_n(in, oz_min(16, reach)), high = reach > 16 ? v_load_n(in + 16, reach - 16) : v_zero();
    v_store_n(out, v_evens(low, high), n);
}

/* out[i] = in[i * stride] for i < n. */
OZ_INLINE void copy_line(const float *in, size_t stride, size_t n, float *out) {
    if (stride == 1) {
        for (; n >= 16; n -= 16, in += 16, out += 16) v_store(out, v_load(in));
        if (n > 0) v_store_n(out, v_load_n(in, n), n);
    } else if (stride == 2) {
        for (; n >= 16; n -= 16, in += 32, out += 16) copy_every_second(in, 16, out);
        if (n > 0) copy_every_second(in, n, out);
    } else {
        for (size_t i = 0; i < n; i++) out[i] = in[i * stride];
    }
}

OZ_INLINE void lay_line(const float *in, size_t stride, size_t from, size_t to, size_t count, float *out) {
    for (size_t i = 0; i < from; i++) out[i] = 0.0f;
    if (from < to) copy_line(in + from * stride, stride, to - from, out + from);
    for (size_t i = oz_max(from, to); i < count; i++) out[i] = 0.0f;
}

static void lay_lines(const float *in, size_t ld, size_t lines, size_t stride, size_t from, size_t to,
                      size_t count, float *out) {
    if (stride == 1 && ld == count && to - from == count) {
        copy_line(in, 1, lines * count, out);
        return;
    }
    for (size_t l = 0; l < lines; l++, out += count) lay_line(in + l * ld, stride, from, to, count, out);
}

static void lay_masked(const float *in, size_t plane, size_t channels, const uint16_t *masks, size_t n,
                       float *out, size_t step) {
    for (size_t c = 0; c < channels; c++, in += plane, out += step) {
        for (size_t i = 0; i < n; i++) v_store(out + 16 * i, v_load_where(in + 16 * i, v_mask(masks[i])));
    }
}

OZ_INLINE vf16 load_half(const float *in, const oz_half *half) {
    return v_load_where(in + half->at, v_mask(half->mask));
}

static void lay_halves(const float *in, size_t plane, size_t channels, const oz_half *halves, size_t n,
                       float *out, size_t step) {
    for (size_t c = 0; c < channels; c++, in += plane, out += step) {
        for (size_t i = 0; i < n; i++)
            v_store(out + 16 * i, v_evens(load_half(in, &halves[2 * i]), load_half(in, &halves[2 * i + 1])));
    }
}

/* Pixels [0, count) of one vector, of which [from, to) exist; `whole` = all 16 may be written. */
OZ_INLINE void gather_vector(const float *in, size_t plane, size_t channels, size_t from, size_t to,
                             size_t count, int whole, size_t lanes, float *out) {
    for (size_t c = 0; c < channels; c++, in += plane, out += lanes) {
        if (from == 0 && whole) {
            v_store(out, v_load_n(in, to));
            continue;
        }
        if (from) v_store_n(out, v_zero(), count);
        v_store_n(out + from, v_load_n(in + from, to - from), count - from);
    }
}

/* A line is cut into vectors; all channels of one vector go by together, because they share what is padding
 * and what is not. */
static void gather_lines(const float *in, size_t plane, size_t channels, size_t stride, size_t from,
                         size_t to, size_t count, size_t column, size_t lanes, float *out) {
    if (stride > 1) {
        for (size_t c = 0; c < channels; c++)
            lay_line(in + c * plane, stride, from, to, count, out + c * lanes);
        return;
    }
    for (size_t i = 0; i < count; i += 16) {
        size_t n = oz_min(16, count - i), lo = from > i ? oz_min(from - i, n) : 0,
               hi = to > i ? oz_min(to - i, n) : 0;
        int whole = column + i + 16 <= lanes;
        if (lo == 0 && hi == 16) {
            gather_vector(in + i, plane, channels, 0, 16, 16, 1, lanes, out + i);
        } else {
            gather_vector(in + i, plane, channels, lo, oz_max(lo, hi), n, whole, lanes, out + i);
        }
    }
}

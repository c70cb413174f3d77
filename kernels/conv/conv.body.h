/* conv.body.h - see kernels/conv.h. A line is cut into vectors; all channels of one vector go by together,
 * because they share what is padding and what is not. */
#include "base/arith.h"
#include "kernels/conv.h"
#include "kernels/kernel.h"
#include "kernels/table.h"

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

static void gather_strided(const float *in, size_t plane, size_t channels, size_t stride, size_t from,
                           size_t to, size_t count, size_t lanes, float *out) {
    for (size_t c = 0; c < channels; c++, in += plane, out += lanes) {
        for (size_t i = 0; i < from; i++) out[i] = 0.0f;
        for (size_t i = from; i < to; i++) out[i] = in[i * stride];
        for (size_t i = oz_max(from, to); i < count; i++) out[i] = 0.0f;
    }
}

static void gather_lines(const float *in, size_t plane, size_t channels, size_t stride, size_t from,
                         size_t to, size_t count, size_t column, size_t lanes, float *out) {
    if (stride > 1) {
        gather_strided(in, plane, channels, stride, from, to, count, lanes, out);
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

const oz_conv_primitives OZ_NAME(oz_conv_primitives) = {.gather_lines = gather_lines};

/* winograd.body.h - 3 x 3 convolutions with a step of 1 by minimal filtering, F(2 x 2, 3 x 3): the 2 x 2
 * outputs of a tile come of 16 products for every input channel, where their definition has 36 (Lavin and
 * Gray, Fast Algorithms for Convolutional Neural Networks, 2015, section 4.1).
 *
 *     y = A' ((G g G') * (B' d B)) A        g: 3 x 3 weights, d: the 4 x 4 inputs of a tile
 *
 *          1   0   0             1  0 -1  0
 *     G = 1/2 1/2 1/2      B' =  0  1  1  0      A' = 1  1  1  0
 *         1/2-1/2 1/2            0 -1  1  0           0  1 -1 -1
 *          0   0   1             0  1  0 -1
 *
 * The sum over channels stands between the transforms, so each of the 16 places (i, j) is a matrix product of
 * its own. A vector is one channel or row of 16 tiles, or 16 neighbouring weights of one tap. */
#include "base/arith.h"
#include "kernels/conv.h"
#include "kernels/gemm/gemm_f32.body.h"

/* Line i of G times a column of three, or of a line of three. */
OZ_INLINE void filter_weights(vf16 a, vf16 b, vf16 c, vf16 out[4]) {
    const vf16 half = v_set1(0.5f), even = v_mul(half, v_add(a, c)), odd = v_mul(half, b);
    out[0] = a;
    out[1] = v_add(even, odd);
    out[2] = v_sub(even, odd);
    out[3] = c;
}

OZ_INLINE vf16 load_some(const float *p, size_t n) {
    return n == 16 ? v_load(p) : v_load_n(p, n);
}

/* Up to 16 weights, the taps of which are `tap` apart. */
OZ_INLINE void transform_some(const float *w, size_t tap, size_t n, float *u, size_t apart) {
    vf16 columns[3][4];
    OZ_UNROLL
    for (size_t kx = 0; kx < 3; kx++) {
        vf16 g[3];
        OZ_UNROLL
        for (size_t ky = 0; ky < 3; ky++) g[ky] = load_some(weights_at(w, (3 * ky + kx) * tap), n);
        filter_weights(g[0], g[1], g[2], columns[kx]);
    }
    OZ_UNROLL
    for (size_t i = 0; i < 4; i++) {
        vf16 out[4];
        filter_weights(columns[0][i], columns[1][i], columns[2][i], out);
        OZ_UNROLL
        for (size_t j = 0; j < 4; j++) v_store_n(u + (4 * i + j) * apart, out[j], n);
    }
}

/* `lines` lines of n weights each. */
OZ_INLINE void transform_lines(const float *w, size_t line, size_t tap, size_t lines, size_t n, float *u,
                               size_t apart) {
    for (size_t l = 0; l < lines; l++, w = weights_at(w, line), u += n) {
        size_t at = 0;
        for (; at + 16 <= n; at += 16) transform_some(weights_at(w, at), tap, 16, u + at, apart);
        if (at < n) transform_some(weights_at(w, at), tap, n - at, u + at, apart);
    }
}

static oz_tile winograd_weights(oz_tile w, size_t channels, float *u) {
    const size_t apart = oz_winograd_apart(channels, OZ_PANEL);
    if (w.row_stride == 1) {
        transform_lines(w.p, 0, channels * OZ_PANEL, 1, channels * OZ_PANEL, u, apart);
        return (oz_tile){.p = u, .row_stride = 1, .k_stride = OZ_PANEL};
    }
    transform_lines(w.p, w.row_stride, channels, OZ_PANEL, channels, u, apart);
    return (oz_tile){.p = u, .row_stride = channels, .k_stride = 1};
}

OZ_INLINE void fill_zeros(float *out, size_t n) {
    for (size_t i = 0; i < n; i += 16) v_store(out + i, v_zero());
}

/* Whole vectors, unless they are not all there. */
OZ_INLINE void copy_whole(const float *in, size_t n, const float *end, float *out) {
    if ((size_t)(end - in) >= oz_round_up(n, 16)) {
        for (size_t i = 0; i < n; i += 16) v_store(out + i, v_load(in + i));
    } else {
        for (size_t i = 0; i < n; i += 16) v_store(out + i, v_load_n(in + i, oz_min(16, n - i)));
    }
}

/* In ascending order, as whole vectors end where the next ones begin. */
static void winograd_lines(const oz_winograd_lines *p, float *out) {
    const size_t behind = p->out_width - p->left - p->width;
    const float *end = p->x + (p->channels - 1) * p->plane + p->lines * p->width;
    for (size_t c = 0; c < p->channels; c++) {
        const float *in = p->x + c * p->plane;
        fill_zeros(out, p->above * p->out_width);
        out += p->above * p->out_width;
        for (size_t l = 0; l < p->lines; l++, in += p->width, out += p->out_width) {
            fill_zeros(out, p->left);
            copy_whole(in, p->width, end, out + p->left);
            fill_zeros(out + p->left + p->width, behind);
        }
        fill_zeros(out, p->below * p->out_width);
        out += p->below * p->out_width;
    }
}

/* Line i of B' times a column of four. */
OZ_INLINE vf16 filter_inputs(vf16 a, vf16 b, vf16 c, vf16 d, size_t i) {
    return i == 0 ? v_sub(a, c) : i == 1 ? v_add(b, c) : i == 2 ? v_sub(c, b) : v_sub(b, d);
}

/* Inputs [first, first + 16) of 32 that lie in stretches of 2 * each, all `at` further on. */
OZ_INLINE vf16 load_stretches(const float *const *stretch, size_t each, size_t first, size_t at) {
    if (each >= 8) return v_load(stretch[first / (2 * each)] + first % (2 * each) + at);
    return v_join(v8_load(stretch[first / 8] + at), v8_load(stretch[first / 8 + 1] + at));
}

/* 16 tiles in stretches of `each` that lie in a line: tile i of a stretch begins at input 2 * i. Four
 * neighbouring inputs of each. */
OZ_INLINE void inputs_of_tiles(const float *const *stretch, size_t each, size_t line, vf16 d[4]) {
    OZ_UNROLL
    for (size_t kx = 0; kx < 4; kx += 2) {
        const vf16 low = load_stretches(stretch, each, 0, line + kx);
        const vf16 high = load_stretches(stretch, each, 16, line + kx);
        d[kx] = v_evens(low, high);
        d[kx + 1] = v_odds(low, high);
    }
}

OZ_INLINE void transform_tiles(const float *const *stretch, size_t each, size_t width, size_t apart,
                               float *v) {
    vf16 d[4][4];
    OZ_UNROLL
    for (size_t ky = 0; ky < 4; ky++) inputs_of_tiles(stretch, each, ky * width, d[ky]);
    OZ_UNROLL
    for (size_t i = 0; i < 4; i++) {
        vf16 line[4];
        OZ_UNROLL
        for (size_t kx = 0; kx < 4; kx++) line[kx] = filter_inputs(d[0][kx], d[1][kx], d[2][kx], d[3][kx], i);
        OZ_UNROLL
        for (size_t j = 0; j < 4; j++)
            v_store(v + (4 * i + j) * apart, filter_inputs(line[0], line[1], line[2], line[3], j));
    }
}

/* All channels of a vector of tiles. */
OZ_INLINE void transform_vector(const oz_winograd_inputs *in, size_t first, size_t each, size_t lanes,
                                float *v) {
    const float *stretch[4];
    for (size_t i = 0; i < 16 / each; i++) {
        const size_t tile = first + i * each;
        stretch[i] = in->x + tile / in->across * 2 * in->width + tile % in->across * 2;
    }
    for (size_t c = 0; c < in->channels; c++, v += lanes) {
        transform_tiles(stretch, each, in->width, oz_winograd_apart(in->channels, lanes), v);
        OZ_UNROLL
        for (size_t i = 0; i < 16 / each; i++) stretch[i] += in->plane;
    }
}

static void winograd_inputs(const oz_winograd_inputs *in, size_t first, size_t lanes, float *v) {
    for (size_t i = 0; i < lanes; i += 16) {
        if (in->across % 16 == 0)
            transform_vector(in, first + i, 16, lanes, v + i);
        else if (in->across % 8 == 0)
            transform_vector(in, first + i, 8, lanes, v + i);
        else
            transform_vector(in, first + i, 4, lanes, v + i);
    }
}

OZ_INLINE void products_of_places(oz_tile u, const float *v, size_t channels, size_t lanes, float *m) {
    const size_t u_apart = oz_winograd_apart(channels, OZ_PANEL),
                 v_apart = oz_winograd_apart(channels, lanes), m_apart = oz_winograd_apart(OZ_PANEL, lanes);
    for (size_t place = 0; place < OZ_WINOGRAD_PLACES; place++, u.p += u_apart, v += v_apart, m += m_apart) {
        const oz_pixel_sums sums = {.y = m, .first = true};
        gemm_f32_lanes(u, channels, in_panel(v, lanes), sums_of_pixels(&sums), lanes, NULL);
    }
}

static void winograd_products(oz_tile u, const float *v, size_t channels, size_t lanes, float *m) {
    OZ_WITH_LANES_OR(48, lanes, products_of_places(u, v, channels, LANES, m));
}

/* Lines 0 and 1 of A' times a column of four. */
OZ_INLINE void filter_outputs(vf16 a, vf16 b, vf16 c, vf16 d, vf16 out[2]) {
    out[0] = v_add(a, v_add(b, c));
    out[1] = v_sub(v_sub(b, c), d);
}

/* The 8 outputs of four neighbouring tiles in a line. */
typedef struct oz_winograd_place {
    size_t at, count[2]; /* in a plane; how many of them there are in the tiles' lines */
} oz_winograd_place;

static void find_places(const oz_winograd_outputs *o, size_t first, oz_winograd_place place[4]) {
    for (size_t i = 0; i < 4; i++) {
        const size_t tile = o->first + first + 4 * i, y = tile / o->across * 2, x = tile % o->across * 2;
        const bool exists = first + 4 * i < o->tiles && y < o->height && x < o->width;
        const size_t count = exists ? oz_min(8, o->width - x) : 0;
        place[i] = (oz_winograd_place){y * o->width + x, {count, y + 1 < o->height ? count : 0}};
    }
}

OZ_INLINE void store_outputs(float *to, vf8 y, size_t n) {
    if (n == 8)
        v8_store(to, y);
    else
        v_store_n(to, v_widen(y), n);
}

/* 16 tiles of a row. */
OZ_INLINE void tiles_of_row(const float *m, size_t apart, const oz_winograd_outputs *o, size_t row,
                            const oz_winograd_place *place) {
    const vf16 scale = v_set1(o->scale ? o->scale[row] : 1.0f), bias = v_set1(o->bias ? o->bias[row] : 0.0f);
    const vf16 least = v_set1(o->least), most = v_set1(o->most);
    float *plane = o->out + row * o->height * o->width;
    vf16 column[4][2];
    OZ_UNROLL
    for (size_t j = 0; j < 4; j++)
        filter_outputs(v_load(m + j * apart), v_load(m + (4 + j) * apart), v_load(m + (8 + j) * apart),
                       v_load(m + (12 + j) * apart), column[j]);
    OZ_UNROLL
    for (size_t l = 0; l < 2; l++) {
        vf16 y[2];
        filter_outputs(column[0][l], column[1][l], column[2][l], column[3][l], y);
        OZ_UNROLL
        for (size_t x = 0; x < 2; x++) y[x] = v_min(most, v_max(least, v_muladd(y[x], scale, bias)));
        const vf16 low = v_zip_low(y[0], y[1]), high = v_zip_high(y[0], y[1]);
        const vf8 outputs[4] = {v_low(low), v_high(low), v_low(high), v_high(high)};
        OZ_UNROLL
        for (size_t i = 0; i < 4; i++)
            store_outputs(plane + place[i].at + l * o->width, outputs[i], place[i].count[l]);
    }
}

static void winograd_outputs(const float *m, size_t lanes, const oz_winograd_outputs *o) {
    const size_t apart = oz_winograd_apart(OZ_PANEL, lanes);
    for (size_t i = 0; i < lanes; i += 16) {
        oz_winograd_place place[4];
        find_places(o, i, place);
        for (size_t row = 0; row < o->rows; row++) tiles_of_row(m + row * lanes + i, apart, o, row, place);
    }
}

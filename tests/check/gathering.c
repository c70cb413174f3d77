/* gathering.c - the lines of a convolution: only inputs that exist are read, only outputs that may be written
 * are. */
#include "tests/check/check.h"

#include <math.h>

#include "base/arith.h"
#include "kernels/conv.h"
#include "tests/check/report.h"
#include "tests/check/room.h"

typedef struct lines {
    const oz_conv_primitives *p;
    chance random;
    place at;
} lines;

static room input, panel;

enum { MOST_BEHIND = 15, UNTOUCHED = 7 };

static void gather(void *arg) {
    lines *g = arg;
    chance *c = &g->random;
    size_t channels = 1 + chance_below(c, 5), stride = 1 + chance_below(c, 3),
           lanes = (size_t)16 << chance_below(c, 3), column = chance_below(c, lanes);
    size_t count = 1 + chance_below(c, lanes - column), from = chance_below(c, count + 1);
    size_t to = from + chance_below(c, count - from + 1), plane = count * stride + chance_below(c, 9);
    /* The inputs are the numbers that may be read, no more: the first is `from` of channel 0. */
    size_t first = from * stride, n = to > from ? (channels - 1) * plane + (to - 1) * stride - first + 1 : 0;
    float *x = room_take(&input, g->at, n * sizeof *x);
    float *y = room_take(&panel, g->at, channels * lanes * sizeof *y);
    for (size_t i = 0; i < n; i++) x[i] = random_number(c);
    for (size_t i = 0; i < channels * lanes; i++) y[i] = UNTOUCHED;
    g->p->gather_lines(x - first, plane, channels, stride, from, to, count, column, lanes, y + column);
    for (size_t i = 0; i < channels * lanes; i++) {
        size_t ch = i / lanes, at = i % lanes;
        float want = UNTOUCHED;
        if (at >= column && at < column + count) {
            size_t pixel = at - column;
            want = pixel >= from && pixel < to ? x[ch * plane + pixel * stride - first] : 0;
        } else if (at >= column + count && at < column + count + MOST_BEHIND) {
            continue;
        }
        if (y[i] != want)
            complain("stride %zu, [%zu, %zu) of %zu at %zu: channel %zu, column %zu: %g, not %g", stride,
                     from, to, count, column, ch, at, (double)y[i], (double)want);
    }
    if (!room_intact(&panel)) complain("writes outside of the panel");
}

static void lay_lines(void *arg) {
    lines *g = arg;
    chance *c = &g->random;
    size_t n = 1 + chance_below(c, 5), stride = 1 + chance_below(c, 3), count = 1 + chance_below(c, 40);
    size_t from = chance_below(c, count + 1), to = from + chance_below(c, count - from + 1);
    bool whole = stride == 1 && chance_below(c, 2);
    if (whole) from = 0, to = count;
    size_t ld = whole ? count : count * stride + chance_below(c, 9), first = from * stride;
    size_t inputs = to > from ? (n - 1) * ld + (to - 1) * stride - first + 1 : 0;
    float *x = room_take(&input, g->at, inputs * sizeof *x);
    float *y = room_take(&panel, g->at, n * count * sizeof *y);
    for (size_t i = 0; i < inputs; i++) x[i] = random_number(c);
    g->p->lay_lines(x - first, ld, n, stride, from, to, count, y);
    for (size_t i = 0; i < n * count; i++) {
        size_t at = i % count;
        float want = at >= from && at < to ? x[i / count * ld + at * stride - first] : 0;
        if (y[i] != want) complain("stride %zu, [%zu, %zu) of %zu: output %zu", stride, from, to, count, i);
    }
    if (!room_intact(&panel)) complain("writes outside");
}

static void lay_masked(void *arg) {
    lines *g = arg;
    chance *c = &g->random;
    enum { MOST = 5 };
    size_t n = 1 + chance_below(c, MOST), channels = 1 + chance_below(c, 3);
    size_t step = 16 * n + 16 * chance_below(c, 2), plane = (size_t)16 * MOST;
    size_t first = chance_below(c, 16), last = first + chance_below(c, 16 * n - first);
    size_t inputs = (channels - 1) * plane + last - first + 1;
    uint16_t masks[MOST] = {0};
    for (size_t i = first; i <= last; i++)
        if (i == first || i == last || chance_below(c, 4)) masks[i / 16] |= (uint16_t)(1u << i % 16);
    float *x = room_take(&input, g->at, inputs * sizeof *x);
    float *y = room_take(&panel, g->at, ((channels - 1) * step + 16 * n) * sizeof *y);
    for (size_t i = 0; i < inputs; i++) x[i] = random_number(c);
    g->p->lay_masked(x - first, plane, channels, masks, n, y, step);
    for (size_t i = 0; i < channels * 16 * n; i++) {
        size_t ch = i / (16 * n), at = i % (16 * n);
        float want = masks[at / 16] >> at % 16 & 1 ? x[ch * plane + at - first] : 0;
        if (y[ch * step + at] != want) complain("channel %zu, output %zu of %zu", ch, at, 16 * n);
    }
    if (!room_intact(&panel)) complain("writes outside");
}

static void lay_halves(void *arg) {
    lines *g = arg;
    chance *c = &g->random;
    enum { MOST = 5, REACH = 60 };
    size_t n = 1 + chance_below(c, MOST), channels = 1 + chance_below(c, 3), plane = 16 + REACH;
    size_t step = 16 * n + 16 * chance_below(c, 2), first = chance_below(c, REACH), end = first;
    size_t last = first + chance_below(c, plane - first);
    oz_half halves[2 * MOST] = {{0}};
    for (size_t i = 0; i < 2 * n; i++) {
        halves[i].at = (ptrdiff_t)chance_below(c, REACH);
        for (size_t j = 0; j < 16; j++) {
            size_t at = (size_t)halves[i].at + j;
            if (at < first || at > last || !chance_below(c, 4)) continue;
            halves[i].mask |= (uint16_t)(1u << j), end = oz_max(end, at + 1);
        }
    }
    size_t inputs = (channels - 1) * plane + end - first;
    float *x = room_take(&input, g->at, inputs * sizeof *x);
    float *y = room_take(&panel, g->at, ((channels - 1) * step + 16 * n) * sizeof *y);
    for (size_t i = 0; i < inputs; i++) x[i] = random_number(c);
    g->p->lay_halves(x - first, plane, channels, halves, n, y, step);
    for (size_t i = 0; i < channels * 16 * n; i++) {
        size_t ch = i / (16 * n), at = i % (16 * n), j = 2 * (at % 8);
        const oz_half *half = &halves[at / 8];
        float want = half->mask >> j & 1 ? x[ch * plane + (size_t)half->at + j - first] : 0;
        if (y[ch * step + at] != want) complain("channel %zu, output %zu of %zu", ch, at, 16 * n);
    }
    if (!room_intact(&panel)) complain("writes outside");
}

static void plane3x3(void *arg) {
    lines *g = arg;
    chance *c = &g->random;
    oz_plane3x3 p = {.height = 1 + chance_below(c, 20), .width = 1 + chance_below(c, 70)};
    p.stride = 1 + chance_below(c, 2), p.top = chance_below(c, 3), p.left = chance_below(c, 3);
    p.out_height = 1 + (p.height + p.top - 1) / p.stride;
    p.out_width = 1 + (p.width + p.left - 1) / p.stride;
    p.scale = random_number(c), p.bias = random_number(c);
    p.least = chance_below(c, 2) ? 0 : -INFINITY, p.most = chance_below(c, 2) ? 0.5f : INFINITY;
    float w[9], *x = room_take(&input, g->at, p.height * p.width * sizeof *x);
    float *y = room_take(&panel, g->at, p.out_height * p.out_width * sizeof *y);
    for (size_t i = 0; i < 9; i++) w[i] = random_number(c);
    for (size_t i = 0; i < p.height * p.width; i++) x[i] = random_number(c);
    p.in = x, p.weights = w, p.out = y;
    g->p->plane3x3(&p);
    for (size_t i = 0; i < p.out_height * p.out_width; i++) {
        double sum = 0, size = fabs((double)p.bias);
        for (size_t k = 0; k < 9; k++) {
            size_t iy = i / p.out_width * p.stride + k / 3 - p.top;
            size_t ix = i % p.out_width * p.stride + k % 3 - p.left;
            if (iy >= p.height || ix >= p.width) continue;
            double product = (double)w[k] * (double)x[iy * p.width + ix];
            sum += product, size += fabs(product * (double)p.scale);
        }
        double want = fmin((double)p.most, fmax((double)p.least, sum * (double)p.scale + (double)p.bias));
        if (!(fabs((double)y[i] - want) <= 13 * 0x1p-24 * size))
            complain("pixel %zu: %g, not %g", i, (double)y[i], want);
    }
    if (!room_intact(&panel)) complain("writes outside");
}

void check_gathering(oz_isa isa, size_t rounds, uint64_t seed) {
    lines g = {.p = oz_conv_primitives_of(isa), .random = {seed}};
    if (!panel.begin) room_make(&panel), room_make(&input);
    report_setting("%s, seed %llu", oz_isa_text(isa), (unsigned long long)seed);
    for (size_t round = 0; round < 8 * rounds; round++) {
        g.at = (place)(round % PLACES);
        report_case("gather_lines", gather, &g);
        report_case("lay_lines", lay_lines, &g);
        report_case("lay_masked", lay_masked, &g);
        report_case("lay_halves", lay_halves, &g);
        report_case("plane3x3", plane3x3, &g);
    }
}

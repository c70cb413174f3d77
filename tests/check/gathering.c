/* gathering.c - the columns of a convolution: only inputs that exist are read, only outputs that may be
 * written are. */
#include "tests/check/check.h"

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

void check_gathering(oz_isa isa, size_t rounds, uint64_t seed) {
    lines g = {.p = oz_conv_primitives_of(isa), .random = {seed}};
    if (!panel.begin) room_make(&panel), room_make(&input);
    report_setting("%s, seed %llu", oz_isa_text(isa), (unsigned long long)seed);
    for (size_t round = 0; round < 8 * rounds; round++) {
        g.at = (place)(round % PLACES);
        report_case("gather_lines", gather, &g);
    }
}

/* winograd.c - the steps of minimal filtering: lines are laid exactly, and all steps together give what a
 * convolution's definition gives. */
#include "tests/check/check.h"

#include <math.h>

#include "base/arith.h"
#include "kernels/conv.h"
#include "tests/check/report.h"
#include "tests/check/room.h"

typedef struct filtering {
    const oz_conv_primitives *p;
    chance random;
    place at;
} filtering;

static room weights, transformed, inputs, lines, panel, products, outputs;

enum { MOST_BEHIND = 15, MOST_CHANNELS = 40, UNTOUCHED = 7 };

static float *random_numbers(filtering *f, room *r, size_t n) {
    float *x = room_take(r, f->at, n * sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = random_number(&f->random);
    return x;
}

/* ---- lines ---- */

static float input_of(const oz_winograd_lines *p, size_t c, size_t line, size_t at) {
    const bool inside =
        line >= p->above && line < p->above + p->lines && at >= p->left && at < p->left + p->width;
    return inside ? p->x[c * p->plane + (line - p->above) * p->width + at - p->left] : 0;
}

static void lay(void *arg) {
    filtering *f = arg;
    chance *c = &f->random;
    oz_winograd_lines p = {.channels = 1 + chance_below(c, 4),
                           .lines = chance_below(c, 6),
                           .width = 1 + chance_below(c, 40),
                           .above = chance_below(c, 3),
                           .below = chance_below(c, 3),
                           .left = chance_below(c, 20)};
    const size_t all = p.above + p.lines + p.below;
    p.plane = p.lines * p.width + chance_below(c, 2) * chance_below(c, 50);
    p.out_width = p.left + p.width + chance_below(c, 20);
    p.x = random_numbers(f, &inputs, p.lines ? (p.channels - 1) * p.plane + p.lines * p.width : 0);
    const size_t n = p.channels * all * p.out_width;
    float *out = room_take(&lines, f->at, (n + MOST_BEHIND) * sizeof *out);
    f->p->winograd_lines(&p, out);
    for (size_t i = 0; i < n; i++) {
        const size_t channel = i / p.out_width / all, line = i / p.out_width % all, at = i % p.out_width;
        if (out[i] != input_of(&p, channel, line, at))
            complain("%zu lines of %zu in %zu: channel %zu, line %zu, input %zu", p.lines, p.width,
                     p.out_width, channel, line, at);
    }
    if (!room_intact(&lines)) complain("writes outside");
}

/* ---- all steps together ---- */

/* A piece of a convolution: some tiles of lines that begin at line 0, one panel of weights. */
typedef struct piece {
    size_t channels, height, width; /* of the outputs */
    size_t across, plane, first, lanes;
    oz_tile w;
    const float *x;
} piece;

static piece random_piece(filtering *f) {
    chance *c = &f->random;
    piece p = {.channels = 1 + chance_below(c, MOST_CHANNELS),
               .height = 1 + chance_below(c, 18),
               .width = 1 + chance_below(c, 40)};
    p.across = oz_round_up(oz_div_up(p.width, 2), 4);
    const size_t tiles = oz_round_up(oz_div_up(p.height, 2) * p.across, 16), vectors = tiles / 16;
    p.first = 16 * chance_below(c, vectors);
    p.lanes = 16 * (1 + chance_below(c, oz_min(4, vectors - p.first / 16)));
    p.plane = (2 * oz_div_up(tiles, p.across) + 2) * (2 * p.across + 2);
    const bool by_rows = chance_below(c, 2);
    const size_t more = by_rows ? chance_below(c, 20) : 0, k = 9 * p.channels;
    p.w = by_rows ? (oz_tile){.row_stride = k + more, .k_stride = 1}
                  : (oz_tile){.row_stride = 1, .k_stride = OZ_PANEL};
    p.w.p = random_numbers(f, &weights, by_rows ? 15 * (k + more) + k : OZ_PANEL * k);
    p.x = random_numbers(f, &lines, p.channels * p.plane);
    return p;
}

/* Returns the products. */
static const float *multiply(filtering *f, const piece *p) {
    const size_t whole = OZ_WINOGRAD_PLACES * sizeof(float);
    float *u = room_take(&transformed, f->at, whole * oz_winograd_apart(p->channels, OZ_PANEL));
    float *v = room_take(&panel, f->at, whole * oz_winograd_apart(p->channels, p->lanes));
    float *m = room_take(&products, f->at, whole * oz_winograd_apart(OZ_PANEL, p->lanes));
    const oz_winograd_inputs in = {.x = p->x,
                                   .channels = p->channels,
                                   .plane = p->plane,
                                   .width = 2 * p->across + 2,
                                   .across = p->across};
    const oz_tile tile = f->p->winograd_weights(p->w, p->channels, u);
    f->p->winograd_inputs(&in, p->first, p->lanes, v);
    f->p->winograd_products(tile, v, p->channels, p->lanes, m);
    if (!room_intact(&transformed) || !room_intact(&panel) || !room_intact(&products))
        complain("writes outside of what is transformed");
    return m;
}

/* An output by definition; *size becomes what its rounding is measured by. */
static double output(const piece *p, size_t row, size_t y, size_t x, double *size) {
    double sum = 0;
    *size = 0;
    for (size_t i = 0; i < 9 * p->channels; i++) {
        const size_t channel = i % p->channels, ky = i / p->channels / 3, kx = i / p->channels % 3;
        const double w = (double)p->w.p[row * p->w.row_stride + i * p->w.k_stride];
        sum += w * (double)p->x[channel * p->plane + (y + ky) * (2 * p->across + 2) + x + kx];
        *size += fabs(w); /* inputs are at most 1 */
    }
    return sum;
}

static void expect_output(const piece *p, const oz_winograd_outputs *o, size_t i) {
    const size_t row = i / p->width / p->height, y = i / p->width % p->height, x = i % p->width;
    const size_t tile = y / 2 * p->across + x / 2;
    double size, want = output(p, row, y, x, &size);
    want = fmin((double)o->most, fmax((double)o->least, want * (double)o->scale[row] + (double)o->bias[row]));
    if (tile < p->first || tile >= p->first + o->tiles) {
        if (o->out[i] != UNTOUCHED) complain("writes row %zu, line %zu, output %zu", row, y, x);
    } else if (!(fabs((double)o->out[i] - want) <= 0x1p-24 * (double)(p->channels + 20) * (8 * size + 1))) {
        complain("%zu channels, %zu x %zu, row %zu, line %zu, output %zu: %g, not %g", p->channels, p->height,
                 p->width, row, y, x, (double)o->out[i], want);
    }
}

static void filter(void *arg) {
    filtering *f = arg;
    chance *c = &f->random;
    const piece p = random_piece(f);
    const float *m = multiply(f, &p);
    float scale[OZ_PANEL], bias[OZ_PANEL];
    for (size_t i = 0; i < OZ_PANEL; i++) scale[i] = random_number(c), bias[i] = random_number(c);
    const size_t tiles = oz_div_up(p.height, 2) * p.across;
    oz_winograd_outputs o = {.height = p.height,
                             .width = p.width,
                             .rows = 1 + chance_below(c, OZ_PANEL),
                             .across = p.across,
                             .first = p.first,
                             .tiles = oz_min(p.lanes, tiles - p.first),
                             .scale = scale,
                             .bias = bias,
                             .least = chance_below(c, 2) ? 0 : -INFINITY,
                             .most = chance_below(c, 2) ? 0.5f : INFINITY};
    const size_t n = o.rows * p.height * p.width;
    o.out = room_take(&outputs, f->at, n * sizeof *o.out);
    for (size_t i = 0; i < n; i++) o.out[i] = UNTOUCHED;
    f->p->winograd_outputs(m, p.lanes, &o);
    for (size_t i = 0; i < n; i++) expect_output(&p, &o, i);
    if (!room_intact(&outputs)) complain("writes outside of the outputs");
}

void check_winograd(oz_isa isa, size_t rounds, uint64_t seed) {
    filtering f = {.p = oz_conv_primitives_of(isa), .random = {seed}};
    room *const rooms[] = {&weights, &transformed, &inputs, &lines, &panel, &products, &outputs};
    for (size_t i = 0; !outputs.begin && i < sizeof rooms / sizeof *rooms; i++) room_make(rooms[i]);
    report_setting("%s, seed %llu", oz_isa_text(isa), (unsigned long long)seed);
    for (size_t round = 0; round < rounds; round++) {
        f.at = (place)(round % PLACES);
        report_case("winograd_lines", lay, &f);
        report_case("winograd", filter, &f);
    }
}

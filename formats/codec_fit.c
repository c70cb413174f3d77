/* codec_fit.c - the scale and offset of one group of weights that minimise the squared error.
 *
 * With an integer k in [low, high], every kind of offset is the same problem, w = s * k + m: symmetric and
 * zero point have m = 0 and different ranges, a minimum has k from 0. For given s and m the best k is
 * the nearest; for given k, s and m follow by least squares. Alternating finds a local optimum only,
 * so it starts from the best of a grid of clipped ranges. */
#include <float.h>
#include <math.h>

#include "base/half.h"
#include "formats/codec.h"

#define COARSE 16 /* steps from the whole range down to the narrowest that can pay */
#define FINE 16   /* steps between the neighbours of the best coarse one */
#define REFINE 4
#define F16_MAX 65504.0
#define F16_TINY 0x1p-24
#define F32_TINY 0x1p-149

typedef struct group {
    const oz_codec *codec;
    const float *w;
    size_t n;
    double least, most, mean, deviation;
} group;

/* A candidate; s and m are values of the stored type. */
typedef struct trial {
    double s, m, low, high;
    double error;
} trial;

static double nearest(double x) {
    return (x + 0x1.8p52) - 0x1.8p52; /* ties to even, |x| < 2^51 */
}

static double clamp(double x, double low, double high) {
    x = x > low ? x : low;
    return x < high ? x : high;
}

/* x in the type of scales, never infinite; a scale that is not 0 stays so. */
static double stored(const oz_codec *c, double x) {
    double limit = c->scale_f32 ? (double)FLT_MAX : F16_MAX;
    float f = (float)clamp(x, -limit, limit);
    return c->scale_f32 ? (double)f : (double)oz_f16_to_f32(oz_f32_to_f16(f));
}

static double stored_scale(const oz_codec *c, double s) {
    double r = stored(c, s);
    if (r != 0 || s == 0) return r;
    return copysign(c->scale_f32 ? F32_TINY : F16_TINY, s);
}

static double squared_error(const group *g, const trial *t) {
    double inverse = 1 / t->s, s = t->s, m = t->m, low = t->low, high = t->high;
    double lane[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 <= g->n; i += 4) {
        for (size_t j = 0; j < 4; j++) {
            double w = (double)g->w[i + j] - m;
            double d = w - s * nearest(clamp(w * inverse, low, high));
            lane[j] += d * d;
        }
    }
    for (; i < g->n; i++) {
        double w = (double)g->w[i] - m;
        double d = w - s * nearest(clamp(w * inverse, low, high));
        lane[0] += d * d;
    }
    return lane[0] + lane[1] + (lane[2] + lane[3]);
}

static void consider(const group *g, trial t, trial *best) {
    t.s = stored_scale(g->codec, t.s);
    t.m = stored(g->codec, t.m);
    if (t.s == 0) return;
    t.error = squared_error(g, &t);
    if (t.error < best->error) *best = t;
}

/* The least-squares s, m and zero point for the codes that `t` gives. */
static trial refined(const group *g, trial t) {
    double inverse = 1 / t.s, n = (double)g->n, sk = 0, skk = 0, sw = 0, swk = 0;
    for (size_t i = 0; i < g->n; i++) {
        double w = (double)g->w[i];
        double k = nearest(clamp((w - t.m) * inverse, t.low, t.high));
        sk += k;
        skk += k * k;
        sw += w;
        swk += w * k;
    }
    if (g->codec->offset == OZ_MINIMUM) {
        double d = n * skk - sk * sk;
        if (d > 0) t.s = (n * swk - sk * sw) / d;
        t.m = (sw - t.s * sk) / n;
    } else if (skk > 0) {
        t.s = swk / skk;
    }
    return t;
}

/* The zero point for which the codes of `t` are right on average. */
static trial shifted(const group *g, trial t) {
    double inverse = 1 / t.s, sum = 0;
    for (size_t i = 0; i < g->n; i++) {
        double x = (double)g->w[i] * inverse;
        sum += nearest(clamp(x, t.low, t.high)) - clamp(x, -512, 512);
    }
    double z = clamp(nearest(sum / (double)g->n - t.low), 0, 255);
    t.high += -z - t.low;
    t.low = -z;
    return t;
}

static void refine(const group *g, trial *best) {
    for (int i = 0; i < REFINE && best->s != 0; i++) {
        double before = best->error;
        consider(g, refined(g, *best), best);
        if (g->codec->offset == OZ_ZERO_POINT) consider(g, shifted(g, *best), best);
        if (best->error >= before) return;
    }
}

/* One clipped range, `f` of the whole: the offset's own way to place it. */
static void consider_range(const group *g, double f, trial *best) {
    double top = (double)oz_codec_levels(g->codec->kind) - 1, width = g->most - g->least;
    if (g->codec->offset == OZ_SYMMETRIC) {
        double zero = (double)oz_codec_zero(g->codec->kind);
        double s = f * fmax(g->most, -g->least) / zero;
        consider(g, (trial){s, 0, -zero, top - zero, 0}, best);
        consider(g, (trial){-s, 0, -zero, top - zero, 0}, best);
    } else if (g->codec->offset == OZ_ZERO_POINT) {
        double s = f * width / top, middle = (g->least + g->most) / 2;
        double centred = s > 0 ? nearest(clamp(top / 2 - middle / s, 0, 255)) : 0;
        double scaled = width > 0 ? nearest(clamp(-g->least / width * top, 0, 255)) : 0;
        consider(g, (trial){s, 0, -centred, top - centred, 0}, best);
        consider(g, (trial){s, 0, -scaled, top - scaled, 0}, best);
    } else {
        for (int side = 0; side <= 2; side++) { /* clip above, on both sides, below */
            double m = g->least + (1 - f) * width * side / 2;
            consider(g, (trial){f * width / top, m, 0, top, 0}, best);
        }
    }
}

/* Weights that come from codes which use the whole range are coded back without loss. */
static void consider_exact(const group *g, trial *best) {
    double zero = (double)oz_codec_zero(g->codec->kind);
    consider_range(g, 1, best);
    if (g->codec->offset == OZ_SYMMETRIC && zero > 1) consider_range(g, zero / (zero - 1), best);
}

/* No range narrower than a good part of the deviation can win: what it clips costs more. */
static double narrowest(const group *g) {
    double half = g->codec->offset == OZ_SYMMETRIC ? fmax(g->most, -g->least) : (g->most - g->least) / 2;
    return half > 0 ? clamp(0.6 * g->deviation / half, 0.01, 0.9) : 0.9;
}

static double search(const group *g, double from, double to, int steps, trial *best) {
    double f = from, step = pow(to / from, 1.0 / steps), at = from;
    for (int i = 0; i <= steps; i++, f *= step) {
        double before = best->error;
        consider_range(g, f, best);
        if (best->error < before) at = f;
    }
    return at;
}

static group measured(const oz_codec *c, const float *w, size_t n) {
    group g = {.codec = c, .w = w, .n = n};
    double sum = 0, squares = 0;
    g.least = g.most = n > 0 ? (double)w[0] : 0;
    for (size_t i = 0; i < n; i++) {
        double x = (double)w[i];
        g.least = fmin(g.least, x);
        g.most = fmax(g.most, x);
        sum += x;
        squares += x * x;
    }
    if (n == 0) return g;
    g.mean = c->offset == OZ_SYMMETRIC ? 0 : sum / (double)n;
    g.deviation = sqrt(fmax(0, squares / (double)n - g.mean * g.mean));
    if (c->offset == OZ_ZERO_POINT) { /* an integer zero point can always have 0 in its range */
        g.least = fmin(g.least, 0);
        g.most = fmax(g.most, 0);
    }
    return g;
}

/* What scale 0 gives: every weight is m. */
static trial constant(const group *g) {
    trial t = {.error = 0};
    if (g->codec->offset == OZ_MINIMUM) t.m = stored(g->codec, g->mean);
    for (size_t i = 0; i < g->n; i++) {
        double d = (double)g->w[i] - t.m;
        t.error += d * d;
    }
    return t;
}

oz_group_fit oz_codec_fit(const oz_codec *c, const float *w, size_t n) {
    group g = measured(c, w, n);
    trial best = constant(&g);
    double narrow = narrowest(&g), step = pow(1.05 / narrow, 1.0 / COARSE);
    double at = search(&g, 1.05, narrow, COARSE, &best);
    consider_exact(&g, &best);
    search(&g, at * step, at / step, FINE, &best);
    refine(&g, &best);
    return (oz_group_fit){(float)best.s, (float)(c->offset == OZ_ZERO_POINT ? -best.low : best.m)};
}

uint8_t oz_codec_encode(const oz_codec *c, oz_group_fit fit, float w) {
    double zero = 0, m = 0;
    if (c->offset == OZ_SYMMETRIC) zero = (double)oz_codec_zero(c->kind);
    if (c->offset == OZ_ZERO_POINT) zero = (double)fit.offset;
    if (c->offset == OZ_MINIMUM) m = (double)fit.offset;
    double top = (double)oz_codec_levels(c->kind) - 1;
    double k = fit.scale == 0 ? 0 : ((double)w - m) / (double)fit.scale;
    return (uint8_t)(nearest(clamp(k, -zero, top - zero)) + zero);
}

/* truth.c - see truth.h. */
#include "tests/check/truth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"

/* Blocks whose largest magnitude is smaller than this count as zeros: 127 / max would overflow. */
#define SMALLEST 0x1p-100f

static void *room_for(size_t count, size_t size) {
    void *p = calloc(count ? count : 1, size);
    if (!p) abort();
    return p;
}

/* ---- activations ------------------------------------------------------------------ */

/* Ordinary numbers, extremes only (codes of +-127, where 16-bit sums would overflow), or mostly zeros. */
static void fill(float *x, size_t n, chance *c) {
    size_t kind = chance_below(c, 4);
    float size = ldexpf(1.0f, (int)chance_below(c, 9) - 4);
    for (size_t i = 0; i < n; i++) {
        float f = random_number(c);
        if (kind == 1) f = f < 0 ? -1.0f : 1.0f;
        if (kind == 2) f = 1.0f;
        if (kind == 3 && chance_below(c, 8)) f = 0.0f;
        x[i] = size * f;
    }
}

/* One block of n inputs: 128 codes, 4 sums, the scale. */
static float quantise_block(const float *x, size_t n, int8_t *q, int32_t *sum) {
    float largest = 0.0f;
    bool finite = true;
    for (size_t i = 0; i < n; i++) {
        largest = fmaxf(largest, fabsf(x[i]));
        finite = finite && isfinite(x[i]);
    }
    if (!finite) {
        memset(q, 0, OZ_BLOCK);
        memset(sum, 0, OZ_BLOCK / 32 * sizeof *sum);
        return NAN;
    }
    bool zeros = largest < SMALLEST;
    float inverse = zeros ? 0.0f : 127.0f / largest;
    memset(sum, 0, OZ_BLOCK / 32 * sizeof *sum);
    for (size_t i = 0; i < OZ_BLOCK; i++) {
        q[i] = i < n ? (int8_t)rintf(x[i] * inverse) : 0;
        sum[i / 32] += q[i];
    }
    return zeros ? 0.0f : largest / 127.0f;
}

static void quantise(truth *t) {
    for (size_t i = 0; i < t->n; i++) {
        for (size_t k0 = 0; k0 < t->k; k0 += OZ_BLOCK) {
            size_t at = i * t->kq + k0;
            t->scale[at / OZ_BLOCK] = quantise_block(t->f32 + i * t->k + k0, oz_min(OZ_BLOCK, t->k - k0),
                                                     t->i8 + at, t->sum + at / 32);
        }
    }
}

void truth_inputs(truth *t, size_t n, size_t k, chance *c) {
    size_t kq = oz_round_up(k, OZ_BLOCK);
    *t = (truth){.n = n, .k = k, .kq = kq};
    t->f32 = room_for(n * k, sizeof *t->f32);
    t->i8 = room_for(n * kq, sizeof *t->i8);
    t->scale = room_for(n * kq / OZ_BLOCK, sizeof *t->scale);
    t->sum = room_for(n * kq / 32, sizeof *t->sum);
    for (size_t i = 0; i < n; i++) fill(t->f32 + i * k, k, c);
    quantise(t);
}

void truth_spoil(truth *t, chance *c) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < t->n; i++)
        if (chance_below(c, 2)) t->f32[i * t->k + chance_below(c, t->k)] = bad[chance_below(c, 3)];
    quantise(t);
}

void truth_panel(const truth *t, size_t n, size_t lanes, float *f32) {
    memset(f32, 0, t->k * lanes * sizeof *f32);
    for (size_t c = 0; c < n; c++)
        for (size_t k = 0; k < t->k; k++) f32[k * lanes + truth_lane(c, lanes)] = t->f32[c * t->k + k];
}

void truth_code_panel(const truth *t, size_t n, size_t lanes, int8_t *i8, float *scale, int32_t *sum) {
    memset(i8, 0, t->kq * lanes);
    memset(scale, 0, t->kq / OZ_BLOCK * lanes * sizeof *scale);
    memset(sum, 0, t->kq / 32 * lanes * sizeof *sum);
    for (size_t c = 0; c < n; c++) {
        size_t lane = truth_lane(c, lanes);
        for (size_t k = 0; k < t->kq; k++) i8[(k / 4 * lanes + lane) * 4 + k % 4] = t->i8[c * t->kq + k];
        for (size_t k = 0; k < t->kq; k += OZ_BLOCK)
            scale[k / OZ_BLOCK * lanes + lane] = t->scale[(c * t->kq + k) / OZ_BLOCK];
        for (size_t k = 0; k < t->kq; k += 32) sum[k / 32 * lanes + lane] = t->sum[(c * t->kq + k) / 32];
    }
}

/* ---- products --------------------------------------------------------------------- */

double truth_tolerance(size_t terms, double size) {
    return ((double)terms + 4) * 0x1p-24 * size;
}

static void float_product(truth *t, const sample *s, size_t column, size_t row) {
    const float *w = s->weights + row * t->k, *x = t->f32 + column * t->k;
    double sum = 0, size = 0;
    for (size_t k = 0; k < t->k; k++) {
        double term = (double)w[k] * (double)x[k];
        sum += term;
        size += fabs(term);
    }
    t->product[column * t->rows + row] = sum;
    t->size[column * t->rows + row] = size;
}

/* The scale, zero and minimum of one group of one row. */
typedef struct group {
    float scale, minimum;
    int32_t zero;
} group;

static group group_at(const oz_leaf *leaf, size_t row, size_t index) {
    const oz_codec *c = &leaf->codec;
    uint64_t groups = oz_codec_groups(c, leaf->cols);
    const oz_part *scales = oz_leaf_part(leaf, "scales"), *offsets = oz_leaf_part(leaf, "offsets");
    group g = {.scale = oz_scale_get(c, scales->data, groups, row, index),
               .zero = c->offset == OZ_MINIMUM ? 0 : (int32_t)oz_codec_zero(c->kind)};
    if (c->offset == OZ_MINIMUM) g.minimum = oz_scale_get(c, offsets->data, groups, row, index);
    if (c->offset == OZ_ZERO_POINT)
        g.zero = offsets->data[(row / OZ_PANEL * groups + index) * OZ_PANEL + row % OZ_PANEL];
    return g;
}

static float code_product(const truth *t, const sample *s, size_t column, size_t row) {
    const oz_codec *c = &s->leaf.codec;
    const uint8_t *codes = s->codes + row * t->k;
    const int8_t *x = t->i8 + column * t->kq;
    size_t inputs = c->group ? c->group : t->k, step = oz_min(inputs, OZ_BLOCK);
    float acc = 0.0f;
    for (size_t k0 = 0; k0 < t->k; k0 += step) {
        group g = group_at(&s->leaf, row, k0 / inputs);
        float in_scale = t->scale[(column * t->kq + k0) / OZ_BLOCK];
        int32_t sum = 0, total = 0;
        for (size_t k = k0; k < oz_min(k0 + step, t->k); k++) {
            sum += codes[k] * x[k];
            total += x[k];
        }
        acc = fmaf(g.scale * in_scale, (float)(sum - g.zero * total), acc);
        if (c->offset == OZ_MINIMUM) acc = fmaf(g.minimum * in_scale, (float)total, acc);
    }
    return acc;
}

void truth_products(truth *t, const sample *s) {
    t->rows = s->leaf.rows;
    t->product = room_for(t->n * t->rows, sizeof *t->product);
    t->size = room_for(t->n * t->rows, sizeof *t->size);
    if (s->codes) t->codes_product = room_for(t->n * t->rows, sizeof *t->codes_product);
    for (size_t c = 0; c < t->n; c++) {
        for (size_t r = 0; r < t->rows; r++) {
            float_product(t, s, c, r);
            if (s->codes) t->codes_product[c * t->rows + r] = code_product(t, s, c, r);
        }
    }
}

void truth_free(truth *t) {
    free(t->f32), free(t->i8), free(t->scale), free(t->sum);
    free(t->product), free(t->size), free(t->codes_product);
}

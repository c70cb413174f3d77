/* samples.c - see samples.h. */
#include "tests/kernels/samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "base/half.h"

extern const oz_format oz_format_dense;

uint64_t draw(draws *d) { /* splitmix64 */
    uint64_t z = (d->next += UINT64_C(0x9e3779b97f4a7c15)) + d->seed;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t draw_below(draws *d, size_t n) {
    return (size_t)(draw(d) % n);
}

float draw_float(draws *d) {
    return (float)((double)(draw(d) >> 40) * 0x1p-23 - 1.0);
}

static void fill_floats(draws *d, oz_codec_kind kind, guard *g) {
    for (size_t i = 0; i < g->bytes / oz_float_bytes(kind); i++)
        oz_float_put(kind, g->data, i, draw_float(d));
}

sample sample_dense(draws *d, oz_codec codec, size_t rows, size_t cols) {
    sample s = {
        .leaf = {.format = &oz_format_dense, .codec = codec, .rows = rows, .cols = cols, .name = "sample"}};
    bool integer = oz_codec_is_integer(codec.kind);
    uint64_t bytes[OZ_MAX_PARTS] = {0};
    oz_error err;
    if (oz_format_dense.layout(&s.leaf, bytes, &err) != OZ_OK) abort();
    for (size_t i = 0; i < oz_format_dense.n_parts; i++) {
        s.part[i] = integer ? guard_new(bytes[i], 1) : guard_new_unaligned(bytes[i]);
        for (size_t j = 0; j < bytes[i]; j++) s.part[i].data[j] = (uint8_t)draw(d);
        s.leaf.part[i] = (oz_part){.data = bytes[i] ? s.part[i].data : NULL, .bytes = bytes[i]};
    }
    oz_codec_kind scale = codec.scale_f32 ? OZ_CODEC_F32 : OZ_CODEC_F16;
    if (!integer) fill_floats(d, codec.kind, &s.part[0]);
    if (integer) fill_floats(d, scale, &s.part[1]);
    if (integer && codec.offset == OZ_MINIMUM) fill_floats(d, scale, &s.part[2]);
    return s;
}

void sample_free(sample *s) {
    for (size_t i = 0; i < OZ_MAX_PARTS; i++) guard_free(&s->part[i]);
}

inputs inputs_new(draws *d, const oz_primitives *p, size_t m, size_t k) {
    size_t kq = oz_round_up(k, OZ_BLOCK);
    inputs x = {guard_new(m * k * 4, 4),
                guard_new(m * kq, 1),
                guard_new(m * kq / 128 * 4, 4),
                guard_new(m * kq / 32 * 4, 4),
                {0}};
    float *f = (float *)(void *)x.f32.data, *scale = (float *)(void *)x.scale.data;
    int32_t *sum = (int32_t *)(void *)x.sum.data;
    float size = ldexpf(1.0f, (int)draw_below(d, 9) - 4);
    for (size_t i = 0; i < m * k; i++) f[i] = size * draw_float(d);
    p->quantise_rows(f, m, k, k, (int8_t *)x.i8.data, scale, sum);
    x.rows = (oz_rows){m, k, f, k, (int8_t *)x.i8.data, scale, sum};
    return x;
}

void inputs_free(inputs *x) {
    guard_free(&x->f32);
    guard_free(&x->i8);
    guard_free(&x->scale);
    guard_free(&x->sum);
}

columns columns_new(const inputs *x, const oz_primitives *p) {
    size_t k = x->rows.k, kq = oz_round_up(k, OZ_BLOCK);
    columns c = {guard_new(k * 256, 64),
                 guard_new(kq * 64, 64),
                 guard_new(kq / 128 * 256, 64),
                 guard_new(kq / 32 * 256, 64),
                 {0}};
    float *f = (float *)(void *)c.f32.data, *scale = (float *)(void *)c.scale.data;
    int32_t *sum = (int32_t *)(void *)c.sum.data;
    p->rows_to_panel(x->rows.f32, x->rows.m, k, x->rows.ld, OZ_COLUMNS, f);
    p->quantise_columns(f, k, OZ_COLUMNS, (int8_t *)c.i8.data, scale, sum);
    c.columns = (oz_columns){
        .k = k, .lanes = OZ_COLUMNS, .f32 = f, .i8 = (int8_t *)c.i8.data, .scale = scale, .sum = sum};
    return c;
}

void columns_free(columns *x) {
    guard_free(&x->f32);
    guard_free(&x->i8);
    guard_free(&x->scale);
    guard_free(&x->sum);
}

float expect_integer(const oz_leaf *leaf, size_t r, const oz_rows *x, size_t i, float y) {
    const oz_codec *c = &leaf->codec;
    size_t cols = leaf->cols, kq = oz_round_up(cols, OZ_BLOCK), group = c->group ? c->group : cols;
    size_t step = oz_min(group, OZ_BLOCK), groups = oz_codec_groups(c, cols);
    const oz_part *offset_part = oz_leaf_part(leaf, "offsets");
    const void *scales = oz_leaf_part(leaf, "scales")->data,
               *offsets = offset_part ? offset_part->data : NULL;
    uint8_t *q = malloc(cols);
    leaf->format->codes(leaf, r, 0, cols, q);
    float acc = 0.0f;
    for (size_t k = 0; k < cols; k += step) {
        int32_t sum = 0, total = 0, zero = (int32_t)oz_codec_zero(c->kind);
        size_t at = (r / OZ_PANEL * groups + k / group) * OZ_PANEL + r % OZ_PANEL;
        if (c->offset == OZ_ZERO_POINT) zero = ((const uint8_t *)offsets)[at];
        if (c->offset == OZ_MINIMUM) zero = 0;
        for (size_t j = k; j < oz_min(k + step, cols); j++) {
            int32_t in = x->i8[i * kq + j];
            sum += q[j] * in;
            total += in;
        }
        float in_scale = x->scale[(i * kq + k) / OZ_BLOCK];
        acc =
            fmaf(oz_scale_get(c, scales, groups, r, k / group) * in_scale, (float)(sum - zero * total), acc);
        if (c->offset != OZ_MINIMUM) continue;
        acc = fmaf(oz_scale_get(c, offsets, groups, r, k / group) * in_scale, (float)total, acc);
    }
    free(q);
    return y + acc;
}

double expect_float(const oz_leaf *leaf, size_t r, const oz_rows *x, size_t i, double y, double *tolerance) {
    float *w = malloc(leaf->cols * sizeof *w);
    leaf->format->row(leaf, r, 0, leaf->cols, w);
    double size = fabs(y);
    for (size_t k = 0; k < leaf->cols; k++) {
        double term = (double)w[k] * (double)x->f32[i * x->ld + k];
        y += term;
        size += fabs(term);
    }
    free(w);
    *tolerance = ((double)leaf->cols + 4) * 0x1p-24 * size;
    return y;
}

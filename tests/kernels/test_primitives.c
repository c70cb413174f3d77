/* test_primitives.c - what every instruction set offers whatever the format: products of decoded blocks,
 * quantisation, panels; each against plain C, on every instruction set of this machine. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "tests/kernels/samples.h"

#define SEED 20240612u

static float *floats(guard *g) {
    return (float *)(void *)g->data;
}

static guard random_floats(draws *d, size_t n, size_t align) {
    guard g = guard_new(n * 4, align);
    for (size_t i = 0; i < n; i++) floats(&g)[i] = draw_float(d);
    return g;
}

static void check_gemm_f32(draws *d, const oz_primitives *p, size_t n, bool inputs_first) {
    guard w = guard_new_unaligned(16 * n * 4), x = random_floats(d, n * 64, 64),
          y = random_floats(d, 1024, 64);
    float *weights = malloc(16 * n * 4), *before = malloc(1024 * 4);
    for (size_t i = 0; i < 16 * n; i++) weights[i] = draw_float(d);
    memcpy(w.data, weights, 16 * n * 4);
    memcpy(before, y.data, 1024 * 4);
    oz_tile t = {.p = (const float *)(const void *)w.data,
                 .row_stride = inputs_first ? n : 1,
                 .k_stride = inputs_first ? 1 : 16};
    const oz_extents behind = {{{w.data + 16 * n * 4, 4 * n, 4 * n}}}; /* only asked for */
    p->gemm_f32(t, n, floats(&x), OZ_COLUMNS, floats(&y), &behind);
    for (size_t r = 0; r < 16; r++) {
        for (size_t c = 0; c < 64; c++) {
            double want = (double)before[r * 64 + c], size = fabs(want);
            for (size_t k = 0; k < n; k++) {
                double term =
                    (double)weights[r * t.row_stride + k * t.k_stride] * (double)floats(&x)[k * 64 + c];
                want += term;
                size += fabs(term);
            }
            cr_assert(fabs((double)floats(&y)[r * 64 + c] - want) <= (double)(n + 2) * 0x1p-24 * size,
                      "%s n %zu row %zu column %zu", oz_isa_text(p->isa), n, r, c);
        }
    }
    free(weights);
    free(before);
    guard_free(&w);
    guard_free(&x);
    guard_free(&y);
}

static void check_gemm_nz(draws *d, const oz_primitives *p, size_t n, size_t keep) {
    static oz_nonzeros w;
    w.value = w.room.weights, w.column = w.room.columns;
    guard x = random_floats(d, n * 64, 64), y = random_floats(d, 1024, 64);
    double want[1024], size[1024];
    for (size_t i = 0; i < 1024; i++) size[i] = fabs(want[i] = (double)floats(&y)[i]);
    size_t count = 0;
    for (size_t r = 0; r < 16; r++) {
        for (size_t k = 0; k < n; k++) {
            if (draw_below(d, 100) >= keep) continue;
            w.room.columns[count] = (uint8_t)k;
            w.room.weights[count] = draw_float(d);
            for (size_t c = 0; c < 64; c++) {
                double term = (double)w.value[count] * (double)floats(&x)[k * 64 + c];
                want[r * 64 + c] += term;
                size[r * 64 + c] += fabs(term);
            }
            count++;
        }
        w.end[r] = (uint16_t)count;
    }
    memset(w.room.columns + count, 0, OZ_NZ_STEP); /* inputs of the block, as kernel.h asks */
    p->gemm_nz(&w, floats(&x), OZ_COLUMNS, floats(&y), NULL);
    for (size_t i = 0; i < 1024; i++) {
        cr_assert(fabs((double)floats(&y)[i] - want[i]) <= (double)(n + 2) * 0x1p-24 * size[i],
                  "%s n %zu at %zu", oz_isa_text(p->isa), n, i);
    }
    guard_free(&x);
    guard_free(&y);
}

Test(primitives, gemm_f32) {
    static const size_t lengths[] = {1, 2, 7, 16, 33, 128, 256};
    draws d = {SEED, 0};
    printf("seed %u\n", SEED);
    for (int isa = 0; isa <= (int)oz_cpu_isa(); isa++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            check_gemm_f32(&d, oz_primitives_of((oz_isa)isa), lengths[i], false);
            check_gemm_f32(&d, oz_primitives_of((oz_isa)isa), lengths[i], true);
        }
    }
}

Test(primitives, gemm_nz) {
    draws d = {SEED, 1};
    printf("seed %u\n", SEED);
    for (int isa = 0; isa <= (int)oz_cpu_isa(); isa++) {
        for (size_t keep = 0; keep <= 100; keep += 10) {
            check_gemm_nz(&d, oz_primitives_of((oz_isa)isa), 1 + draw_below(&d, 256), keep);
            check_gemm_nz(&d, oz_primitives_of((oz_isa)isa), 256, keep);
        }
    }
}

static void check_block(const float *x, size_t n, const int8_t *q, float scale, const int32_t *sum,
                        const char *isa) {
    float peak = 0.0f;
    for (size_t i = 0; i < n; i++) peak = fmaxf(peak, fabsf(x[i]));
    float want_scale = peak < 0x1p-100f ? 0.0f : peak / 127.0f,
          inverse = peak < 0x1p-100f ? 0.0f : 127.0f / peak;
    cr_assert(scale == want_scale, "%s scale %a, not %a", isa, (double)scale, (double)want_scale);
    int32_t total[4] = {0};
    for (size_t i = 0; i < OZ_BLOCK; i++) {
        int8_t want = i < n ? (int8_t)rintf(x[i] * inverse) : 0;
        cr_assert_eq(q[i], want, "%s input %zu of %zu", isa, i, n);
        total[i / 32] += want;
    }
    for (size_t i = 0; i < 4; i++) cr_assert_eq(sum[i], total[i], "%s sum %zu", isa, i);
}

static void check_quantise(draws *d, const oz_primitives *p, size_t m, size_t k, float size) {
    inputs x = inputs_new(d, p, m, k);
    for (size_t i = 0; i < m * k; i++) floats(&x.f32)[i] *= size;
    if (k > OZ_BLOCK) memset(x.f32.data, 0, OZ_BLOCK * 4);
    p->quantise_rows(x.rows.f32, m, k, k, (int8_t *)x.i8.data, floats(&x.scale),
                     (int32_t *)(void *)x.sum.data);
    columns c = columns_new(&x, p);
    size_t kq = oz_round_up(k, OZ_BLOCK);
    for (size_t i = 0; i < m; i++) {
        for (size_t k0 = 0; k0 < k; k0 += OZ_BLOCK) {
            size_t at = i * kq + k0, n = oz_min(OZ_BLOCK, k - k0);
            check_block(x.rows.f32 + i * k + k0, n, x.rows.i8 + at, x.rows.scale[at / 128],
                        x.rows.sum + at / 32, oz_isa_text(p->isa));
            cr_assert(c.columns.scale[k0 / 128 * 64 + i] == x.rows.scale[at / 128]);
        }
        for (size_t j = 0; j < kq; j++) {
            cr_assert_eq(c.columns.i8[j / 4 * 256 + i * 4 + j % 4], x.rows.i8[i * kq + j]);
            cr_assert_eq(c.columns.sum[j / 32 * 64 + i], x.rows.sum[(i * kq + j) / 32]);
        }
    }
    columns_free(&c);
    inputs_free(&x);
}

Test(primitives, quantise) {
    static const float sizes[] = {1.0f, 1e20f, 1e-25f, 1e-33f, 0.0f};
    draws d = {SEED, 2};
    printf("seed %u\n", SEED);
    for (int isa = 0; isa <= (int)oz_cpu_isa(); isa++) {
        for (size_t i = 0; i < 5; i++) {
            check_quantise(&d, oz_primitives_of((oz_isa)isa), 1 + draw_below(&d, 64), 1 + draw_below(&d, 400),
                           sizes[i]);
            check_quantise(&d, oz_primitives_of((oz_isa)isa), 64, 128, sizes[i]);
        }
    }
}

static void check_panels(draws *d, const oz_primitives *p, size_t n, size_t k) {
    size_t ld = k + 3;
    guard x = random_floats(d, n * ld - 3, 4), panel = guard_new(k * 256, 64),
          back = guard_new((n * ld - 3) * 4, 4);
    p->rows_to_panel(floats(&x), n, k, ld, OZ_COLUMNS, floats(&panel));
    for (size_t i = 0; i < k; i++) {
        for (size_t c = 0; c < 64; c++) {
            float want = c < n ? floats(&x)[c * ld + i] : 0.0f;
            cr_assert(floats(&panel)[i * 64 + c] == want, "%s input %zu column %zu", oz_isa_text(p->isa), i,
                      c);
        }
    }
    for (size_t i = 0; i < n * ld - 3; i++) floats(&back)[i] = 2.0f;
    p->panel_to_rows(floats(&panel), k, n, OZ_COLUMNS, floats(&back), ld);
    for (size_t i = 0; i < n * ld - 3; i++) {
        float want = i % ld < k ? floats(&x)[i] : 2.0f;
        cr_assert(floats(&back)[i] == want, "%s at %zu", oz_isa_text(p->isa), i);
    }
    guard_free(&x);
    guard_free(&panel);
    guard_free(&back);
}

Test(primitives, panels) {
    draws d = {SEED, 3};
    printf("seed %u\n", SEED);
    for (int isa = 0; isa <= (int)oz_cpu_isa(); isa++) {
        for (int repeat = 0; repeat < 20; repeat++) {
            check_panels(&d, oz_primitives_of((oz_isa)isa), 1 + draw_below(&d, 64), 1 + draw_below(&d, 70));
        }
        check_panels(&d, oz_primitives_of((oz_isa)isa), 64, 64);
    }
}

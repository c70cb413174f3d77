/* test_dense.c - kernels of dense leaves, every codec, on every instruction set of this machine: products
 * and decoders against the format's own `row` and `codes`, integers to the bit. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "tests/kernels/samples.h"

#define SEED 20240611u

static const size_t shapes[][2] = {{16, 128}, {1, 1}, {17, 5}, {40, 100}, {33, 333}, {16, 260}, {48, 31}};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static const oz_kernels *kernels_of(oz_isa isa, const oz_leaf *leaf) {
    const oz_kernels *k = oz_kernels_of(leaf->format, isa);
    cr_assert_not_null(k);
    return k;
}

/* The decoder of the leaf that fills codes, or floats. */
static const oz_decoder *find_decoder(const oz_kernels *k, const oz_leaf *leaf, bool codes) {
    for (const oz_decoder *d = k->decoders; d->name; d++) {
        if ((!d->takes || d->takes(leaf)) && (d->u8 != NULL) == codes) return d;
    }
    return NULL;
}

static void check_mv(draws *d, oz_isa isa, const oz_leaf *leaf, const oz_mv *mv, size_t m) {
    inputs x = inputs_new(d, oz_primitives_of(isa), m, leaf->cols);
    guard out = guard_new(m * leaf->rows * 4, 4);
    float *y = (float *)(void *)out.data, *before = malloc(out.bytes);
    for (size_t i = 0; i < m * leaf->rows; i++) before[i] = y[i] = draw_float(d);
    size_t panels = oz_div_up(leaf->rows, OZ_PANEL), half = panels / 2;
    mv->run(leaf, 0, half, &x.rows, y, leaf->rows);
    mv->run(leaf, half, panels, &x.rows, y, leaf->rows);
    for (size_t i = 0; i < m; i++) {
        for (size_t r = 0; r < leaf->rows; r++) {
            float got = y[i * leaf->rows + r], start = before[i * leaf->rows + r];
            if (mv->act_i8) {
                float want = expect_integer(leaf, r, &x.rows, i, start);
                cr_assert(got == want, "%s row %zu batch %zu: %a, not %a", mv->name, r, i, (double)got,
                          (double)want);
            } else {
                double tolerance, want = expect_float(leaf, r, &x.rows, i, (double)start, &tolerance);
                cr_assert(fabs((double)got - want) <= tolerance, "%s row %zu batch %zu: %g, not %g", mv->name,
                          r, i, (double)got, want);
            }
        }
    }
    free(before);
    guard_free(&out);
    inputs_free(&x);
}

static void check_products(draws *d, oz_isa isa, const oz_leaf *leaf, size_t m) {
    size_t products = 0;
    for (const oz_mv *mv = kernels_of(isa, leaf)->mv; mv->name; mv++) {
        if (mv->takes && !mv->takes(leaf)) continue;
        check_mv(d, isa, leaf, mv, m);
        products++;
    }
    cr_assert(products > 0);
}

static void check_floats(oz_isa isa, const sample *s) {
    const oz_leaf *leaf = &s->leaf;
    const oz_decoder *dec = find_decoder(kernels_of(isa, leaf), leaf, false);
    cr_assert_not_null(dec);
    for (size_t panel = 0; panel < oz_div_up(leaf->rows, OZ_PANEL); panel++) {
        for (size_t k0 = 0; k0 < leaf->cols; k0 += OZ_BLOCK) {
            size_t n = oz_min(OZ_BLOCK, leaf->cols - k0);
            guard buffer = guard_new(16 * n * 4, 64);
            oz_tile t = dec->f32(leaf, panel, k0, n, (float *)(void *)buffer.data);
            for (size_t r = 0; r < OZ_PANEL; r++) {
                bool inside = panel * OZ_PANEL + r < leaf->rows,
                     integer = oz_codec_is_integer(leaf->codec.kind);
                if (!inside && integer) continue;
                float want[OZ_BLOCK] = {0};
                if (inside) leaf->format->row(leaf, panel * OZ_PANEL + r, k0, n, want);
                for (size_t k = 0; k < n; k++) {
                    float got;
                    memcpy(&got, (const char *)t.p + (r * t.row_stride + k * t.k_stride) * 4, 4);
                    cr_assert(got == want[k], "%s panel %zu row %zu input %zu: %g, not %g", dec->name, panel,
                              r, k0 + k, (double)got, (double)want[k]);
                }
            }
            guard_free(&buffer);
        }
    }
}

static void check_codes(oz_isa isa, const sample *s) {
    const oz_leaf *leaf = &s->leaf;
    const oz_decoder *dec = find_decoder(kernels_of(isa, leaf), leaf, true);
    cr_assert_not_null(dec);
    for (size_t panel = 0; panel < oz_div_up(leaf->rows, OZ_PANEL); panel++) {
        for (size_t k0 = 0; k0 < leaf->cols; k0 += OZ_BLOCK) {
            size_t n = oz_min(OZ_BLOCK, leaf->cols - k0), quads = oz_div_up(n, 4);
            guard tile = guard_new(quads * 64, 64);
            dec->u8(leaf, panel, k0, n, tile.data);
            for (size_t r = 0; r < oz_min(OZ_PANEL, leaf->rows - panel * OZ_PANEL); r++) {
                uint8_t want[OZ_BLOCK];
                memset(want, (int)oz_codec_zero(leaf->codec.kind), sizeof want);
                leaf->format->codes(leaf, panel * OZ_PANEL + r, k0, n, want);
                for (size_t k = 0; k < quads * 4; k++) {
                    cr_assert_eq(tile.data[k / 4 * 64 + r * 4 + k % 4], want[k],
                                 "%s panel %zu row %zu input %zu", dec->name, panel, r, k0 + k);
                }
            }
            guard_free(&tile);
        }
    }
}

/* Codes decoded and multiplied by gemm_u8: the same bits as the contract, hence as mv. */
static void check_mm(draws *d, oz_isa isa, const sample *s) {
    const oz_leaf *leaf = &s->leaf;
    const oz_primitives *p = oz_primitives_of(isa);
    const oz_decoder *dec = find_decoder(kernels_of(isa, leaf), leaf, true);
    inputs x = inputs_new(d, p, 5, leaf->cols);
    columns c = columns_new(&x, p);
    for (size_t panel = 0; panel < oz_div_up(leaf->rows, OZ_PANEL); panel++) {
        guard acc = guard_new(16 * 64 * 4, 64), tile = guard_new(OZ_BLOCK * 16, 64);
        float *sums = (float *)(void *)acc.data;
        for (size_t k0 = 0; k0 < leaf->cols; k0 += OZ_BLOCK) {
            size_t n = oz_min(OZ_BLOCK, leaf->cols - k0);
            dec->u8(leaf, panel, k0, n, tile.data);
            p->gemm_u8(leaf, panel, k0, n, tile.data, &c.columns, sums, NULL);
        }
        size_t rows = oz_min(OZ_PANEL, leaf->rows - panel * OZ_PANEL);
        guard out = guard_new(5 * rows * 4, 4);
        float *y = (float *)(void *)out.data;
        p->panel_to_rows(sums, rows, 5, OZ_COLUMNS, y, rows);
        for (size_t i = 0; i < 5; i++) {
            for (size_t r = 0; r < rows; r++) {
                float want = expect_integer(leaf, panel * OZ_PANEL + r, &x.rows, i, 0.0f),
                      got = y[i * rows + r];
                cr_assert(got == want, "%s row %zu column %zu: %a, not %a", dec->name, panel * OZ_PANEL + r,
                          i, (double)got, (double)want);
            }
        }
        guard_free(&out);
        guard_free(&acc);
        guard_free(&tile);
    }
    columns_free(&c);
    inputs_free(&x);
}

static void check_everything(draws *d, oz_codec codec, size_t shape) {
    sample s = sample_dense(d, codec, shapes[shape][0], shapes[shape][1]);
    for (int isa = 0; isa <= (int)oz_cpu_isa(); isa++) {
        check_products(d, (oz_isa)isa, &s.leaf, 1 + draw_below(d, OZ_MV_BATCH));
        check_floats((oz_isa)isa, &s);
        if (!oz_codec_is_integer(codec.kind)) continue;
        check_codes((oz_isa)isa, &s);
        check_mm(d, (oz_isa)isa, &s);
    }
    sample_free(&s);
}

Test(dense, floats) {
    draws d = {SEED, 0};
    printf("seed %u\n", SEED);
    for (int kind = OZ_CODEC_F32; kind <= OZ_CODEC_BF16; kind++) {
        for (size_t shape = 0; shape < SHAPES; shape++) {
            for (int repeat = 0; repeat < 4; repeat++) {
                check_everything(&d, (oz_codec){.kind = (oz_codec_kind)kind}, shape);
            }
        }
    }
}

Test(dense, integers) {
    static const uint32_t groups[] = {0, 32, 64, 128};
    draws d = {SEED, 1};
    printf("seed %u\n", SEED);
    for (int kind = OZ_CODEC_INT8; kind <= OZ_CODEC_TERNARY; kind++) {
        int offsets = kind == OZ_CODEC_TERNARY ? 1 : 3; /* ternary is symmetric only */
        for (int offset = 0; offset < offsets; offset++) {
            for (size_t g = 0; g < 4; g++) {
                for (size_t shape = 0; shape < SHAPES; shape++) {
                    oz_codec codec = {(oz_codec_kind)kind, (oz_offset)offset, groups[g],
                                      draw_below(&d, 2) == 1};
                    check_everything(&d, codec, shape);
                }
            }
        }
    }
}

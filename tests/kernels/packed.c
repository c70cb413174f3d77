/* packed.c - see packed.h. */
#include "tests/kernels/packed.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"

sample sample_packed(draws *d, const char *text, size_t rows, size_t cols, double density) {
    oz_leaf leaf = {.rows = rows, .cols = cols, .name = text};
    oz_arena arena = {0};
    oz_packer packer;
    oz_error err;
    float *w = malloc(rows * cols * sizeof *w);
    for (size_t i = 0; i < rows * cols; i++) {
        bool kept = (double)draw_below(d, 1000) < 1000 * density;
        w[i] = kept ? draw_float(d) : 0.0f;
    }
    cr_assert_eq(oz_leaf_parse(&leaf, text, strlen(text), false, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_pack_begin(&packer, &leaf, 1, &arena, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_pack_add(&packer, 0, w, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_pack_finish(&packer, &err), OZ_OK, "%s", err.message);
    sample s = {.leaf = leaf};
    for (size_t i = 0; i < leaf.format->n_parts; i++) {
        s.part[i] = guard_new(leaf.part[i].bytes, 4);
        if (leaf.part[i].bytes == 0) continue;
        memcpy(s.part[i].data, leaf.part[i].data, leaf.part[i].bytes);
        s.leaf.part[i].data = s.part[i].data;
    }
    cr_assert_eq(oz_leaf_check(&s.leaf, &err), OZ_OK, "%s", err.message);
    oz_arena_free(&arena);
    free(w);
    return s;
}

static void check_mv(draws *d, oz_isa isa, const oz_leaf *leaf, const oz_mv *mv, size_t m) {
    inputs x = inputs_new(d, oz_primitives_of(isa), m, leaf->cols);
    guard out = guard_new(m * leaf->rows * 4, 4);
    float *y = (float *)(void *)out.data, *before = malloc(out.bytes);
    for (size_t i = 0; i < m * leaf->rows; i++) before[i] = y[i] = draw_float(d);
    size_t panels = oz_div_up(leaf->rows, OZ_PANEL), half = panels / 2;
    mv->run(leaf, 0, half, &x.rows, y, leaf->rows);
    mv->run(leaf, half, panels, &x.rows, y, leaf->rows);
    for (size_t i = 0; i < m * leaf->rows; i++) {
        size_t column = i / leaf->rows, r = i % leaf->rows;
        if (mv->act_i8) {
            float want = expect_integer(leaf, r, &x.rows, column, before[i]);
            cr_assert(y[i] == want, "%s %s %zu x %zu, row %zu column %zu of %zu: %a, not %a", mv->name,
                      leaf->name, (size_t)leaf->rows, (size_t)leaf->cols, r, column, m, (double)y[i],
                      (double)want);
        } else {
            double tolerance, want = expect_float(leaf, r, &x.rows, column, (double)before[i], &tolerance);
            cr_assert(fabs((double)y[i] - want) <= tolerance,
                      "%s %s %zu x %zu, row %zu column %zu of %zu: %g, not %g", mv->name, leaf->name,
                      (size_t)leaf->rows, (size_t)leaf->cols, r, column, m, (double)y[i], want);
        }
    }
    free(before);
    guard_free(&out);
    inputs_free(&x);
}

static void compare_row(const oz_decoder *dec, const oz_leaf *leaf, size_t row, size_t k0, size_t n,
                        const float *got) {
    float want[OZ_MAX_BLOCK] = {0};
    if (row < leaf->rows) leaf->format->row(leaf, row, k0, n, want);
    for (size_t k = 0; k < n; k++) {
        cr_assert(got[k] == want[k], "%s %s row %zu input %zu: %g, not %g", dec->name, leaf->name, row,
                  k0 + k, (double)got[k], (double)want[k]);
    }
}

static void check_f32(const oz_decoder *dec, const oz_leaf *leaf, size_t panel, size_t k0, size_t n) {
    guard buffer = guard_new(OZ_PANEL * n * sizeof(float), 64);
    oz_tile t = dec->f32(leaf, panel, k0, n, (float *)(void *)buffer.data);
    for (size_t r = 0; r < OZ_PANEL; r++) {
        float got[OZ_MAX_BLOCK];
        for (size_t k = 0; k < n; k++) {
            memcpy(&got[k], (const char *)t.p + (r * t.row_stride + k * t.k_stride) * sizeof(float),
                   sizeof(float));
        }
        compare_row(dec, leaf, panel * OZ_PANEL + r, k0, n, got);
    }
    guard_free(&buffer);
}

static void check_nz(const oz_decoder *dec, const oz_leaf *leaf, size_t panel, size_t k0, size_t n) {
    guard room = guard_new(sizeof(oz_nonzeros), 64);
    oz_nonzeros *nz = (oz_nonzeros *)(void *)room.data;
    dec->nz(leaf, panel, k0, n, nz);
    for (size_t r = 0, first = 0; r < OZ_PANEL; first = nz->end[r++]) {
        float got[OZ_MAX_BLOCK] = {0};
        size_t count = nz->each ? nz->each : nz->end[r] - first;
        for (size_t e = 0; e < count; e++) {
            size_t i = nz->each ? e * OZ_PANEL + r : first + e;
            size_t column = nz->column[nz->each ? oz_even_column(e, r) : i];
            cr_assert_lt(column, n, "%s %s", dec->name, leaf->name);
            got[column] += nz->value[i];
        }
        compare_row(dec, leaf, panel * OZ_PANEL + r, k0, n, got);
    }
    guard_free(&room);
}

static void check_nz_codes(const oz_decoder *dec, const oz_leaf *leaf, size_t panel, size_t k0, size_t n) {
    guard room = guard_new(sizeof(oz_nonzeros), 64);
    oz_nonzeros *nz = (oz_nonzeros *)(void *)room.data;
    const uint32_t zero = oz_codec_zero(leaf->codec.kind);
    dec->nz_codes(leaf, panel, k0, n, nz);
    for (size_t r = 0, first = 0; r < OZ_PANEL && panel * OZ_PANEL + r < leaf->rows; first = nz->end[r++]) {
        float got[OZ_MAX_BLOCK] = {0};
        uint8_t want[OZ_MAX_BLOCK];
        leaf->format->codes(leaf, panel * OZ_PANEL + r, k0, n, want);
        for (size_t i = first; i < nz->end[r]; i++) {
            got[nz->column[i]] += nz->value[i];
            if (n > OZ_BLOCK) cr_assert_eq(nz->column[i] >= OZ_BLOCK, i >= nz->half[r], "%s", leaf->name);
        }
        for (size_t k = 0; k < n; k++)
            cr_assert_eq(got[k], (float)((int)want[k] - (int)zero), "%s %s", dec->name, leaf->name);
    }
    guard_free(&room);
}

static void check_u8(const oz_decoder *dec, const oz_leaf *leaf, size_t panel, size_t k0, size_t n) {
    size_t quads = oz_div_up(n, 4), rows = oz_min(OZ_PANEL, leaf->rows - panel * OZ_PANEL);
    guard tile = guard_new(quads * 64, 64);
    dec->u8(leaf, panel, k0, n, tile.data);
    for (size_t r = 0; r < rows; r++) {
        uint8_t want[OZ_BLOCK];
        memset(want, (int)oz_codec_zero(leaf->codec.kind), sizeof want);
        leaf->format->codes(leaf, panel * OZ_PANEL + r, k0, n, want);
        for (size_t k = 0; k < quads * 4; k++) {
            cr_assert_eq(tile.data[k / 4 * 64 + r * 4 + k % 4], want[k], "%s %s panel %zu row %zu input %zu",
                         dec->name, leaf->name, panel, r, k0 + k);
        }
    }
    guard_free(&tile);
}

static void check_decoder(const oz_decoder *dec, const oz_leaf *leaf) {
    size_t block = dec->block ? dec->block(leaf) : OZ_BLOCK;
    for (size_t panel = 0; panel < oz_div_up(leaf->rows, OZ_PANEL); panel++) {
        for (size_t k0 = 0; k0 < leaf->cols; k0 += block) {
            size_t n = oz_min(block, leaf->cols - k0);
            if (dec->f32) check_f32(dec, leaf, panel, k0, n);
            if (dec->nz) check_nz(dec, leaf, panel, k0, n);
            if (dec->nz_codes) check_nz_codes(dec, leaf, panel, k0, n);
            if (dec->u8) check_u8(dec, leaf, panel, k0, n);
        }
    }
}

/* The shapes of decoders seen, a bit each. */
static unsigned check_decoders(const oz_kernels *kernels, const oz_leaf *leaf) {
    unsigned shapes = 0;
    for (const oz_decoder *dec = kernels->decoders; dec->name; dec++) {
        if (dec->takes && !dec->takes(leaf)) continue;
        check_decoder(dec, leaf);
        shapes |= dec->f32 ? 1u : dec->u8 ? 4u : 2u;
    }
    return shapes;
}

void check_kernels(draws *d, const oz_leaf *leaf) {
    bool integer = oz_codec_is_integer(leaf->codec.kind);
    for (int isa = 0; isa <= (int)oz_cpu_isa(); isa++) {
        const oz_kernels *kernels = oz_kernels_of(leaf->format, (oz_isa)isa);
        cr_assert_not_null(kernels);
        cr_assert_eq(check_decoders(kernels, leaf), integer ? 7u : 3u, "%s: a decoder is missing",
                     leaf->name);
        unsigned products = 0; /* for f32 activations, for i8 */
        for (const oz_mv *k = kernels->mv; k->name; k++) {
            if (k->takes && !k->takes(leaf)) continue;
            for (size_t m = 1; m <= OZ_MV_BATCH; m++) check_mv(d, (oz_isa)isa, leaf, k, m);
            products |= k->act_i8 ? 2u : 1u;
        }
        cr_assert_eq(products, integer ? 3u : 1u, "%s: a product is missing", leaf->name);
    }
}

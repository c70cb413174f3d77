/* test_basis.c - the generators against published numbers, the sum against a second writing of it, what
 * open refuses, and that packing finds the nearest coefficients. */
#include "formats/basis/basis.h"

#include "tests/support/chance.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static oz_leaf parse(const char *text, uint64_t rows, uint64_t cols) {
    oz_leaf leaf = {.rows = rows, .cols = cols, .name = "w"};
    oz_error err = {0};
    cr_assert_eq(oz_leaf_parse(&leaf, text, strlen(text), false, &err), OZ_OK, "%s: %s", text, err.message);
    return leaf;
}

/* With one coefficient of 1 the leaf is A_1. */
static void first_matrix(const char *text, uint64_t rows, uint64_t cols, float *out) {
    const float one = 1;
    oz_leaf leaf = parse(text, rows, cols);
    leaf.part[0] = (oz_part){(const uint8_t *)&one, sizeof one, OZ_NO_OFFSET};
    cr_assert_eq(oz_leaf_check(&leaf, NULL), OZ_OK);
    leaf.format->materialise(&leaf, out);
}

/* torch.manual_seed(0); torch.rand(3) is the well-known .4963 .7682 .0885. */
Test(basis, torch_numbers) {
    const float seed0[4] = {-0.007486820220947266f, 0.5364435911178589f, -0.8230451345443726f,
                            -0.7359390258789062f};
    const float large_seed[4] = {-0.9443436861038208f, -0.9764755964279175f, 0.10791563987731934f,
                                 -0.004353523254394531f};
    float w[4];
    first_matrix("basis:1,generator=torch,seed=0", 2, 2, w);
    cr_assert_arr_eq(w, seed0, sizeof w);
    first_matrix("basis:1,generator=torch,seed=9999999999", 2, 2, w);
    cr_assert_arr_eq(w, large_seed, sizeof w);
    first_matrix("basis:1,generator=torch,seed=0,skip=2", 1, 2, w);
    cr_assert_arr_eq(w, seed0 + 2, 2 * sizeof w[0]);
    first_matrix("basis:1,generator=torch,seed=0,order=cols", 2, 2, w);
    cr_assert(w[0] == seed0[0] && w[2] == seed0[1] && w[1] == seed0[2] && w[3] == seed0[3]);
}

/* XXH3 of 0 and 1 with seed 1 is 9e51ad6d2f3e695c, 85671091eda75eb5. */
Test(basis, stream_numbers) {
    const int32_t t[4] = {0x2f3e69, 0x9e51ad, 0xeda75e, 0x856710};
    float w[4], skipped[3];
    first_matrix("basis:1,fan=4", 1, 4, w);
    for (int i = 0; i < 4; i++) {
        double want = ((double)t[i] + 0.5 - 0x1p23) * 0x1p-23 / 2;
        cr_expect(w[i] == (float)want, "%d: %.9g, want %.9g", i, (double)w[i], want);
    }
    first_matrix("basis:1,fan=4,skip=1", 3, 1, skipped);
    cr_assert_arr_eq(skipped, w + 1, sizeof skipped);
}

static void random_leaf(oz_leaf *leaf, oz_arena *arena, chance *dice) {
    uint64_t k = leaf->param[OZ_BASIS_K], size = oz_float_bytes(leaf->codec.kind);
    uint8_t *c = oz_arena_alloc(arena, k * size, 64);
    for (uint64_t i = 0; i < k; i++) oz_float_put(leaf->codec.kind, c, i, (float)(chance_unit(dice) - 0.5));
    leaf->part[0] = (oz_part){c, k * size, OZ_NO_OFFSET};
}

/* The sum in double, from the whole stream drawn at once. */
static void check_leaf(const oz_leaf *leaf, const char *text, chance *dice) {
    uint64_t k = leaf->param[OZ_BASIS_K], rows = leaf->rows, cols = leaf->cols, n = rows * cols;
    bool by_cols = leaf->param[OZ_BASIS_ORDER] == OZ_BASIS_BY_COLS;
    float *drawn = malloc(k * n * sizeof *drawn), *w = malloc(n * sizeof *w),
          *part = malloc(cols * sizeof *part);
    oz_basis_stream s;
    oz_basis_start(&s, leaf);
    oz_basis_draw(&s, drawn, k * n);
    leaf->format->materialise(leaf, w);
    for (uint64_t at = 0; at < n; at++) {
        double sum = 0, size = 0;
        for (uint64_t i = 0; i < k; i++) {
            uint64_t e = by_cols ? at % cols * rows + at / cols : at;
            double term =
                (double)oz_float_get(leaf->codec.kind, leaf->part[0].data, i) * (double)drawn[i * n + e];
            sum += term;
            size += fabs(term);
        }
        cr_assert(fabs((double)w[at] - sum) <= (double)(k + 2) * 0x1p-24 * size, "%s: weight %d", text,
                  (int)at);
    }
    uint64_t r = chance_below(dice, rows), c0 = chance_below(dice, cols),
             some = 1 + chance_below(dice, cols - c0);
    leaf->format->row(leaf, r, c0, some, part);
    cr_assert_arr_eq(part, w + r * cols + c0, some * sizeof *part, "%s", text);
    free(drawn);
    free(w);
    free(part);
}

Test(basis, leaf_is_the_sum) {
    static const char *const texts[] = {
        "basis:1",
        "basis:7,seed=3,codec=f16",
        "basis:64,seed=18446744073709551615,order=cols,skip=5,codec=bf16",
        "basis:5,generator=torch,seed=11",
        "basis:33,generator=torch,order=cols,fan=77,skip=1000,codec=f16",
    };
    chance dice = chance_make();
    for (size_t i = 0; i < 15; i++) {
        oz_arena arena = {0};
        oz_leaf leaf = parse(texts[i % 5], 1 + chance_below(&dice, 20), 1 + chance_below(&dice, 700));
        random_leaf(&leaf, &arena, &dice);
        check_leaf(&leaf, texts[i % 5], &dice);
        oz_arena_free(&arena);
    }
}

Test(basis, unsound_leaves) {
    const struct {
        const char *text;
        uint64_t rows, cols;
        oz_status status;
    } cases[] = {
        {"basis:0", 4, 4, OZ_ERR_FORMAT},
        {"basis:4,fan=0", 4, 4, OZ_ERR_FORMAT},
        {"basis:1024", 1024, 1025, OZ_ERR_LIMIT},
        {"basis:18446744073709551615", 4, 4, OZ_ERR_LIMIT},
        {"basis:4,skip=1073741825", 4, 4, OZ_ERR_LIMIT},
        {"basis:1024,skip=1073741824", 1024, 1024, OZ_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        oz_leaf leaf = parse(cases[i].text, cases[i].rows, cases[i].cols);
        uint64_t bytes[OZ_MAX_PARTS];
        cr_expect_eq(leaf.format->layout(&leaf, bytes, NULL), cases[i].status, "%s", cases[i].text);
    }
    oz_leaf leaf = parse("basis:2", 4, 4);
    float c[2] = {1, NAN};
    oz_error err = {0};
    leaf.part[0] = (oz_part){(const uint8_t *)c, sizeof c, 100};
    cr_assert_eq(oz_leaf_check(&leaf, &err), OZ_ERR_FORMAT);
    cr_assert_eq(err.offset, 104);
    leaf.part[0].bytes = 7;
    cr_assert_eq(oz_leaf_check(&leaf, &err), OZ_ERR_FORMAT);
}

static void pack(oz_leaf *leaf, const float *w, oz_arena *arena) {
    oz_packer p;
    oz_error err = {0};
    cr_assert_eq(oz_pack_begin(&p, leaf, 1, arena, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_pack_add(&p, 0, w, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_pack_finish(&p, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_leaf_check(leaf, &err), OZ_OK, "%s", err.message);
}

Test(basis, packing_finds_the_coefficients_again) {
    static const char *const texts[] = {"basis:40,seed=9", "basis:40,order=cols,generator=torch"};
    chance dice = chance_make();
    for (size_t t = 0; t < 2; t++) {
        oz_arena arena = {0};
        oz_leaf leaf = parse(texts[t], 15, 31), again = leaf;
        float w[15 * 31];
        random_leaf(&leaf, &arena, &dice);
        oz_leaf_unpack(&leaf, w);
        pack(&again, w, &arena);
        for (uint64_t i = 0; i < 40; i++) {
            double was = (double)oz_float_get(OZ_CODEC_F32, leaf.part[0].data, i);
            double is = (double)oz_float_get(OZ_CODEC_F32, again.part[0].data, i);
            cr_expect(fabs(was - is) < 1e-5, "%s: coefficient %d: %g, was %g", texts[t], (int)i, is, was);
        }
        oz_arena_free(&arena);
    }
}

/* What is left of any matrix is orthogonal to every A_i. */
Test(basis, packing_leaves_nothing_to_gain) {
    enum { K = 24, ROWS = 8, COLS = 50, N = ROWS * COLS };
    chance dice = chance_make();
    oz_arena arena = {0};
    oz_leaf leaf = parse("basis:24,fan=400", ROWS, COLS);
    float w[N], fit[N], drawn[N];
    for (size_t i = 0; i < N; i++) w[i] = (float)(chance_unit(&dice) - 0.5);
    pack(&leaf, w, &arena);
    oz_leaf_unpack(&leaf, fit);
    oz_basis_stream s;
    oz_basis_start(&s, &leaf);
    for (int i = 0; i < K; i++) {
        double along = 0, size = 0;
        oz_basis_draw(&s, drawn, N);
        for (size_t e = 0; e < N; e++) {
            along += (double)drawn[e] * ((double)w[e] - (double)fit[e]);
            size += fabs((double)drawn[e] * (double)w[e]);
        }
        cr_expect(fabs(along) < 1e-5 * size, "matrix %d: %g of %g", i, along, size);
    }
    oz_arena_free(&arena);
}

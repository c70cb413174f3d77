/* test_round_trip.c - dense, nm and sparse: what was packed is read back, in every codec, form and awkward
 * size.
 *
 * Quantised leaves are held against what the codec's own fit and encode give for the same group, so packing
 * and reading must agree on every index to pass. */
#include "formats/nm/nm.h"
#include "formats/sparse/sparse.h"
#include "tests/formats/packed.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t sizes[][2] = {{1, 1},    {3, 2},    {16, 32}, {17, 33},
                                    {15, 129}, {33, 300}, {1, 515}, {40, 7}};
#define SIZES (sizeof sizes / sizeof sizes[0])

static const char *const codecs[] = {
    "f32",           "f16",  "bf16",          "int8",    "int6,group=32",  "int5,group=64,scale=f32",
    "int4,group=64", "int3", "int2,group=32", "ternary", "int4,group=128", "ternary,group=32",
};
#define CODECS (sizeof codecs / sizeof codecs[0])

/* Every window of a row is a piece of the whole row, and codes decode to it. */
static void expect_windows(const oz_leaf *leaf, const float *all, chance *c) {
    float *part = malloc(leaf->cols * sizeof *part);
    uint8_t *codes = malloc(leaf->cols);
    uint64_t groups = oz_codec_groups(&leaf->codec, leaf->cols);
    for (int i = 0; i < 20; i++) {
        uint64_t r = chance_below(c, leaf->rows), c0 = chance_below(c, leaf->cols);
        uint64_t n = 1 + chance_below(c, leaf->cols - c0);
        leaf->format->row(leaf, r, c0, n, part);
        cr_assert(memcmp(part, all + r * leaf->cols + c0, n * sizeof *part) == 0);
        if (!oz_codec_is_integer(leaf->codec.kind)) continue;
        leaf->format->codes(leaf, r, c0, n, codes);
        const oz_part *scales = oz_leaf_part(leaf, "scales"), *offsets = oz_leaf_part(leaf, "offsets");
        for (uint64_t j = 0; j < n; j++) {
            float w = oz_codec_value(&leaf->codec, scales->data, offsets ? offsets->data : NULL, groups, r,
                                     (c0 + j) / oz_leaf_group(leaf), codes[j]);
            cr_assert_eq(w, part[j]);
        }
    }
    free(part);
    free(codes);
}

/* What coding `w` in place gives, group by group; zeros are left out of the fit if they are not stored. */
static void code_in_place(const oz_codec *c, float *w, uint64_t cols, bool skip_zeros) {
    uint64_t group = c->group ? c->group : cols;
    float kept[600];
    for (uint64_t c0 = 0; c0 < cols; c0 += group) {
        uint64_t end = c0 + group < cols ? c0 + group : cols;
        size_t n = 0;
        for (uint64_t i = c0; i < end; i++) {
            if (w[i] != 0 || !skip_zeros) kept[n++] = w[i];
        }
        oz_group_fit fit = {0, 0};
        if (oz_codec_is_integer(c->kind)) fit = oz_codec_fit(c, kept, n);
        for (uint64_t i = c0; i < end; i++) {
            if (oz_codec_is_integer(c->kind)) {
                uint8_t q = oz_codec_encode(c, fit, w[i]);
                float zero = c->offset == OZ_ZERO_POINT ? fit.offset : (float)oz_codec_zero(c->kind);
                w[i] = c->offset == OZ_MINIMUM ? fit.scale * (float)q + fit.offset
                                               : fit.scale * ((float)q - zero);
            } else {
                uint8_t rounded[4];
                oz_float_put(c->kind, rounded, 0, w[i]);
                w[i] = oz_float_get(c->kind, rounded, 0);
            }
        }
    }
}

static void expect_equal(const char *text, const oz_leaf *leaf, const float *got, const float *want) {
    for (uint64_t i = 0; i < leaf->rows * leaf->cols; i++) {
        cr_assert_eq(got[i], want[i], "%s, %d x %d: [%d][%d] is %g, not %g", text, (int)leaf->rows,
                     (int)leaf->cols, (int)(i / leaf->cols), (int)(i % leaf->cols), (double)got[i],
                     (double)want[i]);
    }
}

static void expect_round_trip(const char *text, uint64_t rows, uint64_t cols, float *w, bool skip_zeros,
                              chance *c) {
    oz_arena arena = {0};
    float *got = malloc(rows * cols * sizeof *got);
    oz_leaf leaf = packed(text, rows, cols, w, &arena);
    oz_leaf_unpack(&leaf, got);
    for (uint64_t r = 0; r < rows; r++) code_in_place(&leaf.codec, w + r * cols, cols, skip_zeros);
    expect_equal(text, &leaf, got, w);
    expect_windows(&leaf, got, c);
    free(got);
    oz_arena_free(&arena);
}

Test(round_trip, dense) {
    static const char *const offsets[] = {"int8,offset=zero", "int4,group=32,offset=zero,scale=f32",
                                          "int3,group=64,offset=min", "int6,offset=min,scale=f32"};
    chance c = chance_make();
    for (size_t s = 0; s < SIZES; s++) {
        for (size_t k = 0; k < CODECS + 4; k++) {
            char text[80];
            snprintf(text, sizeof text, "dense,codec=%s", k < CODECS ? codecs[k] : offsets[k - CODECS]);
            float *w = random_matrix(&c, sizes[s][0], sizes[s][1], 1);
            expect_round_trip(text, sizes[s][0], sizes[s][1], w, false, &c);
            free(w);
        }
    }
}

/* Leaves the n largest of each m, by sorting. */
static void prune_nm(float *w, uint64_t rows, uint64_t cols, uint64_t n, uint64_t m) {
    for (uint64_t i = 0; i < rows * cols; i++) {
        uint64_t c = i % cols, g0 = i - c % m, inputs = cols - (c - c % m) < m ? cols - (c - c % m) : m;
        if (c % m != 0) continue;
        while (true) {
            uint64_t least = inputs, count = 0;
            for (uint64_t j = 0; j < inputs; j++) {
                if (w[g0 + j] == 0) continue;
                count++;
                if (least == inputs || fabsf(w[g0 + j]) <= fabsf(w[g0 + least])) least = j;
            }
            if (count <= n) break;
            w[g0 + least] = 0;
        }
    }
}

Test(round_trip, every_n_of_m) {
    static const char *const some[] = {"f32", "int4,group=32", "ternary", "f16", "int8"};
    chance c = chance_make();
    size_t turn = 0;
    for (uint64_t m = 4; m <= 32; m *= 2) {
        for (uint64_t n = 1; n < m; n++) {
            for (size_t form = 0; form < 2; form++, turn++) {
                const uint64_t *size = sizes[turn % SIZES];
                char text[80];
                snprintf(text, sizeof text, "nm:%d:%d,codec=%s,form=%s", (int)n, (int)m, some[turn % 5],
                         form ? "mask" : "list");
                float *w = random_matrix(&c, size[0], size[1], 1);
                prune_nm(w, size[0], size[1], n, m);
                expect_round_trip(text, size[0], size[1], w, true, &c);
                free(w);
            }
        }
    }
}

Test(round_trip, nm_in_every_codec) {
    chance c = chance_make();
    for (size_t s = 0; s < SIZES; s++) {
        for (size_t k = 0; k < CODECS; k++) {
            char text[80];
            snprintf(text, sizeof text, "nm:3:8,codec=%s", codecs[k]);
            float *w = random_matrix(&c, sizes[s][0], sizes[s][1], 1);
            prune_nm(w, sizes[s][0], sizes[s][1], 3, 8);
            expect_round_trip(text, sizes[s][0], sizes[s][1], w, true, &c);
            free(w);
        }
    }
}

/* A matrix that is not n:m is projected: the largest stay, of equal ones the earlier. */
Test(round_trip, nm_keeps_the_largest) {
    const float w[] = {1, -3, 2, 0.5f, 1, 1, -1, 1, 0, 0, 5, 0, 9, 8};
    const float want[] = {0, -3, 2, 0, 1, 1, 0, 0, 0, 0, 5, 0, 9, 8};
    float got[14];
    oz_arena arena = {0};
    oz_leaf leaf = packed("nm:2:4,codec=f32", 1, 14, w, &arena);
    oz_leaf_unpack(&leaf, got);
    cr_assert(memcmp(got, want, sizeof want) == 0);
    cr_assert_eq(oz_leaf_nonzeros(&leaf), 8);
    oz_arena_free(&arena);
}

Test(round_trip, sparse) {
    static const double densities[] = {0, 0.05, 0.5, 1};
    static const char *const forms[] = {"mask,block=128", "rows,block=128", "mask,block=256",
                                        "rows,block=256"};
    chance c = chance_make();
    for (size_t s = 0; s < SIZES; s++) {
        for (size_t k = 0; k < CODECS; k++) {
            for (size_t f = 0; f < 4; f++) {
                char text[80];
                snprintf(text, sizeof text, "sparse,codec=%s,form=%s", codecs[k], forms[f]);
                float *w = random_matrix(&c, sizes[s][0], sizes[s][1], densities[(k + f) % 4]);
                expect_round_trip(text, sizes[s][0], sizes[s][1], w, true, &c);
                free(w);
            }
        }
    }
}

Test(round_trip, sparse_counts_what_it_stores) {
    chance c = chance_make();
    for (int form = 0; form < 2; form++) {
        oz_arena arena = {0};
        float *w = random_matrix(&c, 37, 401, 0.3);
        uint64_t want = 0;
        for (size_t i = 0; i < 37 * 401; i++) want += w[i] != 0;
        oz_leaf leaf = packed(form ? "sparse,form=rows" : "sparse,form=mask", 37, 401, w, &arena);
        cr_assert_eq(oz_leaf_nonzeros(&leaf), want);
        cr_assert_geq(leaf.param[OZ_SPARSE_SLOTS], want);
        cr_assert_leq(leaf.param[OZ_SPARSE_SLOTS], want + 7 * 3 * 4);
        free(w);
        oz_arena_free(&arena);
    }
}

Test(round_trip, sparse_chooses_form_and_block) {
    static const struct {
        double density;
        const char *codec;
        uint64_t form, block;
    } cases[] = {{0.5, "f32", OZ_SPARSE_MASK, 128},  {0.04, "f32", OZ_SPARSE_ROWS, 256},
                 {0.3, "int4", OZ_SPARSE_MASK, 128}, {0.01, "int4", OZ_SPARSE_ROWS, 256},
                 {0.13, "f32", OZ_SPARSE_ROWS, 128}, /* masks are smaller, but by less than 5 % */
                 {0.2, "int8", OZ_SPARSE_MASK, 128}};
    chance c = chance_make();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[40];
        oz_arena arena = {0};
        float *w = random_matrix(&c, 128, 1024, cases[i].density);
        snprintf(text, sizeof text, "sparse,codec=%s", cases[i].codec);
        oz_leaf leaf = packed(text, 128, 1024, w, &arena);
        cr_expect_eq(leaf.param[OZ_SPARSE_FORM], cases[i].form, "case %d", (int)i);
        cr_expect_eq(leaf.param[OZ_SPARSE_BLOCK], cases[i].block, "case %d", (int)i);
        free(w);
        oz_arena_free(&arena);
    }
}

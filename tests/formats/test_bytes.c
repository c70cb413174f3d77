/* test_bytes.c - exact sizes: layouts against the textbook's bits per weight and against hand counts. */
#include "formats/nm/nm.h"
#include "tests/formats/packed.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static oz_bytes bytes_of(const char *text, uint64_t rows, uint64_t cols) {
    oz_leaf leaf = parsed(text, rows, cols);
    oz_bytes b;
    oz_leaf_bytes(&leaf, &b);
    cr_assert_eq(b.total, b.values + b.index + b.scales, "%s", text);
    cr_assert_eq(b.vectors + b.padding + b.header, 0);
    return b;
}

static void expect_bits(const char *text, double values, double index, double scales) {
    const double n = 1024.0 * 4096; /* whole panels and whole groups */
    oz_bytes b = bytes_of(text, 1024, 4096);
    cr_expect_float_eq(8 * (double)b.values / n, values, 1e-9, "%s: values %g", text,
                       8 * (double)b.values / n);
    cr_expect_float_eq(8 * (double)b.index / n, index, 1e-9, "%s: index %g", text, 8 * (double)b.index / n);
    cr_expect_float_eq(8 * (double)b.scales / n, scales, 1e-9, "%s: scales %g", text,
                       8 * (double)b.scales / n);
}

Test(bytes, dense_bits_per_weight) {
    const double row = 16.0 / 4096;
    expect_bits("dense,codec=f32", 32, 0, 0);
    expect_bits("dense,codec=f16", 16, 0, 0);
    expect_bits("dense,codec=bf16", 16, 0, 0);
    expect_bits("dense,codec=int8", 8, 0, row);
    expect_bits("dense,codec=int6,scale=f32", 6, 0, 2 * row);
    expect_bits("dense,codec=int5", 5, 0, row);
    expect_bits("dense,codec=int4,group=128", 4, 0, 0.125);
    expect_bits("dense,codec=int4,group=128,offset=min", 4, 0, 0.25);
    expect_bits("dense,codec=int4,group=128,offset=zero", 4, 0, 0.1875);
    expect_bits("dense,codec=int3,group=32", 3, 0, 0.5);
    expect_bits("dense,codec=int2,group=64,scale=f32", 2, 0, 0.5);
    expect_bits("dense,codec=ternary", 205 * 64 * 8 / (16.0 * 4096), 0, row); /* 205 units of 5 quads */
}

Test(bytes, positions_of_every_common_pattern) {
    static const struct {
        const char *text;
        double values, index;
    } cases[] = {{"nm:2:4", 16, 1},
                 {"nm:1:4", 8, 0.5},
                 {"nm:4:8,form=list", 16, 1.5},
                 {"nm:4:8", 16, 1},
                 {"nm:2:8", 8, 0.75},
                 {"nm:1:8", 4, 0.375},
                 {"nm:1:16", 2, 0.25},
                 {"nm:2:16", 4, 0.5},
                 {"nm:4:16", 8, 1},
                 {"nm:8:16", 16, 1},
                 {"nm:8:16,form=list", 16, 2},
                 {"nm:1:32", 1, 0.15625},
                 {"nm:2:32", 2, 0.3125},
                 {"nm:3:4", 24, 1},
                 {"nm:3:8", 12, 1},
                 {"nm:7:32", 7, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_bits(cases[i].text, cases[i].values, cases[i].index, 0);
    }
    expect_bits("nm:2:4,codec=int4,group=64", 2, 1, 0.25);
    expect_bits("nm:2:8,codec=int8", 2, 0.75, 16.0 / 4096);
}

Test(bytes, list_or_mask_whichever_is_smaller) {
    for (uint64_t m = 4; m <= 32; m *= 2) {
        for (uint64_t n = 1; n < m; n++) {
            char text[40];
            snprintf(text, sizeof text, "nm:%d:%d", (int)n, (int)m);
            oz_leaf leaf = parsed(text, 16, 64);
            float w[16 * 64] = {0};
            oz_arena arena = {0};
            oz_packer p;
            cr_assert_eq(oz_pack_begin(&p, &leaf, 1, &arena, NULL), OZ_OK);
            cr_assert_eq(oz_pack_add(&p, 0, w, NULL), OZ_OK);
            uint64_t list = n * (uint64_t)log2((double)m);
            cr_assert_eq(leaf.param[OZ_NM_FORM], m < list ? OZ_NM_MASK : OZ_NM_LIST, "%s", text);
            oz_arena_free(&arena);
        }
    }
}

/* bitmask d*b + 1, compressed rows with byte columns d*(b + 8), plus 4 and 36 bytes a cell. */
Test(bytes, sparse_is_what_was_stored) {
    chance c = chance_make();
    float *w = random_matrix(&c, 64, 1024, 0.25);
    static const char *const codecs[] = {"f32", "f16", "int8", "int6", "int3", "ternary"};
    static const uint64_t bits[] = {32, 16, 8, 6, 3, 1};
    for (size_t i = 0; i < 12; i++) {
        char text[80];
        oz_arena arena = {0};
        snprintf(text, sizeof text, "sparse,codec=%s,form=%s", codecs[i / 2], i % 2 ? "rows" : "mask");
        oz_leaf leaf = packed(text, 64, 1024, w, &arena);
        oz_bytes b;
        oz_leaf_bytes(&leaf, &b);
        uint64_t slots = oz_leaf_param(&leaf, "slots"), cells = 4 * 8;
        cr_expect_eq(b.values, slots * bits[i / 2] / 8, "%s", text);
        cr_expect_eq(b.index, 4 * (cells + 1) + (i % 2 ? 32 * cells + slots : 64 * 1024 / 8), "%s", text);
        cr_expect_eq(b.scales, bits[i / 2] < 16 ? 2 * 64 : 0, "%s", text);
        oz_arena_free(&arena);
    }
    free(w);
}

Test(bytes, odd_shapes_by_hand) {
    cr_assert_eq(bytes_of("dense,codec=f16", 17, 33).values, 17 * 33 * 2);
    cr_assert_eq(bytes_of("dense,codec=int8", 17, 33).values, 2 * 9 * 64);
    cr_assert_eq(bytes_of("dense,codec=int4", 17, 33).values, 2 * 5 * 64);
    cr_assert_eq(bytes_of("dense,codec=int3", 17, 33).values, 2 * 2 * 192);
    cr_assert_eq(bytes_of("dense,codec=int4,group=32", 17, 33).scales, 2 * 2 * 16 * 2);
    cr_assert_eq(bytes_of("nm:2:4,codec=f32", 17, 33).values, 2 * 18 * 16 * 4);
    cr_assert_eq(bytes_of("nm:2:4,codec=f32", 17, 33).index, 2 * 18 * 4);
    cr_assert_eq(bytes_of("nm:3:4,codec=f32", 17, 33).index, 2 * 9 * 8);
    cr_assert_eq(bytes_of("sparse,form=mask,block=128,slots=8", 17, 133).index, 4 * 5 + 2 * 16 * 17);
    cr_assert_eq(bytes_of("sparse,form=rows,block=128,slots=8", 17, 133).index, 4 * 5 + 4 * 32 + 8);
}

Test(bytes, packed_parts_are_as_large_as_said) {
    chance c = chance_make();
    float *w = random_matrix(&c, 19, 70, 0.4);
    static const char *const texts[] = {"dense,codec=int5,offset=zero", "nm:3:8,codec=int6",
                                        "sparse,codec=int2"};
    for (size_t i = 0; i < 3; i++) {
        oz_arena arena = {0};
        oz_leaf leaf = packed(texts[i], 19, 70, w, &arena);
        oz_bytes b;
        uint64_t total = 0;
        oz_leaf_bytes(&leaf, &b);
        for (size_t j = 0; j < leaf.format->n_parts; j++) total += leaf.part[j].bytes;
        cr_assert_eq(b.total, total);
        oz_arena_free(&arena);
    }
    free(w);
}

Test(bytes, of_a_leaf_that_is_not_one) {
    oz_leaf leaf = parsed("sparse", 4, 4);
    oz_bytes b;
    oz_leaf_bytes(&leaf, &b);
    cr_assert_eq(b.total, 0);
}

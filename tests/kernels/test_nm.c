/* test_nm.c - kernels of nm leaves: decoders and products of every pattern, form and codec. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/kernels/packed.h"

#define SEED 20240908u
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const size_t shapes[][2] = {{16, 128}, {1, 1}, {17, 6}, {40, 100}, {33, 333}, {16, 270}};
static const char *const codecs[] = {
    "f32",  "f16",           "bf16",   "int8,group=32", "int6", "int5,group=64", "int4,group=128,scale=f32",
    "int3", "int2,group=32", "ternary"};

static void check_text(draws *d, const char *text) {
    for (size_t i = 0; i < COUNT(shapes); i++) {
        sample s = sample_packed(d, text, shapes[i][0], shapes[i][1], 0.8);
        check_kernels(d, &s.leaf);
        sample_free(&s);
    }
}

static void check_pattern(draws *d, size_t n, size_t m, bool masks) {
    for (size_t i = 0; i < COUNT(codecs); i++) {
        char text[64];
        snprintf(text, sizeof text, "nm:%zu:%zu,codec=%s,form=%s", n, m, codecs[i], masks ? "mask" : "list");
        check_text(d, text);
    }
}

Test(nm, every_pattern) {
    draws d = {SEED, 0};
    printf("seed %u\n", SEED);
    for (size_t m = 4; m <= 32; m *= 2) {
        for (size_t n = 1; n<m; n += m> 8 ? 1 + draw_below(&d, 4) : 1) {
            check_pattern(&d, n, m, draw_below(&d, 2) == 1);
        }
    }
}

Test(nm, usual_patterns) {
    static const size_t patterns[][2] = {{1, 4}, {2, 4}, {1, 8}, {2, 8}, {4, 8}, {2, 16}, {4, 16}};
    draws d = {SEED, 1};
    printf("seed %u\n", SEED);
    for (size_t i = 0; i < COUNT(patterns); i++) {
        check_pattern(&d, patterns[i][0], patterns[i][1], false);
        check_pattern(&d, patterns[i][0], patterns[i][1], true);
    }
}

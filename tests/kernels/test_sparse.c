/* test_sparse.c - kernels of sparse leaves: both forms, both blocks, every codec, from empty to full. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/kernels/packed.h"

#define SEED 20240907u

static const size_t shapes[][2] = {{16, 128}, {1, 1}, {17, 5}, {40, 100}, {33, 333}, {16, 272}, {48, 520}};
static const double densities[] = {0.0, 0.03, 0.1, 0.3, 0.6, 1.0};
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Each shape with another density, so that all of them meet in the end. */
static void check_text(draws *d, const char *text) {
    for (size_t i = 0; i < COUNT(shapes); i++) {
        double density = densities[draw_below(d, COUNT(densities))];
        sample s = sample_packed(d, text, shapes[i][0], shapes[i][1], density);
        check_kernels(d, &s.leaf);
        sample_free(&s);
    }
}

static const char *const forms[] = {"form=mask,block=128", "form=mask,block=256", "form=rows,block=128",
                                    "form=rows,block=256"};

Test(sparse, floats) {
    static const char *const codecs[] = {"f32", "f16", "bf16"};
    draws d = {SEED, 0};
    printf("seed %u\n", SEED);
    for (size_t i = 0; i < COUNT(codecs) * COUNT(forms) * 4; i++) {
        char text[64];
        snprintf(text, sizeof text, "sparse,codec=%s,%s", codecs[i % 3], forms[i / 3 % 4]);
        check_text(&d, text);
    }
}

Test(sparse, integers) {
    static const char *const codecs[] = {"int8", "int6", "int5", "int4", "int3", "int2", "ternary"};
    static const char *const groups[] = {"", ",group=32", ",group=64,scale=f32", ",group=128"};
    draws d = {SEED, 1};
    printf("seed %u\n", SEED);
    for (size_t i = 0; i < COUNT(codecs) * COUNT(forms) * COUNT(groups); i++) {
        char text[96];
        snprintf(text, sizeof text, "sparse,codec=%s,%s%s", codecs[i % 7], forms[i / 7 % 4], groups[i / 28]);
        check_text(&d, text);
    }
}

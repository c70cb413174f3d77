/* test_pack.c - packing: what it refuses, that it survives any failed allocation, and row scales. */
#include "tests/formats/packed.h"

#include "tests/support/allocator.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void expect_not_packed(const char *text, const float *w, oz_status status, const char *what) {
    oz_leaf leaf = parsed(text, 2, 8);
    oz_arena arena = {0};
    oz_packer p;
    oz_error err = {0};
    oz_status got = oz_pack_begin(&p, &leaf, 1, &arena, &err);
    if (got == OZ_OK) got = oz_pack_add(&p, 0, w, &err);
    cr_expect_eq(got, status, "%s: %s", text, oz_status_name(got));
    cr_expect(strstr(err.message, what), "\"%s\" lacks \"%s\"", err.message, what);
    oz_arena_free(&arena);
}

Test(pack, names_the_weight_that_is_not_finite) {
    static const char *const texts[] = {"dense,codec=f32", "nm:2:4,codec=int4", "sparse,codec=f16"};
    for (size_t i = 0; i < 3; i++) {
        float w[16] = {0};
        w[11] = NAN;
        expect_not_packed(texts[i], w, OZ_ERR_NUMBER, "weight [1][3] (index 11) is NaN");
        w[11] = -INFINITY;
        expect_not_packed(texts[i], w, OZ_ERR_NUMBER, "weight [1][3] (index 11) is infinite");
    }
}

Test(pack, refuses_what_the_codec_cannot_hold) {
    float w[16] = {0};
    w[9] = 65520;
    expect_not_packed("dense,codec=f16", w, OZ_ERR_NUMBER, "weight [1][1] = 65520 is too large for f16");
    expect_not_packed("nm:2:4,codec=f16", w, OZ_ERR_NUMBER, "too large for f16");
    expect_not_packed("sparse,codec=f16", w, OZ_ERR_NUMBER, "too large for f16");
    w[9] = 3.4e38f;
    expect_not_packed("dense,codec=bf16", w, OZ_ERR_NUMBER, "too large for bf16");
}

Test(pack, refuses_wrong_params) {
    const float w[16] = {0};
    expect_not_packed("nm:4:4", w, OZ_ERR_FORMAT, "n from 1 to m - 1");
    expect_not_packed("nm:2", w, OZ_ERR_FORMAT, "needs n and m");
    expect_not_packed("sparse,block=64", w, OZ_ERR_FORMAT, "block must be 128 or 256");
    expect_not_packed("sparse,codec=int4,offset=zero", w, OZ_ERR_SUPPORT, "symmetric codecs only");
}

Test(pack, order_of_calls) {
    oz_leaf leaves[2] = {parsed("dense", 1, 1), parsed("dense", 1, 2)};
    oz_arena arena = {0};
    oz_packer p;
    oz_error err;
    const float w[2] = {1, 2};
    cr_assert_eq(oz_pack_begin(&p, leaves, 0, &arena, &err), OZ_ERR_ARGUMENT);
    cr_assert_eq(oz_pack_begin(&p, leaves, 2, &arena, &err), OZ_OK);
    cr_assert_eq(oz_pack_add(&p, 1, w, &err), OZ_OK);
    cr_assert_eq(oz_pack_add(&p, 2, w, &err), OZ_ERR_ARGUMENT);
    cr_assert_eq(oz_pack_finish(&p, &err), OZ_ERR_ARGUMENT);
    cr_assert_eq(oz_pack_add(&p, 0, w, &err), OZ_OK);
    cr_assert_eq(oz_pack_finish(&p, &err), OZ_OK);
    leaves[1] = parsed("nm:2:4", 1, 2);
    cr_assert_eq(oz_pack_begin(&p, leaves, 2, &arena, &err), OZ_ERR_ARGUMENT);
    leaves[1] = parsed("dense", 0, 2);
    cr_assert_eq(oz_pack_begin(&p, leaves, 2, &arena, &err), OZ_ERR_SHAPE);
    oz_arena_free(&arena);
}

static oz_status pack_once(const char *text, const float *w, test_allocator *state, oz_error *err) {
    oz_allocator allocator = test_allocator_of(state);
    oz_arena arena = {.allocator = &allocator};
    oz_leaf leaf = parsed(text, 19, 70);
    oz_packer p;
    oz_status status = oz_pack_begin(&p, &leaf, 1, &arena, err);
    if (status == OZ_OK) status = oz_pack_add(&p, 0, w, err);
    if (status == OZ_OK) status = oz_pack_finish(&p, err);
    oz_arena_free(&arena);
    return status;
}

Test(pack, any_allocation_may_fail) {
    static const char *const texts[] = {"dense,codec=f16", "dense,codec=int4,offset=min", "nm:2:8,codec=int5",
                                        "sparse,codec=f32", "sparse,codec=int3"};
    chance c = chance_make();
    float *w = random_matrix(&c, 19, 70, 0.5);
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        oz_status status = OZ_ERR_MEMORY;
        for (uint64_t k = 1; status != OZ_OK; k++) {
            test_allocator state = {.fail_at = k};
            oz_error err = {0};
            status = pack_once(texts[t], w, &state, &err);
            cr_assert(status == OZ_OK || status == OZ_ERR_MEMORY, "%s: %s", texts[t], err.message);
            cr_assert(status == OZ_OK || k <= state.calls);
            cr_assert_eq(state.live_blocks, 0);
            cr_assert_eq(state.wrong_sizes, 0);
        }
    }
    free(w);
}

static const char *const scalable[] = {
    "dense,codec=f32",
    "dense,codec=f16",
    "dense,codec=int4,group=32,scale=f32,offset=min",
    "dense,codec=int8",
    "dense,codec=int6,offset=zero",
    "nm:2:4,codec=bf16",
    "nm:3:8,codec=int3",
    "sparse,codec=f32,form=rows",
    "sparse,codec=f16,form=mask",
    "sparse,codec=ternary,group=64",
};

Test(pack, rows_are_scaled) {
    chance c = chance_make();
    float *w = random_matrix(&c, 19, 300, 0.3), *before = malloc(19 * 300 * 4), *after = malloc(19 * 300 * 4);
    float scale[19];
    for (int i = 0; i < 19; i++) scale[i] = ldexpf(i % 2 ? -1 : 1, i % 5 - 2);
    for (size_t t = 0; t < sizeof scalable / sizeof scalable[0]; t++) {
        oz_arena arena = {0};
        oz_leaf leaf = packed(scalable[t], 19, 300, w, &arena);
        oz_leaf_unpack(&leaf, before);
        cr_assert(leaf.format->scale_rows(&leaf, scale), "%s", scalable[t]);
        oz_leaf_unpack(&leaf, after);
        for (int i = 0; i < 19 * 300; i++) {
            float want = before[i] * scale[i / 300]; /* exact but for the smallest f16 */
            cr_assert(fabsf(after[i] - want) <= 1e-6f * fabsf(want) + 0x1p-24f, "%s: %g, not %g", scalable[t],
                      (double)after[i], (double)want);
        }
        oz_arena_free(&arena);
    }
    free(w);
    free(before);
    free(after);
}

/* A scale that would overflow is refused, and nothing is changed by then. */
Test(pack, rows_are_not_scaled_to_infinity) {
    chance c = chance_make();
    float *w = random_matrix(&c, 19, 300, 0.3), *before = malloc(19 * 300 * 4), *after = malloc(19 * 300 * 4);
    float scale[19];
    for (int i = 0; i < 19; i++) scale[i] = i == 18 ? 3e38f : 2;
    for (size_t i = 0; i < 19 * 300; i++) w[i] *= 4;
    for (size_t t = 0; t < sizeof scalable / sizeof scalable[0]; t++) {
        if (strstr(scalable[t], "scale=f32")) continue; /* its scales are small enough */
        oz_arena arena = {0};
        oz_leaf leaf = packed(scalable[t], 19, 300, w, &arena);
        oz_leaf_unpack(&leaf, before);
        cr_assert_not(leaf.format->scale_rows(&leaf, scale), "%s", scalable[t]);
        oz_leaf_unpack(&leaf, after);
        cr_assert(memcmp(before, after, 19 * 300 * 4) == 0, "%s was changed", scalable[t]);
        oz_arena_free(&arena);
    }
    free(w);
    free(before);
    free(after);
}

Test(pack, minima_are_not_scaled_to_infinity) {
    const float w[4] = {50000, 50000, 50001, 50003}, scale[1] = {2};
    float got[4], before[4];
    oz_arena arena = {0};
    oz_leaf leaf = packed("dense,codec=int4,offset=min", 1, 4, w, &arena);
    oz_leaf_unpack(&leaf, before);
    cr_assert_not(leaf.format->scale_rows(&leaf, scale));
    oz_leaf_unpack(&leaf, got);
    cr_assert(memcmp(before, got, sizeof got) == 0);
    oz_arena_free(&arena);
}

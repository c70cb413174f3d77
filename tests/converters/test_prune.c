/* test_prune.c - which weights stay. */
#include "converters/compress/prune.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { LARGE = 1000 };

static oz_base_layer layer_of(const float *values, uint64_t rows, uint64_t cols) {
    return (oz_base_layer){.name = "w", .rows = rows, .cols = cols, .values = values};
}

static void drop_sorted(oz_base_layer *layer) {
    oz_release(NULL, layer->sorted, 0);
    layer->sorted = NULL;
}

static uint64_t nonzeros(const float *w, uint64_t n) {
    uint64_t count = 0;
    for (uint64_t i = 0; i < n; i++) count += w[i] != 0;
    return count;
}

Test(prune, keeps_exactly_the_largest) {
    float w[LARGE], scratch[LARGE];
    for (uint64_t keep = 1; keep <= LARGE; keep += 37) {
        for (uint64_t i = 0; i < LARGE; i++) w[i] = (float)((i * 617) % LARGE + 1) * (i % 2 ? 1.0f : -1.0f);
        oz_prune_magnitude(w, LARGE, keep, scratch);
        cr_assert_eq(nonzeros(w, LARGE), keep);
        for (uint64_t i = 0; i < LARGE; i++) cr_assert(w[i] == 0 || fabsf(w[i]) > (float)(LARGE - keep));
    }
}

Test(prune, keeps_the_earlier_of_equal_weights) {
    float w[6] = {2, -2, 1, 2, 2, -2}, scratch[6];
    const float wanted[6] = {2, -2, 0, 2, 0, 0};
    oz_prune_magnitude(w, 6, 3, scratch);
    cr_expect_arr_eq(w, wanted, sizeof wanted);
}

Test(prune, counts_by_layer_globally_and_by_lamp) {
    /* Magnitudes of b are ten times those of a; within themselves both are alike. */
    const float a[4] = {0.1f, 0.2f, -0.3f, 0.4f}, b[8] = {1, 2, -3, 4, 1, -2, 3, -4};
    oz_base_layer la = layer_of(a, 1, 4), lb = layer_of(b, 2, 4), *layers[] = {&la, &lb};
    uint64_t keep[2];
    cr_assert_eq(oz_base_sort(&la, NULL), OZ_OK);
    cr_assert_eq(oz_base_sort(&lb, NULL), OZ_OK);
    oz_prune_counts(layers, 2, OZ_SCOPE_LAYER, 0.5, keep);
    cr_expect(keep[0] == 2 && keep[1] == 4);
    oz_prune_counts(layers, 2, OZ_SCOPE_GLOBAL, 0.5, keep);
    /* Each keeps one at least, and both weights of b that are 2 would be one too many. */
    cr_expect(keep[0] == 1 && keep[1] == 4, "%llu %llu", (unsigned long long)keep[0],
              (unsigned long long)keep[1]);
    /* Scores of a: 16/16, 9/25, 4/29, 1/30; of b: 16/16, 16/32, 9/41, 9/50, 4/54, 4/58, 1/59, 1/60. */
    oz_prune_counts(layers, 2, OZ_SCOPE_LAMP, 7.0 / 12, keep);
    cr_expect(keep[0] == 2 && keep[1] == 3, "%llu %llu", (unsigned long long)keep[0],
              (unsigned long long)keep[1]);
    oz_prune_counts(layers, 2, OZ_SCOPE_LAMP, 0.9999, keep);
    cr_expect(keep[0] == 1 && keep[1] == 1);
    oz_prune_counts(layers, 2, OZ_SCOPE_LAMP, 0, keep);
    cr_expect(keep[0] == 4 && keep[1] == 8);
    drop_sorted(&la);
    drop_sorted(&lb);
}

Test(prune, picks_at_random_the_wanted_number) {
    float w[LARGE], again[LARGE], other[LARGE];
    for (uint64_t i = 0; i < LARGE; i++) w[i] = again[i] = other[i] = 1;
    oz_prune_random(w, LARGE, 300, 5);
    oz_prune_random(again, LARGE, 300, 5);
    oz_prune_random(other, LARGE, 300, 6);
    cr_expect_eq(nonzeros(w, LARGE), 300);
    cr_expect_arr_eq(w, again, sizeof w);
    cr_expect(memcmp(w, other, sizeof w) != 0);
    uint64_t early = nonzeros(w, LARGE / 2); /* 150 +- 10 is one deviation */
    cr_expect(early > 100 && early < 200, "%llu", (unsigned long long)early);
}

Test(prune, picks_at_random_in_every_group) {
    float w[3 * 10];
    for (size_t i = 0; i < 30; i++) w[i] = 1;
    oz_prune_random_groups(w, 3, 10, 3, 4, 9);
    for (size_t r = 0; r < 3; r++) {
        cr_expect_eq(nonzeros(w + r * 10, 4), 3);
        cr_expect_eq(nonzeros(w + r * 10 + 4, 4), 3);
        cr_expect_eq(nonzeros(w + r * 10 + 8, 2), 2);
    }
}

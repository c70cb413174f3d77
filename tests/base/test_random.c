/* test_random.c - the published and cross-checked vectors of every generator. */
#include "base/hash.h"
#include "base/random.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>

static oz_mt19937 seeded(uint32_t seed) {
    oz_mt19937 g;
    oz_mt19937_seed(&g, seed);
    return g;
}

Test(random, mt19937_words) {
    oz_mt19937 g = seeded(5489);
    cr_assert_eq(oz_mt19937_u32(&g), 3499211612u);
    for (int i = 2; i < 10000; i++) oz_mt19937_u32(&g);
    cr_assert_eq(oz_mt19937_u32(&g), 4123659995u, "the 10000th word, as the C++ standard gives it");
}

Test(random, numpy_randint) {
    static const uint32_t below_ten[5] = {5, 0, 3, 3, 7};
    oz_mt19937 g = seeded(0);
    for (int i = 0; i < 5; i++) cr_assert_eq(oz_numpy_randint(&g, 10), below_ten[i]);

    static const uint32_t robe[5] = {634329019, 1825252241, 871205356, 80759397, 1857946201};
    g = seeded(1024);
    for (int i = 0; i < 5; i++) cr_assert_eq(oz_numpy_randint(&g, 2038074743), robe[i]);

    static const uint32_t past_half[4] = {303761048, 1249426360, 521102280, 1877166739};
    g = seeded(3);
    for (int i = 0; i < 4; i++) cr_assert_eq(oz_numpy_randint(&g, 2147483649u), past_half[i]);
}

Test(random, numpy_randint_of_the_whole_word_and_of_one) {
    oz_mt19937 g = seeded(7);
    static const uint32_t whole[3] = {327741615, 976413892, 3349725721};
    for (int i = 0; i < 3; i++) cr_assert_eq(oz_numpy_randint(&g, 0), whole[i]);

    g = seeded(1);
    cr_assert_eq(oz_numpy_randint(&g, 1), 0);
    cr_assert_eq(oz_numpy_randint(&g, 100), 37, "a range of one takes no word");
}

Test(random, torch_randint) {
    static const int64_t below_ten[5] = {4, 9, 3, 0, 3};
    oz_mt19937 g = seeded(0);
    for (int i = 0; i < 5; i++) cr_assert_eq(oz_torch_randint(&g, 0, 10), below_ten[i]);

    static const int64_t rzlinear[7] = {20011, 38363, 15263, 24507, 36489, 12234, 43027};
    g = seeded(1024);
    for (int i = 0; i < 7; i++) cr_assert_eq(oz_torch_randint(&g, 0, 45007), rzlinear[i]);
}

Test(random, torch_randint_on_both_sides_of_the_wide_threshold) {
    const int64_t wide = INT64_C(1) << 28;
    oz_mt19937 g = seeded(5489), words = seeded(5489);
    uint64_t first = oz_mt19937_u32(&words), second = oz_mt19937_u32(&words), third = oz_mt19937_u32(&words);
    cr_assert_eq(oz_torch_randint(&g, 0, wide - 1), (int64_t)(first % (uint64_t)(wide - 1)));
    cr_assert_eq(oz_torch_randint(&g, -5, wide - 5), (int64_t)((second << 32 | third) % (uint64_t)wide) - 5);
    g = seeded(5489);
    cr_assert_eq(oz_torch_randint_old(&g, 0, INT64_C(0xffffffff)), (int64_t)(first % 0xffffffffu));
    cr_assert_eq(oz_torch_randint_old(&g, 0, INT64_C(1) << 32), (int64_t)(third));
}

/* The constants of the "uhash" of randomised parameter sharing: odd numbers below its prime. */
static void expect_uhash(uint32_t seed, int64_t (*draw)(oz_mt19937 *, int64_t, int64_t),
                         const int64_t want[4]) {
    const int64_t prime = 2038074743;
    oz_mt19937 g = seeded(seed);
    for (int i = 0; i < 4; i++) {
        int64_t got = 2 * draw(&g, 1, prime / 2 - 1) + 1;
        cr_assert_eq(got, want[i], "seed %" PRIu32 ", constant %d: %" PRId64, seed, i, got);
    }
}

Test(random, uhash_constants_of_new_and_old_torch) {
    expect_uhash(1, oz_torch_randint, (int64_t[]){1026061689, 509610793, 831957067, 1785239819});
    expect_uhash(1, oz_torch_randint_old, (int64_t[]){1544116955, 413453329, 73316037, 1896382525});
    expect_uhash(1024, oz_torch_randint, (int64_t[]){199350811, 396729345, 1080178821, 1441613877});
    expect_uhash(1024, oz_torch_randint_old, (int64_t[]){1487475861, 1612429747, 411123453, 1961228535});
    expect_uhash(123321, oz_torch_randint, (int64_t[]){478274215, 1768736291, 1208996517, 1986098331});
    expect_uhash(123321, oz_torch_randint_old, (int64_t[]){544672335, 308667025, 346795491, 1899889661});
}

Test(random, signs) {
    static const int want[8] = {1, 1, -1, -1, 1, 1, 1, 1};
    oz_mt19937 g = seeded(1);
    for (int i = 0; i < 8; i++) cr_assert_eq(2 * oz_torch_randint(&g, 0, 2) - 1, want[i]);
}

Test(random, torch_uniform) {
    static const double want[3] = {.4963, .7682, .0885};
    float got[3];
    oz_mt19937 g = seeded(0);
    oz_torch_uniform(&g, 0, 1, got, 3);
    for (int i = 0; i < 3; i++) cr_assert_lt(fabs((double)got[i] - want[i]), 5e-5);

    float moved[3];
    g = seeded(0);
    oz_torch_uniform(&g, -2, 6, moved, 3);
    for (int i = 0; i < 3; i++) cr_assert_eq(moved[i], got[i] * 8 - 2);
}

Test(random, stream_is_the_hash_of_the_index) {
    cr_assert_eq(oz_stream_u64(0, 0), UINT64_C(0xc77b3abb6f87acd9));
    cr_assert_eq(oz_stream_u64(1024, 7), UINT64_C(0x8cf334fdab2e2ca));
    cr_assert_eq(oz_stream_u64(99, 3), oz_hash_u64(3, 99));
}

/* test_memory.c - allocation, and arenas that end at their limit and release everything. */
#include "base/arith.h"
#include "base/memory.h"
#include "tests/support/allocator.h"

#include <criterion/criterion.h>
#include <string.h>

static bool is_zero(const char *p, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (p[i]) return false;
    return true;
}

static void check_allocator(const oz_allocator *a) {
    for (size_t align = 1; align <= 4096; align *= 2) {
        char *p = oz_alloc(a, 100, align);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % oz_max(align, 16), 0);
        memset(p, 1, 100);
        oz_release(a, p, 100);
    }
    void *p = oz_alloc(a, 0, 1), *q = oz_alloc(a, 0, 1);
    cr_assert(p && q && p != q, "zero bytes have addresses of their own");
    oz_release(a, p, 0);
    oz_release(a, q, 0);
    oz_release(a, NULL, 10);
    cr_assert_null(oz_alloc(a, SIZE_MAX - 8, 16));
}

Test(memory, malloc_or_the_host) {
    test_allocator state = {0};
    oz_allocator a = test_allocator_of(&state);
    check_allocator(NULL);
    check_allocator(&a);
    cr_assert_eq(state.live_blocks, 0);
    cr_assert_eq(state.wrong_sizes, 0);
}

Test(memory, arena_memory_is_zeroed_aligned_and_released) {
    test_allocator state = {0};
    oz_allocator a = test_allocator_of(&state);
    oz_arena arena = {.allocator = &a};
    for (size_t bytes = 0; bytes < 200; bytes += 7) {
        for (size_t align = 1; align <= 256; align *= 4) {
            char *p = oz_arena_alloc(&arena, bytes, align);
            cr_assert(p && (uintptr_t)p % align == 0 && is_zero(p, bytes));
            memset(p, 0xff, bytes);
        }
    }
    cr_assert_str_eq(oz_arena_text(&arena, "weights", 3), "wei");
    cr_assert_str_eq(oz_arena_text(&arena, NULL, 0), "");
    cr_assert_eq(arena.used, state.live_bytes, "used is what was taken from the allocator");
    oz_arena_free(&arena);
    cr_assert(state.live_blocks == 0 && state.wrong_sizes == 0 && arena.used == 0);
    cr_assert_not_null(oz_arena_alloc(&arena, 1, 1), "an arena that was freed is empty, not dead");
    oz_arena_free(&arena);
}

Test(memory, arena_keeps_its_limit) {
    oz_arena arena = {.limit = 1000};
    cr_assert_null(oz_arena_alloc(&arena, 1000, 1), "what manages the memory counts too");
    cr_assert_eq(arena.used, 0);
    cr_assert_not_null(oz_arena_alloc(&arena, 900, 1));
    cr_assert_null(oz_arena_alloc(&arena, 100, 1));
    cr_assert_leq(arena.used, 1000);
    oz_arena_free(&arena);
    cr_assert_not_null(oz_arena_alloc(&arena, 900, 1), "freed memory is allowed again");
    oz_arena_free(&arena);
}

Test(memory, arena_sizes_do_not_wrap) {
    oz_arena arena = {0};
    cr_assert_null(oz_arena_array(&arena, SIZE_MAX / 2, 3));
    cr_assert_null(oz_arena_array(&arena, SIZE_MAX, SIZE_MAX));
    cr_assert_null(oz_arena_alloc(&arena, SIZE_MAX, 64));
    cr_assert_null(oz_arena_alloc(&arena, SIZE_MAX - 20, 16));
    cr_assert_null(oz_arena_text(&arena, "", SIZE_MAX));
    cr_assert_null(arena.blocks);
    double *numbers = oz_arena_array(&arena, 10, sizeof *numbers);
    cr_assert(numbers && is_zero((char *)numbers, 10 * sizeof *numbers));
    oz_arena_free(&arena);
}

Test(memory, a_failed_allocation_leaves_the_arena_whole) {
    test_allocator state = {.fail_at = 3};
    oz_allocator a = test_allocator_of(&state);
    oz_arena arena = {.allocator = &a};
    cr_assert_not_null(oz_arena_alloc(&arena, 10, 1));
    cr_assert_not_null(oz_arena_alloc(&arena, 10, 1));
    uint64_t used = arena.used;
    cr_assert_null(oz_arena_alloc(&arena, 10, 1));
    cr_assert_eq(arena.used, used);
    oz_arena_free(&arena);
    cr_assert_eq(state.live_blocks, 0);
}

Test(arith, overflow_is_reported) {
    uint64_t out;
    cr_assert(oz_mul(UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1, &out) &&
              out == UINT64_C(0xffffffff00000000));
    cr_assert_not(oz_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &out));
    cr_assert(oz_add(UINT64_MAX, 0, &out) && out == UINT64_MAX);
    cr_assert_not(oz_add(UINT64_MAX, 1, &out));
    cr_assert_eq(oz_round_up(65, 64), 128);
    cr_assert_eq(oz_round_up(64, 64), 64);
    cr_assert_eq(oz_div_up(65, 64), 2);
}

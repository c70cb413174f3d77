/* leaky.c - tests that must fail under the sanitizers, each for one reason (see ../leaks.c).
 * ctest runs one at a time and expects its failure. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>

/* Many blocks, because a stale pointer on the stack or in a register may keep one or two alive. */
__attribute__((noinline)) static void leak(void) {
    for (int i = 0; i < 64; i++) {
        volatile char *block = malloc(100);
        if (block) block[0] = 1;
    }
}

Test(leaky, leak_in_test) {
    leak();
}

Test(leaky, leak_in_teardown, .fini = leak) {
    cr_assert(true);
}

ParameterizedTestParameters(leaky, leak_with_parameter) {
    static int parameters[] = {1, 2};
    return cr_make_param_array(int, parameters, 2);
}

ParameterizedTest(int *parameter, leaky, leak_with_parameter) {
    if (*parameter == 2) leak();
}

static void write_past_the_end(void) {
    char *block = malloc(8);
    cr_assert(block);
    volatile size_t end = 8;
    block[end] = 1;
    free(block);
}

Test(leaky, overflow_in_test) {
    write_past_the_end();
}

Test(leaky, overflow_in_teardown, .fini = write_past_the_end) {
    cr_assert(true);
}

Test(leaky, undefined_behaviour) {
    volatile int big = 0x7fffffff;
    big = big + 1;
}

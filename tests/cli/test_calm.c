/* test_calm.c - what counts as a calm machine, by the sequence of what was measured on it. */
#include "cli/bench/calm.h"

#include <criterion/criterion.h>

Test(calm, what_is_seen_first_is_the_best_so_far) {
    oz_calm best = {0};
    cr_assert(oz_is_calm(&best, 350, 130));
    cr_assert(oz_is_calm(&best, 340, 250));
}

Test(calm, threads_far_apart_are_waited_for) {
    oz_calm best = {0};
    cr_assert(oz_is_calm(&best, 350, 90));
    cr_assert_not(oz_is_calm(&best, 350, 200));
    cr_assert(oz_is_calm(&best, 350, 170));
}

Test(calm, a_nearer_pair_raises_what_is_wanted) {
    oz_calm best = {0};
    cr_assert(oz_is_calm(&best, 350, 400));
    cr_assert(oz_is_calm(&best, 350, 90));
    cr_assert_not(oz_is_calm(&best, 350, 400));
}

Test(calm, threads_of_one_core_are_not_the_nearest) {
    oz_calm best = {0};
    cr_assert(oz_is_calm(&best, 350, 130));
    cr_assert_not(oz_is_calm(&best, 175, 52));
    cr_assert(oz_is_calm(&best, 350, 130), "a core's two threads have set how near is near");
}

Test(calm, a_core_of_two_threads_is_forgotten_once_there_are_two_cores) {
    oz_calm best = {0};
    cr_assert(oz_is_calm(&best, 175, 52), "nothing better is known yet");
    cr_assert(oz_is_calm(&best, 350, 130));
    cr_assert_not(oz_is_calm(&best, 175, 52));
}

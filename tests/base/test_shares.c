/* test_shares.c - every task once, a worker's own first. */
#include "base/shares.h"

#include <criterion/criterion.h>

Test(shares, own_tasks_first_then_those_of_others) {
    oz_shares s;
    size_t task;
    oz_shares_cut(&s, 5, 2); /* 0 and 1 for the first, 2 to 4 for the second */
    cr_assert(oz_shares_take(&s, 1, &task));
    cr_expect_eq(task, 2);
    for (size_t want = 0; want < 2; want++) {
        cr_assert(oz_shares_take(&s, 0, &task));
        cr_expect_eq(task, want);
    }
    for (size_t want = 3; want < 5; want++) {
        cr_assert(oz_shares_take(&s, 0, &task), "what is left of the second's");
        cr_expect_eq(task, want);
    }
    cr_expect(!oz_shares_take(&s, 0, &task));
    cr_expect(!oz_shares_take(&s, 1, &task));
}

Test(shares, every_task_once) {
    for (size_t workers = 0; workers <= OZ_SHARES + 3; workers++) {
        for (size_t tasks = 0; tasks <= 70; tasks++) {
            bool seen[70] = {false};
            size_t task, taken = 0;
            oz_shares s;
            oz_shares_cut(&s, tasks, workers);
            for (size_t worker = 0; oz_shares_take(&s, worker, &task); worker += 7, taken++) {
                cr_assert_lt(task, tasks);
                cr_assert(!seen[task]);
                seen[task] = true;
            }
            cr_assert_eq(taken, tasks, "%zu tasks, %zu workers", tasks, workers);
        }
    }
}

/* Metrics of logits small enough to be worked out by hand. */
#include "evaluate/metrics.h"

#include <criterion/criterion.h>
#include <math.h>

Test(metrics, top1_takes_the_first_of_equals) {
    float ties[4] = {1.0f, 3.0f, 3.0f, 2.0f}, negative[3] = {-5.0f, -2.0f, -9.0f};
    cr_assert(oz_top1(ties, 4) == 1);
    cr_assert(oz_top1(negative, 3) == 1);
}

Test(metrics, kl_of_two_coins) {
    /* softmax(log 3, 0) = (3/4, 1/4), softmax(0, 0) = (1/2, 1/2). */
    float p[2] = {logf(3.0f), 0.0f}, q[2] = {0.0f, 0.0f};
    double want = 0.75 * log(1.5) + 0.25 * log(0.5);
    cr_assert(fabs(oz_kl(p, q, 2) - want) < 1e-7);
    cr_assert(oz_kl(p, p, 2) == 0.0);
}

Test(metrics, kl_ignores_a_common_shift_and_survives_large_logits) {
    float p[3] = {1.0f, 2.0f, 4.0f}, q[3] = {1001.0f, 1002.0f, 1004.0f}, far[3] = {900.0f, -900.0f, 0.0f};
    cr_assert(oz_kl(p, q, 3) < 1e-6);
    cr_assert(isfinite(oz_kl(p, far, 3)) && oz_kl(p, far, 3) > 100.0);
}

Test(metrics, flips) {
    enum { N = 5, C = 3 };
    /* Answers before 0 0 1 2 1, after 0 1 0 1 1, labels 0 0 0 0 2. */
    float before[N * C] = {9, 1, 1, 9, 1, 1, 1, 9, 1, 1, 1, 9, 1, 9, 1};
    float after[N * C] = {9, 1, 1, 1, 9, 1, 9, 1, 1, 1, 9, 1, 1, 9, 1};
    int64_t labels[N] = {0, 0, 0, 0, 2};
    uint8_t right[N];
    double each[N];
    oz_metrics m = oz_metrics_against(before, after, N, C, labels, each);
    cr_assert(m.count == N && m.agreement == 2);
    cr_assert(m.flips_negative == 1 && m.flips_positive == 1 && m.changed_errors == 1);
    double sum = 0.0;
    for (size_t i = 0; i < N; i++) sum += each[i];
    cr_assert(fabs(m.kl - sum / N) < 1e-12 && m.kl > 0.0 && each[0] == 0.0);
    cr_assert(oz_correct(after, N, C, labels, right) == 2);
    cr_assert(right[0] == 1 && right[1] == 0 && right[2] == 1 && right[3] == 0 && right[4] == 0);
}

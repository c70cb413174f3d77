/* test_nnls.c - least squares without negative unknowns: solutions that are known, bounds that bind, columns
 * that depend on each other, and the conditions that any solution must meet. */
#include "cli/bench/nnls.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/chance.h"

enum { MOST_ROWS = 40, MOST = OZ_NNLS_MOST };

typedef struct fit_system {
    size_t rows, n;
    double a[MOST_ROWS][MOST], b[MOST_ROWS];
    double ata[MOST * MOST], atb[MOST], x[MOST];
} fit_system;

static void solve(fit_system *s) {
    memset(s->ata, 0, sizeof s->ata);
    memset(s->atb, 0, sizeof s->atb);
    for (size_t r = 0; r < s->rows; r++) {
        for (size_t i = 0; i < s->n; i++) {
            s->atb[i] += s->a[r][i] * s->b[r];
            for (size_t j = 0; j < s->n; j++) s->ata[i * s->n + j] += s->a[r][i] * s->a[r][j];
        }
    }
    oz_nnls(s->n, s->ata, s->atb, s->x);
}

/* Those of Karush, Kuhn and Tucker: the error rises along every unknown at zero, and is level along the
 * others. */
static void expect_optimal(const fit_system *s) {
    for (size_t i = 0; i < s->n; i++) {
        double slope = -s->atb[i], size = fabs(s->atb[i]) + 1e-300;
        for (size_t j = 0; j < s->n; j++) slope += s->ata[i * s->n + j] * s->x[j];
        cr_assert_geq(s->x[i], 0);
        cr_assert(slope >= -1e-6 * size, "the error falls along %zu: %g", i, slope);
        cr_assert(s->x[i] == 0 || fabs(slope) <= 1e-6 * size, "the error is not level along %zu: %g", i,
                  slope);
    }
}

static void expect(const fit_system *s, const double *want) {
    for (size_t i = 0; i < s->n; i++)
        cr_assert_float_eq(s->x[i], want[i], 1e-9 * (1 + fabs(want[i])), "%zu: %g, not %g", i, s->x[i],
                           want[i]);
}

Test(nnls, free_solution_is_found) {
    fit_system s = {.rows = 3, .n = 2, .a = {{1, 0}, {0, 2}, {1, 1}}, .b = {3, 8, 7}};
    solve(&s);
    expect(&s, (double[]){3, 4});
}

Test(nnls, a_bound_binds) {
    /* Without bounds x1 would be -1; at zero, the best x0 is 3 / 2. */
    fit_system s = {.rows = 2, .n = 2, .a = {{1, 1}, {1, 0}}, .b = {1, 2}};
    solve(&s);
    expect(&s, (double[]){1.5, 0});
    expect_optimal(&s);
}

Test(nnls, all_negative_is_zero) {
    fit_system s = {.rows = 3, .n = 3, .a = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, .b = {-1, -2, -3}};
    solve(&s);
    expect(&s, (double[]){0, 0, 0});
}

Test(nnls, columns_that_depend_on_each_other) {
    fit_system s = {.rows = 3, .n = 4, .a = {{1, 2, 0, 1}, {2, 4, 0, 0}, {3, 6, 0, 1}}, .b = {2, 4, 6}};
    solve(&s); /* the second is twice the first, the third is nothing */
    cr_assert_float_eq(s.x[0] + 2 * s.x[1], 2, 1e-9);
    cr_assert(s.x[0] == 0 || s.x[1] == 0, "both of two that are one: %g and %g", s.x[0], s.x[1]);
    cr_assert_eq(s.x[2], 0);
    cr_assert_float_eq(s.x[3], 0, 1e-9);
}

Test(nnls, nothing_to_fit) {
    fit_system s = {.rows = 0, .n = 3};
    solve(&s);
    expect(&s, (double[]){0, 0, 0});
}

/* Columns of sizes as far apart as calls and products are. */
Test(nnls, random_systems_are_optimal) {
    chance c = chance_make();
    for (int turn = 0; turn < 2000; turn++) {
        fit_system s = {.rows = MOST + chance_below(&c, MOST_ROWS - MOST), .n = 1 + chance_below(&c, MOST)};
        for (size_t r = 0; r < s.rows; r++) {
            s.b[r] = chance_unit(&c) - 0.3;
            for (size_t i = 0; i < s.n; i++)
                s.a[r][i] = (chance_unit(&c) - 0.5) * pow(10, (double)(i % 5) * 2);
        }
        solve(&s);
        expect_optimal(&s);
    }
}

/* test_svd.c - singular vectors, of all shapes, by what they must satisfy. */
#include "converters/compress/svd.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "networks.h"

static float *made_up(uint64_t rows, uint64_t cols) {
    float *w = malloc(rows * cols * sizeof *w);
    cr_assert_not_null(w);
    for (uint64_t i = 0; i < rows * cols; i++) w[i] = test_number("svd", i);
    return w;
}

/* A sum of `rank` outer products with sizes 1, 1/2, 1/3 ... and a little noise. */
static float *nearly_low_rank(uint64_t rows, uint64_t cols, uint64_t rank, float noise) {
    float *w = made_up(rows, cols);
    for (uint64_t i = 0; i < rows * cols; i++) {
        w[i] *= noise;
        for (uint64_t k = 0; k < rank; k++)
            w[i] += test_number("left", i / cols * rank + k) * test_number("right", i % cols * rank + k) /
                    (float)(k + 1);
    }
    return w;
}

static double dot(const double *a, const double *b, uint64_t n) {
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void check_orthonormal(const double *m, uint64_t n, uint64_t length) {
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j <= i; j++)
            cr_assert_float_eq(dot(m + i * length, m + j * length, length), i == j, 1e-9);
}

/* What the first `rank` triples leave of w, squared; and what must be left: the other values' squares. */
static void check_best(const oz_svd *s, const float *w, uint64_t rank, double slack) {
    double left = 0, all = 0, captured = 0;
    for (uint64_t k = 0; k < rank; k++) captured += s->value[k] * s->value[k];
    for (uint64_t i = 0; i < s->rows; i++)
        for (uint64_t j = 0; j < s->cols; j++) {
            double x = (double)w[i * s->cols + j], sum = x;
            for (uint64_t k = 0; k < rank; k++)
                sum -= s->left[k * s->rows + i] * s->value[k] * s->right[k * s->cols + j];
            left += sum * sum;
            all += x * x;
        }
    cr_assert_float_eq(left, all - captured, slack * all, "%g instead of %g", left, all - captured);
}

static void check_all_vectors(uint64_t rows, uint64_t cols) {
    float *w = made_up(rows, cols);
    oz_svd s;
    uint64_t side = rows < cols ? rows : cols;
    cr_assert_eq(oz_svd_compute(&s, w, rows, cols, 1, NULL), OZ_OK);
    cr_assert_eq(s.rank, side);
    check_orthonormal(s.left, side, rows);
    check_orthonormal(s.right, side, cols);
    for (uint64_t k = 1; k < side; k++) cr_assert_geq(s.value[k - 1], s.value[k]);
    check_best(&s, w, side, 1e-12);
    check_best(&s, w, (side + 1) / 2, 1e-12);
    oz_svd_free(&s);
    free(w);
}

Test(svd, gives_all_vectors_of_small_matrices) {
    const uint64_t sides[][2] = {{1, 1},   {1, 7},   {7, 1},   {2, 2},   {3, 5},
                                 {16, 27}, {40, 12}, {33, 33}, {64, 200}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) check_all_vectors(sides[i][0], sides[i][1]);
}

Test(svd, knows_the_values_of_a_known_matrix) {
    /* diag(3, 2) turned by 30 degrees on the left */
    const float w[4] = {2.5980762f, -1.0f, 1.5f, 1.7320508f};
    oz_svd s;
    cr_assert_eq(oz_svd_compute(&s, w, 2, 2, 2, NULL), OZ_OK);
    cr_expect_float_eq(s.value[0], 3, 1e-6);
    cr_expect_float_eq(s.value[1], 2, 1e-6);
    oz_svd_free(&s);
}

Test(svd, of_nothing_is_nothing) {
    const float w[6] = {0};
    oz_svd s;
    cr_assert_eq(oz_svd_compute(&s, w, 2, 3, 2, NULL), OZ_OK);
    for (uint64_t k = 0; k < s.rank; k++) cr_expect_eq(s.value[k], 0);
    for (uint64_t k = 0; k < 6; k++) cr_expect(isfinite(s.right[k]));
    oz_svd_free(&s);
}

static void check_few_vectors(uint64_t rows, uint64_t cols) {
    float *w = nearly_low_rank(rows, cols, 6, 0.001f);
    oz_svd s;
    cr_assert_eq(oz_svd_compute(&s, w, rows, cols, 6, NULL), OZ_OK);
    cr_assert_lt(s.rank, 64, "the subspace is small");
    check_orthonormal(s.left, 6, rows);
    check_orthonormal(s.right, 6, cols);
    check_best(&s, w, 6, 1e-6);
    oz_svd_free(&s);
    free(w);
}

Test(svd, finds_few_vectors_of_large_matrices_in_a_subspace) {
    check_few_vectors(600, 700);
    check_few_vectors(700, 600);
}

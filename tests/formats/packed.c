/* packed.c - see packed.h. */
#include "tests/formats/packed.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

oz_leaf parsed(const char *text, uint64_t rows, uint64_t cols) {
    oz_leaf leaf = {.rows = rows, .cols = cols, .name = "w"};
    oz_error err = {0};
    cr_assert_eq(oz_leaf_parse(&leaf, text, strlen(text), false, &err), OZ_OK, "%s", err.message);
    return leaf;
}

oz_leaf packed(const char *text, uint64_t rows, uint64_t cols, const float *weights, oz_arena *arena) {
    oz_leaf leaf = parsed(text, rows, cols);
    oz_packer p;
    oz_error err = {0};
    cr_assert_eq(oz_pack_begin(&p, &leaf, 1, arena, &err), OZ_OK, "%s: %s", text, err.message);
    cr_assert_eq(oz_pack_add(&p, 0, weights, &err), OZ_OK, "%s: %s", text, err.message);
    cr_assert_eq(oz_pack_finish(&p, &err), OZ_OK, "%s: %s", text, err.message);
    cr_assert_eq(oz_leaf_check(&leaf, &err), OZ_OK, "%s: %s", text, err.message);
    return leaf;
}

uint8_t *writable(oz_leaf *leaf, const char *part) {
    const oz_part *p = oz_leaf_part(leaf, part);
    cr_assert(p && p->data && p->bytes > 0, "no part %s", part);
    return (uint8_t *)(uintptr_t)p->data;
}

void expect_refused(const oz_leaf *leaf, oz_status status, const char *what) {
    oz_error err = {0};
    oz_status got = oz_leaf_check(leaf, &err);
    cr_expect_eq(got, status, "%s where \"%s\" was expected", oz_status_name(got), what);
    cr_expect(strstr(err.message, what) != NULL, "\"%s\" does not say \"%s\"", err.message, what);
}

static double normal(chance *c) {
    double sum = -6;
    for (int i = 0; i < 12; i++) sum += chance_unit(c);
    return sum;
}

float *random_matrix(chance *c, uint64_t rows, uint64_t cols, double density) {
    float *w = malloc(rows * cols * sizeof *w);
    cr_assert(w != NULL);
    for (uint64_t i = 0; i < rows * cols; i++) w[i] = chance_unit(c) < density ? (float)normal(c) : 0;
    return w;
}

double squared_distance(const float *a, const float *b, uint64_t n) {
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        sum += d * d;
    }
    return sum;
}

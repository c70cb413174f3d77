/* layer.c - see layer.h. */
#include "tests/runtime/layer.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "kernels/kernel.h"
#include "runtime/model.h"

#define ROUNDING 0x1p-24

/* A vector of values, each known up to its error. */
typedef struct known {
    size_t n;
    double *value, *error;
} known;

static known known_new(size_t n) {
    known k = {.n = n, .value = calloc(n, sizeof(double)), .error = calloc(n, sizeof(double))};
    cr_assert(k.value && k.error);
    return k;
}

static void known_free(known *k) {
    free(k->value);
    free(k->error);
}

/* Codes of 8 bits: half a step of the block's scale, which follows its largest magnitude. */
static void quantise(known *x) {
    for (size_t k0 = 0; k0 < x->n; k0 += OZ_BLOCK) {
        size_t end = oz_min(k0 + OZ_BLOCK, x->n);
        double largest = 0;
        for (size_t k = k0; k < end; k++) largest = fmax(largest, fabs(x->value[k]) + x->error[k]);
        for (size_t k = k0; k < end; k++) x->error[k] += largest / 254 * (1 + 0x1p-20);
    }
}

static known multiply(const oz_leaf *leaf, const known *x) {
    known y = known_new(leaf->rows);
    float *w = malloc(leaf->rows * leaf->cols * sizeof *w);
    cr_assert(w);
    oz_leaf_unpack(leaf, w);
    for (size_t r = 0; r < leaf->rows; r++) {
        double size = 0;
        for (size_t k = 0; k < leaf->cols; k++) {
            double weight = (double)w[r * leaf->cols + k];
            y.value[r] += weight * x->value[k];
            y.error[r] += fabs(weight) * x->error[k];
            size += fabs(weight) * (fabs(x->value[k]) + x->error[k]);
        }
        y.error[r] += ((double)leaf->cols + 4) * ROUNDING * size;
    }
    free(w);
    return y;
}

static known multiply_term(const oz_weight *w, const oz_term *term, const float *x) {
    known v = known_new(w->cols);
    for (size_t k = 0; k < w->cols; k++) v.value[k] = (double)x[k];
    for (size_t f = term->n_factors; f-- > 0;) {
        if (oz_leaf_reads_i8(&term->factors[f], w->act_i8)) quantise(&v);
        known y = multiply(&term->factors[f], &v);
        known_free(&v);
        v = y;
    }
    return v;
}

void layer_expect(const net *n, size_t weight, const float *bias, const float *x, double *y, double *bound) {
    const oz_weight *w = &n->weights[weight];
    memset(y, 0, w->rows * sizeof *y);
    memset(bound, 0, w->rows * sizeof *bound);
    for (size_t t = 0; t < w->n_terms; t++) {
        known v = multiply_term(w, &w->terms[t], x);
        for (size_t r = 0; r < w->rows; r++) {
            y[r] += (double)w->terms[t].scale * v.value[r];
            bound[r] += fabs((double)w->terms[t].scale) * (v.error[r] + 4 * ROUNDING * fabs(v.value[r]));
        }
        known_free(&v);
    }
    for (size_t r = 0; r < w->rows; r++) {
        double scale = w->row_scale.data ? (double)oz_vector_get(&w->row_scale, r) : 1;
        double added = bias ? (double)bias[r] : 0;
        y[r] = scale * y[r] + added;
        bound[r] = fabs(scale) * bound[r] + 4 * ROUNDING * (fabs(y[r]) + fabs(added));
    }
}

double layer_activate(const char *act, double x, double slope) {
    if (strcmp(act, "relu") == 0) return fmax(x, 0);
    if (strcmp(act, "relu6") == 0) return fmin(fmax(x, 0), 6);
    if (strcmp(act, "leaky") == 0) return x < 0 ? slope * x : x;
    if (strcmp(act, "gelu") == 0) return 0.5 * x * (1 + erf(x * sqrt(0.5)));
    if (strcmp(act, "gelu_tanh") == 0)
        return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    if (strcmp(act, "silu") == 0) return x / (1 + exp(-x));
    if (strcmp(act, "sigmoid") == 0) return 1 / (1 + exp(-x));
    if (strcmp(act, "tanh") == 0) return tanh(x);
    if (strcmp(act, "hardswish") == 0) return x * fmin(fmax(x + 3, 0), 6) / 6;
    cr_assert_str_eq(act, "none");
    return x;
}

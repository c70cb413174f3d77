/* low_rank.c - a matrix as the product of two thin ones, both coded.
 *
 * The left factor comes from the singular vectors and is packed first; the right one is then the
 * least-squares solution for the left factor as it was coded, which takes the left one's rounding back. */
#include "converters/compress/fit_term.h"

#include "base/arith.h"

#include <math.h>
#include <string.h>

uint64_t oz_fit_full_rank(const oz_base_layer *layer) {
    return oz_min(layer->rows, layer->cols);
}

static uint64_t bytes_of(const oz_leaf *leaf) {
    oz_bytes bytes;
    oz_leaf_bytes(leaf, &bytes);
    return bytes.total;
}

/* Panels of 16 rows and units of up to 32 inputs are mostly padding in a factor of a few. */
static void avoid_padding(oz_leaf *leaf) {
    oz_leaf plain = *leaf;
    plain.codec = (oz_codec){.kind = OZ_CODEC_F16};
    if (oz_codec_is_integer(leaf->codec.kind) && bytes_of(&plain) <= bytes_of(leaf)) *leaf = plain;
}

uint64_t oz_fit_factors(const oz_leaf *like, const oz_base_layer *layer, uint64_t rank, oz_leaf factors[2]) {
    for (size_t i = 0; i < 2; i++) {
        factors[i] = *like;
        factors[i].name = layer->name;
        factors[i].rows = i == 0 ? layer->rows : rank;
        factors[i].cols = i == 0 ? rank : layer->cols;
        avoid_padding(&factors[i]);
    }
    return bytes_of(&factors[0]) + bytes_of(&factors[1]);
}

static oz_status make_factors(oz_fitted *f, size_t t, oz_error *err) {
    uint64_t rank = oz_min(f->method.term[t].rank, oz_fit_full_rank(f->base));
    OZ_TRY(oz_term_leaves(f, t, 2, err));
    oz_fit_factors(&f->method.term[t].leaf, f->base, rank, f->term[t].factors);
    return OZ_OK;
}

/* ---- least squares: (A'A + ridge) B = A'W ---- */

typedef struct solver {
    uint64_t rows, rank, cols;
    const float *a, *w;
    double *gram; /* [rank][rank], then its Cholesky factor */
    double *b;    /* [rank][cols] */
} solver;

static void set_up(const solver *s) {
    double trace = 0;
    for (uint64_t i = 0; i < s->rank; i++)
        for (uint64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (uint64_t r = 0; r < s->rows; r++)
                sum += (double)s->a[r * s->rank + i] * (double)s->a[r * s->rank + j];
            s->gram[i * s->rank + j] = sum;
            trace += i == j ? sum : 0;
        }
    for (uint64_t i = 0; i < s->rank; i++) s->gram[i * s->rank + i] += 1e-9 * trace;
    memset(s->b, 0, s->rank * s->cols * sizeof *s->b);
    for (uint64_t r = 0; r < s->rows; r++)
        for (uint64_t i = 0; i < s->rank; i++) {
            double x = (double)s->a[r * s->rank + i];
            for (uint64_t c = 0; c < s->cols; c++) s->b[i * s->cols + c] += x * (double)s->w[r * s->cols + c];
        }
}

/* gram = L L'; false if it is not positive (an all-zero factor). */
static bool factorise(const solver *s) {
    double *l = s->gram;
    uint64_t n = s->rank;
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j <= i; j++) {
            double sum = l[i * n + j];
            for (uint64_t k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
            if (i == j && !(sum > 0)) return false;
            l[i * n + j] = i == j ? sqrt(sum) : sum / l[j * n + j];
        }
    return true;
}

/* b[row] -= f * b[other] */
static void eliminate(const solver *s, uint64_t row, uint64_t other, double f) {
    for (uint64_t c = 0; c < s->cols; c++) s->b[row * s->cols + c] -= f * s->b[other * s->cols + c];
}

static void divide(const solver *s, uint64_t row) {
    double f = 1 / s->gram[row * s->rank + row];
    for (uint64_t c = 0; c < s->cols; c++) s->b[row * s->cols + c] *= f;
}

static bool solve(const solver *s) {
    uint64_t n = s->rank;
    set_up(s);
    if (!factorise(s)) return false;
    for (uint64_t i = 0; i < n; i++) {
        for (uint64_t k = 0; k < i; k++) eliminate(s, i, k, s->gram[i * n + k]);
        divide(s, i);
    }
    for (uint64_t i = n; i-- > 0;) {
        for (uint64_t k = i + 1; k < n; k++) eliminate(s, i, k, s->gram[k * n + i]);
        divide(s, i);
    }
    return true;
}

/* ---- packing ---- */

/* Both factors get the square root of the singular values, so that neither needs a wide range. */
static void balance(const oz_svd *svd, const oz_leaf *left, float *a, float *b) {
    uint64_t rank = left->cols;
    for (uint64_t k = 0; k < rank; k++) {
        double root = sqrt(svd->value[k]);
        for (uint64_t i = 0; i < svd->rows; i++)
            a[i * rank + k] = (float)(root * svd->left[k * svd->rows + i]);
        for (uint64_t j = 0; j < svd->cols; j++)
            b[k * svd->cols + j] = (float)(root * svd->right[k * svd->cols + j]);
    }
}

/* b for the left factor as it was packed; stays as it is where that has no solution. */
static oz_status refine(const oz_leaf *left, const float *target, uint64_t cols, float *a, float *b,
                        oz_arena *memory) {
    solver s = {.rows = left->rows, .rank = left->cols, .cols = cols, .a = a, .w = target};
    s.gram = oz_arena_array(memory, s.rank * s.rank, sizeof *s.gram);
    s.b = oz_arena_array(memory, s.rank * cols, sizeof *s.b);
    if (!s.gram || !s.b) return OZ_ERR_MEMORY;
    oz_leaf_unpack(left, a);
    bool solved = solve(&s);
    for (uint64_t i = 0; solved && i < s.rank * cols; i++) solved = isfinite((float)s.b[i]);
    for (uint64_t i = 0; solved && i < s.rank * cols; i++) b[i] = (float)s.b[i];
    return OZ_OK;
}

static oz_status pack_factors(oz_fitted *f, size_t t, const oz_svd *svd, const float *target,
                              oz_arena *memory, oz_error *err) {
    oz_leaf *left = &f->term[t].factors[0], *right = &f->term[t].factors[1];
    float *a = oz_arena_array(memory, left->rows * left->cols, sizeof *a);
    float *b = oz_arena_array(memory, right->rows * right->cols, sizeof *b);
    if (!a || !b) return oz_no_memory(f->base->name, err);
    balance(svd, left, a, b);
    OZ_TRY(oz_term_pack(left, a, &f->arena[t], err));
    if (refine(left, target, right->cols, a, b, memory) != OZ_OK) return oz_no_memory(f->base->name, err);
    return oz_term_pack(right, b, &f->arena[t], err);
}

oz_status oz_fit_product(oz_fitted *f, size_t t, const float *target, float *made, oz_error *err) {
    oz_base_layer *base = f->base;
    OZ_TRY(make_factors(f, t, err));
    uint64_t rank = f->term[t].factors[0].cols;
    bool whole = memcmp(target, base->values, base->rows * base->cols * sizeof *target) == 0;
    oz_svd residual = {0}, *svd = whole ? &base->svd : &residual;
    if (svd->rank < rank) {
        oz_svd_free(svd);
        OZ_TRY(oz_svd_compute(svd, target, base->rows, base->cols, rank, err));
    }
    oz_arena memory = {0};
    oz_status status = pack_factors(f, t, svd, target, &memory, err);
    oz_arena_free(&memory);
    oz_svd_free(&residual);
    return status == OZ_OK ? oz_term_unpack(&f->term[t], made, err) : status;
}

oz_status oz_fit_term_size(oz_fitted *f, size_t t, oz_error *err) {
    OZ_TRY(make_factors(f, t, err));
    for (size_t i = 0; i < 2; i++) {
        oz_leaf *leaf = &f->term[t].factors[i];
        uint64_t bytes[OZ_MAX_PARTS] = {0};
        OZ_TRY(leaf->format->layout(leaf, bytes, err));
        for (size_t p = 0; p < leaf->format->n_parts; p++)
            leaf->part[p] = (oz_part){.data = NULL, .bytes = bytes[p], .offset = OZ_NO_OFFSET};
    }
    return OZ_OK;
}

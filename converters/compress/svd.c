/* svd.c - singular vectors from Gram matrices, inside a random subspace where that is much cheaper. */
#include "converters/compress/svd.h"

#include "base/arith.h"
#include "base/random.h"

#include <math.h>
#include <string.h>

enum {
    SMALL_SIDE = 512, /* all vectors up to here */
    SPARE = 16,       /* more vectors than asked for, so that the last ones are good */
    POWER_STEPS = 2
};

/* ---- dense products; every matrix is rows of contiguous numbers ---- */

/* out[n][cols] = a[n][rows] * w[rows][cols] */
static void times(const double *a, uint64_t n, const float *w, uint64_t rows, uint64_t cols, double *out) {
    memset(out, 0, n * cols * sizeof *out);
    for (uint64_t r = 0; r < rows; r++) {
        const float *row = w + r * cols;
        for (uint64_t i = 0; i < n; i++) {
            double f = a[i * rows + r], *to = out + i * cols;
            for (uint64_t c = 0; c < cols; c++) to[c] += f * (double)row[c];
        }
    }
}

/* out[n][rows] = a[n][cols] * w' */
static void times_transposed(const double *a, uint64_t n, const float *w, uint64_t rows, uint64_t cols,
                             double *out) {
    for (uint64_t r = 0; r < rows; r++) {
        const float *row = w + r * cols;
        for (uint64_t i = 0; i < n; i++) {
            double sum = 0;
            for (uint64_t c = 0; c < cols; c++) sum += a[i * cols + c] * (double)row[c];
            out[i * rows + r] = sum;
        }
    }
}

/* Rows of m become orthonormal; a row that depends on the earlier ones becomes 0. Projecting twice is enough.
 */
static void orthonormalise(double *m, uint64_t n, uint64_t length) {
    for (uint64_t i = 0; i < n; i++) {
        double *x = m + i * length, before = 0, norm = 0;
        for (uint64_t k = 0; k < length; k++) before += x[k] * x[k];
        for (int pass = 0; pass < 2; pass++)
            for (uint64_t j = 0; j < i; j++) {
                double s = 0, *y = m + j * length;
                for (uint64_t k = 0; k < length; k++) s += x[k] * y[k];
                for (uint64_t k = 0; k < length; k++) x[k] -= s * y[k];
            }
        for (uint64_t k = 0; k < length; k++) norm += x[k] * x[k];
        double factor = norm > before * 1e-24 ? 1 / sqrt(norm) : 0;
        for (uint64_t k = 0; k < length; k++) x[k] *= factor;
    }
}

/* ---- the Gram matrix of rows ---- */

/* Eigenvectors (as rows of `vectors`) of m m', m[n][length]. `gram`: n n + 3 n numbers. */
static void gram_eigen(const double *m, uint64_t n, uint64_t length, double *gram, double *values,
                       double *vectors) {
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (uint64_t k = 0; k < length; k++) sum += m[i * length + k] * m[j * length + k];
            gram[i * n + j] = gram[j * n + i] = sum;
        }
    oz_symmetric_eigen(gram, n, values, vectors, gram + n * n);
}

/* out[n][length] = q[n][n] * m[n][length] */
static void combine(const double *q, const double *m, uint64_t n, uint64_t length, double *out) {
    memset(out, 0, n * length * sizeof *out);
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j < n; j++)
            for (uint64_t k = 0; k < length; k++) out[i * length + k] += q[i * n + j] * m[j * length + k];
}

/* Values become singular ones, and each row of `scaled`, which has that length, a unit vector. */
static void normalise(double *value, double *scaled, uint64_t n, uint64_t length) {
    double least = n > 0 ? 1e-7 * sqrt(fmax(value[0], 0)) : 0;
    for (uint64_t i = 0; i < n; i++) {
        value[i] = sqrt(fmax(value[i], 0));
        if (value[i] <= least) value[i] = 0;
        double factor = value[i] > 0 ? 1 / value[i] : 0;
        for (uint64_t k = 0; k < length; k++) scaled[i * length + k] *= factor;
    }
}

/* ---- both ways ---- */

typedef struct work {
    oz_arena arena;
    double *m;     /* [n][cols]: rows whose Gram matrix is taken */
    double *basis; /* [n][rows], orthonormal: the subspace; NULL = all */
    double *gram, *vectors;
} work;

static bool allocate(work *t, oz_svd *s, uint64_t n, bool subspace) {
    oz_arena *memory = &t->arena;
    t->m = oz_arena_array(memory, n * s->cols, sizeof(double));
    t->basis = subspace ? oz_arena_array(memory, n * s->rows, sizeof(double)) : NULL;
    t->gram = oz_arena_array(memory, n * n + 3 * n, sizeof(double));
    t->vectors = oz_arena_array(memory, n * n, sizeof(double));
    return t->m && (t->basis || !subspace) && t->gram && t->vectors;
}

/* An orthonormal basis of nearly the span of the first left singular vectors. */
static void find_subspace(const work *t, const float *w, const oz_svd *s, uint64_t n) {
    for (uint64_t i = 0; i < n * s->cols; i++) t->m[i] = (double)(int64_t)oz_stream_u64(7, i) * 0x1p-63;
    for (int step = 0;; step++) {
        times_transposed(t->m, n, w, s->rows, s->cols, t->basis);
        orthonormalise(t->basis, n, s->rows);
        times(t->basis, n, w, s->rows, s->cols, t->m);
        if (step == POWER_STEPS) return;
        orthonormalise(t->m, n, s->cols);
    }
}

/* w[rows][cols] with rows <= cols, or any shape with a subspace: u = eigenvectors of m m', v = u' m / s. */
static void factor(const work *t, const float *w, oz_svd *s, uint64_t n) {
    if (t->basis) {
        find_subspace(t, w, s, n);
    } else {
        for (uint64_t i = 0; i < n * s->cols; i++) t->m[i] = (double)w[i];
    }
    gram_eigen(t->m, n, s->cols, t->gram, s->value, t->vectors);
    combine(t->vectors, t->m, n, s->cols, s->right);
    normalise(s->value, s->right, n, s->cols);
    if (t->basis)
        combine(t->vectors, t->basis, n, s->rows, s->left);
    else
        memcpy(s->left, t->vectors, n * n * sizeof(double));
}

static oz_status no_memory(oz_error *err) {
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "no memory for singular vectors");
}

static oz_status compute_wide(oz_svd *s, const float *w, uint64_t n, bool subspace, oz_error *err) {
    work t = {.arena = {0}};
    bool ok = allocate(&t, s, n, subspace);
    if (ok) factor(&t, w, s, n);
    oz_arena_free(&t.arena);
    return ok ? OZ_OK : no_memory(err);
}

/* A tall matrix is factored as its transpose, and the sides swapped. */
static oz_status compute_tall(oz_svd *s, const float *w, uint64_t n, bool subspace, oz_error *err) {
    float *turned = oz_alloc(NULL, s->rows * s->cols * sizeof *turned, 64);
    if (!turned) return no_memory(err);
    for (uint64_t r = 0; r < s->rows; r++)
        for (uint64_t c = 0; c < s->cols; c++) turned[c * s->rows + r] = w[r * s->cols + c];
    oz_svd t = *s;
    t.rows = s->cols;
    t.cols = s->rows;
    t.left = s->right;
    t.right = s->left;
    oz_status status = compute_wide(&t, turned, n, subspace, err);
    oz_release(NULL, turned, 0);
    return status;
}

oz_status oz_svd_compute(oz_svd *out, const float *w, uint64_t rows, uint64_t cols, uint64_t rank,
                         oz_error *err) {
    uint64_t side = oz_min(rows, cols);
    bool subspace = side > SMALL_SIDE && 2 * (rank + SPARE) < side;
    uint64_t n = subspace ? rank + SPARE : side;
    *out = (oz_svd){.rows = rows, .cols = cols, .rank = n};
    uint64_t numbers = n * (rows + cols + 1);
    double *memory = oz_alloc(NULL, numbers * sizeof *memory, 64);
    if (!memory) return no_memory(err);
    out->memory = memory;
    out->left = memory;
    out->right = memory + n * rows;
    out->value = memory + n * (rows + cols);
    oz_status status = (rows > cols ? compute_tall : compute_wide)(out, w, n, subspace, err);
    if (status != OZ_OK) oz_svd_free(out);
    return status;
}

void oz_svd_free(oz_svd *s) {
    oz_release(NULL, s->memory, 0);
    *s = (oz_svd){0};
}

/* symmetric.c - eigenvectors of a symmetric matrix: Householder reflections to tridiagonal form, then
 * implicit QR steps with Wilkinson's shift (Golub and Van Loan, chapter 8).
 *
 * Eigenvectors are kept as rows, so that every rotation runs over contiguous numbers. */
#include "converters/compress/svd.h"

#include <float.h>
#include <math.h>
#include <string.h>

typedef struct tridiagonal {
    uint64_t n;
    double *diagonal, *beside; /* beside[i] couples i and i + 1 */
    double *vectors;           /* row i: eigenvector i */
} tridiagonal;

static double dot(const double *x, const double *y, uint64_t n) {
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* Replaces x[n] by v with (1 - 2 v v') x = (result, 0, ...), |v| = 1 (or 0 if x already is that). */
static double reflector(double *x, uint64_t n) {
    double rest = dot(x + 1, x + 1, n - 1), length = sqrt(x[0] * x[0] + rest);
    double result = x[0];
    if (rest > 0) {
        result = x[0] > 0 ? -length : length;
        x[0] -= result;
        double norm = sqrt(x[0] * x[0] + rest);
        for (uint64_t i = 0; i < n; i++) x[i] /= norm;
    } else {
        memset(x, 0, n * sizeof *x);
    }
    return result;
}

/* The trailing m x m block of a (row length n, at `block`) becomes H block H, H = 1 - 2 v v'. */
static void reflect_both_sides(double *block, uint64_t n, uint64_t m, const double *v, double *w) {
    for (uint64_t i = 0; i < m; i++) w[i] = 2 * dot(block + i * n, v, m);
    double k = dot(v, w, m);
    for (uint64_t i = 0; i < m; i++) w[i] -= k * v[i];
    for (uint64_t i = 0; i < m; i++)
        for (uint64_t j = 0; j < m; j++) block[i * n + j] -= v[i] * w[j] + w[i] * v[j];
}

/* `vectors` becomes the product of the reflections, the last one first. Row k of `a`, right of the diagonal,
 * holds reflector k. */
static void accumulate(const double *a, uint64_t n, double *vectors) {
    memset(vectors, 0, n * n * sizeof *vectors);
    for (uint64_t i = 0; i < n; i++) vectors[i * n + i] = 1;
    for (uint64_t k = n < 2 ? 0 : n - 2; k-- > 0;) {
        const double *v = a + k * n + k + 1;
        uint64_t m = n - k - 1;
        for (uint64_t i = k + 1; i < n; i++) {
            double *row = vectors + i * n + k + 1, s = 2 * dot(row, v, m);
            for (uint64_t j = 0; j < m; j++) row[j] -= s * v[j];
        }
    }
}

/* a = Q T Q', and t->vectors becomes Q'. */
static void tridiagonalise(double *a, const tridiagonal *t, double *scratch) {
    uint64_t n = t->n;
    for (uint64_t k = 0; k + 2 < n; k++) {
        double *v = a + k * n + k + 1;
        t->diagonal[k] = a[k * n + k];
        t->beside[k] = reflector(v, n - k - 1);
        reflect_both_sides(a + (k + 1) * n + k + 1, n, n - k - 1, v, scratch);
    }
    for (uint64_t k = n < 2 ? 0 : n - 2; k < n; k++) t->diagonal[k] = a[k * n + k];
    if (n > 1) t->beside[n - 2] = a[(n - 2) * n + n - 1];
    accumulate(a, n, t->vectors);
}

static void rotate_rows(double *x, double *y, uint64_t n, double c, double s) {
    for (uint64_t i = 0; i < n; i++) {
        double a = x[i], b = y[i];
        x[i] = c * a - s * b;
        y[i] = s * a + c * b;
    }
}

static double wilkinson_shift(const tridiagonal *t, uint64_t end) {
    double d = (t->diagonal[end - 1] - t->diagonal[end]) / 2, e = t->beside[end - 1];
    double root = d + copysign(hypot(d, e), d);
    return root == 0 ? t->diagonal[end] : t->diagonal[end] - e * (e / root);
}

/* One QR step on the block [begin, end], chasing the bulge down. */
static void qr_step(const tridiagonal *t, uint64_t begin, uint64_t end) {
    double *d = t->diagonal, *e = t->beside;
    double x = d[begin] - wilkinson_shift(t, end), z = e[begin];
    for (uint64_t k = begin; k < end; k++) {
        double r = hypot(x, z), c = r > 0 ? x / r : 1, s = r > 0 ? -z / r : 0;
        if (k > begin) e[k - 1] = r;
        double p = d[k], q = d[k + 1], b = e[k];
        d[k] = c * c * p + s * s * q - 2 * c * s * b;
        d[k + 1] = s * s * p + c * c * q + 2 * c * s * b;
        e[k] = c * s * (p - q) + (c * c - s * s) * b;
        if (k + 1 < end) {
            x = e[k];
            z = -s * e[k + 1];
            e[k + 1] *= c;
        }
        rotate_rows(t->vectors + k * t->n, t->vectors + (k + 1) * t->n, t->n, c, s);
    }
}

static bool negligible(const tridiagonal *t, uint64_t i) {
    return fabs(t->beside[i]) <= DBL_EPSILON * (fabs(t->diagonal[i]) + fabs(t->diagonal[i + 1]));
}

static void diagonalise(const tridiagonal *t) {
    uint64_t steps = 60 * t->n; /* two or three a value are usual */
    for (uint64_t end = t->n - 1; end > 0 && steps > 0;) {
        uint64_t begin = end;
        while (begin > 0 && !negligible(t, begin - 1)) begin--;
        if (begin == end) {
            t->beside[--end] = 0;
        } else {
            qr_step(t, begin, end);
            steps--;
        }
    }
}

static void sort(const tridiagonal *t) {
    for (uint64_t i = 0; i < t->n; i++) {
        uint64_t best = i;
        for (uint64_t j = i + 1; j < t->n; j++)
            if (t->diagonal[j] > t->diagonal[best]) best = j;
        if (best == i) continue;
        double swap = t->diagonal[i];
        t->diagonal[i] = t->diagonal[best];
        t->diagonal[best] = swap;
        double *x = t->vectors + i * t->n, *y = t->vectors + best * t->n;
        for (uint64_t k = 0; k < t->n; k++) {
            swap = x[k];
            x[k] = y[k];
            y[k] = swap;
        }
    }
}

void oz_symmetric_eigen(double *a, uint64_t n, double *values, double *vectors, double *scratch) {
    tridiagonal t;
    if (n == 0) return;
    t.n = n;
    t.diagonal = values;
    t.beside = scratch;
    t.vectors = vectors;
    tridiagonalise(a, &t, scratch + n);
    diagonalise(&t);
    sort(&t);
}

/* nnls.c - see nnls.h; the method is that of Lawson and Hanson.
 *
 * Unknowns are either free or held at zero. The held one along which the error falls most steeply is freed,
 * and the free ones are solved for as if there were no bounds. If one comes out negative, x goes towards that
 * solution only until the first reaches zero, which is held again, and the rest are solved anew. The error
 * falls from one solution to the next, so no set of free unknowns comes twice, and the search ends. */
#include "cli/bench/nnls.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef struct oz_nnls_state {
    size_t n;
    double a[OZ_NNLS_MOST][OZ_NNLS_MOST], b[OZ_NNLS_MOST], scale[OZ_NNLS_MOST]; /* columns of length 1 */
    double x[OZ_NNLS_MOST], z[OZ_NNLS_MOST]; /* as it is; where the free ones would like it */
    bool is_free[OZ_NNLS_MOST];
} oz_nnls_state;

/* Below this part of a column's length, what others leave of it is rounding. */
#define DEPENDENT 1e-9
#define STEEP 1e-10

static void scale_columns(oz_nnls_state *s, const double *ata, const double *atb) {
    for (size_t i = 0; i < s->n; i++) {
        double square = ata[i * s->n + i];
        s->scale[i] = square > 0 ? 1 / sqrt(square) : 0;
    }
    for (size_t i = 0; i < s->n; i++) {
        s->b[i] = s->scale[i] * atb[i];
        for (size_t j = 0; j < s->n; j++) s->a[i][j] = s->scale[i] * ata[i * s->n + j] * s->scale[j];
    }
}

/* Of the free unknowns, by Cholesky's factors; false if their columns depend on each other. */
static bool solve_free(oz_nnls_state *s) {
    double l[OZ_NNLS_MOST][OZ_NNLS_MOST];
    size_t at[OZ_NNLS_MOST], n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->is_free[i]) at[n++] = i;
    }
    for (size_t i = 0; i < n; i++) {
        double sum = s->b[at[i]];
        for (size_t j = 0; j <= i; j++) {
            double dot = s->a[at[i]][at[j]];
            for (size_t k = 0; k < j; k++) dot -= l[i][k] * l[j][k];
            if (i == j && dot < DEPENDENT) return false;
            l[i][j] = i == j ? sqrt(dot) : dot / l[j][j];
            if (j < i) sum -= l[i][j] * s->z[at[j]];
        }
        s->z[at[i]] = sum / l[i][i];
    }
    for (size_t i = n; i-- > 0;) {
        double sum = s->z[at[i]];
        for (size_t k = i + 1; k < n; k++) sum -= l[k][i] * s->z[at[k]];
        s->z[at[i]] = sum / l[i][i];
    }
    return true;
}

/* The held unknown with the steepest descent; n if all rise. */
static size_t steepest(const oz_nnls_state *s, const bool *refused) {
    size_t best = s->n;
    double most = 0;
    for (size_t i = 0; i < s->n; i++) most = fmax(most, STEEP * fabs(s->b[i]));
    for (size_t i = 0; i < s->n; i++) {
        double w = s->b[i];
        for (size_t j = 0; j < s->n; j++) w -= s->a[i][j] * s->x[j];
        if (!s->is_free[i] && !refused[i] && w > most) best = i, most = w;
    }
    return best;
}

/* From x towards z as far as none becomes negative; holds what is zero there. True if that is all the way. */
static bool go(oz_nnls_state *s) {
    double part = 1;
    size_t first = s->n;
    for (size_t i = 0; i < s->n; i++) {
        if (!s->is_free[i] || s->z[i] > 0) continue;
        double until = s->x[i] > 0 ? s->x[i] / (s->x[i] - s->z[i]) : 0;
        if (until <= part) part = until, first = i;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (!s->is_free[i]) continue;
        s->x[i] += part * (s->z[i] - s->x[i]);
        if (i == first || s->x[i] <= 0) s->x[i] = 0, s->is_free[i] = false;
    }
    return first == s->n;
}

void oz_nnls(size_t n, const double *ata, const double *atb, double *x) {
    oz_nnls_state s = {.n = n};
    bool refused[OZ_NNLS_MOST] = {false};
    scale_columns(&s, ata, atb);
    for (size_t i; (i = steepest(&s, refused)) < n;) {
        s.is_free[i] = true;
        if (!solve_free(&s) || s.z[i] <= 0) {
            s.is_free[i] = false;
            refused[i] = true;
            continue;
        }
        while (!go(&s)) solve_free(&s);
        memset(refused, 0, sizeof refused);
    }
    for (size_t i = 0; i < n; i++) x[i] = s.x[i] * s.scale[i];
}

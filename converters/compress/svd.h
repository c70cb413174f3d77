/* svd.h - the leading singular vectors of a matrix.
 *
 * Small matrices: all of them, from the eigenvectors of the Gram matrix of the shorter side, in double; what
 * that squaring loses lies below 1e-7 of the largest singular value. Large matrices of which few vectors are
 * wanted: the same inside a subspace that a random projection and power iterations find. */
#ifndef OZ_CONVERTERS_SVD_H
#define OZ_CONVERTERS_SVD_H

#include "base/memory.h"

typedef struct oz_svd {
    uint64_t rows, cols;
    uint64_t rank; /* vectors that are here; 0: not computed */
    double *left;  /* [rank][rows] */
    double *value; /* [rank], descending */
    double *right; /* [rank][cols] */
    void *memory;
} oz_svd;

/* At least the first `rank` (at most min(rows, cols)) of w[rows][cols]. Errors: MEMORY. */
oz_status oz_svd_compute(oz_svd *out, const float *w, uint64_t rows, uint64_t cols, uint64_t rank,
                         oz_error *err);
void oz_svd_free(oz_svd *s);

/* symmetric.c: a[n][n] symmetric -> eigenvalues, descending, and eigenvectors as rows of `vectors`; a is
 * lost. scratch: 3 n numbers. */
void oz_symmetric_eigen(double *a, uint64_t n, double *values, double *vectors, double *scratch);

#endif

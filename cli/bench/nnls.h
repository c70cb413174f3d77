/* nnls.h - least squares with unknowns that must not be negative. */
#ifndef OZ_CLI_BENCH_NNLS_H
#define OZ_CLI_BENCH_NNLS_H

#include <stddef.h>

enum { OZ_NNLS_MOST = 16 };

/* The x >= 0 that minimises |A x - b|^2, of n <= OZ_NNLS_MOST unknowns, given ata = A^T A [n][n] and
 * atb = A^T b [n]. Of columns that depend on each other some stay 0. */
void oz_nnls(size_t n, const double *ata, const double *atb, double *x);

#endif

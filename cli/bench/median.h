/* median.h - the middle of some measurements. */
#ifndef OZ_CLI_BENCH_MEDIAN_H
#define OZ_CLI_BENCH_MEDIAN_H

#include <stddef.h>

/* Of n > 0, the upper one of two in the middle; sorts them. */
double oz_median(double *values, size_t n);

#endif

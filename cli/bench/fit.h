/* fit.h - ounce bench fit: what the kernels of this machine take, as a table for the library. */
#ifndef OZ_CLI_BENCH_FIT_H
#define OZ_CLI_BENCH_FIT_H

#include "cli/verb.h"

typedef struct oz_fit_options {
    const oz_common *common;
    const char *path;   /* the layers to time, as a sweep has them */
    const char *output; /* NULL = stdout; the table is named as the file */
    uint64_t seed;
} oz_fit_options;

int oz_bench_fit(const oz_fit_options *opt);

#endif

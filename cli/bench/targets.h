/* targets.h - a table of targets, measured: what the README's speed table is made from. */
#ifndef OZ_CLI_BENCH_TARGETS_H
#define OZ_CLI_BENCH_TARGETS_H

#include "cli/bench/output.h"

typedef struct oz_targets_options {
    const oz_common *common;
    const char *path;
    const char *only;   /* lines with this text; NULL = all */
    const char *rivals; /* what starts rivals; NULL = the usual */
    const char *nets;   /* the folder with the networks' files; NULL = the usual */
    size_t runs;
    uint64_t seed;
} oz_targets_options;

/* Exit code; 1 if a target is missed. */
int oz_bench_targets(const oz_targets_options *opt, oz_output *out);

#endif

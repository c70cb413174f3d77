/* target_table.h - the lines of a table of targets.
 *
 *     METHOD               ROWSxCOLS  BATCH  THREADS  hot|cold  AGAINST  ISA=BAR...
 *     net:NAME[:SPARSITY]  -          BATCH  THREADS  hot       AGAINST  ISA=BAR...
 *
 * A net is a whole network, or a single convolution, that benchmarks/rivals/nets.py describes; ours is the
 * file NAME[-SPARSITY].safetensors, which benchmarks/rivals/prepare makes.
 *
 * AGAINST is what the figure is a ratio to: B, F or D (the machine's limits), dense (the fastest dense f32
 * layer of the machine), best:CODEC (the fastest of other engines), ENGINE:CODEC[:SPARSITY], another METHOD,
 * or kernels (the plan's kernels alone, taking turns: the share of the time that is theirs). A line has a
 * BAR for each instruction set that it is meant for; the nearest below the one in use counts. "#" begins a
 * comment. */
#ifndef OZ_CLI_BENCH_TARGET_TABLE_H
#define OZ_CLI_BENCH_TARGET_TABLE_H

#include "cli/verb.h"

typedef enum oz_against {
    OZ_AGAINST_LIMIT,
    OZ_AGAINST_DENSE,
    OZ_AGAINST_BEST,
    OZ_AGAINST_RIVAL,
    OZ_AGAINST_METHOD,
    OZ_AGAINST_KERNELS
} oz_against;

typedef struct oz_target {
    const char *method, *against;
    const char *net; /* its name without a sparsity; NULL = a layer */
    uint64_t rows, cols, threads;
    uint32_t batch;
    bool cold;
    oz_against kind;
    const char *codec; /* of DENSE and BEST */
    double bar;
    size_t race; /* which one has measured it; 0 = none yet */
} oz_target;

typedef struct oz_target_table {
    oz_target *targets;
    size_t n;
    oz_texts texts; /* what the targets point at */
} oz_target_table;

/* Lines that hold `only` (NULL = all) and have a bar for the instruction set in use. */
int oz_target_table_read(oz_target_table *t, const char *path, const char *only, const oz_common *common);
void oz_target_table_free(oz_target_table *t);
bool oz_target_same_shape(const oz_target *a, const oz_target *b);
bool oz_target_same_race(const oz_target *a, const oz_target *b);
/* "ENGINE:CODEC", kept as long as the table. */
const char *oz_target_spec(oz_target_table *t, const char *engine, const char *codec);

#endif

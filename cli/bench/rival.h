/* rival.h - somebody else's engine, timed in turns with ours.
 *
 * A rival is a program of its own, never linked: it is started with what to do, says "ready ..." or
 * "unable: ...", and answers every line "time" with the nanoseconds of one run. benchmarks/rivals/README.md
 * has the protocol. */
#ifndef OZ_CLI_BENCH_RIVAL_H
#define OZ_CLI_BENCH_RIVAL_H

#include "cli/verb.h"

#include <sys/types.h>

typedef struct oz_rival {
    pid_t process; /* 0 = not running */
    int channel;
    char said[200]; /* its first line, without "ready " or "unable: " */
} oz_rival;

/* What a rival is asked to do, as ours do it: a layer, or a whole network by its name. */
typedef struct oz_rival_task {
    const char *net; /* NULL = a layer */
    uint64_t rows, cols, batch, threads;
    const char *isa; /* NULL = any */
    bool cold;
} oz_rival_task;

/* Starts the engine that `spec` names, NAME[:CODEC[:SPARSITY]], through `command` and waits until it is
 * ready. False if it is unable to run, with the reason in `said`: that is no error. */
bool oz_rival_start(oz_rival *r, const char *command, const char *spec, const oz_rival_task *task);
/* Nanoseconds of one run; false if it has ended, or is silent for minutes. */
bool oz_rival_time(oz_rival *r, double *ns);
/* Bytes of weights that one run reads, and operations that it does; false if that is not known. */
bool oz_rival_work(oz_rival *r, double *bytes, double *operations);
void oz_rival_stop(oz_rival *r);

#endif

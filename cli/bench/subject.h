/* subject.h - a model that bench times: with its plan, session and inputs for one batch.
 *
 * A cold subject is many copies of one model, which runs take in turn: when a copy's turn comes round again,
 * the last-level cache has forgotten it, and its weights are read from memory. */
#ifndef OZ_CLI_BENCH_SUBJECT_H
#define OZ_CLI_BENCH_SUBJECT_H

#include "cli/verb.h"

typedef struct oz_copy {
    oz_buffer file; /* empty for the first, whose bytes are the caller's */
    oz_model *model;
    oz_plan *plan;
    oz_session *session;
} oz_copy;

typedef struct oz_subject {
    const char *name;
    oz_copy *copies;
    size_t n_copies, next;
    float *x, *y;
    oz_tensor in, out;
    uint64_t resident;
    double leaf_bytes, operations; /* of one run: read of the weights; two for each that is stored and used */
    bool integer;                  /* its products are of bytes */
    double kernels_ns;             /* the plan's kernels alone, in turn, on its threads */
    double last_ns;                /* one run, when it was last timed */
} oz_subject;

/* Each prints what is wrong and gives the exit code. `file` and `model` must outlive the subject; `file` may
 * be empty for one that is not cold. */
int oz_subject_make(oz_subject *s, const char *name, oz_buffer file, oz_model *model, bool cold,
                    const oz_plan_options *opt);
/* Runs until 2 ms have passed, at least once: short layers are timed in groups, and run for a while before,
 * the first time until every copy has had its turn: a host may have taken away what lay idle. */
int oz_subject_time(oz_subject *s, double *ns);
void oz_subject_free(oz_subject *s);

/* Bytes that no cache of this machine holds. */
uint64_t oz_cold_bytes(void);

#endif

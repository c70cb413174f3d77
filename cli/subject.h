/* subject.h - a model that bench times: with its plan, session and inputs for one batch. */
#ifndef OZ_CLI_SUBJECT_H
#define OZ_CLI_SUBJECT_H

#include "cli/verb.h"

enum { OZ_SUBJECT_RUNS = 1000 };

typedef struct oz_subject {
    const char *name;
    oz_buffer file; /* of a layer made here */
    oz_model *model;
    oz_plan *plan;
    oz_session *session;
    float *x, *y;
    oz_tensor in, out;
    uint64_t resident;
    double kernels_ns; /* the plan's kernels alone, one thread; 0 if they were not timed */
    double times[OZ_SUBJECT_RUNS];
} oz_subject;

/* Each prints what is wrong and gives the exit code. */
int oz_subject_prepare(oz_subject *s, const oz_plan_options *opt);
int oz_subject_time(oz_subject *s, double *ns);
void oz_subject_free(oz_subject *s, bool model_too);

#endif

/* plan_check.h - is what the cost table chooses as fast as the best that is measured? */
#ifndef OZ_CLI_PLAN_CHECK_H
#define OZ_CLI_PLAN_CHECK_H

#include "cli/json.h"
#include "cli/verb.h"

typedef struct oz_plan_check {
    double slack;        /* 0.15: chosen kernels may take 15 % longer than the best */
    json_t *offenders;   /* NULL: they are printed */
    size_t choices, bad; /* layers seen so far, and those whose kernels are too slow */
    double worst;        /* time of a layer's kernels as a multiple of the best ones' */
} oz_plan_check;

/* "15%" or "0.15"; false if it is neither. */
bool oz_parse_slack(const char *text, double *slack);
/* Plans `m`, times every candidate of every leaf in turns (turns.h), more of them where one looks too slow,
 * and adds what it finds; `title` is printed with offenders, of each the leaf that loses most. */
int oz_plan_check_model(oz_plan_check *check, const char *title, oz_model *m, const oz_plan_options *opt);
/* The sum of it, and the exit code. */
int oz_plan_check_end(oz_plan_check *check);

#endif

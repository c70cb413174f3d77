/* runner.h - one model with a plan, a session and buffers, fed with records of a data set. */
#ifndef OZ_EVALUATE_RUNNER_H
#define OZ_EVALUATE_RUNNER_H

#include "base/memory.h"

#include <ounce/tools.h>

typedef struct oz_runner {
    oz_arena arena;
    oz_plan *plan;
    oz_session *session;
    oz_tensor in, out;
    size_t batch, values, classes; /* largest batch; values of one record; logits of one record */
} oz_runner;

/* The plan's max_batch is the batch. Errors also: SUPPORT (not one f32 input and output), SHAPE (the records
 * are not what the model takes). On failure *r is closed. */
oz_status oz_runner_open(oz_runner *r, oz_model *m, const oz_dataset *d, const oz_plan_options *plan,
                         oz_error *err);
void oz_runner_close(oz_runner *r);
/* Copies n <= batch records from `first` to the input, from the start again at the end of the first `count`.
 */
void oz_runner_load(oz_runner *r, const oz_dataset *d, size_t first, size_t n, size_t count);
/* Runs what was loaded; the logits are in r->out.data. */
oz_status oz_runner_run(oz_runner *r, oz_error *err);

/* The first `count` records of the data set. */
oz_status oz_evaluate_first(oz_model *m, const oz_dataset *d, size_t count, const oz_plan_options *plan,
                            oz_outputs *out, oz_error *err);

#endif

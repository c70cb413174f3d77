/* compare.h - a comparison under way: what is shared by making models, running them and timing them. */
#ifndef OZ_EVALUATE_COMPARE_H
#define OZ_EVALUATE_COMPARE_H

#include "evaluate/comparison.h"

#define OZ_INT8 "dense,codec=int8"
#define OZ_RESAMPLES 400 /* of the bootstrap behind the interval of KL */

/* A model that may yet be timed. */
typedef struct oz_live {
    oz_variant *variant;
    oz_model *model;
    oz_buffer file;
    bool owned; /* made here, to be freed here */
} oz_live;

typedef struct oz_work {
    oz_compare_options opt;
    oz_comparison *c;
    oz_host
        host; /* for those who are called: asks the caller's progress whether to go on, in our own steps */
    oz_executor *executor; /* of all models and compressors, NULL if the caller brings one */
    const char *stage;
    uint64_t done, total;
    oz_plan_options plan;
    const int64_t *labels;
    oz_live *live;
    size_t n_live;
    oz_compressor **compressors; /* of the bases, made when one is first compressed */
    oz_outputs *dense;           /* logits of the bases */
    double *kl, *means;          /* scratch */
} oz_work;

/* One step more is done. Errors: CANCEL. */
oz_status oz_work_step(oz_work *w, oz_error *err);
/* A copy in the comparison's arena, without control characters; NULL out of memory. */
char *oz_work_text(oz_work *w, const char *text);
oz_status oz_work_memory(oz_error *err);

/* compare_models.c */
/* Runs the live model: size, layers, answers, and what it changed against the base's dense outputs (base
 * SIZE_MAX = none; `keep` takes the logits over, else they are freed). */
oz_status oz_live_run(oz_work *w, oz_live *l, size_t base, oz_outputs *keep, oz_error *err);
/* Compresses a base to the budget (0 = none) and runs it. *state is TOO_LARGE (with *smallest) or FAILED
 * (with *reason) where that is the answer; then, and on errors, l holds nothing. */
oz_status oz_live_compress(oz_work *w, size_t base, const char *method, uint64_t budget, oz_live *l,
                           oz_row_state *state, uint64_t *smallest, const char **reason, oz_error *err);
void oz_live_close(oz_live *l);

/* compare_activations.c: what the live models with 8-bit activations would have right with f32 ones. */
oz_status oz_work_activations(oz_work *w, oz_error *err);

/* compare_times.c: latency and throughput of every live model, in turns. */
oz_status oz_work_time(oz_work *w, oz_error *err);

/* compare_methods.c: every method of every base under every budget. */
oz_status oz_work_methods(oz_work *w, oz_error *err);
void oz_ranking_add(oz_ranking *r, oz_row row);

#endif

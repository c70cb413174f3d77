/* session.h - the memory of one run at a time. All of it is taken when the session is created. */
#ifndef OZ_RUNTIME_SESSION_H
#define OZ_RUNTIME_SESSION_H

#include "runtime/plan.h"

struct oz_session {
    oz_plan *plan;
    uint8_t *memory;
    size_t bytes;
    uint8_t *activations;
    uint8_t *slots;          /* plan->slots x plan->slot_bytes */
    uint8_t *workers;        /* width x plan->worker_bytes */
    uint8_t *conv;           /* width x plan->conv_bytes: of convolutions that are not gathered, */
    uint32_t *offsets;       /* and where the inputs of their columns lie */
    float *unpacked;         /* plan->unpack_floats */
    float *row_scale, *bias; /* of the layer under way, as f32 */
    oz_shape *shapes;
    const void **data;         /* of every value in this run */
    struct oz_session *slices; /* one for each thread, of plan->slice */
    const oz_run_options *run;
};

/* For a weighted operator, after its linear part: shows the result to the observer, then applies the
 * node's activation. Only called when there is an observer; else multiply.c fuses the activation. */
void oz_observe(const oz_step *step, size_t outer, size_t channels, size_t inner);
bool oz_observed(const oz_step *step);
/* Nodes [first, end) of a run that is bound. */
oz_status oz_run_nodes(struct oz_session *s, size_t first, size_t end, oz_error *err);
/* Where a value lies that the plan has placed. */
void oz_session_place(struct oz_session *s, uint32_t value);
/* A vector as f32, where it lies or in `out`; NULL if there is none. */
const float *oz_session_floats(const struct oz_session *s, const oz_vector *v, float *out);

#endif

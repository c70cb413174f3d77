/* call.h - one layer under way, as all ways to multiply it share it. */
#ifndef OZ_RUNTIME_MULTIPLY_CALL_H
#define OZ_RUNTIME_MULTIPLY_CALL_H

#include "base/arith.h"
#include "runtime/multiply.h"
#include "runtime/multiply/scratch.h"
#include "runtime/session.h"

typedef struct oz_call {
    oz_session *s;
    const oz_job *job;
    const oz_layer *layer;
    const oz_layer_plan *plan;
    const oz_primitives *prim;
    const float *row_scale, *bias; /* NULL = none */
    size_t lanes;                  /* that the scratch has room for: of a slot */
    size_t tile;                   /* columns of a tile: OZ_COLUMNS, or narrow ones that fit one slot */
    bool takes_8;                  /* all leaves are multiplied by their nonzeros, for which 8 lanes do */
    bool widens;                   /* its leaf reads the inputs' codes as floats */
} oz_call;

/* Narrow tiles share the slot of a wide one. */
static inline oz_slot oz_slot_of(const oz_call *c, size_t index) {
    const size_t lanes = oz_min(c->lanes, c->tile), bytes = c->s->plan->slot_bytes * lanes / c->lanes;
    return oz_carve_slot(c->s->slots + index * (bytes / 64 * 64), c->layer, lanes);
}

static inline oz_worker oz_worker_of(const oz_call *c, size_t index) {
    return oz_carve_worker(c->s->workers + index * c->s->plan->worker_bytes, c->layer, c->lanes);
}

/* The kernel of a leaf of this call. */
static inline const oz_choice *oz_call_choice(const oz_call *c, const oz_leaf_plan *leaf) {
    return oz_choice_for(c->plan, leaf, c->job->columns);
}

/* The threads that are worth waking for a layer that one thread multiplies in `ns`. */
oz_threads oz_call_threads(const oz_call *c, double ns);

/* Whether that is true of the kernels of all leaves. */
bool oz_call_all_leaves(const oz_call *c, bool (*is_true)(const oz_choice *choice));
/* Panels cut into chunks of at most OZ_CHUNK, and into `wanted` of them at least where there are so many. */
void oz_cut_rows(size_t panels, size_t wanted, size_t *chunk_panels, size_t *chunks);

/* columns.c: any number of columns, in tiles. */
void oz_call_columns(const oz_call *c);
/* direct.c: more than a tile of columns that lie as rows of the job's x, times one leaf of floats. */
bool oz_call_is_direct(const oz_call *c);
void oz_call_direct(const oz_call *c);
/* rows.c: any number of columns that lie as rows of the job's x. */
void oz_call_rows(const oz_call *c);

#endif

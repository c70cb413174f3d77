/* candidates.h - all ways that could multiply by a leaf, and why some cannot. */
#ifndef OZ_RUNTIME_CANDIDATES_H
#define OZ_RUNTIME_CANDIDATES_H

#include "runtime/cost.h"

#define OZ_MAX_WAYS 40

typedef struct oz_option {
    oz_choice choice;
    const char *verdict; /* why it cannot run; NULL: it can */
    oz_cost cost;
    const oz_cost_line *line;   /* by which it is predicted */
    double predicted, measured; /* ns, on one thread, and on the plan's; -1 = not known */
} oz_option;

typedef struct oz_candidates {
    const oz_plan *plan;
    const oz_layer_plan *layer;
    const oz_leaf_plan *leaf;
    uint64_t columns; /* of the batch that they are for */
    oz_option option[OZ_MAX_WAYS];
    size_t n;
} oz_candidates;

/* Fills option[] for the other members: kernels for the plan's instruction set; a format that has none there
 * may have scalar ones. */
void oz_list_candidates(oz_candidates *c);

/* trial.c: wall time by measurement, on the plan's threads: of the leaf alone, in a layer of so many columns.
 * Gives up early once it is clear that it takes longer than `hopeless_ns`. Errors: MEMORY. */
oz_status oz_trial_ns(const oz_leaf_plan *leaf, const oz_option *option, const oz_plan *plan,
                      uint64_t columns, uint64_t (*clock_ns)(void), double hopeless_ns, double *ns,
                      oz_error *err);

#endif

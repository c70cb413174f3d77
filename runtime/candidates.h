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

/* A leaf to be timed in a layer of so many columns, multiplied by in one way. */
typedef struct oz_timing {
    const oz_leaf_plan *leaf;
    oz_choice choice;
    uint64_t columns;
    double predicted; /* ns, on one thread: decides how many threads are called */
    double ns;        /* wall time by measurement, on the plan's threads */
} oz_timing;

/* trial.c: of the leaf alone. Gives up early once it is clear that it takes longer than `hopeless_ns`.
 * Errors: MEMORY. */
oz_status oz_time_leaf(const oz_plan *plan, oz_timing *what, uint64_t (*clock_ns)(void), double hopeless_ns,
                       oz_error *err);
/* Of n leaves that take turns as in a run of a model, so that each finds in the caches what the others have
 * left there. Errors: MEMORY. */
oz_status oz_time_in_turn(const oz_plan *plan, oz_timing *what, size_t n, uint64_t (*clock_ns)(void),
                          oz_error *err);

#endif

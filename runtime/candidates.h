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
    double predicted, measured; /* ns; -1 = not known */
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

#endif

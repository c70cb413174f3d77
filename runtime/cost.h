/* cost.h - what a kernel is expected to take, in nanoseconds on one thread. */
#ifndef OZ_RUNTIME_COST_H
#define OZ_RUNTIME_COST_H

#include "runtime/plan.h"

/* One leaf, `columns` batch columns, on instruction set `isa`. */
double oz_cost_ns(const oz_leaf *leaf, const oz_choice *choice, oz_isa isa, uint64_t columns);
/* Wall time of the same by measurement: the fastest of a few runs of one tile (or row set), scaled to all
 * columns. Errors: MEMORY. */
oz_status oz_trial_ns(const oz_leaf *leaf, const oz_choice *choice, bool reads_i8, const oz_plan *plan,
                      uint64_t columns, uint64_t (*clock_ns)(void), double *ns, oz_error *err);

#endif

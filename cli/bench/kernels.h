/* kernels.h - the kernels that a plan chooses from, timed bare on one thread. */
#ifndef OZ_CLI_BENCH_KERNELS_H
#define OZ_CLI_BENCH_KERNELS_H

#include "cli/bench/output.h"
#include "cli/bench/stock.h"

/* Every candidate for every leaf of each item, beside the kernel that a plan would choose for the first item.
 */
int oz_bench_kernels(const oz_common *common, const oz_stock *stock, const uint32_t *batches, size_t n,
                     oz_output *o);

#endif

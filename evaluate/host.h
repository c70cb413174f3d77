/* host.h - the caller's services, any of which may be absent. */
#ifndef OZ_EVALUATE_HOST_H
#define OZ_EVALUATE_HOST_H

#include "base/memory.h"

/* NULL = malloc. */
const oz_allocator *oz_host_memory(const oz_host *host);
/* Reports progress. Errors: CANCEL if the host wants to stop. */
oz_status oz_host_report(const oz_host *host, const char *stage, uint64_t done, uint64_t total,
                         oz_error *err);

#endif

#include "evaluate/host.h"

const oz_allocator *oz_host_memory(const oz_host *host) {
    return host && host->size >= offsetof(oz_host, executor) ? host->allocator : NULL;
}

oz_status oz_host_report(const oz_host *host, const char *stage, uint64_t done, uint64_t total,
                         oz_error *err) {
    if (!host || host->size < sizeof *host || !host->progress) return OZ_OK;
    if (host->progress(host->progress_ctx, stage, done, total)) return OZ_OK;
    return oz_fail(err, OZ_ERR_CANCEL, OZ_NO_OFFSET, stage, "cancelled");
}

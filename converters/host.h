/* host.h - what every converter asks of its caller: memory, progress, a place for results.
 *
 * A host may be absent, or from an older caller and shorter than ours; these look only at what is there. */
#ifndef OZ_CONVERTERS_HOST_H
#define OZ_CONVERTERS_HOST_H

#include "base/memory.h"
#include "formats/container/image.h"

#include <ounce/tools.h>

const oz_allocator *oz_host_allocator(const oz_host *host);
/* With NULL for what is absent. */
void oz_host_copy(oz_host *out, const oz_host *host);
/* Reports that `done` of `total` are finished. Errors: CANCEL if the host wants to stop. */
oz_status oz_host_progress(const oz_host *host, const char *stage, uint64_t done, uint64_t total,
                           oz_error *err);
/* Errors: ARGUMENT (its size is not set), VERSION (of a newer caller). `own` is our size of the struct. */
oz_status oz_struct_check(size_t given, size_t own, const char *name, oz_error *err);

oz_status oz_no_memory(const char *where, oz_error *err);
/* The image's bytes as a buffer that oz_buffer_free frees. */
oz_status oz_buffer_copy(oz_buffer *out, const oz_image *image, oz_error *err);

#endif

/* host.c - the caller's services and structs, with defaults for what is not there. */
#include "converters/host.h"

#include <string.h>

static bool has_field(const oz_host *host, size_t end) {
    return host && host->size >= end;
}

const oz_allocator *oz_host_allocator(const oz_host *host) {
    return has_field(host, offsetof(oz_host, executor)) ? host->allocator : NULL;
}

void oz_host_copy(oz_host *out, const oz_host *host) {
    size_t bytes = sizeof *out;
    *out = (oz_host)OZ_HOST_INIT;
    if (host && host->size < bytes) bytes = host->size;
    if (host) memcpy(out, host, bytes);
    out->size = sizeof *out;
}

oz_status oz_host_progress(const oz_host *host, const char *stage, uint64_t done, uint64_t total,
                           oz_error *err) {
    if (!has_field(host, sizeof *host) || !host->progress) return OZ_OK;
    if (host->progress(host->progress_ctx, stage, done, total)) return OZ_OK;
    return oz_fail(err, OZ_ERR_CANCEL, OZ_NO_OFFSET, stage, "cancelled");
}

oz_status oz_struct_check(size_t given, size_t own, const char *name, oz_error *err) {
    if (given > own)
        return oz_fail(err, OZ_ERR_VERSION, OZ_NO_OFFSET, name,
                       "the struct is from a newer version of the library");
    if (given < own)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, name,
                       "size is not set: initialise the struct with its _INIT macro");
    return OZ_OK;
}

oz_status oz_no_memory(const char *where, oz_error *err) {
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, where, "out of memory");
}

oz_status oz_buffer_copy(oz_buffer *out, const oz_image *image, oz_error *err) {
    out->data = oz_alloc(NULL, image->bytes, 64);
    if (!out->data) return oz_no_memory("", err);
    out->bytes = image->bytes;
    memcpy(out->data, image->data, image->bytes);
    return OZ_OK;
}

void oz_buffer_free(oz_buffer *b) {
    if (!b) return;
    oz_release(NULL, b->data, b->bytes);
    *b = (oz_buffer){0};
}

/* file.h - reading a whole file and replacing one atomically. */
#ifndef OZ_BASE_FILE_H
#define OZ_BASE_FILE_H

#include "base/memory.h"

typedef struct oz_file {
    const uint8_t *data; /* at least 64-byte aligned */
    size_t bytes;
    bool mapped;
    const oz_allocator *allocator; /* of a file that was read, not mapped */
} oz_file;

/* Maps a regular file (never a FIFO, device or directory), or reads it if `no_mmap`.
 * Errors: IO, LIMIT, MEMORY. */
oz_status oz_file_open(const char *path, bool no_mmap, uint64_t max_bytes, const oz_allocator *allocator,
                       oz_file *out, oz_error *err);
void oz_file_close(oz_file *f);

/* A file that replaces `path` when committed and leaves no trace otherwise: it is written under a
 * temporary name in the same folder, synced, then renamed. */
typedef struct oz_file_writer {
    int fd;
    char *path, *temporary;
    uint64_t written;
} oz_file_writer;

/* Fails with IO if `path` exists and `replace` is false. */
oz_status oz_file_writer_open(oz_file_writer *w, const char *path, bool replace, oz_error *err);
oz_status oz_file_writer_write(oz_file_writer *w, const void *data, size_t bytes, oz_error *err);
oz_status oz_file_writer_commit(oz_file_writer *w, oz_error *err); /* closes w, also on failure */
void oz_file_writer_abort(oz_file_writer *w);                      /* after any other failure */

#endif

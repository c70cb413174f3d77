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

/* Maps a regular file (never a FIFO, device or folder), or reads it if `no_mmap`, or if it cannot be
 * mapped.  max_bytes 0 = no limit.  An empty file has data and 0 bytes.  On failure *out is closed.
 * Errors: IO, LIMIT, MEMORY. */
oz_status oz_file_open(const char *path, bool no_mmap, uint64_t max_bytes, const oz_allocator *allocator,
                       oz_file *out, oz_error *err);
void oz_file_close(oz_file *f);

/* A file that replaces `path` when committed and leaves no trace otherwise: it is written under a
 * temporary name in the same folder, synced, then renamed.  Where `path` is a symbolic link, the link
 * itself is replaced. */
typedef struct oz_file_writer {
    int fd;
    char *path, *temporary;
    uint64_t written;
    bool replace;
} oz_file_writer;

/* Fails with IO if `path` exists and `replace` is false, or if it is a folder, pipe or device.  Without
 * `replace`, a file that appears later is not overwritten either: then commit fails. */
oz_status oz_file_writer_open(oz_file_writer *w, const char *path, bool replace, oz_error *err);
oz_status oz_file_writer_write(oz_file_writer *w, const void *data, size_t bytes, oz_error *err);
oz_status oz_file_writer_commit(oz_file_writer *w, oz_error *err); /* closes w, also on failure */
void oz_file_writer_abort(oz_file_writer *w); /* after any other failure; a closed writer is left alone */

#endif

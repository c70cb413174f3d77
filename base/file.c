/* file.c - mapping or reading a whole regular file, and replacing one in a single step.
 *
 * A file is judged by its open descriptor, never by its name, so nobody can swap it in between.  A written
 * file appears under its name only when every byte of it has reached the disk. */
#include "base/file.h"

#include "base/arith.h"
#include "base/clock.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DATA_ALIGN = 64, NAME_ATTEMPTS = 100 };

static oz_status fail_errno(oz_error *err, int number, const char *what, const char *path) {
    char reason[96];
    if (strerror_r(number, reason, sizeof reason) != 0) snprintf(reason, sizeof reason, "error %d", number);
    return oz_fail(err, OZ_ERR_IO, OZ_NO_OFFSET, path, "cannot %s: %s", what, reason);
}

/* ---- reading --------------------------------------------------------------------- */

static oz_status check_regular(int fd, const char *path, uint64_t max_bytes, size_t *bytes, oz_error *err) {
    struct stat info;
    if (fstat(fd, &info) != 0) return fail_errno(err, errno, "examine the file", path);
    if (S_ISDIR(info.st_mode))
        return oz_fail(err, OZ_ERR_IO, OZ_NO_OFFSET, path, "is a folder; name a file in it");
    if (!S_ISREG(info.st_mode))
        return oz_fail(err, OZ_ERR_IO, OZ_NO_OFFSET, path,
                       "is a pipe or a device; copy it to a regular file first");
    uint64_t size = (uint64_t)info.st_size;
    if ((max_bytes && size > max_bytes) || size > PTRDIFF_MAX)
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, path,
                       "has %" PRIu64 " bytes, more than the %" PRIu64 " allowed", size,
                       max_bytes ? max_bytes : (uint64_t)PTRDIFF_MAX);
    *bytes = (size_t)size;
    return OZ_OK;
}

static oz_status read_fully(int fd, const char *path, uint8_t *data, size_t bytes, oz_error *err) {
    for (size_t done = 0; done < bytes;) {
        ssize_t got = read(fd, data + done, bytes - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(err, errno, "read", path);
        if (got == 0)
            return oz_fail(err, OZ_ERR_IO, done, path, "became shorter while it was read; try again");
        done += (size_t)got;
    }
    return OZ_OK;
}

static oz_status read_copy(int fd, const char *path, size_t bytes, const oz_allocator *allocator,
                           oz_file *out, oz_error *err) {
    uint8_t *data = oz_alloc(allocator, bytes, DATA_ALIGN);
    if (!data)
        return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, path, "no memory to read its %zu bytes", bytes);
    oz_status status = read_fully(fd, path, data, bytes, err);
    if (status != OZ_OK) {
        oz_release(allocator, data, bytes);
        return status;
    }
    *out = (oz_file){.data = data, .bytes = bytes, .allocator = allocator};
    return OZ_OK;
}

/* False where the file cannot be mapped: empty, or on a file system without mappings. */
static bool map(int fd, size_t bytes, oz_file *out) {
    if (bytes == 0) return false;
    void *data = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) return false;
    *out = (oz_file){.data = data, .bytes = bytes, .mapped = true};
    return true;
}

static oz_status load(const char *path, bool no_mmap, uint64_t max_bytes, const oz_allocator *allocator,
                      oz_file *out, oz_error *err) {
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return fail_errno(err, errno, "open", path);
    size_t bytes = 0;
    oz_status status = check_regular(fd, path, max_bytes, &bytes, err);
    if (status == OZ_OK && (no_mmap || !map(fd, bytes, out)))
        status = read_copy(fd, path, bytes, allocator, out, err);
    close(fd);
    return status;
}

oz_status oz_file_open(const char *path, bool no_mmap, uint64_t max_bytes, const oz_allocator *allocator,
                       oz_file *out, oz_error *err) {
    int saved = errno;
    *out = (oz_file){0};
    oz_status status = load(path, no_mmap, max_bytes, allocator, out, err);
    errno = saved;
    return status;
}

void oz_file_close(oz_file *f) {
    if (f->mapped) {
        int saved = errno;
        munmap((void *)(uintptr_t)f->data, f->bytes);
        errno = saved;
    } else if (f->data) {
        oz_release(f->allocator, (void *)(uintptr_t)f->data, f->bytes);
    }
    *f = (oz_file){0};
}

/* ---- writing --------------------------------------------------------------------- */

/* Bytes of the folder part of `path`, the last slash included; 0 if it is the current folder. */
static size_t folder_bytes(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Not a secret, only unlikely to be taken: O_EXCL decides. */
static void make_temporary_name(oz_file_writer *w, size_t room, uint64_t attempt) {
    uint64_t number = oz_hash_u64(oz_clock_ns() + attempt, (uint64_t)getpid() ^ (uint64_t)(uintptr_t)w);
    int folder = (int)folder_bytes(w->path);
    snprintf(w->temporary, room, "%.*s.ounce-%016" PRIx64 ".tmp", folder, w->path, number);
}

static size_t temporary_room(const char *path) {
    return folder_bytes(path) + sizeof ".ounce-0123456789abcdef.tmp";
}

static void forget(oz_file_writer *w) {
    if (w->path) oz_release(NULL, w->temporary, temporary_room(w->path));
    if (w->path) oz_release(NULL, w->path, strlen(w->path) + 1);
    *w = (oz_file_writer){.fd = -1};
}

static oz_status check_target(const char *path, bool replace, oz_error *err) {
    struct stat info;
    const char *name = path + folder_bytes(path);
    if (!*name || strlen(path) >= INT32_MAX)
        return oz_fail(err, OZ_ERR_IO, OZ_NO_OFFSET, path, "is not the name of a file");
    if (lstat(path, &info) != 0) return errno == ENOENT ? OZ_OK : fail_errno(err, errno, "write here", path);
    if (!replace)
        return oz_fail(err, OZ_ERR_IO, OZ_NO_OFFSET, path,
                       "exists already; choose another name or overwrite");
    bool dangling = S_ISLNK(info.st_mode) && stat(path, &info) != 0;
    if (!dangling && !S_ISREG(info.st_mode))
        return oz_fail(err, OZ_ERR_IO, OZ_NO_OFFSET, path, "is not a regular file; choose another name");
    return OZ_OK;
}

static oz_status create_temporary(oz_file_writer *w, oz_error *err) {
    for (uint64_t attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
        make_temporary_name(w, temporary_room(w->path), attempt);
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd >= 0) return OZ_OK;
        if (errno != EEXIST && errno != EINTR) break;
    }
    return fail_errno(err, errno, "create a file in its folder", w->path);
}

static oz_status start_writing(oz_file_writer *w, const char *path, bool replace, oz_error *err) {
    OZ_TRY(check_target(path, replace, err));
    size_t bytes = strlen(path) + 1;
    w->path = oz_alloc(NULL, bytes, 1);
    w->temporary = oz_alloc(NULL, temporary_room(path), 1);
    if (w->path) memcpy(w->path, path, bytes);
    if (w->path && w->temporary) return create_temporary(w, err);
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, path, "no memory for its name");
}

oz_status oz_file_writer_open(oz_file_writer *w, const char *path, bool replace, oz_error *err) {
    int saved = errno;
    *w = (oz_file_writer){.fd = -1, .replace = replace};
    oz_status status = start_writing(w, path, replace, err);
    if (status != OZ_OK) forget(w);
    errno = saved;
    return status;
}

oz_status oz_file_writer_write(oz_file_writer *w, const void *data, size_t bytes, oz_error *err) {
    int saved = errno;
    oz_status status = OZ_OK;
    for (const uint8_t *from = data; bytes > 0;) {
        ssize_t put = write(w->fd, from, oz_min(bytes, 1u << 30));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            status = fail_errno(err, put < 0 ? errno : EIO, "write", w->path);
            break;
        }
        from += put;
        bytes -= (size_t)put;
        w->written += (uint64_t)put;
    }
    errno = saved;
    return status;
}

/* Gives the file its name without taking it from another.  link() refuses an existing name; on file systems
 * without hard links the check and the rename are two steps. */
static int name_new_file(const char *temporary, const char *path) {
    if (link(temporary, path) == 0) {
        unlink(temporary);
        return 0;
    }
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) return -1;
    struct stat info;
    if (lstat(path, &info) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(temporary, path);
}

/* Makes the new name itself durable.  Folders that cannot be opened or synced at all are left to the system.
 */
static oz_status sync_folder(const char *path, oz_error *err) {
    char folder[4096];
    size_t bytes = folder_bytes(path);
    if (bytes >= sizeof folder) return OZ_OK;
    memcpy(folder, path, bytes);
    memcpy(folder + bytes, bytes ? "" : ".", bytes ? 1 : 2);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return OZ_OK;
    bool failed = fsync(fd) != 0 && errno != EINVAL && errno != EOPNOTSUPP && errno != EROFS;
    int number = errno;
    close(fd);
    return failed ? fail_errno(err, number, "sync its folder (the file is complete)", path) : OZ_OK;
}

static oz_status finish_writing(oz_file_writer *w, oz_error *err) {
    while (fsync(w->fd) != 0)
        if (errno != EINTR) return fail_errno(err, errno, "write", w->path);
    int closed = close(w->fd);
    w->fd = -1;
    if (closed != 0 && errno != EINTR) return fail_errno(err, errno, "write", w->path);
    int named = w->replace ? rename(w->temporary, w->path) : name_new_file(w->temporary, w->path);
    return named == 0 ? OZ_OK : fail_errno(err, errno, "give the file its name", w->path);
}

oz_status oz_file_writer_commit(oz_file_writer *w, oz_error *err) {
    int saved = errno;
    oz_status status = finish_writing(w, err);
    if (status != OZ_OK) {
        oz_file_writer_abort(w);
    } else {
        status = sync_folder(w->path, err);
        forget(w);
    }
    errno = saved;
    return status;
}

void oz_file_writer_abort(oz_file_writer *w) {
    if (!w->temporary) return;
    int saved = errno;
    if (w->fd >= 0) close(w->fd);
    unlink(w->temporary);
    forget(w);
    errno = saved;
}

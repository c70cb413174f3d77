/* files.c - see files.h. */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/terminal.h"

static int refuse(const char *path, const char *why, const char *detail) {
    oz_terminal_clear();
    fprintf(stderr, "ounce: %s: %s%s\n", *path ? path : "''", why, detail);
    return EXIT_IO;
}

/* The path up to its last slash, with "." or "/." where that leaves nothing; NULL without memory. */
static char *folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    char *folder = malloc(n + 2);
    if (!folder) return NULL;
    memcpy(folder, path, n);
    memcpy(folder + n, ".", 2);
    return folder;
}

int oz_check_output(const char *path, bool force) {
    if (!path) return EXIT_DONE;
    struct stat info;
    size_t n = strlen(path);
    if (n == 0 || path[n - 1] == '/') return refuse(path, "is not the name of a file", "");
    bool exists = lstat(path, &info) == 0;
    if (exists && !force) return refuse(path, "exists already; choose another name, or --force", "");
    if (exists && stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return refuse(path, "is not a regular file; choose another name", "");
    char *folder = folder_of(path);
    if (!folder) return oz_memory_error();
    int code = access(folder, W_OK | X_OK) == 0
                   ? EXIT_DONE
                   : refuse(path, "cannot write to its folder: ",
                            errno == ENOENT ? "there is none; make it first" : strerror(errno));
    free(folder);
    return code;
}

int oz_check_folder(const char *path) {
    struct stat info;
    if (!path) return EXIT_DONE;
    if (stat(path, &info) != 0) {
        bool absent = errno == ENOENT;
        return refuse(path,
                      "cannot open the folder: ", absent ? "there is none; make it first" : strerror(errno));
    }
    if (!S_ISDIR(info.st_mode)) return refuse(path, "is not a folder", "");
    return access(path, W_OK | X_OK) == 0 ? EXIT_DONE : refuse(path, "cannot write to it: ", strerror(errno));
}

int oz_save_file(const char *path, const void *data, size_t bytes, bool force) {
    oz_error err = {0};
    oz_terminal_hold_interrupts(true); /* a second Ctrl-C must not leave the temporary file */
    oz_status status = OZ_ERR_CANCEL;
    if (!oz_terminal_interrupted()) status = oz_write_file(path, data, bytes, force, &err);
    oz_terminal_hold_interrupts(false);
    if (status == OZ_ERR_CANCEL) return EXIT_INTERRUPTED;
    return status == OZ_OK ? EXIT_DONE : oz_report_error(path, &err);
}

/* A regular file: a pipe could make us wait for ever. */
static FILE *open_regular(const char *path) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return NULL;
    FILE *file = NULL;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    else
        file = fdopen(fd, "rb");
    if (!file) {
        int saved = errno;
        close(fd);
        errno = saved;
    }
    return file;
}

int oz_load_text(const char *path, char **out) {
    enum { ROOM = 1 << 20 };
    *out = NULL;
    FILE *file = open_regular(path);
    if (!file) return refuse(path, "cannot open: ", errno == EINVAL ? "not a regular file" : strerror(errno));
    char *text = malloc(ROOM);
    size_t n = text ? fread(text, 1, ROOM, file) : 0;
    bool failed = ferror(file) != 0;
    fclose(file);
    if (!text) return oz_memory_error();
    int code = EXIT_DONE;
    if (failed) {
        code = refuse(path, "cannot read it", "");
    } else if (n == ROOM || memchr(text, '\0', n)) {
        refuse(path, "is not a text of up to 1 MiB", "");
        code = EXIT_BAD_FILE;
    }
    if (code) {
        free(text);
        return code;
    }
    text[n] = '\0';
    *out = text;
    return EXIT_DONE;
}

int oz_open_dataset(const char *path, uint64_t limit, oz_dataset **out) {
    oz_error err = {0};
    oz_status status = oz_dataset_open(path, limit, oz_terminal_host(), out, &err);
    if (status == OZ_OK) return EXIT_DONE;
    int code = oz_report_error(path, &err);
    return status == OZ_ERR_ARGUMENT ? EXIT_BAD_FILE : code; /* the argument was the file: it is empty */
}

void oz_warn_of_few(const char *path, const oz_dataset *calibration, bool quiet) {
    if (quiet || !calibration || oz_dataset_count(calibration) > 1) return;
    oz_file_error(path, "has one record, and the correction will fit that one; give it some hundreds");
}

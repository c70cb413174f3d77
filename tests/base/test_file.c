/* test_file.c - reading only regular files, and replacing a file entirely or not at all. */
#include "base/file.h"
#include "tests/support/allocator.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

static char folder[] = "test-file-XXXXXX";

static void enter_folder(void) {
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void empty_folder(const char *name) {
    DIR *dir = opendir(name);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.' || strstr(entry->d_name, "ounce")) {
            char path[600];
            snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
            remove(path);
        }
    closedir(dir);
}

static void leave_folder(void) {
    empty_folder(".");
    cr_assert_eq(chdir(".."), 0);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(file, .init = enter_folder, .fini = leave_folder);

static void put(const char *path, const char *text, size_t bytes) {
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(text, 1, bytes, f) == bytes && fclose(f) == 0);
}

static void expect_content(const char *path, const char *want) {
    oz_file f;
    cr_assert_eq(oz_file_open(path, true, 0, NULL, &f, NULL), OZ_OK);
    cr_assert(f.bytes == strlen(want) && memcmp(f.data, want, f.bytes) == 0, "%s", path);
    oz_file_close(&f);
}

/* Files of the folder, hidden ones included. */
static int count_files(void) {
    int files = 0;
    DIR *dir = opendir(".");
    for (struct dirent *entry; (entry = readdir(dir));)
        files += strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(dir);
    return files;
}

Test(file, mapped_or_read) {
    enum { BYTES = 100003 };
    char *want = malloc(BYTES);
    for (int i = 0; i < BYTES; i++) want[i] = (char)(i * 31 >> 3);
    put("a", want, BYTES);
    cr_assert_eq(symlink("a", "link"), 0);
    test_allocator state = {0};
    oz_allocator a = test_allocator_of(&state);
    for (int read = 0; read <= 1; read++) {
        oz_file f;
        cr_assert_eq(oz_file_open(read ? "a" : "link", read, BYTES, &a, &f, NULL), OZ_OK);
        cr_assert_eq(f.mapped, !read);
        cr_assert_eq(state.live_blocks, (uint64_t)read);
        cr_assert_eq((uintptr_t)f.data % 64, 0);
        cr_assert(f.bytes == BYTES && memcmp(f.data, want, BYTES) == 0);
        oz_file_close(&f);
        cr_assert(f.data == NULL && state.live_blocks == 0 && state.wrong_sizes == 0);
        oz_file_close(&f);
    }
    free(want);
}

Test(file, empty) {
    put("a", "", 0);
    for (int read = 0; read <= 1; read++) {
        oz_file f;
        cr_assert_eq(oz_file_open("a", read, 0, NULL, &f, NULL), OZ_OK);
        cr_assert(f.data != NULL && f.bytes == 0);
        oz_file_close(&f);
    }
}

static void expect_refusal(const char *path, oz_status want, const char *in_message) {
    for (int read = 0; read <= 1; read++) {
        oz_file f;
        oz_error err;
        errno = 99;
        cr_assert_eq(oz_file_open(path, read, 1000, NULL, &f, &err), want, "%s", path);
        cr_assert_eq(errno, 99, "errno is the application's");
        cr_assert_not_null(strstr(err.message, in_message), "%s: %s", path, err.message);
        cr_assert_str_eq(err.where, path);
        cr_assert(f.data == NULL && f.bytes == 0);
    }
}

Test(file, what_is_not_a_small_regular_file_is_refused) {
    char big[1001] = {0};
    put("big", big, sizeof big);
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    expect_refusal("absent", OZ_ERR_IO, "No such file");
    expect_refusal(".", OZ_ERR_IO, "folder");
    expect_refusal("/dev/null", OZ_ERR_IO, "device");
    expect_refusal("fifo", OZ_ERR_IO, "pipe");
    expect_refusal("big", OZ_ERR_LIMIT, "1001");
}

Test(file, no_memory) {
    put("a", "text", 4);
    test_allocator state = {.fail_at = 1};
    oz_allocator a = test_allocator_of(&state);
    oz_file f;
    oz_error err;
    cr_assert_eq(oz_file_open("a", true, 0, &a, &f, &err), OZ_ERR_MEMORY);
    cr_assert_null(f.data);
}

Test(file, committed_or_aborted) {
    mode_t mask = umask(027);
    oz_file_writer w;
    cr_assert_eq(oz_file_writer_open(&w, "a", false, NULL), OZ_OK);
    cr_assert_neq(access("a", F_OK), 0, "not there before it is complete");
    cr_assert_eq(oz_file_writer_write(&w, "two ", 4, NULL), OZ_OK);
    cr_assert_eq(oz_file_writer_write(&w, NULL, 0, NULL), OZ_OK);
    cr_assert_eq(oz_file_writer_write(&w, "parts", 5, NULL), OZ_OK);
    cr_assert_eq(w.written, 9);
    cr_assert_eq(oz_file_writer_commit(&w, NULL), OZ_OK);
    expect_content("a", "two parts");
    struct stat info;
    cr_assert(stat("a", &info) == 0 && (info.st_mode & 0777) == 0640, "as the umask says");
    umask(mask);

    cr_assert_eq(oz_file_writer_open(&w, "./a", true, NULL), OZ_OK);
    cr_assert_eq(oz_file_writer_write(&w, "new", 3, NULL), OZ_OK);
    expect_content("a", "two parts");
    oz_file_writer_abort(&w);
    expect_content("a", "two parts");
    oz_file_writer_abort(&w);

    cr_assert_eq(oz_file_writer_open(&w, "a", true, NULL), OZ_OK);
    cr_assert_eq(oz_file_writer_write(&w, "newer", 5, NULL), OZ_OK);
    cr_assert_eq(oz_file_writer_commit(&w, NULL), OZ_OK);
    oz_file_writer_abort(&w);
    expect_content("a", "newer");
    cr_assert_eq(count_files(), 1, "no temporary file is left");
}

static void expect_no_writer(const char *path, bool replace, const char *in_message) {
    oz_file_writer w;
    oz_error err;
    cr_assert_eq(oz_file_writer_open(&w, path, replace, &err), OZ_ERR_IO, "%s", path);
    cr_assert_not_null(strstr(err.message, in_message), "%s: %s", path, err.message);
    oz_file_writer_abort(&w);
}

Test(file, targets_that_are_refused) {
    put("a", "old", 3);
    cr_assert_eq(mkfifo("fifo", 0600), 0);
    cr_assert_eq(symlink("fifo", "link"), 0);
    expect_no_writer("a", false, "exists already");
    expect_no_writer("link", false, "exists already");
    expect_no_writer("link", true, "not a regular file");
    expect_no_writer("fifo", true, "not a regular file");
    expect_no_writer(".", true, "not a regular file");
    expect_no_writer("", true, "name");
    expect_no_writer("absent/", true, "name");
    expect_no_writer("absent/a", true, "No such file");
    expect_no_writer("a/b", true, "Not a directory");
    expect_content("a", "old");
    cr_assert_eq(count_files(), 3);
}

Test(file, a_file_that_appears_meanwhile_is_not_overwritten) {
    oz_file_writer w;
    oz_error err;
    cr_assert_eq(oz_file_writer_open(&w, "a", false, NULL), OZ_OK);
    cr_assert_eq(oz_file_writer_write(&w, "mine", 4, NULL), OZ_OK);
    put("a", "theirs", 6);
    cr_assert_eq(oz_file_writer_commit(&w, &err), OZ_ERR_IO);
    cr_assert_not_null(strstr(err.message, "exists"), "%s", err.message);
    expect_content("a", "theirs");
    cr_assert_eq(count_files(), 1);
}

Test(file, a_full_disk_leaves_the_old_file) {
    put("a", "old", 3);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY}, before;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit.rlim_max = before.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    char block[600] = {0};
    oz_file_writer w;
    oz_error err;
    cr_assert_eq(oz_file_writer_open(&w, "a", true, NULL), OZ_OK);
    cr_assert_eq(oz_file_writer_write(&w, block, sizeof block, NULL), OZ_OK);
    cr_assert_eq(oz_file_writer_write(&w, block, sizeof block, &err), OZ_ERR_IO);
    cr_assert_not_null(strstr(err.message, "cannot write"), "%s", err.message);
    oz_file_writer_abort(&w);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    expect_content("a", "old");
    cr_assert_eq(count_files(), 1);
}

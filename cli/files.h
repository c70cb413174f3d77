/* files.h - files that verbs read and write. Each function prints what is wrong and gives the exit code. */
#ifndef OZ_CLI_FILES_H
#define OZ_CLI_FILES_H

#include "cli/verb.h"

/* Before work that takes long: can `path` be written? NULL can. */
int oz_check_output(const char *path, bool force);
int oz_check_folder(const char *path); /* likewise, for files in it */
/* Writes all of it or nothing; nothing after Ctrl-C. */
int oz_save_file(const char *path, const void *data, size_t bytes, bool force);
/* A text file of up to 1 MiB as a string that the caller frees. */
int oz_load_text(const char *path, char **out);
int oz_open_dataset(const char *path, uint64_t limit, oz_dataset **out);
/* A line on stderr if `calibration` is one record: it has no deviations that a correction could match. */
void oz_warn_of_few(const char *path, const oz_dataset *calibration, bool quiet);

#endif

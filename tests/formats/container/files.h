/* files.h - files for the tests of the container, made by hand or from contents. */
#ifndef OZ_TESTS_FILES_H
#define OZ_TESTS_FILES_H

#include "formats/container/contents.h"
#include "formats/container/image.h"

/* A file in memory of exactly its bytes, at a multiple of 64. */
typedef struct file {
    uint8_t *data;
    size_t bytes;
} file;

/* Length, `header` padded with spaces to a line, then `data_bytes` bytes 0, 1, 2 ... */
file file_make(const char *header, size_t data_bytes);
file file_of_image(const oz_image *image);
void file_free(file *f);

/* A file that is read: everything lives in the arena. */
typedef struct opened {
    oz_arena arena;
    oz_safetensors file;
    oz_contents contents;
    oz_error err;
} opened;

oz_status opened_read(opened *o, const file *f, const oz_limits *limits);
void opened_free(opened *o);

#endif

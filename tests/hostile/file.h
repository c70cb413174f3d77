/* file.h - a small file in memory, at an address that mapping could give. */
#ifndef OZ_TESTS_HOSTILE_FILE_H
#define OZ_TESTS_HOSTILE_FILE_H

#include "tests/support/models/models.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

typedef struct file {
    uint8_t *data; /* to be freed */
    size_t bytes, header_bytes;
} file;

uint8_t *file_allocate(size_t bytes);
uint8_t *file_copy(const void *data, size_t bytes);
/* Of what `build` makes with 9 rows and 7 columns; fails the test if it cannot. */
file file_make(oz_status (*build)(model *m, const char *text, uint64_t rows, uint64_t cols),
               const char *text);

/* The numbers of all formats, each the parameter of a test. */
struct criterion_test_params file_formats(void);

#endif

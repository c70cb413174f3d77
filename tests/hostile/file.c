/* file.c - see file.h. */
#include "tests/hostile/file.h"

#include "tests/hostile/network.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

uint8_t *file_allocate(size_t bytes) {
    void *p;
    if (posix_memalign(&p, 64, bytes ? bytes : 1) != 0) abort();
    return p;
}

uint8_t *file_copy(const void *data, size_t bytes) {
    uint8_t *p = file_allocate(bytes);
    if (bytes) memcpy(p, data, bytes);
    return p;
}

file file_make(oz_status (*build)(model *m, const char *text, uint64_t rows, uint64_t cols),
               const char *text) {
    model m;
    oz_image image;
    cr_assert_eq(build(&m, text, 9, 7), OZ_OK, "%s: %s", text, m.err.message);
    if (build == model_make_plain) m.contents.graph = network_of_plain;
    cr_assert_eq(oz_image_build(&m.contents, &image, &m.arena, &m.err), OZ_OK, "%s", m.err.message);
    file f = {.data = file_copy(image.data, image.bytes), .bytes = image.bytes, .header_bytes = 8};
    for (int i = 7; i >= 0; i--) f.header_bytes += (size_t)image.data[i] << 8 * i;
    model_free(&m);
    return f;
}

struct criterion_test_params file_formats(void) {
    static size_t index[64];
    size_t n = 0;
    for (; oz_format_at(n); n++) index[n] = n;
    return cr_make_param_array(size_t, index, n);
}

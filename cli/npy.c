/* npy.c - see npy.h. */
#include "cli/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"

/* The header ends with a newline and makes the numbers start at a multiple of 64. */
static size_t make_header(char *out, size_t room, uint32_t rank, const int64_t *dim) {
    int n = snprintf(out + 10, room - 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (uint32_t d = 0; d < rank; d++)
        n += snprintf(out + 10 + n, room - 10 - (size_t)n, d ? " %lld," : "%lld,", (long long)dim[d]);
    n += snprintf(out + 10 + n, room - 10 - (size_t)n, "), }");
    size_t total = (10 + (size_t)n + 1 + 63) / 64 * 64;
    memset(out + 10 + n, ' ', total - 10 - (size_t)n);
    out[total - 1] = '\n';
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)((total - 10) & 255);
    out[9] = (char)((total - 10) >> 8);
    return total;
}

int oz_npy_save(const char *path, const float *data, uint32_t rank, const int64_t *dim, bool force) {
    char header[512];
    size_t head = make_header(header, sizeof header, rank, dim), floats = 1;
    for (uint32_t d = 0; d < rank; d++) floats *= (size_t)dim[d];
    char *file = malloc(head + floats * sizeof(float));
    if (!file) return oz_memory_error();
    memcpy(file, header, head);
    memcpy(file + head, data, floats * sizeof(float));
    int code = oz_save_file(path, file, head + floats * sizeof(float), force);
    free(file);
    return code;
}

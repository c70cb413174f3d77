/* npy.h - writing NumPy's array file, version 1.0: a header of text, then the numbers. */
#ifndef OZ_CLI_NPY_H
#define OZ_CLI_NPY_H

#include <stdbool.h>
#include <stdint.h>

/* f32, row major. Prints what is wrong and gives the exit code. */
int oz_npy_save(const char *path, const float *data, uint32_t rank, const int64_t *dim, bool force);

#endif

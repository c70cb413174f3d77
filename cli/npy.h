/* npy.h - writing NumPy's array file, version 1.0: a header of text, then the numbers. */
#ifndef OZ_CLI_NPY_H
#define OZ_CLI_NPY_H

#include <ounce/tools.h>

/* f32, row major. */
oz_status oz_npy_write(const char *path, const float *data, uint32_t rank, const int64_t *dim, bool force,
                       oz_error *err);

#endif

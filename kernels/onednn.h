/* onednn.h - oneDNN as a candidate: its sgemm on one panel of columns. onednn.c is the only file that
 * knows <dnnl.h>; a build without it answers that there is none. */
#ifndef OZ_KERNELS_ONEDNN_H
#define OZ_KERNELS_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>

bool oz_dnnl_available(void);
/* y[rows][lanes] = w[rows][k] x[k][lanes], on the calling thread, whose signals wait meanwhile. False if
 * oneDNN could not (out of memory): y is then undefined. */
bool oz_dnnl_panel(const float *w, size_t rows, size_t k, const float *x, size_t lanes, float *y);

#endif

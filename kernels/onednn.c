/* onednn.c - see onednn.h. */
#include "kernels/onednn.h"

#include "base/parallel.h"
#include "kernels/kernel.h"

#ifdef OZ_ONEDNN

#include <dnnl.h>

bool oz_dnnl_available(void) {
    return true;
}

/* Row-major W X is (X^T W^T)^T to a column-major BLAS, but oneDNN's sgemm is row-major itself. */
bool oz_dnnl_panel(const float *w, size_t rows, size_t k, const float *x, float *y) {
    int threads = oz_threads_confine();
    dnnl_status_t status = dnnl_sgemm('N', 'N', (dnnl_dim_t)rows, OZ_COLUMNS, (dnnl_dim_t)k, 1.0f, w,
                                      (dnnl_dim_t)k, x, OZ_COLUMNS, 0.0f, y, OZ_COLUMNS);
    oz_threads_restore(threads);
    return status == dnnl_success;
}

#else

bool oz_dnnl_available(void) {
    return false;
}

bool oz_dnnl_panel(const float *w, size_t rows, size_t k, const float *x, float *y) {
    (void)w, (void)rows, (void)k, (void)x, (void)y;
    return false;
}

#endif

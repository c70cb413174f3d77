/* onednn.c - see onednn.h. */
#include "kernels/onednn.h"

#include "base/signals.h"
#include "kernels/kernel.h"

#ifdef OZ_ONEDNN

#include <dnnl.h>
#include <pthread.h>

/* oneDNN's own threads are those of GCC's OpenMP runtime. Its two functions that we need are declared here
 * because another compiler has no header of it. */
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int threads);

bool oz_dnnl_available(void) {
    return true;
}

/* The code that oneDNN generates for sgemm keeps its stack pointer in a buffer on the heap, and the frame of
 * a signal would overwrite what lies below: so signals wait.
 *
 * Row-major W X is (X^T W^T)^T to a column-major BLAS, but oneDNN's sgemm is row-major itself. */
bool oz_dnnl_panel(const float *w, size_t rows, size_t k, const float *x, size_t lanes, float *y) {
    sigset_t signals;
    oz_hold_signals(&signals);
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    dnnl_status_t status = dnnl_sgemm('N', 'N', (dnnl_dim_t)rows, (dnnl_dim_t)lanes, (dnnl_dim_t)k, 1.0f, w,
                                      (dnnl_dim_t)k, x, (dnnl_dim_t)lanes, 0.0f, y, (dnnl_dim_t)lanes);
    omp_set_num_threads(threads);
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    return status == dnnl_success;
}

#else

bool oz_dnnl_available(void) {
    return false;
}

bool oz_dnnl_panel(const float *w, size_t rows, size_t k, const float *x, size_t lanes, float *y) {
    (void)w, (void)rows, (void)k, (void)x, (void)lanes, (void)y;
    return false;
}

#endif

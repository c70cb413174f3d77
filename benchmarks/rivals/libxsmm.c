/* libxsmm.c - one product of LIBXSMM with a sparse first matrix. It holds blocks of 128 x 128 weights with
 * 16-bit places and works block by block of the output; the loop over blocks is the caller's. */
#include "adapter.h"

#include <libxsmm.h>
#include <omp.h>
#include <stdlib.h>

struct state {
    const struct layer *layer;
    libxsmm_spmdm_handle *handles; /* one a copy of the weights */
    libxsmm_CSR_sparseslice **slices;
    size_t copies;
    float *y;
};

/* Y^T = W X^T, both written as they lie in rows: the library transposes. */
static void run(void *context, size_t copy) {
    struct state *s = context;
    const libxsmm_spmdm_handle *h = &s->handles[copy];
    const float one = 1, zero = 0;
    int blocks = libxsmm_spmdm_get_num_compute_blocks(h);
#pragma omp parallel num_threads(s->layer->threads)
    {
#pragma omp for schedule(static)
        for (int i = 0; i < blocks; i++)
            libxsmm_spmdm_compute_fp32_thread(h, 'N', 'T', &one, s->slices[copy], s->layer->x, 'T', &zero,
                                              s->y, i, omp_get_thread_num(), s->layer->threads);
    }
}

static const float *result(void *context) {
    return ((struct state *)context)->y;
}

static void compress(struct state *s, size_t copy) {
    const struct layer *l = s->layer;
    libxsmm_spmdm_handle *h = &s->handles[copy];
    libxsmm_spmdm_init((int)l->rows, (int)l->batch, (int)l->cols, l->threads, h, &s->slices[copy]);
    int blocks = libxsmm_spmdm_get_num_createSparseSlice_blocks(h);
    for (int i = 0; i < blocks; i++)
        libxsmm_spmdm_createSparseSlice_fp32_thread(h, 'N', l->w, s->slices[copy], i, 0, 1);
}

int main(int count, char **arguments) {
    struct layer layer = layer_open(count, arguments);
    if (layer.net) unable("this adapter times layers only");
    struct state s = {.layer = &layer, .y = allocate((size_t)(layer.batch * layer.rows) * sizeof(float))};
    if (!layer_codec_is(&layer, "f32") || layer.sparsity <= 0)
        unable("LIBXSMM is timed with f32 layers with zeros");
    libxsmm_init();
    layer.weight_bytes = 6.0 * (double)layer.nonzeros;
    layer.operations = 2.0 * (double)layer.batch * (double)layer.nonzeros;
    s.copies = layer_copies(&layer, (size_t)layer.weight_bytes);
    s.handles = allocate(s.copies * sizeof *s.handles);
    s.slices = allocate(s.copies * sizeof *s.slices);
    for (size_t i = 0; i < s.copies; i++) compress(&s, i);
    ready("libxsmm", "%d.%d (spmdm f32, %s)", LIBXSMM_VERSION_MAJOR, LIBXSMM_VERSION_MINOR,
          libxsmm_get_target_arch());
    return serve(&layer, s.copies, run, result, &s);
}

/* xnnpack.c - one matrix product of XNNPACK. Weights with zeros go through its sparse product, which the
 * library offers only as a 1x1 convolution over NCHW pictures: the batch is the picture, so inputs and
 * outputs are transposed. Weights without zeros go through its fully connected operator. */
#include "adapter.h"

#include <math.h>
#include <pthreadpool.h>
#include <stdlib.h>
#include <string.h>
#include <xnnpack.h>

/* The library may read so much past the end of its inputs. */
enum { SLACK = 64 };

struct state {
    struct layer *layer;
    pthreadpool_t pool;
    xnn_operator_t *operators; /* one a copy of the weights */
    size_t copies;
    float *x, *y;
    bool sparse;
};

static pthreadpool_t pool;

static void must(enum xnn_status status, const char *what) {
    if (status != xnn_status_success) unable("XNNPACK cannot %s (status %d)", what, (int)status);
}

static void run(void *context, size_t copy) {
    struct state *s = context;
    must(xnn_run_operator(s->operators[copy], s->pool), "run");
}

static void transpose(const float *from, long rows, long cols, float *to) {
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < cols; c++) to[c * rows + r] = from[r * cols + c];
}

static const float *result(void *context) {
    struct state *s = context;
    const struct layer *l = s->layer;
    if (!s->sparse) return s->y;
    float *y = allocate((size_t)(l->rows * l->batch) * sizeof *y);
    transpose(s->y, l->rows, l->batch, y);
    return y;
}

static xnn_operator_t convolution(struct state *s) {
    const struct layer *l = s->layer;
    xnn_operator_t made;
    size_t rows = (size_t)l->rows, cols = (size_t)l->cols;
    must(xnn_create_convolution2d_nchw_f32(0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, cols, rows, cols, rows, l->w,
                                           NULL, -INFINITY, INFINITY, 0, &made),
         "make a 1x1 convolution");
    must(xnn_setup_convolution2d_nchw_f32(made, 1, 1, (size_t)l->batch, s->x, s->y, s->pool),
         "set a 1x1 convolution up");
    return made;
}

static xnn_operator_t fully_connected(struct state *s) {
    const struct layer *l = s->layer;
    xnn_operator_t made;
    size_t rows = (size_t)l->rows, cols = (size_t)l->cols;
    must(xnn_create_fully_connected_nc_f32(cols, rows, cols, rows, l->w, NULL, -INFINITY, INFINITY, 0, &made),
         "make a fully connected operator");
    must(xnn_setup_fully_connected_nc_f32(made, (size_t)l->batch, s->x, s->y, s->pool),
         "set a fully connected operator up");
    return made;
}

/* A value and the distance to the next one's input; the length of each row. */
static double weight_bytes(const struct layer *l, bool sparse) {
    return sparse ? 8.0 * (double)l->nonzeros + 4.0 * (double)l->rows : 4.0 * (double)(l->rows * l->cols);
}

static void make_operators(struct state *s) {
    struct layer *l = s->layer;
    size_t inputs = (size_t)(l->batch * l->cols) * sizeof *s->x;
    s->x = allocate(inputs + SLACK);
    s->y = allocate((size_t)(l->batch * l->rows) * sizeof *s->y + SLACK);
    if (s->sparse)
        transpose(l->x, l->batch, l->cols, s->x);
    else
        memcpy(s->x, l->x, inputs);
    l->weight_bytes = weight_bytes(l, s->sparse);
    l->operations = 2.0 * (double)l->batch * (double)(s->sparse ? l->nonzeros : l->rows * l->cols);
    s->copies = layer_copies(l, (size_t)l->weight_bytes);
    s->operators = allocate(s->copies * sizeof *s->operators);
    for (size_t i = 0; i < s->copies; i++) s->operators[i] = s->sparse ? convolution(s) : fully_connected(s);
}

static void nothing(void *context, size_t i) {
    (void)context, (void)i;
}

/* Its threads look for work for some milliseconds; after this they sleep. */
static void rest(void) {
    pthreadpool_parallelize_1d(pool, nothing, NULL, pthreadpool_get_threads_count(pool),
                               PTHREADPOOL_FLAG_YIELD_WORKERS);
}

int main(int count, char **arguments) {
    struct layer layer = layer_open(count, arguments);
    if (layer.net) unable("this adapter times layers only");
    struct state s = {.layer = &layer, .sparse = layer.sparsity > 0};
    if (!layer_codec_is(&layer, "f32")) unable("XNNPACK is timed with f32 layers");
    must(xnn_initialize(NULL), "start");
    s.pool = pool = pthreadpool_create((size_t)layer.threads);
    if (pthreadpool_get_threads_count(pool) > 1) layer.rest = rest;
    make_operators(&s);
    if (s.sparse)
        ready("xnnpack",
              "(sparse 1x1 convolution f32, NCHW: inputs and outputs transposed, which is not timed)");
    else
        ready("xnnpack", "(fully connected f32)");
    return serve(&layer, s.copies, run, result, &s);
}

/* onednn.c - one matrix product of oneDNN 2 or 3, whichever it is compiled against (convolutions:
 * onednn_conv.c). The weights are tried as they are and in the layout that oneDNN would choose; the faster
 * one stays. int8 is u8 x s8 with one scale a tensor: a reorder of the f32 inputs, then the product, with f32
 * outputs. Where weights have zeros, oneDNN 3 multiplies them as CSR; that product wants its inputs
 * transposed and leaves its outputs so. */
#include "onednn.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef DNNL_EXPERIMENTAL_SPARSE
#define SPARSE 1
#else
#define SPARSE 0
#endif

/* With u8 inputs, pairs of products of weights up to 64 fit the 16-bit sums of processors without VNNI. */
enum { INPUT_STEPS = 255, WEIGHT_STEPS = 64 };

struct call {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[6];
    int count;
};

struct product {
    struct call quantise, multiply; /* the first argument of `multiply` is the weights */
    dnnl_memory_t *weights;
    size_t copies;
    const char *layout, *implementation;
};

struct state {
    const struct layer *layer;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct product product;
    float *y, *row_major;
    bool transposed;
};

void must(dnnl_status_t status, const char *what) {
    if (status != dnnl_success) unable("oneDNN cannot %s (status %d)", what, (int)status);
}

dnnl_memory_desc_t describe_tensor(int rank, const dnnl_dims_t dims, dnnl_data_type_t type,
                                   dnnl_format_tag_t tag) {
    dnnl_memory_desc_t description;
#if DNNL_VERSION_MAJOR >= 3
    must(dnnl_memory_desc_create_with_tag(&description, rank, dims, type, tag), "describe a tensor");
#else
    must(dnnl_memory_desc_init_by_tag(&description, rank, dims, type, tag), "describe a tensor");
#endif
    return description;
}

static dnnl_memory_desc_t describe(long rows, long cols, dnnl_data_type_t type, dnnl_format_tag_t tag) {
    return describe_tensor(2, (dnnl_dims_t){rows, cols}, type, tag);
}

static dnnl_memory_t hold(struct state *s, const_description description, void *data) {
    dnnl_memory_t memory;
    must(dnnl_memory_create(&memory, description, s->engine, data), "hold a matrix");
    return memory;
}

static void add(struct call *call, int arg, dnnl_memory_t memory) {
    call->args[call->count++] = (dnnl_exec_arg_t){arg, memory};
}

/* Attributes by which the result of `call` is multiplied with `scale`; oneDNN 3 has scales of arguments
 * instead. */
static dnnl_primitive_attr_t scaled(struct state *s, struct call *call, int arg, float scale) {
    dnnl_primitive_attr_t attributes;
    must(dnnl_primitive_attr_create(&attributes), "make attributes");
#if DNNL_VERSION_MAJOR >= 3
    float *value = allocate(sizeof *value);
    dnnl_dims_t one = {1};
    dnnl_memory_desc_t description;
    *value = scale;
    must(dnnl_memory_desc_create_with_tag(&description, 1, one, dnnl_f32, dnnl_a), "describe a scale");
    must(dnnl_primitive_attr_set_scales_mask(attributes, arg, 0), "scale");
    add(call, DNNL_ARG_ATTR_SCALES | arg, hold(s, description, value));
#else
    (void)s, (void)call, (void)arg;
    must(dnnl_primitive_attr_set_output_scales(attributes, 1, 0, &scale), "scale");
#endif
    return attributes;
}

static dnnl_primitive_desc_t plan_product(struct state *s, dnnl_memory_desc_t a, dnnl_memory_desc_t b,
                                          dnnl_memory_desc_t c, dnnl_primitive_attr_t attributes) {
    dnnl_primitive_desc_t plan;
#if DNNL_VERSION_MAJOR >= 3
    must(dnnl_matmul_primitive_desc_create(&plan, s->engine, a, b, NULL, c, attributes), "plan this product");
#else
    dnnl_matmul_desc_t operation;
    must(dnnl_matmul_desc_init(&operation, &a, &b, NULL, &c), "plan this product");
    must(dnnl_primitive_desc_create(&plan, &operation, attributes, s->engine, NULL), "plan this product");
#endif
    return plan;
}

static void execute(struct state *s, const struct call *call) {
    must(dnnl_primitive_execute(call->primitive, s->stream, call->count, call->args), "execute");
}

static void run(void *context, size_t copy) {
    struct state *s = context;
    struct product *p = &s->product;
    if (p->quantise.primitive) execute(s, &p->quantise);
    p->multiply.args[0].memory = p->weights[copy];
    execute(s, &p->multiply);
    must(dnnl_stream_wait(s->stream), "finish");
}

static void plan_reorder(struct state *s, struct call *call, const_description from, const_description to,
                         dnnl_primitive_attr_t attributes) {
    dnnl_primitive_desc_t plan;
    must(dnnl_reorder_primitive_desc_create(&plan, from, s->engine, to, s->engine, attributes),
         "plan a reorder");
    must(dnnl_primitive_create(&call->primitive, plan), "make a reorder");
}

static void *weights_as_s8(const struct layer *layer) {
    size_t count = (size_t)(layer->rows * layer->cols);
    int8_t *steps = allocate(count);
    for (size_t i = 0; i < count; i++) steps[i] = (int8_t)lrintf(layer->w[i] * WEIGHT_STEPS);
    return steps;
}

/* Copies of W in the layout `to`. */
static void lay_out(struct state *s, struct product *p, dnnl_data_type_t type, const_description to) {
    const struct layer *l = s->layer;
    dnnl_memory_desc_t plain = describe(l->cols, l->rows, type, dnnl_ba);
    void *data = type == dnnl_s8 ? weights_as_s8(l) : l->w;
    struct call reorder = {0};
    size_t bytes = dnnl_memory_desc_get_size(to);
    add(&reorder, DNNL_ARG_FROM, hold(s, REF(plain), data));
    add(&reorder, DNNL_ARG_TO, NULL);
    plan_reorder(s, &reorder, REF(plain), to, NULL);
    p->copies = layer_copies(l, bytes);
    p->weights = allocate(p->copies * sizeof *p->weights);
    for (size_t i = 0; i < p->copies; i++) {
        p->weights[i] = reorder.args[1].memory = hold(s, to, allocate(bytes));
        execute(s, &reorder);
    }
    must(dnnl_stream_wait(s->stream), "finish");
    if (data != l->w) free(data);
}

static void name_implementation(struct product *p, dnnl_primitive_desc_t plan) {
    must(dnnl_primitive_desc_query(plan, dnnl_query_impl_info_str, 0, &p->implementation), "name the kernel");
}

/* Y = X W^T with `tag` as the layout of W^T. */
static struct product dense(struct state *s, bool int8, dnnl_format_tag_t tag) {
    const struct layer *l = s->layer;
    struct product p = {.layout = tag == dnnl_format_tag_any ? "blocked weights" : "plain weights"};
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_memory_desc_t real = describe(l->batch, l->cols, dnnl_f32, dnnl_ab);
    dnnl_memory_desc_t x = describe(l->batch, l->cols, int8 ? dnnl_u8 : dnnl_f32, dnnl_ab);
    dnnl_memory_desc_t w = describe(l->cols, l->rows, int8 ? dnnl_s8 : dnnl_f32, tag);
    dnnl_memory_desc_t y = describe(l->batch, l->rows, dnnl_f32, dnnl_ab);
    dnnl_memory_t inputs = hold(s, REF(real), l->x), multiplied = inputs;
    add(&p.multiply, DNNL_ARG_WEIGHTS, NULL);
    if (int8) {
        multiplied = hold(s, REF(x), allocate((size_t)(l->batch * l->cols)));
        add(&p.quantise, DNNL_ARG_FROM, inputs);
        add(&p.quantise, DNNL_ARG_TO, multiplied);
        plan_reorder(s, &p.quantise, REF(real), REF(x), scaled(s, &p.quantise, DNNL_ARG_FROM, INPUT_STEPS));
        attributes = scaled(s, &p.multiply, DNNL_ARG_WEIGHTS, 1.0f / (INPUT_STEPS * WEIGHT_STEPS));
    }
    add(&p.multiply, DNNL_ARG_SRC, multiplied);
    add(&p.multiply, DNNL_ARG_DST, hold(s, REF(y), s->y));
    dnnl_primitive_desc_t plan = plan_product(s, x, w, y, attributes);
    name_implementation(&p, plan);
    must(dnnl_primitive_create(&p.multiply.primitive, plan), "make this product");
    lay_out(s, &p, int8 ? dnnl_s8 : dnnl_f32, dnnl_primitive_desc_query_md(plan, dnnl_query_weights_md, 0));
    return p;
}

static void forget_weights(struct product *p) {
    for (size_t i = 0; i < p->copies; i++) {
        void *data;
        must(dnnl_memory_get_data_handle(p->weights[i], &data), "name its memory");
        free(data);
    }
}

static void choose_dense(struct state *s, bool int8) {
    struct product plain = dense(s, int8, dnnl_ba);
    s->product = plain;
    double plain_ns = best_ns(run, s, plain.copies);
    struct product blocked = dense(s, int8, dnnl_format_tag_any);
    s->product = blocked;
    double blocked_ns = best_ns(run, s, blocked.copies);
    s->product = plain_ns < blocked_ns ? plain : blocked;
    forget_weights(plain_ns < blocked_ns ? &blocked : &plain);
}

static float *transposed(const float *from, long rows, long cols) {
    float *to = allocate((size_t)(rows * cols) * sizeof *to);
    for (long r = 0; r < rows; r++)
        for (long c = 0; c < cols; c++) to[c * rows + r] = from[r * cols + c];
    return to;
}

static const float *result(void *context) {
    struct state *s = context;
    return s->transposed ? transposed(s->y, s->layer->rows, s->layer->batch) : s->y;
}

/* CSR has a value and a column of four bytes each, and where rows start. */
static size_t weight_bytes(const struct layer *l, bool int8, bool sparse) {
    if (sparse) return (size_t)(8 * l->nonzeros + 4 * l->rows);
    return (size_t)(l->rows * l->cols) * (int8 ? 1 : sizeof(float));
}

#if SPARSE
static dnnl_memory_t compress(struct state *s, const_description description, long count) {
    const struct layer *l = s->layer;
    float *values = allocate((size_t)count * sizeof *values);
    int32_t *columns = allocate((size_t)count * sizeof *columns);
    int32_t *starts = allocate((size_t)(l->rows + 1) * sizeof *starts), n = 0;
    for (long r = 0; r < l->rows; r++) {
        for (long c = 0; c < l->cols; c++) {
            if (l->w[r * l->cols + c] == 0) continue;
            values[n] = l->w[r * l->cols + c];
            columns[n++] = (int32_t)c;
        }
        starts[r + 1] = n;
    }
    dnnl_memory_t memory;
    void *parts[] = {values, columns, starts};
    must(dnnl_memory_create_v2(&memory, description, s->engine, 3, parts), "hold a CSR matrix");
    return memory;
}

/* Y^T = W X^T, in which W comes first. */
static void choose_sparse(struct state *s) {
    const struct layer *l = s->layer;
    struct product *p = &s->product;
    long count = l->nonzeros;
    dnnl_dims_t dims = {l->rows, l->cols};
    dnnl_memory_desc_t w, x = describe(l->cols, l->batch, dnnl_f32, dnnl_ab),
                          y = describe(l->rows, l->batch, dnnl_f32, dnnl_ab);
    must(dnnl_memory_desc_create_with_csr_encoding(&w, 2, dims, dnnl_f32, count, dnnl_s32, dnnl_s32),
         "describe CSR");
    dnnl_primitive_desc_t plan = plan_product(s, w, x, y, NULL);
    p->layout = "CSR weights, inputs and outputs transposed, which is not timed";
    name_implementation(p, plan);
    must(dnnl_primitive_create(&p->multiply.primitive, plan), "make this product");
    add(&p->multiply, DNNL_ARG_SRC, NULL);
    add(&p->multiply, DNNL_ARG_WEIGHTS, hold(s, x, transposed(l->x, l->batch, l->cols)));
    add(&p->multiply, DNNL_ARG_DST, hold(s, y, s->y));
    p->copies = layer_copies(l, weight_bytes(l, false, true));
    p->weights = allocate(p->copies * sizeof *p->weights);
    for (size_t i = 0; i < p->copies; i++) p->weights[i] = compress(s, w, count);
    s->transposed = true;
}
#else
static void choose_sparse(struct state *s) {
    (void)s;
}
#endif

int main(int count, char **arguments) {
    struct layer layer = layer_open(count, arguments);
    if (layer.net) return serve_convolution(&layer);
    bool int8 = layer_codec_is(&layer, "int8"), sparse = SPARSE && !int8 && layer.sparsity > 0;
    if (!int8 && !layer_codec_is(&layer, "f32")) unable("oneDNN multiplies f32 and int8 here");
    struct state s = {.layer = &layer, .y = allocate((size_t)(layer.batch * layer.rows) * sizeof(float))};
    omp_set_num_threads(layer.threads);
    must(dnnl_engine_create(&s.engine, dnnl_cpu, 0), "start");
    must(dnnl_stream_create(&s.stream, s.engine, dnnl_stream_default_flags), "start");
    if (sparse)
        choose_sparse(&s);
    else
        choose_dense(&s, int8);
    layer.weight_bytes = (double)weight_bytes(&layer, int8, sparse);
    layer.operations =
        2.0 * (double)layer.batch * (double)(sparse ? layer.nonzeros : layer.rows * layer.cols);
    const dnnl_version_t *v = dnnl_version();
    ready(NAME, "%d.%d.%d (matmul %s, %s, %s)", v->major, v->minor, v->patch,
          int8 ? "u8s8, one scale a tensor, reorder of inputs to u8 inside" : "f32", s.product.layout,
          s.product.implementation);
    return serve(&layer, s.product.copies, run, result, &s);
}

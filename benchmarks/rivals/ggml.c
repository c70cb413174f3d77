/* ggml.c - one matrix product of llama.cpp's ggml, the weights in one of its block formats and the inputs
 * quantised inside. Each format is tried as it lies in a file and, where ggml has one for this processor, in
 * the layout into which it repacks weights when a model is loaded; the faster one stays. */
#include "adapter.h"

#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <ggml.h>
#include <stdlib.h>
#include <string.h>

/* The format that is nearest in bits to each codec. Names of ggml's own formats are codecs too. */
static const struct {
    const char *codec;
    enum ggml_type type;
} nearest[] = {
    {"f32", GGML_TYPE_F32},       {"f16", GGML_TYPE_F16},   {"bf16", GGML_TYPE_BF16},
    {"int8", GGML_TYPE_Q8_0},     {"int6", GGML_TYPE_Q6_K}, {"int5", GGML_TYPE_Q5_0},
    {"int4", GGML_TYPE_Q4_0},     {"int3", GGML_TYPE_Q3_K}, {"int2", GGML_TYPE_Q2_K},
    {"ternary", GGML_TYPE_TQ2_0},
};

struct product {
    struct ggml_cgraph **graphs; /* one a copy of the weights */
    size_t copies;
    const char *layout;
    ggml_backend_buffer_t buffer;
};

struct state {
    const struct layer *layer;
    enum ggml_type type;
    ggml_backend_t backend;
    struct product product;
    struct ggml_tensor *x;
};

static enum ggml_type type_of(const struct layer *layer) {
    for (size_t i = 0; i < sizeof nearest / sizeof *nearest; i++)
        if (layer_codec_is(layer, nearest[i].codec)) return nearest[i].type;
    for (int type = 0; type < GGML_TYPE_COUNT; type++) {
        const char *name = ggml_type_name(type);
        if (name && layer_codec_is(layer, name)) return type;
    }
    unable("ggml has no format like %s", layer->codec);
}

static struct ggml_context *context_for(size_t tensors) {
    struct ggml_init_params room = {.mem_size = tensors * ggml_tensor_overhead(), .no_alloc = true};
    return ggml_init(room);
}

static struct ggml_tensor *inputs(struct state *s) {
    const struct layer *l = s->layer;
    struct ggml_context *context = context_for(1);
    struct ggml_tensor *x = ggml_new_tensor_2d(context, GGML_TYPE_F32, l->cols, l->batch);
    if (!ggml_backend_alloc_ctx_tensors(context, s->backend)) unable("out of memory");
    ggml_backend_tensor_set(x, l->x, 0, ggml_nbytes(x));
    return x;
}

static void *weights_as(const struct layer *l, enum ggml_type type) {
    void *blocks = allocate(ggml_row_size(type, l->cols) * (size_t)l->rows);
    if (type == GGML_TYPE_F32)
        memcpy(blocks, l->w, (size_t)(l->rows * l->cols) * sizeof(float));
    else
        ggml_quantize_chunk(type, l->w, blocks, 0, l->rows, l->cols, NULL);
    return blocks;
}

/* A graph of one product for each copy; no copies if ggml cannot multiply this format from such a buffer. */
static struct product prepare(struct state *s, ggml_backend_buffer_type_t where, const void *blocks) {
    const struct layer *l = s->layer;
    struct product p = {.layout = ggml_backend_buft_name(where)};
    size_t copies = layer_copies(l, ggml_row_size(s->type, l->cols) * (size_t)l->rows);
    struct ggml_context *weights = context_for(copies), *results = context_for(copies);
    struct ggml_context *graphs = ggml_init((struct ggml_init_params){
        .mem_size = copies * ggml_graph_overhead_custom(4, false), .no_alloc = true});
    struct ggml_tensor **w = allocate(copies * sizeof *w), **y = allocate(copies * sizeof *y);
    for (size_t i = 0; i < copies; i++) w[i] = ggml_new_tensor_2d(weights, s->type, l->cols, l->rows);
    p.buffer = ggml_backend_alloc_ctx_tensors_from_buft(weights, where);
    if (!p.buffer) return p;
    for (size_t i = 0; i < copies; i++) {
        y[i] = ggml_mul_mat(results, w[i], s->x);
        if (!ggml_backend_supports_op(s->backend, y[i])) return p;
        ggml_backend_tensor_set(w[i], blocks, 0, ggml_nbytes(w[i]));
    }
    if (!ggml_backend_alloc_ctx_tensors(results, s->backend)) unable("out of memory");
    p.graphs = allocate(copies * sizeof *p.graphs);
    for (size_t i = 0; i < copies; i++) {
        p.graphs[i] = ggml_new_graph_custom(graphs, 4, false);
        ggml_build_forward_expand(p.graphs[i], y[i]);
    }
    p.copies = copies;
    return p;
}

static void run(void *context, size_t copy) {
    struct state *s = context;
    if (ggml_backend_graph_compute(s->backend, s->product.graphs[copy])) unable("ggml cannot compute this");
}

static const float *result(void *context) {
    struct state *s = context;
    return ggml_get_data_f32(ggml_graph_node(s->product.graphs[0], 0));
}

static void consider(struct state *s, ggml_backend_buffer_type_t where, const void *blocks, double *fastest) {
    struct product before = s->product, candidate = prepare(s, where, blocks);
    if (candidate.copies) {
        s->product = candidate;
        double ns = best_ns(run, s, candidate.copies);
        if (!before.copies || ns < *fastest) {
            *fastest = ns;
            candidate = before;
        } else {
            s->product = before;
        }
    }
    if (candidate.buffer) ggml_backend_buffer_free(candidate.buffer);
}

static void choose(struct state *s) {
    ggml_backend_dev_t device = ggml_backend_get_device(s->backend);
    ggml_backend_dev_get_extra_bufts_t layouts =
        (ggml_backend_dev_get_extra_bufts_t)ggml_backend_reg_get_proc_address(
            ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts");
    void *blocks = weights_as(s->layer, s->type);
    double fastest = 0;
    consider(s, ggml_backend_cpu_buffer_type(), blocks, &fastest);
    for (ggml_backend_buffer_type_t *b = layouts ? layouts(device) : NULL; b && *b; b++)
        consider(s, *b, blocks, &fastest);
    free(blocks);
    if (!s->product.copies) unable("ggml cannot multiply %s", ggml_type_name(s->type));
}

int main(int count, char **arguments) {
    struct layer layer = layer_open(count, arguments);
    if (layer.net) unable("this adapter times layers only");
    struct state s = {.layer = &layer, .type = type_of(&layer), .backend = ggml_backend_cpu_init()};
    if (layer.cols % ggml_blck_size(s.type)) unable("%s wants cols in blocks", ggml_type_name(s.type));
    ggml_backend_cpu_set_n_threads(s.backend, layer.threads);
    s.x = inputs(&s);
    choose(&s);
    layer.weight_bytes = (double)ggml_row_size(s.type, layer.cols) * (double)layer.rows;
    layer.operations = 2.0 * (double)layer.batch * (double)(layer.rows * layer.cols);
    ready("ggml", "%s (mul_mat %s, weights in %s, %.4g bits each, inputs quantised inside)", ggml_version(),
          ggml_type_name(s.type), s.product.layout,
          8.0 * (double)ggml_row_size(s.type, layer.cols) / (double)layer.cols);
    return serve(&layer, s.product.copies, run, result, &s);
}

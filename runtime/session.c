/* session.c - one run at a time: bind the free dimensions, then node after node. */
#include "runtime/session.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include "base/arith.h"
#include "base/options.h"
#include "runtime/multiply.h"
#include "runtime/slices.h"

/* Where everything lies in the session's one block of memory; with base NULL it only measures. */
static size_t lay_out(const oz_plan *p, oz_session *s, uint8_t *base) {
    size_t used = 0;
    const oz_graph *g = &p->model->graph;
#define OZ_PIECE(field, bytes)                                                                               \
    do {                                                                                                     \
        if (s) s->field = (void *)(base + used);                                                             \
        used += oz_round_up((bytes), 64);                                                                    \
    } while (0)
    OZ_PIECE(activations, p->activation_bytes);
    OZ_PIECE(slots, p->slots * p->slot_bytes);
    OZ_PIECE(workers, (size_t)p->threads.width * p->worker_bytes);
    OZ_PIECE(conv, (size_t)p->threads.width * p->conv_bytes);
    OZ_PIECE(offsets, p->offset_count * sizeof(uint32_t));
    OZ_PIECE(unpacked, p->unpack_floats * sizeof(float));
    OZ_PIECE(row_scale, p->epilogue_floats * sizeof(float));
    OZ_PIECE(bias, p->epilogue_floats * sizeof(float));
    OZ_PIECE(shapes, g->n_values * sizeof(oz_shape));
    OZ_PIECE(data, g->n_values * sizeof(void *));
    if (p->slice) OZ_PIECE(slices, (size_t)p->threads.width * sizeof(oz_session));
#undef OZ_PIECE
    for (int i = 0; p->slice && i < p->threads.width; i++)
        used += lay_out(p->slice, s ? &s->slices[i] : NULL, s ? base + used : NULL);
    return used;
}

uint64_t oz_session_size(const oz_plan *p) {
    return lay_out(p, NULL, NULL);
}

oz_status oz_session_create(oz_plan *p, oz_session **out, oz_error *err) {
    if (!p || !out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "plan or out is NULL");
    *out = NULL;
    if (!p->model->contents.graph)
        return oz_fail(err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, "", "the file has no graph, so it cannot run");
    oz_session *s = oz_alloc(p->arena.allocator, sizeof *s, 64);
    if (!s) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
    memset(s, 0, sizeof *s);
    s->bytes = lay_out(p, NULL, NULL);
    s->memory = oz_alloc(p->arena.allocator, s->bytes, 64);
    if (!s->memory) {
        size_t bytes = s->bytes;
        oz_release(p->arena.allocator, s, sizeof *s);
        return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory: a session needs %zu bytes",
                       bytes);
    }
    memset(s->memory, 0, s->bytes);
    lay_out(p, s, s->memory);
    s->plan = p;
    oz_plan_retain(p);
    *out = s;
    return OZ_OK;
}

void oz_session_free(oz_session *s) {
    if (!s) return;
    oz_plan *p = s->plan;
    oz_release(p->arena.allocator, s->memory, s->bytes);
    oz_release(p->arena.allocator, s, sizeof *s);
    oz_plan_free(p);
}

const float *oz_session_floats(const oz_session *s, const oz_vector *v, float *out) {
    if (!v || !v->data) return NULL;
    if (v->kind == OZ_CODEC_F16)
        s->plan->vec->widen_f16(v->data, v->count, out);
    else if (v->kind == OZ_CODEC_BF16)
        s->plan->vec->widen_bf16(v->data, v->count, out);
    else if ((uintptr_t)v->data % alignof(float) != 0)
        memcpy(out, v->data, v->count * sizeof *out);
    else
        return (const float *)(const void *)v->data;
    return out;
}

bool oz_observed(const oz_step *step) {
    return step->session->run->observer != NULL;
}

void oz_observe(const oz_step *step, size_t outer, size_t channels, size_t inner) {
    if (!oz_observed(step)) return;
    oz_observation o = {.layer = step->session->plan->layers[step->node->layer].layer->weight->name,
                        .layer_index = step->node->layer,
                        .data = step->out,
                        .outer = outer,
                        .channels = channels,
                        .inner = inner};
    step->session->run->observer(step->session->run->observer_ctx, &o);
    if (step->node->act == OZ_ACT_NONE) return;
    step->vec->affine(step->out, outer * channels * inner, 1.0f, 0.0f, step->node->act, step->node->slope,
                      step->out);
}

/* ---- checking what the caller passes --------------------------------------------------------- */

static oz_status bind_input(oz_session *s, size_t i, const oz_tensor *t, uint64_t *free_sizes,
                            oz_error *err) {
    const oz_plan *p = s->plan;
    const oz_graph_input *in = &p->model->graph.inputs[i];
    const char *name = p->model->graph.values[in->value].name;
    if (!t->data) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, name, "data is NULL");
    if (t->rank != in->rank)
        return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, name, "has %u dimensions, the model wants %u",
                       t->rank, in->rank);
    uint64_t count = 1;
    for (uint32_t d = 0; d < in->rank; d++) {
        int64_t got = t->dim[d], want = in->dim[d];
        if (got <= 0)
            return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, name, "dimension %u is %lld", d, (long long)got);
        if (want < 0) {
            size_t f = (size_t)(-1 - want);
            if (free_sizes[f] && free_sizes[f] != (uint64_t)got) {
                return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, name,
                               "dimension %s has two sizes in this run", p->model->graph.free_name[f]);
            }
            if ((uint64_t)got > p->max_free[f]) {
                return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, name,
                               "dimension %s is %lld, the plan allows %llu", p->model->graph.free_name[f],
                               (long long)got, (unsigned long long)p->max_free[f]);
            }
            free_sizes[f] = (uint64_t)got;
        } else if (got != want) {
            return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, name,
                           "dimension %u is %lld, the model wants %lld", d, (long long)got, (long long)want);
        }
        if (!oz_mul(count, (uint64_t)got, &count))
            return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, name, "the shape is too large");
    }
    uint64_t size = p->model->graph.values[in->value].dtype == OZ_I64 ? sizeof(int64_t) : sizeof(float);
    if (t->bytes / size < count)
        return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, name, "%zu bytes are too few for its shape",
                       t->bytes);
    if ((uintptr_t)t->data % size)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, name, "data is not aligned to its type");
    s->data[in->value] = t->data;
    return OZ_OK;
}

/* A tensor that is looked through, in pieces. */
#define OZ_FINITE_PIECE ((size_t)1 << 16)

typedef struct oz_search {
    const oz_vec_primitives *vec;
    const float *x;
    size_t n;
    atomic_bool found;
} oz_search;

static void search_piece(void *arg, size_t piece) {
    oz_search *f = arg;
    size_t first = piece * OZ_FINITE_PIECE, n = oz_min(OZ_FINITE_PIECE, f->n - first);
    if (f->vec->find_nonfinite(f->x + first, n) < n) atomic_store(&f->found, true);
}

/* The first number that is not finite, or n. */
static size_t find_nonfinite(const oz_plan *p, const float *x, size_t n) {
    oz_search f = {.vec = p->vec, .x = x, .n = n};
    atomic_init(&f.found, false);
    oz_parallel(&p->threads, oz_div_up(n, OZ_FINITE_PIECE), search_piece, &f);
    return atomic_load(&f.found) ? p->vec->find_nonfinite(x, n) : n;
}

static oz_status check_finite(const oz_session *s, size_t i, oz_error *err) {
    const oz_graph *g = &s->plan->model->graph;
    uint32_t v = g->inputs[i].value;
    if (g->values[v].dtype != OZ_F32) return OZ_OK;
    size_t n = oz_shape_count(&s->shapes[v]), bad = find_nonfinite(s->plan, s->data[v], n);
    if (bad == n) return OZ_OK;
    return oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, g->values[v].name, "element %zu is not a finite number",
                   bad);
}

static oz_status check_output(const oz_session *s, size_t i, oz_tensor *t, oz_error *err) {
    const oz_graph *g = &s->plan->model->graph;
    const oz_shape *shape = &s->shapes[g->outputs[i]];
    t->rank = shape->rank;
    for (uint32_t d = 0; d < shape->rank; d++) t->dim[d] = (int64_t)shape->dim[d];
    if (t->data && t->bytes / sizeof(float) >= oz_shape_count(shape)) return OZ_OK;
    return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, g->values[g->outputs[i]].name,
                   "the output needs %llu bytes",
                   (unsigned long long)(oz_shape_count(shape) * sizeof(float)));
}

static oz_status bind(oz_session *s, const oz_tensor *in, size_t n_in, oz_tensor *out, size_t n_out,
                      oz_error *err) {
    const oz_graph *g = &s->plan->model->graph;
    if (n_in != g->n_inputs || n_out != g->n_outputs) {
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "",
                       "the model has %zu inputs and %zu outputs, got %zu and %zu", g->n_inputs, g->n_outputs,
                       n_in, n_out);
    }
    uint64_t free_sizes[OZ_MAX_FREE] = {0};
    memset(s->data, 0, g->n_values * sizeof *s->data);
    for (size_t i = 0; i < n_in; i++) OZ_TRY(bind_input(s, i, &in[i], free_sizes, err));
    OZ_TRY(oz_graph_shapes(g, &s->plan->model->contents, free_sizes, s->shapes, err));
    for (size_t i = 0; i < n_out; i++) OZ_TRY(check_output(s, i, &out[i], err));
    for (size_t i = 0; !s->run->allow_nonfinite && i < n_in; i++) OZ_TRY(check_finite(s, i, err));
    return OZ_OK;
}

/* A smaller run may still have a larger tensor somewhere (a free dimension in a denominator), which the
 * plan's places would not hold. */
static bool fits(const oz_session *s, uint32_t value) {
    return oz_shape_count(&s->shapes[value]) <= oz_shape_count(&s->plan->shapes[value]);
}

static bool overlap(const oz_tensor *a, const oz_tensor *b) {
    uintptr_t p = (uintptr_t)a->data, q = (uintptr_t)b->data;
    return p < q + b->bytes && q < p + a->bytes;
}

/* Outputs whose memory shares nothing with other tensors are written there at once. */
static void place_outputs(oz_session *s, const oz_tensor *in, size_t n_in, const oz_tensor *out,
                          size_t n_out) {
    for (size_t i = 0; i < n_out; i++) {
        bool apart = (uintptr_t)out[i].data % sizeof(float) == 0;
        for (size_t j = 0; j < n_in; j++) apart = apart && !overlap(&in[j], &out[i]);
        for (size_t j = 0; j < n_out; j++) apart = apart && (j == i || !overlap(&out[j], &out[i]));
        const void **data = &s->data[s->plan->model->graph.outputs[i]];
        if (apart && !*data) *data = out[i].data;
    }
}

void oz_session_place(oz_session *s, uint32_t value) {
    uint64_t place = s->plan->place[value];
    if (!s->data[value] && place != OZ_NO_PLACE) s->data[value] = s->activations + place;
}

static oz_status run_node(oz_session *s, const oz_node *node, oz_error *err) {
    const oz_plan *p = s->plan;
    if (node->op->view) {
        s->data[node->output] = s->data[node->input[0]];
        return OZ_OK;
    }
    if (!fits(s, node->output))
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, node->name,
                       "larger than at the plan's largest sizes");
    oz_session_place(s, node->output);
    oz_step step = {.session = s, .node = node, .vec = p->vec, .out_shape = &s->shapes[node->output]};
    step.out = (float *)s->data[node->output];
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        step.in[i] = s->data[node->input[i]];
        step.in_shape[i] = &s->shapes[node->input[i]];
    }
    return node->op->run(&step, err);
}

oz_status oz_run_nodes(oz_session *s, size_t first, size_t end, oz_error *err) {
    for (size_t i = first; i < end; i++) OZ_TRY(run_node(s, &s->plan->model->graph.nodes[i], err));
    return OZ_OK;
}

oz_status oz_run(oz_session *s, const oz_tensor *in, size_t n_in, oz_tensor *out, size_t n_out,
                 const oz_run_options *options, oz_error *err) {
    oz_run_options opt = OZ_RUN_INIT;
    if (!s || !in || !out)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "session, in or out is NULL");
    OZ_TRY(oz_options_take(&opt, sizeof opt, options, "run options", err));
    s->run = &opt;
    OZ_TRY(oz_model_locate(s->plan->model, bind(s, in, n_in, out, n_out, err), err));
    const oz_graph *g = &s->plan->model->graph;
    place_outputs(s, in, n_in, out, n_out);
    OZ_TRY(oz_run_nodes(s, oz_run_slices(s), g->n_nodes, err));
    for (size_t i = 0; i < n_out; i++) {
        const void *from = s->data[g->outputs[i]];
        if (from != out[i].data)
            memcpy(out[i].data, from, oz_shape_count(&s->shapes[g->outputs[i]]) * sizeof(float));
    }
    return OZ_OK;
}

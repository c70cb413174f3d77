/* net.c - see net.h. */
#include "tests/runtime/net.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/random.h"

static oz_leaf *pack(net *n, const char *text, uint64_t rows, uint64_t cols, const float *w) {
    oz_leaf *leaf = oz_arena_alloc(&n->arena, sizeof *leaf, 16);
    oz_packer p;
    cr_assert_eq(oz_leaf_parse(leaf, text, strlen(text), false, &n->err), OZ_OK, "%s", n->err.message);
    leaf->rows = rows;
    leaf->cols = cols;
    leaf->name = "test";
    cr_assert_eq(oz_pack_begin(&p, leaf, 1, &n->arena, &n->err), OZ_OK, "%s", n->err.message);
    cr_assert_eq(oz_pack_add(&p, 0, w, &n->err), OZ_OK, "%s", n->err.message);
    cr_assert_eq(oz_pack_finish(&p, &n->err), OZ_OK, "%s", n->err.message);
    return leaf;
}

static oz_term *new_term(net *n, const char *name, uint64_t rows, uint64_t cols) {
    n->contents.weights = n->weights;
    oz_weight *w = NULL;
    for (size_t i = 0; i < n->contents.n_weights; i++) {
        if (strcmp(n->weights[i].name, name) == 0) w = &n->weights[i];
    }
    if (!w) {
        w = &n->weights[n->contents.n_weights++];
        *w = (oz_weight){.name = name, .rows = rows, .cols = cols, .act_i8 = true};
    }
    oz_term *terms = oz_arena_array(&n->arena, w->n_terms + 1, sizeof *terms);
    if (w->n_terms) memcpy(terms, w->terms, w->n_terms * sizeof *terms);
    w->terms = terms;
    oz_term *t = &terms[w->n_terms++];
    t->scale = 1.0f;
    return t;
}

void net_weight(net *n, const char *name, const char *text, uint64_t rows, uint64_t cols, const float *w) {
    oz_term *t = new_term(n, name, rows, cols);
    t->factors = pack(n, text, rows, cols, w);
    t->n_factors = 1;
}

void net_product(net *n, const char *name, const char *text, uint64_t rows, uint64_t inner, uint64_t cols,
                 const float *left, const float *right) {
    oz_term *t = new_term(n, name, rows, cols);
    t->factors = oz_arena_array(&n->arena, 2, sizeof *t->factors);
    t->factors[0] = *pack(n, text, rows, inner, left);
    t->factors[1] = *pack(n, text, inner, cols, right);
    t->n_factors = 2;
}

void net_term_scale(net *n, size_t weight, float scale) {
    oz_weight *w = &n->weights[weight];
    w->terms[w->n_terms - 1].scale = scale;
}

static oz_vector vector(net *n, const char *name, uint64_t count, const float *v) {
    float *copy = oz_arena_array(&n->arena, count, sizeof *copy);
    memcpy(copy, v, count * sizeof *copy);
    return (oz_vector){.name = name, .kind = OZ_CODEC_F32, .count = count, .data = (const uint8_t *)copy};
}

void net_vector(net *n, const char *name, uint64_t count, const float *v) {
    n->contents.vectors = n->vectors;
    n->vectors[n->contents.n_vectors++] = vector(n, name, count, v);
}

void net_row_scale(net *n, size_t weight, const float *scale) {
    n->weights[weight].row_scale = vector(n, "rows", n->weights[weight].rows, scale);
}

oz_status net_open(net *n, const char *graph) {
    n->contents.graph = graph;
    cr_assert_eq(oz_image_build(&n->contents, &n->image, &n->arena, &n->err), OZ_OK, "%s", n->err.message);
    return oz_model_open_memory(n->image.data, n->image.bytes, NULL, &n->model, &n->err);
}

void net_must_open(net *n, const char *graph) {
    cr_assert_eq(net_open(n, graph), OZ_OK, "%s: %s: %s", graph, n->err.where, n->err.message);
}

oz_tensor net_tensor(const void *data, size_t element, uint32_t rank, const int64_t *dims) {
    oz_tensor t = {.data = (void *)(uintptr_t)data, .rank = rank, .bytes = element};
    for (uint32_t d = 0; d < rank; d++) {
        t.dim[d] = dims[d];
        t.bytes *= (size_t)dims[d];
    }
    return t;
}

oz_tensor net_room(float *data, size_t floats) {
    return (oz_tensor){.data = data, .bytes = floats * sizeof *data};
}

oz_status net_try(net *n, const oz_plan_options *opt, const oz_run_options *run, const oz_tensor *in,
                  size_t n_in, oz_tensor *out, size_t n_out) {
    oz_plan *plan;
    oz_session *session;
    oz_status status = oz_plan_create(n->model, opt, &plan, &n->err);
    if (status != OZ_OK) return status;
    status = oz_session_create(plan, &session, &n->err);
    if (status == OZ_OK) {
        status = oz_run(session, in, n_in, out, n_out, run, &n->err);
        oz_session_free(session);
    }
    oz_plan_free(plan);
    return status;
}

size_t net_run(net *n, const oz_plan_options *opt, const float *x, uint32_t rank, const int64_t *in_dims,
               float *out, size_t room) {
    oz_plan_options o = OZ_PLAN_INIT;
    if (opt) o = *opt;
    if (o.max_batch < in_dims[0]) o.max_batch = (uint32_t)in_dims[0];
    oz_tensor in = net_tensor(x, sizeof *x, rank, in_dims), result = net_room(out, room);
    cr_assert_eq(net_try(n, &o, NULL, &in, 1, &result, 1), OZ_OK, "%s: %s: %s", n->contents.graph,
                 n->err.where, n->err.message);
    size_t count = 1;
    for (uint32_t d = 0; d < result.rank; d++) count *= (size_t)result.dim[d];
    return count;
}

void net_free(net *n) {
    oz_model_free(n->model);
    oz_arena_free(&n->arena);
}

void net_fill(float *out, size_t n, uint64_t seed) {
    for (size_t i = 0; i < n; i++) out[i] = (float)(oz_stream_u64(seed, i) >> 40) / 8388608.0f - 1.0f;
}

void net_fill_sparse(float *out, size_t n, uint64_t seed) {
    net_fill(out, n, seed);
    for (size_t i = 0; i < n; i++)
        if (oz_stream_u64(seed + 1, i) % 5 < 3) out[i] = 0;
}

const char *net_isa(size_t i) {
    static const char *const isas[] = {"scalar", "avx2", "avx512", "avx512vnni"};
    size_t most = 0;
    while (strcmp(isas[most], oz_isa_name()) != 0) most++;
    return i <= most ? isas[i] : NULL;
}

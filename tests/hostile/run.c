/* run.c - see run.h. Inputs and outputs are blocks of exactly their bytes, so that a read or write past them
 * is seen; instruction sets take turns. */
#include "tests/hostile/run.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TENSORS = 8, MOST_ELEMENTS = 1 << 14, MOST_SESSION = 1 << 24, MOST_WORK = 1 << 17 };

static void expect_words(oz_status status, const oz_error *err) {
    cr_assert(status == OZ_OK || (err->status == status && err->message[0] && status != OZ_ERR_MEMORY),
              "%s without words", oz_status_name(status));
}

/* ---- what a model says of itself -------------------------------------------------- */

static void ask_layer(const oz_model *m, size_t layer, uint64_t *work) {
    oz_layer_info info;
    oz_leaf_info leaf;
    oz_error err = {0};
    cr_assert_eq(oz_model_layer(m, layer, &info), OZ_OK);
    cr_assert(info.name && info.op && info.weight);
    for (size_t i = 0; i < info.leaves; i++) cr_assert_eq(oz_model_leaf(m, layer, i, &leaf), OZ_OK);
    cr_assert_eq(oz_model_leaf(m, layer, info.leaves, &leaf), OZ_ERR_ARGUMENT);
    *work += info.rows * info.cols;
    if (info.rows * info.cols > MOST_ELEMENTS) return;
    float *out = malloc(info.rows * info.cols * sizeof *out);
    cr_assert_eq(oz_model_unpack(m, layer, out, info.rows * info.cols, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_model_bias(m, layer, out, info.rows, &err), OZ_OK);
    free(out);
}

/* Weights of all layers together, which is how much there is to do. */
static uint64_t ask_model(const oz_model *m) {
    uint64_t work = 0, resident;
    size_t bytes;
    oz_bytes parts;
    for (size_t i = 0; i < oz_model_layers(m); i++) ask_layer(m, i, &work);
    oz_model_bytes(m, &parts, &resident);
    oz_model_file(m, &bytes);
    cr_assert(parts.total == bytes && resident >= bytes);
    return work;
}

/* ---- one run ---------------------------------------------------------------------- */

/* Free dimensions are 1. False if the tensor is too large. */
static bool make_tensor(const oz_tensor_info *info, oz_tensor *t) {
    uint64_t n = 1;
    *t = (oz_tensor){.rank = info->rank};
    for (uint32_t d = 0; d < info->rank; d++) {
        t->dim[d] = info->dim[d] < 0 ? 1 : info->dim[d];
        if (t->dim[d] > MOST_ELEMENTS || (n *= (uint64_t)t->dim[d]) > MOST_ELEMENTS) return false;
    }
    t->bytes = n * (info->dtype == OZ_I64 ? sizeof(int64_t) : sizeof(float));
    t->data = malloc(t->bytes);
    cr_assert(t->data);
    if (info->dtype == OZ_I64) memset(t->data, 0, t->bytes);
    for (uint64_t i = 0; info->dtype == OZ_F32 && i < n; i++) ((float *)t->data)[i] = (float)(i % 5) - 2;
    return true;
}

static bool make_inputs(const oz_model *m, oz_tensor *in, size_t n) {
    oz_tensor_info info;
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(oz_model_input(m, i, &info), OZ_OK);
        if (!make_tensor(&info, &in[i])) return false;
    }
    return true;
}

/* The first run has no room for its outputs, but says how much they need. */
static void run_twice(oz_session *s, const oz_tensor *in, size_t n_in, oz_tensor *out, size_t n_out) {
    oz_error err = {0};
    oz_status status = OZ_ERR_SHAPE;
    for (size_t i = 0; i <= n_out && status == OZ_ERR_SHAPE; i++) {
        status = oz_run(s, in, n_in, out, n_out, NULL, &err);
        expect_words(status, &err);
        if (status != OZ_ERR_SHAPE || i == n_out) break;
        free(out[i].data);
        out[i].bytes = sizeof(float);
        for (uint32_t d = 0; d < out[i].rank; d++) out[i].bytes *= (size_t)out[i].dim[d];
        if (out[i].bytes > MOST_SESSION) return;
        out[i].data = malloc(out[i].bytes);
        cr_assert(out[i].data);
    }
}

static void run_session(const oz_model *m, oz_session *s, usage *u) {
    oz_tensor in[MOST_TENSORS] = {{0}}, out[MOST_TENSORS] = {{0}};
    size_t n_in = oz_model_inputs(m), n_out = oz_model_outputs(m);
    if (n_in > MOST_TENSORS || n_out > MOST_TENSORS || !make_inputs(m, in, n_in)) {
        u->too_large++;
    } else {
        run_twice(s, in, n_in, out, n_out);
        u->ran++;
    }
    for (size_t i = 0; i < MOST_TENSORS; i++) free(in[i].data), free(out[i].data);
}

static void plan_and_run(oz_model *m, uint64_t work, usage *u) {
    static const char *const isas[] = {"scalar", "avx2", "avx512", NULL};
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_plan *plan;
    oz_session *session;
    oz_memory memory;
    oz_error err = {0};
    opt.threads = 1;
    opt.isa = isas[u->opened % 4];
    oz_status status = oz_plan_create(m, &opt, &plan, &err);
    if (status == OZ_ERR_SUPPORT) {
        opt.isa = NULL;
        status = oz_plan_create(m, &opt, &plan, &err);
    }
    expect_words(status, &err);
    if (status != OZ_OK) return;
    oz_plan_memory(plan, &memory);
    if (memory.session_bytes > MOST_SESSION || work > MOST_WORK) {
        u->too_large++;
    } else {
        cr_assert_eq(oz_session_create(plan, &session, &err), OZ_OK, "%s", err.message);
        run_session(m, session, u);
        oz_session_free(session);
    }
    oz_plan_free(plan);
}

void run_model(const void *data, size_t bytes, usage *u) {
    oz_model *m;
    oz_error err = {0};
    oz_status status = oz_model_open_memory(data, bytes, NULL, &m, &err);
    expect_words(status, &err);
    if (status != OZ_OK) return;
    uint64_t work = ask_model(m);
    if (oz_model_meta(m, "graph")) plan_and_run(m, work, u);
    oz_model_free(m);
}

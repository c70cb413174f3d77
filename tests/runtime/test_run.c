/* test_run.c - plans, sessions and runs as a host meets them: what is refused, who may be freed when,
 * observers, executors, limits. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/runtime/layer.h"

enum { MOST = 4096 };

static float x[MOST], y[MOST], want[MOST];

static void fill_inputs(void) {
    net_fill(x, MOST, 1);
}

/* A convolution, a pool and a classifier; the image's height is free too. */
static void make_network(net *n) {
    float w[16 * 27], b[16];
    net_fill(w, 16 * 27, 2);
    net_fill(b, 16, 3);
    net_weight(n, "conv", "dense,codec=f32", 16, 27, w);
    net_vector(n, "conv.bias", 16, b);
    net_weight(n, "fc", "dense,codec=int8", 5, 16, w);
    net_vector(n, "fc.bias", 5, b);
    net_must_open(n,
                  "{\"inputs\":{\"x\":[\"N\",3,\"H\",8]},\"outputs\":[\"y\"],\"nodes\":["
                  "[\"conv2d\",\"c\",[\"x\"],{\"weight\":\"conv\",\"kernel\":3,\"pad\":1,\"act\":\"relu\"}],"
                  "[\"global_avg_pool\",\"p\",[\"c\"]],[\"linear\",\"y\",[\"p\"],{\"weight\":\"fc\",\"act\":"
                  "\"tanh\"}]]}");
}

typedef struct ready {
    net n;
    oz_plan *plan;
    oz_session *session;
} ready;

static void get_ready(ready *r, const oz_plan_options *opt) {
    *r = (ready){0};
    make_network(&r->n);
    cr_assert_eq(oz_plan_create(r->n.model, opt, &r->plan, &r->n.err), OZ_OK, "%s", r->n.err.message);
    cr_assert_eq(oz_session_create(r->plan, &r->session, &r->n.err), OZ_OK, "%s", r->n.err.message);
}

static void put_away(ready *r) {
    oz_session_free(r->session);
    oz_plan_free(r->plan);
    net_free(&r->n);
}

static oz_tensor images(int64_t n, int64_t height) {
    return net_tensor(x, sizeof *x, 4, (int64_t[]){n, 3, height, 8});
}

static oz_plan_options three_images(void) {
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.max_batch = 3;
    opt.max_free = 9;
    return opt;
}

/* ---- what a run refuses ----------------------------------------------------------- */

static void expect_run(ready *r, oz_status status, const char *what, const oz_tensor *in, size_t n_in,
                       oz_tensor *out, size_t n_out) {
    oz_error err = {0};
    oz_status got = oz_run(r->session, in, n_in, out, n_out, NULL, &err);
    cr_assert_eq(got, status, "%s where %s (\"%s\") was expected: %s", oz_status_name(got),
                 oz_status_name(status), what, err.message);
    if (status != OZ_OK)
        cr_assert(strstr(err.message, what), "\"%s\" does not say \"%s\"", err.message, what);
}

static void expect_input(ready *r, oz_status status, const char *what, oz_tensor in) {
    oz_tensor out = net_room(y, MOST);
    expect_run(r, status, what, &in, 1, &out, 1);
}

Test(run, refuses_inputs_that_do_not_fit, .init = fill_inputs) {
    ready r;
    oz_plan_options opt = three_images();
    get_ready(&r, &opt);
    oz_tensor in = images(1, 8);
    expect_input(&r, OZ_OK, "", in);
    expect_input(&r, OZ_OK, "", images(3, 9));
    expect_input(&r, OZ_ERR_SHAPE, "dimensions", net_tensor(x, 4, 3, (int64_t[]){3, 8, 8}));
    expect_input(&r, OZ_ERR_SHAPE, "", images(0, 8));
    expect_input(&r, OZ_ERR_SHAPE, "", images(-1, 8));
    expect_input(&r, OZ_ERR_SHAPE, "", net_tensor(x, 4, 4, (int64_t[]){1, 4, 8, 8}));
    expect_input(&r, OZ_ERR_LIMIT, "", images(4, 8));
    expect_input(&r, OZ_ERR_LIMIT, "", images(1, 10));
    in = images(1, 8);
    in.bytes--;
    expect_input(&r, OZ_ERR_SHAPE, "bytes", in);
    in = images(1, 8);
    in.data = NULL;
    expect_input(&r, OZ_ERR_ARGUMENT, "NULL", in);
    in = images(1, 8);
    in.data = (char *)in.data + 1;
    expect_input(&r, OZ_ERR_ARGUMENT, "aligned", in);
    put_away(&r);
}

Test(run, refuses_outputs_and_counts_that_do_not_fit, .init = fill_inputs) {
    ready r;
    oz_plan_options opt = three_images();
    get_ready(&r, &opt);
    oz_tensor in[2] = {images(3, 8), images(3, 8)}, out = net_room(y, 15);
    expect_run(&r, OZ_OK, "", in, 1, &out, 1);
    cr_assert(out.rank == 2 && out.dim[0] == 3 && out.dim[1] == 5);
    y[14] = 7;
    out.bytes--;
    expect_run(&r, OZ_ERR_SHAPE, "60 bytes", in, 1, &out, 1);
    cr_assert(y[14] == 7);
    out = net_room(NULL, 15);
    expect_run(&r, OZ_ERR_SHAPE, "60 bytes", in, 1, &out, 1);
    expect_run(&r, OZ_ERR_ARGUMENT, "inputs", in, 2, &out, 1);
    expect_run(&r, OZ_ERR_ARGUMENT, "inputs", in, 0, &out, 1);
    expect_run(&r, OZ_ERR_ARGUMENT, "outputs", in, 1, &out, 0);
    expect_run(&r, OZ_ERR_ARGUMENT, "NULL", NULL, 1, &out, 1);
    expect_run(&r, OZ_ERR_ARGUMENT, "NULL", in, 1, NULL, 1);
    cr_assert_eq(oz_run(NULL, in, 1, &out, 1, NULL, NULL), OZ_ERR_ARGUMENT);
    put_away(&r);
}

Test(run, refuses_numbers_that_are_not_finite_unless_allowed, .init = fill_inputs) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    ready r;
    oz_plan_options opt = three_images();
    get_ready(&r, &opt);
    for (size_t i = 0; i < 3; i++) {
        oz_run_options run = OZ_RUN_INIT;
        oz_tensor in = images(1, 8), out = net_room(y, MOST);
        float was = x[77];
        x[77] = bad[i];
        expect_input(&r, OZ_ERR_NUMBER, "element 77", in);
        run.allow_nonfinite = true;
        cr_assert_eq(oz_run(r.session, &in, 1, &out, 1, &run, NULL), OZ_OK);
        x[77] = was;
        expect_input(&r, OZ_OK, "", in);
    }
    put_away(&r);
}

enum { SPOILT_ROWS = 40, SPOILT_COLS = 200 };

/* The first row of the batch has a number that is not finite: its sums that read it show it, other rows do
 * not know of it. */
static void run_spoilt(net *n, const oz_plan_options *opt, const float *w, size_t batch, float bad) {
    enum { AT = 131 };
    oz_run_options run = OZ_RUN_INIT;
    oz_tensor in = net_tensor(x, sizeof *x, 2, (int64_t[]){(int64_t)batch, SPOILT_COLS});
    oz_tensor out = net_room(want, MOST), spoilt = net_room(y, MOST);
    run.allow_nonfinite = true;
    cr_assert_eq(net_try(n, opt, &run, &in, 1, &out, 1), OZ_OK);
    const float was = x[AT];
    x[AT] = bad;
    cr_assert_eq(net_try(n, opt, &run, &in, 1, &spoilt, 1), OZ_OK);
    x[AT] = was;
    for (size_t r = 0; r < SPOILT_ROWS; r++)
        if (w[r * SPOILT_COLS + AT] != 0)
            cr_assert(!isfinite(y[r]), "batch %zu, sum %zu: %g", batch, r, (double)y[r]);
    cr_assert_eq(memcmp(y + SPOILT_ROWS, want + SPOILT_ROWS, (batch - 1) * SPOILT_ROWS * sizeof *y), 0,
                 "batch %zu, %s", batch, opt->isa);
}

Test(run, numbers_that_are_not_finite_stay_in_their_row, .init = fill_inputs) {
    static const char *const texts[] = {"sparse:rows,codec=f32", "sparse:mask,codec=f32", "nm:2:4,codec=f32"};
    static float w[SPOILT_ROWS * SPOILT_COLS];
    for (size_t t = 0; t < 3; t++) {
        net n = {0};
        net_fill_sparse(w, SPOILT_ROWS * SPOILT_COLS, 7);
        for (size_t i = 0; t == 2 && i < SPOILT_ROWS * SPOILT_COLS; i++)
            if (i % 4 < 2) w[i] = 0;
        net_weight(&n, "fc", texts[t], SPOILT_ROWS, SPOILT_COLS, w);
        net_must_open(&n, "{\"inputs\":{\"x\":[\"N\",200]},\"outputs\":[\"y\"],"
                          "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}");
        for (size_t i = 0; net_isa(i); i++) {
            oz_plan_options opt = OZ_PLAN_INIT;
            opt.isa = net_isa(i);
            opt.max_batch = 16;
            for (size_t batch = 2; batch <= 16; batch *= 2)
                run_spoilt(&n, &opt, w, batch, batch % 4 ? NAN : INFINITY);
        }
        net_free(&n);
    }
}

Test(run, refuses_indexes_outside_of_a_table) {
    static const int64_t bad[] = {6, -1, INT64_MAX, INT64_MIN};
    for (int bag = 0; bag < 2; bag++) {
        net n = {0};
        char graph[256];
        float w[24];
        int64_t index[2] = {0, 5};
        oz_tensor in = net_tensor(index, 8, 2, (int64_t[]){1, 2}), out = net_room(y, MOST);
        net_fill(w, 24, 1);
        net_weight(&n, "t", "dense,codec=f32", 6, 4, w);
        snprintf(graph, sizeof graph,
                 "{\"inputs\":{\"i\":{\"shape\":[\"N\",2],\"dtype\":\"i64\"}},\"outputs\":[\"y\"],"
                 "\"nodes\":[[\"embedding%s\",\"y\",[\"i\"],{\"weight\":\"t\"}]]}",
                 bag ? "_bag" : "");
        net_must_open(&n, graph);
        cr_assert_eq(net_try(&n, NULL, NULL, &in, 1, &out, 1), OZ_OK);
        for (size_t i = 0; i < 4; i++) {
            index[1] = bad[i];
            oz_status status = net_try(&n, NULL, NULL, &in, 1, &out, 1);
            cr_assert_eq(status, bag && bad[i] < 0 ? OZ_OK : OZ_ERR_ARGUMENT, "%d", (int)i);
        }
        in.data = (char *)index + 4;
        in.dim[1] = 1;
        cr_assert_eq(net_try(&n, NULL, NULL, &in, 1, &out, 1), OZ_ERR_SHAPE);
        net_free(&n);
    }
}

/* The same free dimension twice. */
Test(run, refuses_two_sizes_of_one_dimension, .init = fill_inputs) {
    net n = {0};
    oz_plan_options opt = three_images();
    net_must_open(&n, "{\"inputs\":{\"a\":[\"N\",4],\"b\":[\"N\",4]},\"outputs\":[\"y\"],"
                      "\"nodes\":[[\"add\",\"y\",[\"a\",\"b\"]]]}");
    oz_tensor in[2] = {net_tensor(x, 4, 2, (int64_t[]){2, 4}), net_tensor(x, 4, 2, (int64_t[]){2, 4})};
    oz_tensor out = net_room(y, MOST);
    cr_assert_eq(net_try(&n, &opt, NULL, in, 2, &out, 1), OZ_OK);
    in[1].dim[0] = 3;
    cr_assert_eq(net_try(&n, &opt, NULL, in, 2, &out, 1), OZ_ERR_SHAPE);
    net_free(&n);
}

/* ---- what a plan refuses ---------------------------------------------------------- */

static void expect_plan(const net *n, const oz_plan_options *opt, oz_status status, const char *what) {
    oz_error err = {0};
    oz_plan *plan = NULL;
    oz_status got = oz_plan_create(n->model, opt, &plan, &err);
    cr_assert_eq(got, status, "%s: %s: %s", what, oz_status_name(got), err.message);
    cr_assert((plan != NULL) == (status == OZ_OK), "%s", what);
    oz_plan_free(plan);
}

Test(plan, refuses_options_that_cannot_be) {
    net n = {0};
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_plan *plan;
    make_network(&n);
    expect_plan(&n, NULL, OZ_OK, "no options");
    opt.max_batch = 0;
    expect_plan(&n, &opt, OZ_ERR_ARGUMENT, "batch 0");
    opt = three_images();
    opt.isa = "sse2";
    expect_plan(&n, &opt, OZ_ERR_ARGUMENT, "unknown instruction set");
    for (int i = 0; i < 4; i++) {
        static const char *const isas[] = {"scalar", "avx2", "avx512", "avx512vnni"};
        bool have = false;
        for (size_t k = 0; net_isa(k); k++) have = have || strcmp(net_isa(k), isas[i]) == 0;
        opt.isa = isas[i];
        expect_plan(&n, &opt, have ? OZ_OK : OZ_ERR_SUPPORT, isas[i]);
    }
    opt = three_images();
    opt.threads = -1;
    expect_plan(&n, &opt, OZ_ERR_ARGUMENT, "threads -1");
    opt.threads = 100000;
    expect_plan(&n, &opt, OZ_ERR_ARGUMENT, "threads 100000");
    opt = three_images();
    opt.max_batch = UINT32_MAX;
    opt.max_free = UINT32_MAX;
    expect_plan(&n, &opt, OZ_ERR_SHAPE, "activations that cannot be counted");
    cr_assert_eq(oz_plan_create(NULL, &opt, &plan, NULL), OZ_ERR_ARGUMENT);
    cr_assert_eq(oz_plan_create(n.model, &opt, NULL, NULL), OZ_ERR_ARGUMENT);
    net_free(&n);
}

Test(plan, keeps_to_its_memory) {
    net n = {0};
    oz_plan_options opt = three_images();
    oz_plan *plan;
    oz_memory memory;
    make_network(&n);
    opt.threads = 1;
    cr_assert_eq(oz_plan_create(n.model, &opt, &plan, &n.err), OZ_OK);
    oz_plan_memory(plan, &memory);
    oz_plan_free(plan);
    cr_assert_eq(memory.file_bytes, n.image.bytes);
    cr_assert_gt(memory.session_bytes, 16u * 9 * 8 * 4 * 3);
    opt.memory_bytes = memory.file_bytes + memory.packed_bytes + memory.session_bytes;
    expect_plan(&n, &opt, OZ_OK, "enough memory");
    opt.memory_bytes--;
    expect_plan(&n, &opt, OZ_ERR_LIMIT, "a byte too few");
    net_free(&n);
}

/* Options of a caller that was built with a newer header, and of one that set no size. */
Test(plan, refuses_options_of_another_size, .init = fill_inputs) {
    ready r;
    oz_plan_options plan_options = three_images();
    oz_open_options open_options = OZ_OPEN_INIT;
    oz_run_options run_options = OZ_RUN_INIT;
    oz_host host = OZ_HOST_INIT;
    oz_model *m;
    get_ready(&r, &plan_options);
    oz_tensor in = images(1, 8), out = net_room(y, MOST);
    for (int newer = 0; newer < 2; newer++) {
        oz_status status = newer ? OZ_ERR_VERSION : OZ_ERR_ARGUMENT;
        plan_options.size = newer ? sizeof plan_options + 8 : 0;
        expect_plan(&r.n, &plan_options, status, "plan");
        open_options.size = newer ? sizeof open_options + 8 : 0;
        cr_expect_eq(oz_model_open_memory(r.n.image.data, r.n.image.bytes, &open_options, &m, NULL), status);
        cr_expect_eq(oz_model_open("/nowhere", &open_options, &m, NULL), status);
        run_options.size = newer ? sizeof run_options + 8 : 0;
        cr_expect_eq(oz_run(r.session, &in, 1, &out, 1, &run_options, NULL), status);
        open_options = (oz_open_options)OZ_OPEN_INIT;
        open_options.host = &host;
        host.size = newer ? sizeof host + 8 : 0;
        cr_expect_eq(oz_model_open_memory(r.n.image.data, r.n.image.bytes, &open_options, &m, NULL), status);
        plan_options = three_images();
        plan_options.host = &host;
        expect_plan(&r.n, &plan_options, status, "plan's host");
    }
    put_away(&r);
}

Test(session, needs_a_graph) {
    net n = {0};
    oz_plan *plan;
    oz_session *session;
    float w[4] = {1, 2, 3, 4};
    net_weight(&n, "w", "dense,codec=f32", 2, 2, w);
    cr_assert_eq(net_open(&n, NULL), OZ_OK);
    cr_assert_eq(oz_plan_create(n.model, NULL, &plan, &n.err), OZ_OK, "%s", n.err.message);
    cr_assert_eq(oz_session_create(plan, &session, &n.err), OZ_ERR_SUPPORT);
    cr_assert_null(session);
    cr_assert(strstr(n.err.message, "graph"));
    cr_assert_eq(oz_session_create(NULL, &session, NULL), OZ_ERR_ARGUMENT);
    cr_assert_eq(oz_session_create(plan, NULL, NULL), OZ_ERR_ARGUMENT);
    oz_plan_free(plan);
    net_free(&n);
}

/* ---- lifetimes -------------------------------------------------------------------- */

Test(session, keeps_what_it_needs_whatever_is_freed_first, .init = fill_inputs) {
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t i = 0; i < 6; i++) {
        ready r;
        oz_tensor in = images(1, 8), out = net_room(y, MOST);
        get_ready(&r, NULL);
        bool session = true;
        for (size_t k = 0; k < 3; k++) {
            if (orders[i][k] == 0) oz_model_free(r.n.model);
            if (orders[i][k] == 1) oz_plan_free(r.plan);
            if (orders[i][k] == 2) oz_session_free(r.session), session = false;
            in.dim[2] = 1;
            if (session) cr_assert_eq(oz_run(r.session, &in, 1, &out, 1, NULL, NULL), OZ_OK);
        }
        r.n.model = NULL;
        net_free(&r.n);
    }
    oz_model_free(NULL);
    oz_plan_free(NULL);
    oz_session_free(NULL);
}

/* A failed or large run leaves nothing behind that another run could see. */
Test(session, runs_again_with_the_same_result, .init = fill_inputs) {
    ready r;
    oz_plan_options opt = three_images();
    oz_tensor in = images(2, 5), out = net_room(want, MOST);
    get_ready(&r, &opt);
    cr_assert_eq(oz_run(r.session, &in, 1, &out, 1, NULL, NULL), OZ_OK);
    out = net_room(y, MOST);
    oz_tensor large = images(3, 9), wrong = images(1, 8);
    wrong.bytes = 0;
    cr_assert_eq(oz_run(r.session, &large, 1, &out, 1, NULL, NULL), OZ_OK);
    cr_assert_eq(oz_run(r.session, &wrong, 1, &out, 1, NULL, NULL), OZ_ERR_SHAPE);
    cr_assert_eq(oz_run(r.session, &in, 1, &out, 1, NULL, NULL), OZ_OK);
    cr_assert_arr_eq(y, want, 10 * sizeof *y);
    put_away(&r);
}

/* ---- observers -------------------------------------------------------------------- */

typedef struct seen {
    size_t calls;
    char layer[2][16];
    size_t outer[2], channels[2], inner[2], index[2];
    float first[2][MOST];
    float set_to; /* what the observer puts into the classifier's outputs, if not 0 */
} seen;

static void observe(void *ctx, const oz_observation *o) {
    seen *s = ctx;
    size_t i = s->calls++, n = o->outer * o->channels * o->inner;
    cr_assert(i < 2 && n <= MOST);
    snprintf(s->layer[i], sizeof s->layer[i], "%s", o->layer);
    s->outer[i] = o->outer, s->channels[i] = o->channels, s->inner[i] = o->inner,
    s->index[i] = o->layer_index;
    memcpy(s->first[i], o->data, n * sizeof(float));
    for (size_t k = 0; i == 1 && s->set_to != 0 && k < n; k++) o->data[k] = s->set_to;
}

Test(observer, sees_layers_before_their_activation, .init = fill_inputs) {
    static seen s;
    ready r;
    oz_plan_options opt = three_images();
    oz_run_options run = OZ_RUN_INIT;
    oz_tensor in = images(2, 8), out = net_room(want, MOST);
    double exact[5], bound[5];
    float pooled[16] = {0}, bias[16];
    get_ready(&r, &opt);
    cr_assert_eq(oz_run(r.session, &in, 1, &out, 1, NULL, NULL), OZ_OK);
    run.observer = observe;
    run.observer_ctx = &s;
    out = net_room(y, MOST);
    cr_assert_eq(oz_run(r.session, &in, 1, &out, 1, &run, NULL), OZ_OK);
    cr_assert_eq(s.calls, 2);
    cr_assert(strcmp(s.layer[0], "conv") == 0 && strcmp(s.layer[1], "fc") == 0);
    cr_assert(s.index[0] == 0 && s.index[1] == 1);
    cr_assert(s.outer[0] == 2 && s.channels[0] == 16 && s.inner[0] == 64);
    cr_assert(s.outer[1] == 2 && s.channels[1] == 5 && s.inner[1] == 1);
    for (size_t i = 0; i < 10; i++) cr_assert_float_eq(y[i], want[i], 1e-6);
    /* From what was seen of the convolution follows what was seen of the classifier. */
    net_fill(bias, 16, 3);
    for (size_t i = 0; i < 1024; i++) pooled[i / 64] += fmaxf(s.first[0][i], 0) / 64;
    layer_expect(&r.n, 1, bias, pooled, exact, bound);
    for (size_t i = 0; i < 5; i++) cr_assert_float_eq((double)s.first[1][i], exact[i], bound[i] + 1e-5);
    bool negative = false;
    for (size_t i = 0; i < 2048; i++) negative = negative || s.first[0][i] < 0;
    cr_assert(negative, "the convolution was seen after its activation");
    put_away(&r);
}

Test(observer, may_change_what_it_sees, .init = fill_inputs) {
    static seen s;
    ready r;
    oz_run_options run = OZ_RUN_INIT;
    oz_tensor in = images(1, 1), out = net_room(y, MOST);
    get_ready(&r, NULL);
    s.set_to = 0.5f;
    run.observer = observe;
    run.observer_ctx = &s;
    cr_assert_eq(oz_run(r.session, &in, 1, &out, 1, &run, NULL), OZ_OK);
    for (size_t i = 0; i < 5; i++) cr_assert_float_eq((double)y[i], tanh(0.5), 1e-6);
    put_away(&r);
}

/* ---- executors -------------------------------------------------------------------- */

typedef struct backwards {
    size_t loops, most;
} backwards;

/* One thread that does the last piece first. */
static void run_backwards(void *ctx, size_t n, void (*fn)(void *arg, size_t i), void *arg) {
    backwards *b = ctx;
    b->loops++;
    if (n > b->most) b->most = n;
    while (n-- > 0) fn(arg, n);
}

Test(executor, of_the_host_gives_the_same_bits) {
    enum { ROWS = 600, COLS = 400, BATCH = 70 };
    static float w[ROWS * COLS], in[BATCH * COLS], alone[BATCH * ROWS], shared[BATCH * ROWS];
    static const char *const texts[] = {"dense,codec=f32", "dense,codec=int4,group=64"};
    net_fill(w, ROWS * COLS, 1);
    net_fill(in, BATCH * COLS, 2);
    for (size_t t = 0; t < 2; t++) {
        net n = {0};
        net_weight(&n, "w", texts[t], ROWS, COLS, w);
        net_must_open(&n, "{\"inputs\":{\"x\":[\"N\",400]},\"outputs\":[\"y\"],"
                          "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"w\"}]]}");
        for (int64_t batch = 4; batch <= BATCH; batch += 33) {
            for (int threads = 0; threads <= 5; threads++) {
                backwards b = {0};
                oz_executor executor = {.ctx = &b, .width = 5, .run = run_backwards};
                oz_host host = OZ_HOST_INIT;
                oz_plan_options opt = OZ_PLAN_INIT;
                opt.threads = 1;
                net_run(&n, &opt, in, 2, (int64_t[]){batch, COLS}, alone, BATCH * ROWS);
                host.executor = &executor;
                opt.host = &host;
                opt.threads = threads;
                net_run(&n, &opt, in, 2, (int64_t[]){batch, COLS}, shared, BATCH * ROWS);
                cr_assert_arr_eq(shared, alone, (size_t)batch * ROWS * sizeof *alone, "%s, %d threads",
                                 texts[t], threads);
                cr_assert(threads != 1 || b.loops == 0, "one thread, %zu loops", b.loops);
                cr_assert(threads == 1 || batch < 37 || b.loops > 0, "%d threads, no loop", threads);
                if (threads)
                    cr_assert(b.most <= (size_t)threads, "%d threads, a loop of %zu", threads, b.most);
            }
        }
        net_free(&n);
    }
}

/* ---- after the last run ---------------------------------------------------------------- */

static double cpu_ms(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return 1e3 * (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-3 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Under 1 % of a processor, 100 ms after: threads that a plan has called do not go on looking for work. */
Test(run, is_quiet_when_idle, .init = fill_inputs) {
    enum { ROWS = 1024, COLS = 512 };
    static float w[ROWS * COLS];
    net n = {0};
    oz_plan *plan;
    oz_session *session;
    oz_plan_options opt = OZ_PLAN_INIT;
    const int64_t dims[] = {1, COLS};
    net_fill(w, ROWS * COLS, 1);
    net_weight(&n, "fc", "dense,codec=f32", ROWS, COLS, w);
    net_must_open(&n, "{\"inputs\":{\"x\":[\"N\",512]},\"outputs\":[\"y\"],"
                      "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}");
    opt.threads = 4;
    cr_assert_eq(oz_plan_create(n.model, &opt, &plan, &n.err), OZ_OK, "%s", n.err.message);
    cr_assert_eq(oz_session_create(plan, &session, &n.err), OZ_OK, "%s", n.err.message);
    oz_tensor in = net_tensor(x, sizeof *x, 2, dims), out = net_room(y, ROWS);
    for (int i = 0; i < 200; i++)
        cr_assert_eq(oz_run(session, &in, 1, &out, 1, NULL, &n.err), OZ_OK, "%s", n.err.message);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    double before = cpu_ms();
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    double spent = cpu_ms() - before;
    cr_assert_lt(spent, 5.0, "%.2f ms in 500", spent);
    oz_session_free(session);
    oz_plan_free(plan);
    net_free(&n);
}

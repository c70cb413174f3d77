/* test_memory.c - memory that runs out: every allocation of opening, planning and making a session fails
 * once, and each time there is an error and nothing is left behind. A run takes none. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/runtime/net.h"
#include "tests/support/allocator.h"
#include "tests/support/models/models.h"

enum { MOST = 2048 };

static float x[MOST], y[MOST];

static uint64_t a_clock(void) {
    static uint64_t now;
    return now += 2000000; /* a trial needs few runs */
}

/* A bit of everything that allocates: sums, products, leaves that are expanded, vectors, affine, views. */
static void make_network(net *n) {
    static const char graph[] =
        "{\"inputs\":{\"x\":[\"N\",4,\"H\",6]},\"outputs\":[\"y\",\"b\"],\"nodes\":["
        "[\"affine\",\"a\",[\"x\"],{\"scale\":[1,2,3,4],\"shift\":[0,0,1,1]}],"
        "[\"conv2d\",\"b\",[\"a\"],{\"weight\":\"conv\",\"kernel\":3,\"pad\":1,\"act\":\"leaky\",\"slope\":0."
        "1}],"
        "[\"conv2d\",\"c\",[\"b\"],{\"weight\":\"deep\",\"kernel\":3,\"groups\":16,\"pad\":1}],"
        "[\"global_max_pool\",\"p\",[\"c\"]],[\"reshape\",\"q\",[\"p\"],{\"shape\":[-1,16]}],"
        "[\"linear\",\"y\",[\"q\"],{\"weight\":\"fc\"}]]}";
    float w[16 * 36], rows[16];
    net_fill(w, 16 * 36, 1);
    net_fill(rows, 16, 2);
    net_weight(n, "conv", "hashed:hashednet,codec=f32,slots=90", 16, 36, w);
    net_weight(n, "conv", "sparse,codec=int4", 16, 36, w);
    net_vector(n, "conv.bias", 16, rows);
    net_weight(n, "deep", "dense,codec=f16", 16, 9, w);
    n->weights[1].act_i8 = false;
    net_product(n, "fc", "dense,codec=int8", 5, 3, 16, w, w);
    net_weight(n, "fc", "nm:2:4,codec=int2", 5, 16, w);
    net_term_scale(n, 2, 0.5f);
    n->contents.graph = graph;
    cr_assert_eq(oz_image_build(&n->contents, &n->image, &n->arena, &n->err), OZ_OK, "%s", n->err.message);
}

/* Where the model comes from: memory, or a file, mapped or read. */
typedef struct source {
    const oz_image *image;
    const char *path;
    bool no_mmap, check_hash;
    oz_effort effort;
    bool own_plan; /* the plan has an allocator of its own, the model has none */
} source;

static oz_status open_model(const source *s, const oz_host *host, oz_model **m, oz_error *err) {
    oz_open_options opt = OZ_OPEN_INIT;
    opt.host = s->own_plan ? NULL : host;
    opt.no_mmap = s->no_mmap;
    opt.check_hash = s->check_hash;
    if (s->path) return oz_model_open(s->path, &opt, m, err);
    return oz_model_open_memory(s->image->data, s->image->bytes, &opt, m, err);
}

static oz_status use_session(oz_session *session, test_allocator *state, oz_error *err) {
    oz_tensor in = net_tensor(x, sizeof *x, 4, (int64_t[]){2, 4, 5, 6});
    oz_tensor out[2] = {net_room(y, MOST), net_room(y + 16, MOST - 16)};
    uint64_t calls = state->calls, fail_at = state->fail_at;
    state->fail_at = 1; /* a run that allocates, fails */
    oz_status status = oz_run(session, &in, 1, out, 2, NULL, err);
    cr_assert_eq(state->calls, calls, "a run has allocated");
    state->fail_at = fail_at;
    return status;
}

static oz_status use_model(oz_model *m, const source *s, const oz_host *host, test_allocator *state,
                           oz_error *err) {
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_plan *plan;
    oz_session *session;
    opt.host = s->own_plan ? host : NULL;
    opt.max_batch = 2;
    opt.max_free = 5;
    opt.effort = s->effort;
    opt.clock_ns = a_clock;
    opt.threads = 2;
    oz_status status = oz_plan_create(m, &opt, &plan, err);
    if (status != OZ_OK) {
        cr_assert_null(plan);
        return status;
    }
    status = oz_session_create(plan, &session, err);
    if (status == OZ_OK) {
        status = use_session(session, state, err);
        oz_session_free(session);
    } else {
        cr_assert_null(session);
    }
    oz_plan_free(plan);
    return status;
}

static oz_status use(const source *s, test_allocator *state, oz_error *err) {
    oz_allocator allocator = test_allocator_of(state);
    oz_host host = OZ_HOST_INIT;
    oz_model *m;
    host.allocator = &allocator;
    oz_status status = open_model(s, &host, &m, err);
    if (status != OZ_OK) {
        cr_assert_null(m);
        return status;
    }
    float weights[16 * 36];
    for (size_t i = 0; status == OZ_OK && i < oz_model_layers(m); i++)
        status = oz_model_unpack(m, i, weights, 16 * 36, err);
    if (status == OZ_OK) status = use_model(m, s, &host, state, err);
    oz_model_free(m);
    return status;
}

static void fail_everywhere(const source *s) {
    uint64_t calls = 0;
    for (uint64_t k = 0; k <= calls; k++) {
        test_allocator state = {.fail_at = k};
        oz_error err = {0};
        oz_status status = use(s, &state, &err);
        if (k == 0) calls = state.calls;
        cr_assert_eq(status, k ? OZ_ERR_MEMORY : OZ_OK, "allocation %d of %d: %s: %s", (int)k, (int)calls,
                     oz_status_name(status), err.message);
        cr_assert_eq(err.status, status, "allocation %d", (int)k);
        cr_assert(state.live_blocks == 0 && state.wrong_sizes == 0, "allocation %d: %d blocks are left",
                  (int)k, (int)state.live_blocks);
    }
    cr_assert_gt(calls, s->own_plan ? 10 : 50);
}

Test(memory, runs_out_anywhere) {
    net n = {0};
    make_network(&n);
    net_fill(x, MOST, 3);
    fail_everywhere(&(source){.image = &n.image});
    fail_everywhere(&(source){.image = &n.image, .check_hash = true, .effort = OZ_EFFORT_TRIAL});
    fail_everywhere(&(source){.image = &n.image, .own_plan = true, .effort = OZ_EFFORT_TRIAL});
    net_free(&n);
}

Test(memory, runs_out_while_a_file_is_read) {
    net n = {0};
    char path[] = "/tmp/ounce-test-XXXXXX";
    int file = mkstemp(path);
    make_network(&n);
    cr_assert(file >= 0 && write(file, n.image.data, n.image.bytes) == (ssize_t)n.image.bytes);
    close(file);
    fail_everywhere(&(source){.path = path});
    fail_everywhere(&(source){.path = path, .no_mmap = true});
    unlink(path);
    net_free(&n);
}

/* Of every format: what open, plan and session take is given back. */
Test(memory, of_every_format_is_given_back) {
    char text[MODEL_TEXT];
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        net n = {0};
        float w[20 * 30];
        net_fill_sparse(w, 20 * 30, 1);
        net_weight(&n, "w", text, 20, 30, w);
        n.contents.graph = "{\"inputs\":{\"x\":[\"N\",4,\"H\",30]},\"outputs\":[\"y\",\"y\"],"
                           "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"w\"}]]}";
        cr_assert_eq(oz_image_build(&n.contents, &n.image, &n.arena, &n.err), OZ_OK);
        test_allocator state = {0};
        oz_allocator allocator = test_allocator_of(&state);
        oz_host host = OZ_HOST_INIT;
        oz_open_options opt = OZ_OPEN_INIT;
        oz_model *m;
        host.allocator = &allocator;
        opt.host = &host;
        cr_assert_eq(oz_model_open_memory(n.image.data, n.image.bytes, &opt, &m, &n.err), OZ_OK, "%s: %s",
                     text, n.err.message);
        n.model = m;
        oz_tensor in = net_tensor(x, sizeof *x, 4, (int64_t[]){1, 4, 1, 30});
        oz_tensor out[2] = {net_room(y, MOST), net_room(y, MOST)};
        cr_assert_eq(net_try(&n, NULL, NULL, &in, 1, out, 2), OZ_OK, "%s: %s", text, n.err.message);
        net_free(&n);
        cr_assert(state.live_blocks == 0 && state.wrong_sizes == 0 && state.calls > 10, "%s", text);
    }
}

/* Weights that a few bytes describe, but whose expansion is larger than the caller allows. */
Test(memory, of_expanded_leaves_is_limited) {
    static float w[256 * 256];
    net n = {0};
    oz_limits limits = OZ_LIMITS_INIT;
    oz_open_options opt = OZ_OPEN_INIT;
    oz_model *m;
    uint64_t resident;
    oz_bytes bytes;
    net_fill(w, 256 * 256, 1);
    net_weight(&n, "w", "hashed:hashednet,codec=f32,slots=64", 256, 256, w);
    cr_assert_eq(net_open(&n, NULL), OZ_OK, "%s", n.err.message);
    oz_model_bytes(n.model, &bytes, &resident);
    cr_assert_eq(bytes.total, n.image.bytes);
    cr_assert_eq(resident, n.image.bytes + 256 * 256 * 4);
    opt.limits = &limits;
    limits.max_alloc_bytes = 256 * 256 * 4;
    cr_assert_eq(oz_model_open_memory(n.image.data, n.image.bytes, &opt, &m, &n.err), OZ_ERR_LIMIT, "%s",
                 n.err.message);
    limits.max_alloc_bytes = 256 * 256 * 4 + 65536;
    cr_assert_eq(oz_model_open_memory(n.image.data, n.image.bytes, &opt, &m, &n.err), OZ_OK, "%s",
                 n.err.message);
    oz_model_free(m);
    net_free(&n);
}

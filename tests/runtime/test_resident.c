/* test_resident.c - the bytes that a model says it takes are those by which the process grows.
 *
 * A model is written by a child, so that this process never holds its weights otherwise; then it is opened,
 * run and weighed by the kernel's own account: the proportional set size. A small network of the same kinds
 * ran before, so that the threads and the code are there already. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runtime/net.h"
#include "tests/support/sanitized.h"

enum { WIDE = 8192, NARROW = 4096 };

static float x[WIDE], y[WIDE];
static char path[] = "/tmp/ounce-test-XXXXXX";

static void remove_file(void) {
    unlink(path);
}

/* Bytes of this process, shared pages divided by those who share them; -1 if the system does not tell. */
static int64_t proportional_bytes(void) {
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    long long kib = -1;
    while (f && kib < 0 && fgets(line, sizeof line, f)) {
        if (sscanf(line, "Pss: %lld kB", &kib) != 1) kib = -1;
    }
    if (f) fclose(f);
    return kib < 0 ? -1 : kib * 1024;
}

/* A chain of linear layers, from `wide` inputs to `wide` outputs and back, one per text. */
static void make_chain(net *n, const char *const *texts, uint64_t wide, uint64_t narrow) {
    static const char *const names[] = {"a", "b", "c"};
    static char graph[512];
    float *w = malloc(wide * narrow * sizeof *w);
    int at = snprintf(graph, sizeof graph, "{\"inputs\":{\"x\":[\"N\",%d]},\"outputs\":[\"y\"],\"nodes\":[",
                      (int)wide);
    cr_assert_not_null(w);
    net_fill_sparse(w, wide * narrow, 1);
    for (size_t i = 0; texts[i]; i++) {
        net_weight(n, names[i], texts[i], i % 2 ? wide : narrow, i % 2 ? narrow : wide, w);
        at += snprintf(graph + at, sizeof graph - (size_t)at,
                       "%s[\"linear\",\"%s\",[\"%s\"],{\"weight\":\"%s\"}]", i ? "," : "",
                       texts[i + 1] ? names[i] : "y", i ? names[i - 1] : "x", names[i]);
    }
    snprintf(graph + at, sizeof graph - (size_t)at, "]}");
    free(w);
    n->contents.graph = graph;
    cr_assert_eq(oz_image_build(&n->contents, &n->image, &n->arena, &n->err), OZ_OK, "%s", n->err.message);
}

static void write_in_child(const char *const *texts) {
    pid_t child = fork();
    if (child == 0) {
        net n = {0};
        make_chain(&n, texts, WIDE, NARROW);
        FILE *f = fopen(path, "wb");
        bool written = f && fwrite(n.image.data, 1, n.image.bytes, f) == n.image.bytes && fclose(f) == 0;
        _exit(written ? 0 : 1);
    }
    int status = -1;
    cr_assert(child > 0 && waitpid(child, &status, 0) == child && status == 0, "the model was not written");
}

/* A model with all that it takes to run. */
typedef struct loaded {
    oz_model *model;
    oz_plan *plan;
    oz_session *session;
} loaded;

static void run(loaded *l, oz_model *model, uint64_t wide) {
    oz_error err = {0};
    oz_tensor in = net_tensor(x, sizeof *x, 2, (int64_t[]){1, (int64_t)wide}), out = net_room(y, WIDE);
    l->model = model;
    cr_assert_eq(oz_plan_create(model, NULL, &l->plan, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_session_create(l->plan, &l->session, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_run(l->session, &in, 1, &out, 1, NULL, &err), OZ_OK, "%s", err.message);
}

static void unload(loaded *l) {
    oz_session_free(l->session);
    oz_plan_free(l->plan);
    oz_model_free(l->model);
}

static void warm_up(const char *const *texts) {
    net n = {0};
    loaded l;
    make_chain(&n, texts, 256, 128);
    cr_assert_eq(oz_model_open_memory(n.image.data, n.image.bytes, NULL, &n.model, &n.err), OZ_OK);
    run(&l, n.model, 256);
    n.model = NULL;
    unload(&l);
    net_free(&n);
}

/* Opens and runs the file's model: by how much the process grew more than the model says. */
static double weigh(bool no_mmap, double *said) {
    oz_open_options opt = OZ_OPEN_INIT;
    oz_limits limits = OZ_LIMITS_INIT;
    oz_error err = {0};
    oz_model *m;
    loaded l;
    uint64_t resident;
    oz_bytes file;
    oz_memory memory;
    limits.max_alloc_bytes = 1 << 30;
    opt.limits = &limits;
    opt.no_mmap = no_mmap;
    int64_t before = proportional_bytes();
    cr_assert_eq(oz_model_open(path, &opt, &m, &err), OZ_OK, "%s", err.message);
    run(&l, m, WIDE);
    int64_t grown = proportional_bytes() - before;
    oz_model_bytes(m, &file, &resident);
    oz_plan_memory(l.plan, &memory);
    unload(&l);
    cr_assert_eq(memory.file_bytes, file.total);
    cr_assert_eq(memory.file_bytes + memory.packed_bytes, resident);
    cr_assert_geq(resident, 64 << 20);
    cr_assert_lt(memory.session_bytes, 2 << 20, "a session of %.0f bytes for one row",
                 (double)memory.session_bytes);
    *said = (double)(resident + memory.session_bytes);
    printf("%s: says %.0f, takes %.0f\n", no_mmap ? "read" : "mapped", *said, (double)grown);
    return (double)grown - *said;
}

/* This process's share of a library changes when others that use it come and go: the best of three counts. */
static void must_weigh_what_it_says(bool no_mmap) {
    double said, best = weigh(no_mmap, &said);
    for (int i = 0; i < 2; i++) {
        double more = weigh(no_mmap, &said);
        best = fabs(more) < fabs(best) ? more : best;
    }
    cr_assert_leq(fabs(best), 0.02 * said + 256 * 1024, "says %.0f, takes %.0f", said, said + best);
}

static void weigh_all(const char *const *texts) {
    if (SANITIZED || proportional_bytes() < 0) cr_skip_test("memory cannot be measured here");
    int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
    net_fill(x, WIDE, 3);
    memset(y, 0, sizeof y);
    write_in_child(texts);
    warm_up(texts);
    must_weigh_what_it_says(false);
    must_weigh_what_it_says(true);
}

Test(resident, bytes_are_what_the_process_takes, .fini = remove_file, .timeout = 300) {
    weigh_all((const char *const[]){"dense,codec=int8", "sparse,codec=f16", "nm:2:4,codec=int8", NULL});
}

/* Nearly nothing in the file, all of it in memory. */
Test(resident, bytes_count_what_is_expanded, .fini = remove_file, .timeout = 300) {
    weigh_all((const char *const[]){"hashed:hashednet,codec=f32,slots=4096", NULL});
}

/* subject.c - see subject.h. */
#include "cli/bench/subject.h"

#include <stdlib.h>
#include <string.h>

#include "cli/bench/machine.h"
#include "cli/model.h"
#include "cli/terminal.h"

/* A virtual machine may see less of a cache than it has. More than twice a large cache, for each of the
 * layers that take turns, fills the machine; and what lies idle a host may take away. Rivals do the same
 * (benchmarks/rivals/adapter.c). */
#define LEAST_COLD_BYTES (UINT64_C(256) << 20)
enum { COLD_CACHES = 2 };

enum { MOST_COPIES = 512 };

/* What is not long settles before it is timed; so do rivals (benchmarks/rivals/adapter.c). */
enum { BLOCK_NS = 2000000, LONG_NS = 20000000 };

uint64_t oz_cold_bytes(void) {
    static uint64_t bytes;
    if (!bytes) bytes = COLD_CACHES * oz_cache_bytes(3);
    return bytes = bytes > LEAST_COLD_BYTES ? bytes : LEAST_COLD_BYTES;
}

/* Where vectors are whole cache lines, as inside of a network. */
static void *aligned(size_t bytes) {
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static size_t floats_of(const oz_tensor_info *t, uint32_t batch, int64_t *dim) {
    size_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) {
        dim[d] = t->dim[d] < 0 ? (int64_t)batch : t->dim[d];
        n *= (size_t)dim[d];
    }
    return n;
}

static int make_tensors(oz_subject *s, uint32_t batch) {
    const oz_model *m = s->copies[0].model;
    oz_tensor_info in, out;
    int64_t dim[OZ_MAX_RANK];
    if (oz_model_inputs(m) != 1 || oz_model_outputs(m) != 1 || oz_model_input(m, 0, &in) != OZ_OK ||
        oz_model_output(m, 0, &out) != OZ_OK || in.dtype != OZ_F32) {
        return oz_file_error(s->name, "bench runs models with one f32 input and one output");
    }
    size_t n = floats_of(&out, batch, dim);
    s->y = aligned(n * sizeof *s->y);
    s->out = (oz_tensor){.data = s->y, .bytes = n * sizeof *s->y};
    n = floats_of(&in, batch, s->in.dim);
    s->x = aligned(n * sizeof *s->x);
    s->in.data = s->x;
    s->in.bytes = n * sizeof *s->x;
    s->in.rank = in.rank;
    if (!s->x || !s->y) return oz_memory_error();
    for (size_t i = 0; i < n; i++) s->x[i] = (float)(i * 2654435761u % 2001) / 1000.0f - 1.0f;
    return EXIT_DONE;
}

/* What a run reads and computes, of a model that is one linear layer: what others do depends on their graph.
 */
static void measure_leaves(oz_subject *s, uint32_t batch) {
    const oz_model *m = s->copies[0].model;
    oz_layer_info layer;
    oz_leaf_info leaf;
    s->leaf_bytes = s->operations = 0;
    if (oz_model_layers(m) != 1 || oz_model_layer(m, 0, &layer) != OZ_OK || strcmp(layer.op, "linear") != 0)
        return;
    for (uint32_t k = 0; k < layer.leaves && oz_model_leaf(m, 0, k, &leaf) == OZ_OK; k++) {
        s->leaf_bytes += (double)(leaf.bytes.values + leaf.bytes.index + leaf.bytes.scales);
        s->operations += 2.0 * (double)leaf.nonzeros * batch;
        bool codes = strstr(leaf.spec, "codec=int") || strstr(leaf.spec, "codec=ternary");
        s->integer = layer.act_i8 && codes;
    }
}

static int copy_file(oz_subject *s, size_t i, oz_buffer file) {
    oz_copy *c = &s->copies[i];
    oz_error err = {0};
    c->file = (oz_buffer){.data = aligned(file.bytes), .bytes = file.bytes};
    if (!c->file.data) return oz_memory_error();
    memcpy(c->file.data, file.data, file.bytes);
    return oz_model_open_memory(c->file.data, file.bytes, NULL, &c->model, &err) == OZ_OK
               ? EXIT_DONE
               : oz_report_error(s->name, &err);
}

static void add_kernel(void *ctx, const oz_candidate *c) {
    oz_subject *s = ctx;
    if (c->chosen && c->measured_ns >= 0) s->kernels_ns += c->measured_ns;
}

/* Only the first plan times its kernels: the others are its copies. */
static int plan_copies(oz_subject *s, const oz_plan_options *given) {
    oz_plan_options opt = *given;
    oz_error err = {0};
    if (opt.effort != OZ_EFFORT_MODEL) oz_settle_threads(&opt);
    for (size_t i = 0; i < s->n_copies; i++) {
        oz_copy *c = &s->copies[i];
        if (oz_plan_create(c->model, &opt, &c->plan, &err) != OZ_OK ||
            oz_session_create(c->plan, &c->session, &err) != OZ_OK)
            return oz_report_error(s->name, &err);
        if (opt.effort == OZ_EFFORT_CHOSEN) opt.effort = OZ_EFFORT_MODEL;
    }
    oz_plan_explain(s->copies[0].plan, s, add_kernel);
    return EXIT_DONE;
}

int oz_subject_make(oz_subject *s, const char *name, oz_buffer file, oz_model *model, bool cold,
                    const oz_plan_options *opt) {
    memset(s, 0, sizeof *s);
    oz_bytes bytes;
    s->name = name;
    oz_model_bytes(model, &bytes, &s->resident);
    size_t copies = cold ? (size_t)(oz_cold_bytes() / bytes.total) + 1 : 1;
    if (copies > MOST_COPIES) copies = MOST_COPIES;
    s->copies = calloc(copies, sizeof *s->copies);
    if (!s->copies) return oz_memory_error();
    s->copies[0].model = model;
    s->n_copies = 1;
    int code = make_tensors(s, opt->max_batch);
    measure_leaves(s, opt->max_batch);
    for (; !code && s->n_copies < copies; s->n_copies++) code = copy_file(s, s->n_copies, file);
    return code ? code : plan_copies(s, opt);
}

/* At least `runs` of them, at least once, and until `least` ns have passed; how long one run took. */
static int run_for(oz_subject *s, size_t runs, uint64_t least, double *ns) {
    uint64_t start = oz_terminal_clock_ns(), spent;
    size_t count = 0;
    oz_error err = {0};
    do {
        oz_session *session = s->copies[s->next++ % s->n_copies].session;
        if (oz_run(session, &s->in, 1, &s->out, 1, NULL, &err) != OZ_OK)
            return oz_report_error(s->name, &err);
        count++;
    } while ((spent = oz_terminal_clock_ns() - start) < least || count < runs);
    *ns = (double)spent / (double)count;
    return EXIT_DONE;
}

int oz_subject_time(oz_subject *s, double *ns) {
    const size_t all = s->last_ns > 0 ? 0 : s->n_copies;
    int code = s->last_ns < LONG_NS ? run_for(s, all, OZ_SETTLE_NS, &s->last_ns) : EXIT_DONE;
    if (!code) code = run_for(s, 0, BLOCK_NS, &s->last_ns);
    *ns = s->last_ns;
    return code;
}

void oz_subject_free(oz_subject *s) {
    for (size_t i = 0; i < s->n_copies; i++) {
        oz_session_free(s->copies[i].session);
        oz_plan_free(s->copies[i].plan);
        if (i == 0) continue;
        oz_model_free(s->copies[i].model);
        free(s->copies[i].file.data);
    }
    free(s->copies);
    free(s->x);
    free(s->y);
    memset(s, 0, sizeof *s);
}

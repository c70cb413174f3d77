/* subject.c - see subject.h. */
#include "cli/subject.h"

#include <stdlib.h>

#include "cli/terminal.h"

static size_t floats_of(const oz_tensor_info *t, uint32_t batch, int64_t *dim) {
    size_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) {
        dim[d] = t->dim[d] < 0 ? (int64_t)batch : t->dim[d];
        n *= (size_t)dim[d];
    }
    return n;
}

/* Where vectors are whole cache lines, as inside of a network. */
static float *floats(size_t n) {
    return aligned_alloc(64, (n * sizeof(float) + 63) / 64 * 64);
}

static int make_tensors(oz_subject *s, const oz_tensor_info *in, const oz_tensor_info *out, uint32_t batch) {
    int64_t dim[OZ_MAX_RANK];
    size_t n = floats_of(out, batch, dim);
    s->y = floats(n);
    s->out = (oz_tensor){.data = s->y, .bytes = n * sizeof *s->y};
    n = floats_of(in, batch, s->in.dim);
    s->x = floats(n);
    s->in.data = s->x;
    s->in.bytes = n * sizeof *s->x;
    s->in.rank = in->rank;
    if (!s->x || !s->y) return oz_memory_error();
    for (size_t i = 0; i < n; i++) s->x[i] = (float)(i * 2654435761u % 2001) / 1000.0f - 1.0f;
    return EXIT_DONE;
}

static void add_kernel(void *ctx, const oz_candidate *c) {
    oz_subject *s = ctx;
    if (c->chosen && c->measured_ns >= 0) s->kernels_ns += c->measured_ns;
}

int oz_subject_prepare(oz_subject *s, const oz_plan_options *opt) {
    oz_error err = {0};
    oz_tensor_info in, out;
    if (oz_model_inputs(s->model) != 1 || oz_model_outputs(s->model) != 1 ||
        oz_model_input(s->model, 0, &in) != OZ_OK || oz_model_output(s->model, 0, &out) != OZ_OK ||
        in.dtype != OZ_F32) {
        return oz_file_error(s->name, "bench runs models with one f32 input and one output");
    }
    if (oz_plan_create(s->model, opt, &s->plan, &err) != OZ_OK ||
        oz_session_create(s->plan, &s->session, &err) != OZ_OK) {
        return oz_report_error(s->name, &err);
    }
    s->kernels_ns = 0;
    oz_plan_explain(s->plan, s, add_kernel);
    oz_bytes bytes;
    oz_model_bytes(s->model, &bytes, &s->resident);
    return make_tensors(s, &in, &out, opt->max_batch);
}

/* Runs until 2 ms have passed, at least once: short layers are timed in groups. */
int oz_subject_time(oz_subject *s, double *ns) {
    uint64_t start = oz_terminal_clock_ns(), spent;
    size_t count = 0;
    oz_error err = {0};
    do {
        if (oz_run(s->session, &s->in, 1, &s->out, 1, NULL, &err) != OZ_OK)
            return oz_report_error(s->name, &err);
        count++;
    } while ((spent = oz_terminal_clock_ns() - start) < 2000000);
    *ns = (double)spent / (double)count;
    return EXIT_DONE;
}

void oz_subject_free(oz_subject *s, bool model_too) {
    oz_session_free(s->session);
    oz_plan_free(s->plan);
    free(s->x);
    free(s->y);
    s->session = NULL, s->plan = NULL, s->x = NULL, s->y = NULL;
    if (!model_too) return;
    oz_model_free(s->model);
    oz_buffer_free(&s->file);
}

/* runner.c - the records of a data set must be what the model takes; everything else is ounce.h. */
#include "evaluate/runner.h"

#include "base/arith.h"
#include "evaluate/host.h"

#include <inttypes.h>
#include <stdio.h>

static oz_status check_tensor(const oz_tensor_info *t, const char *what, size_t *values, oz_error *err) {
    uint64_t n = 1;
    if (t->dtype != OZ_F32)
        return oz_fail(err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, t->name, "the model's %s is not of type f32", what);
    if (t->rank == 0 || t->dim[0] >= 0)
        return oz_fail(err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, t->name,
                       "the first dimension of the model's %s is fixed; it must be free, for batches", what);
    for (uint32_t i = 1; i < t->rank; i++) {
        if (t->dim[i] < 0)
            return oz_fail(err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, t->name,
                           "dimension %" PRIu32 " of the model's %s is free; only the batch may be", i, what);
        if (!oz_mul(n, (uint64_t)t->dim[i], &n) || n > PTRDIFF_MAX / 8)
            return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, t->name, "the model's %s is too large", what);
    }
    *values = (size_t)n;
    return OZ_OK;
}

static void describe(const int64_t *dim, uint32_t rank, char *out, size_t room) {
    size_t n = (size_t)snprintf(out, room, "[");
    for (uint32_t i = 0; i < rank && n < room; i++)
        n += (size_t)snprintf(out + n, room - n, "%s%" PRId64, i ? ", " : "", dim[i]);
    if (n < room) snprintf(out + n, room - n, "]");
}

/* Equal, dimensions of size 1 apart ([28, 28] feeds [1, 28, 28]); a model of plain vectors takes any shape of
 * as many values. */
static bool shapes_agree(const oz_tensor_info *in, size_t values, const int64_t *dim, uint32_t rank) {
    uint64_t have = 1;
    uint32_t i = 1, k = 0;
    for (uint32_t j = 0; j < rank; j++) have *= (uint64_t)dim[j];
    if (in->rank == 2) return have == values;
    for (;;) {
        while (i < in->rank && in->dim[i] == 1) i++;
        while (k < rank && dim[k] == 1) k++;
        if (i == in->rank || k == rank) return i == in->rank && k == rank;
        if (in->dim[i++] != dim[k++]) return false;
    }
}

static oz_status check_model(oz_runner *r, oz_model *m, const oz_dataset *d, oz_error *err) {
    oz_tensor_info in, out;
    int64_t dim[OZ_MAX_RANK];
    char want[96], have[96];
    if (oz_model_inputs(m) != 1 || oz_model_outputs(m) != 1)
        return oz_fail(
            err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, "",
            "the model has %zu inputs and %zu outputs; to be evaluated it needs a graph with one of each",
            oz_model_inputs(m), oz_model_outputs(m));
    OZ_TRY(oz_model_input(m, 0, &in));
    OZ_TRY(oz_model_output(m, 0, &out));
    OZ_TRY(check_tensor(&in, "input", &r->values, err));
    OZ_TRY(check_tensor(&out, "output", &r->classes, err));
    uint32_t rank = oz_dataset_shape(d, dim);
    if (!shapes_agree(&in, r->values, dim, rank)) {
        describe(in.dim + 1, in.rank - 1, want, sizeof want);
        describe(dim, rank, have, sizeof have);
        return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, "data",
                       "the model takes records of %s, the data has %s", want, have);
    }
    r->in.rank = in.rank;
    for (uint32_t i = 1; i < in.rank; i++) r->in.dim[i] = in.dim[i];
    return OZ_OK;
}

static oz_status open_parts(oz_runner *r, oz_model *m, const oz_dataset *d, const oz_plan_options *plan,
                            oz_error *err) {
    OZ_TRY(check_model(r, m, d, err));
    r->in.bytes = r->batch * r->values * sizeof(float);
    r->out.bytes = r->batch * r->classes * sizeof(float);
    r->in.data = oz_arena_array(&r->arena, r->batch * r->values, sizeof(float));
    r->out.data = oz_arena_array(&r->arena, r->batch * r->classes, sizeof(float));
    if (!r->in.data || !r->out.data)
        return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "no memory for a batch of %zu records",
                       r->batch);
    OZ_TRY(oz_plan_create(m, plan, &r->plan, err));
    return oz_session_create(r->plan, &r->session, err);
}

oz_status oz_runner_open(oz_runner *r, oz_model *m, const oz_dataset *d, const oz_plan_options *plan,
                         oz_error *err) {
    *r = (oz_runner){.arena = {.allocator = oz_host_memory(plan->host)}, .batch = oz_max(1, plan->max_batch)};
    oz_status status = open_parts(r, m, d, plan, err);
    if (status != OZ_OK) oz_runner_close(r);
    return status;
}

void oz_runner_close(oz_runner *r) {
    oz_session_free(r->session);
    oz_plan_free(r->plan);
    oz_arena_free(&r->arena);
    *r = (oz_runner){.batch = 0};
}

void oz_runner_load(oz_runner *r, const oz_dataset *d, size_t first, size_t n, size_t count) {
    for (size_t done = 0; done < n;) {
        size_t at = (first + done) % count, run = oz_min(n - done, count - at);
        oz_dataset_read(d, at, run, (float *)r->in.data + done * r->values);
        done += run;
    }
    r->in.dim[0] = (int64_t)n;
}

oz_status oz_runner_run(oz_runner *r, oz_error *err) {
    return oz_run(r->session, &r->in, 1, &r->out, 1, NULL, err);
}

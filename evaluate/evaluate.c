/* evaluate.c - a model's logits over a data set, in batches. */
#include "base/arith.h"
#include "evaluate/host.h"
#include "evaluate/runner.h"

#include <math.h>
#include <string.h>

static oz_status check_finite(const oz_outputs *o, size_t first, size_t n, oz_error *err) {
    for (size_t i = first * o->classes; i < (first + n) * o->classes; i++) {
        if (!isfinite(o->logits[i]))
            return oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, "",
                           "output %zu of record %zu is not a finite number", i % o->classes, i / o->classes);
    }
    return OZ_OK;
}

static oz_status run_all(oz_runner *r, const oz_dataset *d, const oz_host *host, oz_outputs *out,
                         oz_error *err) {
    for (size_t at = 0; at < out->count; at += r->batch) {
        size_t n = oz_min(r->batch, out->count - at);
        oz_runner_load(r, d, at, n, out->count);
        OZ_TRY(oz_runner_run(r, err));
        memcpy(out->logits + at * out->classes, r->out.data, n * out->classes * sizeof(float));
        OZ_TRY(check_finite(out, at, n, err));
        OZ_TRY(oz_host_report(host, "evaluate", at + n, out->count, err));
    }
    return OZ_OK;
}

oz_status oz_evaluate_first(oz_model *m, const oz_dataset *d, size_t count, const oz_plan_options *plan,
                            oz_outputs *out, oz_error *err) {
    oz_runner r;
    *out = (oz_outputs){.count = count};
    OZ_TRY(oz_runner_open(&r, m, d, plan, err));
    out->classes = r.classes;
    out->logits = oz_alloc(NULL, count * r.classes * sizeof(float), 64);
    oz_status status = out->logits
                           ? run_all(&r, d, plan->host, out, err)
                           : oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "no memory for the outputs");
    oz_runner_close(&r);
    if (status != OZ_OK) oz_outputs_free(out);
    return status;
}

oz_status oz_evaluate(oz_model *m, const oz_dataset *d, const oz_plan_options *plan, oz_outputs *out,
                      oz_error *err) {
    static const oz_plan_options defaults = {.size = sizeof defaults, .max_batch = 64};
    return oz_evaluate_first(m, d, oz_dataset_count(d), plan ? plan : &defaults, out, err);
}

void oz_outputs_free(oz_outputs *o) {
    if (!o) return;
    oz_release(NULL, o->logits, o->count * o->classes * sizeof(float));
    *o = (oz_outputs){.logits = NULL};
}

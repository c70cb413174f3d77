/* oz_compare from end to end on a small network: every row accounted for, every refusal clear. */
#include "small_net.h"

#include "base/clock.h"
#include "evaluate/comparison.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static oz_buffer file[2];
static oz_model *model[2];
static oz_dataset *data, *calibration;
static oz_compare_model models[3];
static uint64_t budgets[2];
static const char *const METHODS[] = {"dense", "dense,codec=int4", "sparse,codec=int8", "hashed:pareto",
                                      "sparse,codec=int8,score=random"};
enum { N_METHODS = sizeof METHODS / sizeof *METHODS };

static void make(void) {
    oz_bytes bytes;
    uint64_t resident;
    model[0] = net_mlp(1, &file[0]);
    model[1] = net_mlp(2, &file[1]);
    data = net_data(model[0], 400, 11);
    calibration = net_data(model[0], 64, 12);
    models[0] = (oz_compare_model){"net", model[0], true};
    models[1] = (oz_compare_model){"other\nnet", model[1], false};
    oz_model_bytes(model[0], &bytes, &resident);
    budgets[0] = resident / 5; /* int8 and what is around it do not fit; 4 bits do */
    budgets[1] = resident;
}

static void finish(void) {
    oz_dataset_free(data);
    oz_dataset_free(calibration);
    for (int i = 0; i < 2; i++) {
        oz_model_free(model[i]);
        oz_buffer_free(&file[i]);
    }
}

TestSuite(compare, .init = make, .fini = finish);

static oz_compare_options options(void) {
    oz_compare_options o = OZ_COMPARE_INIT;
    o.models = models;
    o.n_models = 2;
    o.budgets = budgets;
    o.n_budgets = 2;
    o.methods = METHODS;
    o.n_methods = N_METHODS;
    o.data = data;
    o.calibration = calibration;
    o.threads = 1;
    return o;
}

static oz_comparison *compare(const oz_compare_options *o) {
    oz_comparison *c;
    oz_error err;
    oz_status s = oz_compare(o, &c, &err);
    cr_assert(s == OZ_OK, "%s: %s", err.where, err.message);
    return c;
}

static const oz_row *find(const oz_ranking *r, const char *method) {
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->rows[i].variant->method, method) == 0) return &r->rows[i];
    }
    cr_assert_fail("no row %s", method);
    return NULL;
}

static void check_row(const oz_comparison *c, const oz_ranking *r, const oz_row *row) {
    const oz_variant *v = row->variant;
    bool run = row->state <= OZ_ROW_OVER;
    cr_assert(run == (v->right != NULL) || v->kind == OZ_VARIANT_READY, "%s", v->method);
    if (row->state == OZ_ROW_TOO_LARGE) cr_assert(row->smallest > r->budget, "%s", v->method);
    if (!run) return;
    cr_assert((oz_variant_size(c, v) <= r->budget) == (row->state != OZ_ROW_OVER), "%s", v->method);
    cr_assert(v->resident == v->stored + v->extra_resident && v->bytes.total == v->stored);
    size_t correct = 0;
    for (size_t i = 0; i < c->records; i++) correct += v->right[i];
    cr_assert(correct == v->correct);
    cr_assert(v->kind == OZ_VARIANT_READY || v->n_layers == 4);
}

Test(compare, every_method_has_its_row) {
    oz_compare_options o = options();
    oz_comparison *c = compare(&o);
    cr_assert(c->n_rankings == 2 && c->rankings[0].budget == budgets[1] &&
              c->rankings[1].budget == budgets[0]);
    for (size_t i = 0; i < 2; i++) {
        const oz_ranking *r = &c->rankings[i];
        cr_assert(r->n == N_METHODS + 3); /* dense f32, int8, ready-made */
        for (size_t k = 0; k < r->n; k++) check_row(c, r, &r->rows[k]);
        for (size_t k = 0; k < N_METHODS; k++) find(r, METHODS[k]);
    }
    cr_assert(find(&c->rankings[1], "dense,codec=f32")->state == OZ_ROW_OVER);
    cr_assert(find(&c->rankings[0], "hashed:pareto")->state == OZ_ROW_UNTRAINED);
    cr_assert(find(&c->rankings[1], "other?net")->state == OZ_ROW_TOO_LARGE);
    oz_comparison_free(c);
}

Test(compare, dense_is_the_measure) {
    oz_compare_options o = options();
    oz_comparison *c = compare(&o);
    const oz_variant *dense = c->bases[0].dense, *int8 = c->bases[0].int8;
    cr_assert(dense->correct == 360); /* labels are its own answers, every tenth turned */
    cr_assert(dense->metrics.kl == 0.0 && dense->metrics.agreement == 400 &&
              dense->metrics.flips_negative == 0);
    cr_assert(int8->metrics.kl > 0.0 && int8->kl.low <= int8->metrics.kl &&
              int8->kl.high >= int8->metrics.kl);
    cr_assert(int8->smaller == 1.0 && dense->smaller < 1.0);
    cr_assert(int8->metrics.flips_negative == int8->dense_pairs.second);
    cr_assert(int8->metrics.flips_positive == int8->dense_pairs.first);
    cr_assert(!find(&c->rankings[0], "other?net")->variant->has_dense);
    cr_assert(!c->timed && dense->latency_ns == 0.0);
    oz_comparison_free(c);
}

/* A base that somebody compressed before is no f32 network, and is not called one. */
Test(compare, a_compressed_base_stands_as_given) {
    oz_compress_options opt = OZ_COMPRESS_INIT;
    oz_compressed made;
    oz_compare_options o = options();
    oz_error err = {0};
    opt.method = "dense,codec=int4";
    opt.correction = OZ_CORRECT_NONE;
    cr_assert_eq(oz_compress(model[0], &opt, false, &made, &err), OZ_OK, "%s", err.message);
    oz_compare_model base = {"small", NULL, true};
    cr_assert_eq(oz_model_open_memory(made.file.data, made.file.bytes, NULL, &base.model, &err), OZ_OK);
    o.models = &base;
    o.n_models = 1;
    oz_comparison *c = compare(&o);
    cr_assert_str_eq(c->bases[0].dense->method, "as given");
    cr_assert_str_eq(oz_base_label(&c->bases[0]), "as given");
    oz_comparison_free(c);
    oz_model_free(base.model);
    oz_compressed_free(&made);
}

/* Those with integer leaves are run with f32 activations too, the others are not. */
Test(compare, says_what_8_bit_activations_cost) {
    oz_compare_options o = options();
    oz_comparison *c = compare(&o);
    const oz_variant *dense = c->bases[0].dense, *int8 = c->bases[0].int8;
    cr_assert(!dense->act_i8 && int8->act_i8);
    cr_assert(int8->correct_f32 > 300 && int8->correct_f32 <= 400, "%llu",
              (unsigned long long)int8->correct_f32);
    cr_assert(oz_variant_lost_to_i8(c, int8) == ((double)int8->correct - (double)int8->correct_f32) / 400.0);
    oz_comparison_free(c);
}

Test(compare, tells_policy_and_threads_as_they_were) {
    oz_compare_options o = options();
    oz_comparison *c = compare(&o);
    cr_assert_str_eq(c->policy, "@first = dense,codec=int8; @last = dense,codec=int8; @bias = f16");
    cr_assert_eq(c->machine.threads, 1);
    oz_comparison_free(c);
    o.threads = 0;
    o.policy = "";
    c = compare(&o);
    cr_assert_str_eq(c->policy, "none");
    cr_assert(c->machine.threads >= 1);
    oz_comparison_free(c);
}

/* What does not depend on the budget is made once: both budgets show the same variant. */
Test(compare, methods_without_a_knob_are_run_once) {
    oz_compare_options o = options();
    o.methods = METHODS + 1;
    o.n_methods = 1;
    budgets[0] = budgets[1] / 2;
    oz_comparison *c = compare(&o);
    const oz_row *a = find(&c->rankings[0], METHODS[1]), *b = find(&c->rankings[1], METHODS[1]);
    cr_assert(a->state == OZ_ROW_RANKED && a->variant == b->variant);
    oz_comparison_free(c);
}

Test(compare, sweeps_are_curves_alone) {
    oz_compare_options o = options();
    uint64_t sweep[3] = {budgets[0] * 5 / 4, budgets[0] * 3 / 2, budgets[0]};
    o.sweep = sweep;
    o.n_sweep = 3;
    oz_comparison *c = compare(&o);
    cr_assert(c->n_rankings == 2 && c->n_curves > 0);
    for (size_t i = 0; i < c->n_curves; i++) {
        const oz_curve *curve = &c->curves[i];
        cr_assert(curve->n > 0 && curve->n <= 4);
        for (size_t k = 0; k < curve->n; k++) {
            cr_assert(curve->points[k].bytes <= curve->points[k].budget);
            cr_assert(k == 0 || curve->points[k].budget > curve->points[k - 1].budget);
        }
    }
    oz_comparison_free(c);
    o.quick = true;
    c = compare(&o);
    cr_assert(c->records == 200 && c->quick);
    for (size_t i = 0; i < c->n_curves; i++) cr_assert(c->curves[i].n <= 2);
    oz_comparison_free(c);
}

Test(compare, times) {
    oz_compare_options o = options();
    o.clock_ns = oz_clock_ns;
    o.quick = true;
    oz_comparison *c = compare(&o);
    cr_assert(c->timed);
    for (size_t i = 0; i < c->rankings[0].n; i++) {
        const oz_variant *v = c->rankings[0].rows[i].variant;
        if (!v->right) continue;
        cr_assert(v->latency_ns > 0.0 && v->latency_low_ns <= v->latency_ns &&
                  v->latency_ns <= v->latency_high_ns);
        cr_assert(v->throughput > 0.0);
    }
    cr_assert(c->bases[0].int8->faster == 1.0);
    oz_comparison_free(c);
}

Test(compare, the_same_again) {
    oz_compare_options o = options();
    oz_comparison *a = compare(&o), *b = compare(&o);
    oz_buffer first, second;
    cr_assert(oz_comparison_report(a, OZ_REPORT_CSV, 0, false, &first, NULL) == OZ_OK);
    cr_assert(oz_comparison_report(b, OZ_REPORT_CSV, 0, false, &second, NULL) == OZ_OK);
    cr_assert(first.bytes == second.bytes && memcmp(first.data, second.data, first.bytes) == 0);
    oz_buffer_free(&first);
    oz_buffer_free(&second);
    oz_comparison_free(a);
    oz_comparison_free(b);
}

static void refused(const oz_compare_options *o, oz_status want, const char *word) {
    oz_comparison *c;
    oz_error err = {.message = ""};
    oz_status got = oz_compare(o, &c, &err);
    cr_assert(got == want, "%s: %s", oz_status_name(got), err.message);
    cr_assert(strstr(err.message, word), "%s", err.message);
    cr_assert_null(c);
}

Test(compare, refusals) {
    static const char *const misspelt[] = {"dense,codec=int9"};
    oz_compare_options o = options();
    o.calibration = data;
    refused(&o, OZ_ERR_ARGUMENT, "the same");
    o = options();
    o.calibration = NULL;
    refused(&o, OZ_ERR_ARGUMENT, "calibration");
    o = options();
    o.n_budgets = 0;
    refused(&o, OZ_ERR_ARGUMENT, "budget");
    o = options();
    o.data = NULL;
    refused(&o, OZ_ERR_ARGUMENT, "data");
    o = options();
    models[0].base = false;
    refused(&o, OZ_ERR_ARGUMENT, "base");
    models[0].base = true;
    o = options();
    o.size = 8;
    refused(&o, OZ_ERR_ARGUMENT, "size");
    o = options();
    o.methods = misspelt;
    o.n_methods = 1;
    refused(&o, OZ_ERR_ARGUMENT, "int9");
}

typedef struct patience {
    uint64_t calls, limit;
} patience;

static bool impatient(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    patience *p = ctx;
    cr_assert(stage && done <= total, "%s: %llu of %llu", stage, (unsigned long long)done,
              (unsigned long long)total);
    return ++p->calls < p->limit;
}

/* Stopped at any point, it stops with CANCEL and leaves nothing behind. */
Test(compare, cancel) {
    patience p = {0, UINT64_MAX};
    oz_host host = OZ_HOST_INIT;
    oz_compare_options o = options();
    host.progress = impatient;
    host.progress_ctx = &p;
    o.host = &host;
    o.quick = true;
    oz_comparison_free(compare(&o));
    uint64_t all = p.calls;
    cr_assert(all > 10);
    for (uint64_t limit = 1; limit < all; limit += 1 + all / 12) {
        p = (patience){0, limit};
        refused(&o, OZ_ERR_CANCEL, "");
    }
}

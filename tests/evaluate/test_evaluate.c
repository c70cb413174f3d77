/* oz_evaluate on a layer whose logits are known, and on data that does not fit. */
#include "files.h"
#include "small_net.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static test_bytes b;
static oz_buffer file;

static const char HEADER[] = "{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                             "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}";
static const char GRAPH[] = "{\"inputs\":{\"x\":[\"N\",3]},\"outputs\":[\"y\"],"
                            "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}";

/* y = (x0 + 2 x1 + 3 x2 + 1, -x0 - x1 - x2 - 1) */
static oz_model *layer(void) {
    static const float w[8] = {1, 2, 3, -1, -1, -1, 1, -1};
    return net_import(GRAPH, HEADER, w, 8, &file);
}

static oz_dataset *records(const char *shape, size_t n) {
    char dictionary[128];
    uint8_t x[64];
    oz_dataset *d;
    oz_error err;
    for (size_t i = 0; i < n; i++) x[i] = (uint8_t)i;
    snprintf(dictionary, sizeof dictionary, "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }", shape);
    b.n = 0;
    put_npy(&b, dictionary, x, n);
    cr_assert(oz_dataset_open(save(&b, "x.npy"), 0, NULL, &d, &err) == OZ_OK, "%s", err.message);
    drop("x.npy");
    return d;
}

static void close_all(oz_model *m, oz_dataset *d) {
    oz_dataset_free(d);
    oz_model_free(m);
    oz_buffer_free(&file);
}

Test(evaluate, logits_in_batches) {
    oz_model *m = layer();
    oz_dataset *d = records("(5, 3)", 15);
    oz_plan_options plan = OZ_PLAN_INIT;
    for (uint32_t batch = 1; batch <= 8; batch++) {
        oz_outputs o;
        oz_error err;
        plan.max_batch = batch;
        cr_assert(oz_evaluate(m, d, &plan, &o, &err) == OZ_OK, "%s", err.message);
        cr_assert(o.count == 5 && o.classes == 2);
        for (size_t i = 0; i < 5; i++) {
            float x = (float)(3 * i);
            cr_assert(o.logits[2 * i] == 6 * x + 9 && o.logits[2 * i + 1] == -3 * x - 4);
        }
        oz_outputs_free(&o);
        cr_assert_null(o.logits);
    }
    close_all(m, d);
}

/* A model of vectors takes records of any shape with as many values; fewer or more are refused. */
Test(evaluate, shapes) {
    oz_model *m = layer();
    oz_outputs o;
    oz_error err;
    oz_dataset *d = records("(2, 1, 3)", 6);
    cr_assert(oz_evaluate(m, d, NULL, &o, &err) == OZ_OK, "%s", err.message);
    oz_outputs_free(&o);
    oz_dataset_free(d);
    d = records("(2, 4)", 8);
    cr_assert(oz_evaluate(m, d, NULL, &o, &err) == OZ_ERR_SHAPE);
    cr_assert(strstr(err.message, "[3]") && strstr(err.message, "[4]"), "%s", err.message);
    cr_assert_null(o.logits);
    close_all(m, d);
}

static bool stop(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    (void)ctx, (void)stage, (void)done, (void)total;
    return false;
}

Test(evaluate, cancel) {
    oz_model *m = layer();
    oz_dataset *d = records("(5, 3)", 15);
    oz_host host = OZ_HOST_INIT;
    oz_plan_options plan = OZ_PLAN_INIT;
    oz_outputs o;
    host.progress = stop;
    plan.host = &host;
    cr_assert(oz_evaluate(m, d, &plan, &o, NULL) == OZ_ERR_CANCEL);
    cr_assert_null(o.logits);
    close_all(m, d);
}

/* Weights near the largest float overflow in the sum. */
Test(evaluate, outputs_that_are_not_finite) {
    static const float w[8] = {3e38f, 3e38f, 3e38f, 0, 0, 0, 0, 0};
    oz_model *m = net_import(GRAPH, HEADER, w, 8, &file);
    oz_dataset *d = records("(5, 3)", 15);
    oz_outputs o;
    oz_error err;
    cr_assert(oz_evaluate(m, d, NULL, &o, &err) == OZ_ERR_NUMBER);
    cr_assert(strstr(err.message, "output 0 of record"), "%s", err.message);
    close_all(m, d);
}

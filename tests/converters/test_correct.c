/* test_correct.c - after a correction each channel has the dense model's mean and deviation. */
#include "small_network.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { MOST_CHANNELS = 96 };

typedef struct statistics {
    double mean[SMALL_LAYERS][MOST_CHANNELS], deviation[SMALL_LAYERS][MOST_CHANNELS];
    size_t channels[SMALL_LAYERS];
    float logits[SMALL_RECORDS * SMALL_CLASSES];
} statistics;

static void observe(void *ctx, const oz_observation *o) {
    statistics *s = ctx;
    s->channels[o->layer_index] = o->channels;
    for (size_t c = 0; c < o->channels; c++) {
        double sum = 0, squares = 0, n = (double)(o->outer * o->inner);
        for (size_t i = 0; i < o->outer * o->inner; i++) {
            double x = (double)o->data[(i / o->inner * o->channels + c) * o->inner + i % o->inner];
            sum += x;
            squares += x * x;
        }
        s->mean[o->layer_index][c] = sum / n;
        s->deviation[o->layer_index][c] = sqrt(fmax(0, squares / n - sum / n * (sum / n)));
    }
}

static void measure(oz_model *m, const oz_dataset *data, statistics *s) {
    static float x[SMALL_RECORDS * 3 * 8 * 8];
    oz_error err = {0};
    oz_plan_options options = OZ_PLAN_INIT;
    oz_plan *plan = NULL;
    oz_session *session = NULL;
    oz_run_options watched = OZ_RUN_INIT;
    oz_tensor in = {.data = x, .bytes = sizeof x, .rank = 4, .dim = {SMALL_RECORDS, 3, 8, 8}};
    oz_tensor out = {.data = s->logits, .bytes = sizeof s->logits};
    options.max_batch = SMALL_RECORDS;
    watched.observer = observe;
    watched.observer_ctx = s;
    oz_dataset_read(data, 0, SMALL_RECORDS, x);
    cr_assert_eq(oz_plan_create(m, &options, &plan, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_session_create(plan, &session, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_run(session, &in, 1, &out, 1, &watched, &err), OZ_OK, "%s", err.message);
    oz_session_free(session);
    oz_plan_free(plan);
}

static small_network net;
static statistics dense, found;

static void set_up(void) {
    net = small_network_make();
    measure(net.model, net.data, &dense);
}

static void tear_down(void) {
    small_network_free(&net);
}

TestSuite(correct, .init = set_up, .fini = tear_down);

/* Largest differences over all channels, relative to the layer's largest deviation. */
static void compare(double *mean, double *deviation) {
    *mean = *deviation = 0;
    for (size_t l = 0; l < SMALL_LAYERS; l++) {
        double scale = 0;
        for (size_t c = 0; c < dense.channels[l]; c++) scale = fmax(scale, dense.deviation[l][c]);
        for (size_t c = 0; c < dense.channels[l]; c++) {
            *mean = fmax(*mean, fabs(found.mean[l][c] - dense.mean[l][c]) / scale);
            *deviation = fmax(*deviation, fabs(found.deviation[l][c] - dense.deviation[l][c]) / scale);
        }
    }
}

static oz_compressed compress_with(const char *method, const char *policy, oz_correction correction) {
    oz_compress_options opt = small_options(&net, method);
    opt.policy = policy;
    opt.correction = correction;
    oz_compressed c = small_compress(&net, &opt);
    oz_model *m = small_open(&c);
    measure(m, net.data, &found);
    oz_model_free(m);
    return c;
}

static oz_compressed compress(const char *method, oz_correction correction) {
    return compress_with(method, NULL, correction);
}

static double logits_error(void) {
    double sum = 0;
    for (size_t i = 0; i < SMALL_RECORDS * SMALL_CLASSES; i++)
        sum += pow((double)found.logits[i] - (double)dense.logits[i], 2);
    return sum / (SMALL_RECORDS * SMALL_CLASSES);
}

/* Formats that scale their rows, one that needs a row scale, and sums. */
static const char *const methods[] = {"sparse,codec=int3,sparsity=0.6,act=f32",
                                      "nm:2:8,codec=int4,act=f32",
                                      "dense,codec=int3,act=f32",
                                      "dense,codec=f16",
                                      "lowrank:6,codec=int8,act=f32",
                                      "dense,codec=int2,act=f32 + lowrank:2",
                                      "hashed:pareto,ratio=0.5,codec=f16"};

Test(correct, matches_means_and_deviations) {
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        double mean, deviation;
        oz_compressed c = compress_with(methods[i], "@bias = f16", OZ_CORRECT_AFFINE);
        compare(&mean, &deviation);
        cr_expect(mean < 0.01 && deviation < 0.005, "%s: %g %g", methods[i], mean, deviation); /* f16 */
        oz_compressed_free(&c);
    }
}

/* Quantised activations see the corrected ones a little differently. */
Test(correct, matches_them_nearly_with_8_bit_activations) {
    double mean, deviation;
    oz_compressed c = compress("sparse,codec=int3,sparsity=0.6", OZ_CORRECT_AFFINE);
    compare(&mean, &deviation);
    cr_expect(mean < 0.03 && deviation < 0.03, "%g %g", mean, deviation);
    oz_compressed_free(&c);
}

Test(correct, matches_means_alone_if_asked) {
    double mean, deviation;
    oz_compressed c = compress("sparse,codec=int3,sparsity=0.6", OZ_CORRECT_BIAS);
    compare(&mean, &deviation);
    cr_expect(mean < 0.03 && deviation > 0.05, "%g %g", mean, deviation);
    oz_compressed_free(&c);
}

Test(correct, is_left_out_if_asked) {
    double mean, deviation;
    oz_compressed c = compress("sparse,codec=int3,sparsity=0.6", OZ_CORRECT_NONE);
    compare(&mean, &deviation);
    cr_expect(mean > 0.05, "%g", mean);
    oz_compressed_free(&c);
    c = compress("sparse,codec=int3,sparsity=0.6,correct=none", OZ_CORRECT_AFFINE);
    double again, unused;
    compare(&again, &unused);
    cr_expect_gt(again, 0.05);
    oz_compressed_free(&c);
}

Test(correct, knows_the_error_of_the_output) {
    static const oz_correction corrections[] = {OZ_CORRECT_AFFINE, OZ_CORRECT_BIAS, OZ_CORRECT_NONE};
    for (size_t i = 0; i < 3; i++) {
        oz_compressed c = compress("sparse,codec=int4,sparsity=0.5", corrections[i]);
        double error = logits_error();
        cr_expect_float_eq(c.output_error, error, 0.05 * error + 1e-9, "%g %g", c.output_error, error);
        oz_compressed_free(&c);
    }
}

Test(correct, makes_outputs_better) {
    oz_compressed plain = compress("sparse,codec=int3,sparsity=0.7", OZ_CORRECT_NONE);
    oz_compressed better = compress("sparse,codec=int3,sparsity=0.7", OZ_CORRECT_AFFINE);
    cr_expect_lt(better.output_error, plain.output_error);
    oz_compressed_free(&plain);
    oz_compressed_free(&better);
}

/* A weight of zeros gives constant channels: only means can be matched, and nothing becomes infinite. */
Test(correct, survives_channels_without_signal) {
    static const char graph[] =
        "{\"inputs\":{\"x\":[\"N\",4]},\"outputs\":[\"y\"],\"nodes\":["
        "[\"linear\",\"a\",[\"x\"],{\"weight\":\"a\",\"act\":\"relu\"}],"
        "[\"linear\",\"b\",[\"a\"],{\"weight\":\"b\"}],[\"linear\",\"y\",[\"b\"],{\"weight\":\"c\"}]]}";
    static const float zeros[64] = {0};
    const test_tensor tensors[] = {{"a.weight", 2, {4, 4}, NULL},
                                   {"b.weight", 2, {4, 4}, zeros},
                                   {"b.bias", 1, {4}, NULL},
                                   {"c.weight", 2, {2, 4}, NULL}},
                      records[] = {{"x", 2, {8, 4}, NULL}};
    oz_buffer file;
    oz_error err = {0};
    oz_compressed c;
    oz_dataset *data = NULL;
    const char *path = test_path("few.safetensors");
    oz_model *m = test_import(graph, tensors, 4, &file);
    test_write_tensors(path, records, 1);
    cr_assert_eq(oz_dataset_open(path, 0, NULL, &data, &err), OZ_OK, "%s", err.message);
    oz_compress_options opt = OZ_COMPRESS_INIT;
    opt.method = "dense,codec=int4";
    opt.calibration = data;
    cr_assert_eq(oz_compress(m, &opt, false, &c, &err), OZ_OK, "%s", err.message);
    cr_expect(c.output_error < 1e-5, "%g", c.output_error);
    cr_expect_eq(c.layers[1].error, 0);
    oz_compressed_free(&c);
    oz_dataset_free(data);
    test_drop(path);
    oz_model_free(m);
    oz_buffer_free(&file);
}

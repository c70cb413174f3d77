/* test_resnet.c - real networks at 96 KiB: what is left of their accuracy.
 *
 * In builds without optimisation the forward passes would take minutes; they are skipped there. */
#include "networks.h"
#include "tests/support/sanitized.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 250, RECORDS = 1000, VALUES = 3 * 32 * 32, CLASSES = 10 };

static void skip_unless_optimised(void) {
#ifndef __OPTIMIZE__
    cr_skip_test("not an optimised build");
#endif
}

static bool exists(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f != NULL;
}

static oz_model *import(const char *weights, oz_buffer *file) {
    oz_import_options opt = OZ_IMPORT_INIT;
    oz_error err = {0};
    oz_model *m = NULL;
    opt.graph = OZ_SOURCE_DIR "/examples/cifar10/resnet20.json";
    opt.weights = weights;
    cr_assert_eq(oz_import(&opt, file, &err), OZ_OK, "%s: %s", err.where, err.message);
    cr_assert_eq(oz_model_open_memory(file->data, file->bytes, NULL, &m, &err), OZ_OK, "%s", err.message);
    return m;
}

static oz_dataset *data(const char *path, uint64_t limit) {
    oz_dataset *d = NULL;
    oz_error err = {0};
    cr_assert_eq(oz_dataset_open(path, limit, NULL, &d, &err), OZ_OK, "%s", err.message);
    return d;
}

static size_t count_right(const float *logits, const int64_t *labels, size_t n) {
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t best = 0;
        for (int64_t c = 1; c < CLASSES; c++)
            if (logits[i * CLASSES + (size_t)c] > logits[i * CLASSES + (size_t)best]) best = c;
        right += best == labels[i];
    }
    return right;
}

/* Percent of the records. */
static double accuracy(oz_model *m, const oz_dataset *d) {
    float *x = malloc(BATCH * VALUES * sizeof *x), logits[BATCH * CLASSES];
    oz_plan_options options = OZ_PLAN_INIT;
    oz_plan *plan = NULL;
    oz_session *session = NULL;
    oz_error err = {0};
    size_t right = 0, count = oz_dataset_count(d);
    options.max_batch = BATCH;
    cr_assert(x && count % BATCH == 0);
    cr_assert_eq(oz_plan_create(m, &options, &plan, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_session_create(plan, &session, &err), OZ_OK, "%s", err.message);
    for (size_t first = 0; first < count; first += BATCH) {
        oz_tensor in = {.data = x, .bytes = BATCH * VALUES * sizeof *x, .rank = 4, .dim = {BATCH, 3, 32, 32}};
        oz_tensor out = {.data = logits, .bytes = sizeof logits};
        oz_dataset_read(d, first, BATCH, x);
        cr_assert_eq(oz_run(session, &in, 1, &out, 1, NULL, &err), OZ_OK, "%s", err.message);
        right += count_right(logits, oz_dataset_labels(d) + first, BATCH);
    }
    oz_session_free(session);
    oz_plan_free(plan);
    free(x);
    return 100.0 * (double)right / (double)count;
}

static double accuracy_at(oz_model *base, const char *method, uint64_t budget, const oz_dataset *test) {
    oz_dataset *calibration = data(OZ_SOURCE_DIR "/examples/cifar10/calibration.safetensors", 0);
    oz_compress_options opt = OZ_COMPRESS_INIT;
    oz_compressed c;
    oz_error err = {0};
    oz_model *m = NULL;
    opt.method = method;
    opt.budget = budget;
    opt.calibration = calibration;
    cr_assert_eq(oz_compress(base, &opt, false, &c, &err), OZ_OK, "%s: %s", err.where, err.message);
    cr_assert(c.bytes <= budget && c.bytes >= budget - budget / 50, "%llu bytes",
              (unsigned long long)c.bytes);
    cr_assert_eq(oz_model_open_memory(c.file.data, c.file.bytes, NULL, &m, &err), OZ_OK, "%s", err.message);
    double percent = accuracy(m, test);
    oz_model_free(m);
    oz_compressed_free(&c);
    oz_dataset_free(calibration);
    return percent;
}

Test(resnet20, keeps_its_accuracy_in_96_kib) {
    skip_unless_optimised();
    oz_buffer file;
    oz_model *base = import(OZ_SOURCE_DIR "/examples/cifar10/resnet20.safetensors", &file);
    oz_dataset *test = data(OZ_SOURCE_DIR "/examples/cifar10/test.safetensors", RECORDS);
    double dense = accuracy(base, test), pruned = accuracy_at(base, "sparse,codec=int3", 96 * 1024, test);
    cr_expect(dense > 85 && pruned > dense - 4, "%.1f -> %.1f", dense, pruned);
    oz_dataset_free(test);
    oz_model_free(base);
    oz_buffer_free(&file);
}

/* Percent with 8-bit and with f32 activations of the same int8 weights. */
static void compare_activations(oz_model *base, const oz_dataset *test, double *i8, double *f32) {
    oz_dataset *calibration = data(OZ_SOURCE_DIR "/examples/cifar10/calibration.safetensors", 0);
    oz_compress_options opt = OZ_COMPRESS_INIT;
    oz_compressed c;
    oz_buffer other;
    oz_model *m = NULL;
    oz_error err = {0};
    opt.method = "dense,codec=int8";
    opt.calibration = calibration;
    cr_assert_eq(oz_compress(base, &opt, false, &c, &err), OZ_OK, "%s: %s", err.where, err.message);
    cr_assert_eq(oz_model_open_memory(c.file.data, c.file.bytes, NULL, &m, &err), OZ_OK, "%s", err.message);
    *i8 = accuracy(m, test);
    cr_assert_eq(oz_f32_activations(m, &other, &err), OZ_OK, "%s", err.message);
    oz_model_free(m);
    cr_assert_eq(oz_model_open_memory(other.data, other.bytes, NULL, &m, &err), OZ_OK, "%s", err.message);
    oz_layer_info layer;
    for (size_t i = 0; i < oz_model_layers(m); i++)
        cr_assert(oz_model_layer(m, i, &layer) == OZ_OK && !layer.act_i8);
    *f32 = accuracy(m, test);
    oz_model_free(m);
    oz_buffer_free(&other);
    oz_compressed_free(&c);
    oz_dataset_free(calibration);
}

Test(resnet20, loses_at_most_0_3_points_to_8_bit_activations) {
    skip_unless_optimised();
    const char *published = OZ_SHARED_DATA "/vision/cifar-resnet/resnet20-12fca82f.safetensors";
    const char *records = OZ_SHARED_DATA "/vision/cifar10/test_even.bin";
    /* With sanitizers all images of the shared data take minutes; the shipped ones do. */
    bool shared = !SANITIZED && exists(published) && exists(records);
    oz_buffer file;
    oz_model *base =
        import(shared ? published : OZ_SOURCE_DIR "/examples/cifar10/resnet20.safetensors", &file);
    oz_dataset *test =
        data(shared ? records : OZ_SOURCE_DIR "/examples/cifar10/test.safetensors", shared ? 0 : RECORDS);
    double i8, f32;
    compare_activations(base, test, &i8, &f32);
    cr_expect(i8 >= f32 - 0.3, "%.2f %% with 8-bit activations, %.2f %% with f32", i8, f32);
    printf("int8 weights: %.2f %% with 8-bit, %.2f %% with f32 activations\n", i8, f32);
    oz_dataset_free(test);
    oz_model_free(base);
    oz_buffer_free(&file);
}

Test(resnet20, as_published_reaches_72_percent_in_96_kib) {
    skip_unless_optimised();
    const char *weights = OZ_SHARED_DATA "/vision/cifar-resnet/resnet20-12fca82f.safetensors";
    const char *records = OZ_SHARED_DATA "/vision/cifar10/test_even.bin";
    if (!exists(weights) || !exists(records)) cr_skip_test("the shared data is not there");
    oz_buffer file;
    oz_model *base = import(weights, &file);
    oz_dataset *test = data(records, RECORDS);
    double pruned = accuracy_at(base, "sparse,codec=int3", 96 * 1024, test);
    double quantised = accuracy_at(base, "dense", 96 * 1024, test);
    cr_expect(pruned >= 72 && quantised >= 72, "%.1f %.1f", pruned, quantised);
    oz_dataset_free(test);
    oz_model_free(base);
    oz_buffer_free(&file);
}

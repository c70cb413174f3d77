/* test_parity.c - whole networks against PyTorch: logits, predicted classes, on every instruction set and
 * number of threads.
 *
 * make_references.py made the references. Images whose two largest logits are closer than 1e-3 are listed
 * there and may differ. What needs the optional data pack is skipped without it; scalar code and the less
 * usual networks see a part of the images unless OZ_TEST_ALL=1 is set. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "formats/container/safetensors.h"
#include <ounce/tools.h>
#include "tests/support/sanitized.h"

enum { PIXELS = 3 * 32 * 32, CLASSES = 10, IMAGES = 64, ALL = 5000 };

typedef struct reference {
    oz_arena arena;
    oz_file file;
    oz_safetensors tensors;
} reference;

static const char *in_source(const char *path) {
    static char full[4096];
    snprintf(full, sizeof full, "%s/%s", OZ_SOURCE_DIR, path);
    return full;
}

static const char *in_pack(const char *path) {
    static char full[4096];
    snprintf(full, sizeof full, "%s/%s", OZ_SHARED_DATA, path);
    return full;
}

static bool exists(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f != NULL;
}

static reference open_reference(const char *name) {
    reference r = {0};
    oz_error err = {0};
    char path[128];
    snprintf(path, sizeof path, "tests/parity/%s.safetensors", name);
    cr_assert_eq(oz_file_open(in_source(path), false, 0, NULL, &r.file, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_safetensors_read(&r.tensors, r.file.data, r.file.bytes, NULL, &r.arena, &err), OZ_OK);
    return r;
}

static void close_reference(reference *r) {
    oz_arena_free(&r->arena);
    oz_file_close(&r->file);
}

static oz_model *import(const char *graph, const char *weights, oz_buffer *file) {
    oz_import_options opt = OZ_IMPORT_INIT;
    oz_error err = {0};
    oz_model *m = NULL;
    opt.graph = graph;
    opt.weights = weights;
    cr_assert_eq(oz_import(&opt, file, &err), OZ_OK, "%s: %s", err.where, err.message);
    cr_assert_eq(oz_model_open_memory(file->data, file->bytes, NULL, &m, &err), OZ_OK, "%s: %s", err.where,
                 err.message);
    return m;
}

/* out: [count][classes] */
static void run(oz_model *m, const oz_plan_options *opt, const float *x, size_t floats, const int64_t *dims,
                size_t count, size_t classes, float *out) {
    oz_plan *plan;
    oz_session *session;
    oz_error err = {0};
    cr_assert_eq(oz_plan_create(m, opt, &plan, &err), OZ_OK, "%s: %s", err.where, err.message);
    cr_assert_eq(oz_session_create(plan, &session, &err), OZ_OK, "%s", err.message);
    for (size_t i = 0; i < count; i += opt->max_batch) {
        size_t n = count - i < opt->max_batch ? count - i : opt->max_batch;
        oz_tensor in = {.data = (void *)(uintptr_t)(x + i * floats),
                        .bytes = n * floats * sizeof(float),
                        .rank = 4,
                        .dim = {(int64_t)n, dims[0], dims[1], dims[2]}};
        oz_tensor result = {.data = out + i * classes, .bytes = n * classes * sizeof(float)};
        cr_assert_eq(oz_run(session, &in, 1, &result, 1, NULL, &err), OZ_OK, "%s: %s", err.where,
                     err.message);
    }
    oz_session_free(session);
    oz_plan_free(plan);
}

static void assert_close(const float *got, const float *want, size_t images, size_t classes,
                         const char *what) {
    for (size_t i = 0; i < images; i++) {
        float worst = 0, largest = 0;
        for (size_t c = 0; c < classes; c++) {
            worst = fmaxf(worst, fabsf(got[i * classes + c] - want[i * classes + c]));
            largest = fmaxf(largest, fabsf(want[i * classes + c]));
        }
        cr_assert(worst <= 1e-4f * largest, "%s: image %zu differs by %g of %g", what, i, (double)worst,
                  (double)largest);
    }
}

static const char *const isas[] = {"scalar", "avx2", "avx512", "avx512vnni"};

/* The instruction sets this machine has; the last one is what plans use. */
static size_t count_isas(void) {
    size_t n = 0;
    while (strcmp(isas[n], oz_isa_name()) != 0) n++;
    return n + 1;
}

static size_t best(const float *logits) {
    size_t k = 0;
    for (size_t c = 1; c < CLASSES; c++) k = logits[c] > logits[k] ? c : k;
    return k;
}

static float *read_images(const char *path, size_t count) {
    oz_dataset *d;
    oz_error err = {0};
    cr_assert_eq(oz_dataset_open(path, count, NULL, &d, &err), OZ_OK, "%s", err.message);
    float *x = malloc(count * PIXELS * sizeof *x);
    cr_assert_eq(oz_dataset_count(d), count);
    oz_dataset_read(d, 0, count, x);
    oz_dataset_free(d);
    return x;
}

static const int64_t cifar[] = {3, 32, 32};

/* How much is run: sanitizers and scalar code are slow, and the same images prove the same. */
enum { SLOW = SANITIZED ? 4 : 8, FEW = SANITIZED ? 16 : 64, MANY = SANITIZED ? 64 : ALL };

/* OZ_TEST_ALL=1: every network on every instruction set with all images, which takes many minutes. */
static bool all_images(void) {
    const char *all = getenv("OZ_TEST_ALL");
    return all && strcmp(all, "1") == 0;
}

/* The first images with 1, 2 and 3 threads: close to PyTorch, and the same bits for any number of threads. */
static void check_threads(oz_model *m, const char *isa, uint32_t batch, const float *x, const float *want,
                          size_t images, const char *name) {
    float first[IMAGES * CLASSES], out[IMAGES * CLASSES];
    for (int threads = 1; threads <= 3; threads++) {
        oz_plan_options opt = OZ_PLAN_INIT;
        opt.max_batch = batch;
        opt.isa = isa;
        opt.threads = threads;
        run(m, &opt, x, PIXELS, cifar, images, CLASSES, out);
        assert_close(out, want, images, CLASSES, name);
        if (threads == 1) memcpy(first, out, sizeof first);
        size_t bytes = images * CLASSES * sizeof *out;
        cr_assert_arr_eq((const char *)out, (const char *)first, bytes, "%s: %d threads, other bits", name,
                         threads);
    }
}

static void check_logits(oz_model *m, const reference *r, const char *name) {
    const oz_stored *logits = oz_safetensors_find(&r->tensors, "logits");
    float *x = read_images(in_source("examples/cifar10/test.safetensors"), IMAGES);
    float want[IMAGES * CLASSES];
    memcpy(want, logits->data, sizeof want);
    for (size_t i = 0; i < count_isas(); i++) {
        bool scalar = i == 0;
        check_threads(m, isas[i], 64, x, want, scalar ? SLOW : FEW, name);
        if (!scalar) check_threads(m, isas[i], 1, x, want, SLOW, name);
    }
    free(x);
}

static bool is_close_call(const reference *r, size_t image) {
    const oz_stored *close = oz_safetensors_find(&r->tensors, "close");
    for (size_t i = 0; i < close->dim[0]; i++) {
        int32_t index;
        memcpy(&index, close->data + 4 * i, sizeof index);
        if ((size_t)index == image) return true;
    }
    return false;
}

static void check_classes(oz_model *m, const reference *r, const char *name, const char *isa, size_t count) {
    const oz_stored *classes = oz_safetensors_find(&r->tensors, "classes");
    float *x = read_images(in_pack("vision/cifar10/test_even.bin"), count),
          *out = malloc(count * CLASSES * sizeof *out);
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.max_batch = 64;
    opt.isa = isa;
    run(m, &opt, x, PIXELS, cifar, count, CLASSES, out);
    for (size_t i = 0; i < count; i++) {
        cr_assert(best(out + i * CLASSES) == classes->data[i] || is_close_call(r, i), "%s on %s: image %zu",
                  name, isa, i);
    }
    free(x);
    free(out);
}

static void check_network(const char *name, const char *graph, const char *weights, bool every_isa) {
    if (!exists(weights)) cr_skip_test("needs the data pack");
    char graph_path[4096], weights_path[4096];
    strcpy(weights_path, weights);
    strcpy(graph_path, in_source(graph));
    reference r = open_reference(name);
    oz_buffer file;
    oz_model *m = import(graph_path, weights_path, &file);
    check_logits(m, &r, name);
    if (exists(in_pack("vision/cifar10/test_even.bin"))) {
        size_t n = count_isas();
        for (size_t i = every_isa || all_images() ? 0 : n - 1; i < n; i++)
            check_classes(m, &r, name, isas[i], i == 0 && !all_images() ? FEW : MANY);
    }
    oz_model_free(m);
    oz_buffer_free(&file);
    close_reference(&r);
}

Test(parity, resnet20) {
    check_network("resnet20", "examples/cifar10/resnet20.json",
                  in_source("examples/cifar10/resnet20.safetensors"), true);
}

Test(parity, resnet8) {
    check_network("resnet8", "examples/cifar10/resnet8.json",
                  in_source("examples/cifar10/resnet8.safetensors"), false);
}

Test(parity, published_resnet20) {
    check_network("published-resnet20", "examples/cifar10/resnet20.json",
                  in_pack("vision/cifar-resnet/resnet20-12fca82f.safetensors"), true);
}

Test(parity, published_resnet56) {
    check_network("published-resnet56", "examples/cifar10/resnet56.json",
                  in_pack("vision/cifar-resnet/resnet56-4bfd9763.safetensors"), false);
}

Test(parity, distiller_dense) {
    check_network("distiller-dense", "examples/pack/distiller-resnet20.json",
                  in_pack("vision/distiller/checkpoint_trained_dense.safetensors"), false);
}

Test(parity, distiller_thin) {
    check_network(
        "distiller-thin", "examples/pack/distiller-resnet20.json",
        in_pack("vision/distiller/checkpoint_trained_channel_regularized_resnet20_finetuned.safetensors"),
        false);
}

/* Row-major bytes of a 224 x 224 picture to planes. */
static float *read_pictures(size_t count) {
    size_t pixels = 224 * 224;
    uint8_t *bytes = malloc(count * pixels * 3);
    float *x = malloc(count * pixels * 3 * sizeof *x);
    FILE *f = fopen(in_pack("vision/imagenet/a_224x224x3_u8.bin"), "rb");
    cr_assert_eq(fread(bytes, pixels * 3, count, f), count);
    fclose(f);
    for (size_t i = 0; i < count * pixels * 3; i++) {
        size_t image = i / (pixels * 3), channel = i % 3, pixel = i / 3 % pixels;
        x[(image * 3 + channel) * pixels + pixel] = bytes[i];
    }
    free(bytes);
    return x;
}

Test(parity, squeezenet) {
    char weights[4096];
    strcpy(weights, in_pack("vision/squeezenet-dc/squeezenet_dc_decoded.safetensors"));
    if (!exists(weights)) cr_skip_test("needs the data pack");
    reference r = open_reference("squeezenet");
    oz_buffer file;
    oz_model *m = import(in_source("examples/pack/squeezenet.json"), weights, &file);
    float *x = read_pictures(4), *got = malloc(4000 * sizeof *got), *want = malloc(4000 * sizeof *want);
    memcpy(want, oz_safetensors_find(&r.tensors, "logits")->data, 4000 * sizeof *want);
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.max_batch = 2;
    run(m, &opt, x, 3 * 224 * 224, (const int64_t[]){3, 224, 224}, 4, 1000, got);
    assert_close(got, want, 4, 1000, "squeezenet");
    free(x);
    free(got);
    free(want);
    oz_model_free(m);
    oz_buffer_free(&file);
    close_reference(&r);
}

/* test_compress.c - what compression promises about files, layers and bytes. */
#include "small_network.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static small_network net;

static void set_up(void) {
    net = small_network_make();
}

static void tear_down(void) {
    small_network_free(&net);
}

TestSuite(compress, .init = set_up, .fini = tear_down);

static oz_layer_info layer_of(const oz_model *m, const char *name) {
    oz_layer_info info;
    for (size_t i = 0; i < oz_model_layers(m); i++) {
        cr_assert_eq(oz_model_layer(m, i, &info), OZ_OK);
        if (strcmp(info.name, name) == 0) return info;
    }
    cr_assert(false, "there is no layer %s", name);
    return info;
}

static double error_of(const oz_compressed *c, const char *name) {
    for (size_t i = 0; i < c->n_layers; i++)
        if (strcmp(c->layers[i].name, name) == 0) return c->layers[i].error;
    cr_assert(false, "there is no layer %s", name);
    return 0;
}

static double error_with(const char *method, const char *layer) {
    oz_compress_options opt = small_options(&net, method);
    opt.correction = OZ_CORRECT_NONE;
    oz_compressed c = small_compress(&net, &opt);
    double error = error_of(&c, layer);
    oz_compressed_free(&c);
    return error;
}

/* ---- layers ---- */

Test(compress, gives_each_layer_its_leaves) {
    oz_compress_options opt = small_options(&net, "nm:2:8,codec=int4");
    oz_compressed c = small_compress(&net, &opt);
    oz_model *m = small_open(&c);
    cr_expect_str_eq(layer_of(m, "conv1").weight, "dense,codec=int8");
    cr_expect_str_eq(layer_of(m, "conv2").weight, "nm:2:8,codec=int4,form=list");
    cr_expect_str_eq(layer_of(m, "fc").weight, "dense,codec=int8");
    cr_expect(layer_of(m, "conv2").act_i8);
    cr_expect(!layer_of(m, "depth").act_i8, "a depthwise convolution has f32 activations");
    cr_expect_str_eq(oz_model_meta(m, "method"), "nm:2:8,codec=int4");
    oz_bytes bytes;
    uint64_t resident;
    oz_model_bytes(m, &bytes, &resident);
    cr_expect_eq(bytes.total, c.bytes);
    oz_model_free(m);
    oz_compressed_free(&c);
}

Test(compress, reports_each_layer) {
    oz_compress_options opt = small_options(&net, "sparse,codec=int8,sparsity=0.5");
    oz_compressed c = small_compress(&net, &opt);
    cr_assert_eq(c.n_layers, SMALL_LAYERS);
    cr_expect_str_eq(c.layers[1].name, "conv2");
    cr_expect_str_eq(c.layers[1].method, "sparse,codec=int8,sparsity=0.5000");
    cr_expect_eq(c.layers[1].dense_bytes, 32 * 144 * 4);
    cr_expect_lt(c.layers[1].bytes, 32 * 144);
    cr_expect(c.layers[1].error > 0.01 && c.layers[1].error < 0.4, "%g", c.layers[1].error);
    cr_expect_lt(c.layers[0].error, 1e-4);
    cr_expect_eq(c.tried, 1);
    oz_compressed_free(&c);
}

Test(compress, chooses_activation_precision_as_told) {
    oz_compress_options opt = small_options(&net, "dense,codec=int8,act=f32");
    oz_compressed c = small_compress(&net, &opt);
    oz_model *m = small_open(&c);
    cr_expect(!layer_of(m, "conv2").act_i8);
    cr_expect(layer_of(m, "conv1").act_i8);
    oz_model_free(m);
    oz_compressed_free(&c);
}

Test(compress, leaves_layers_as_they_are_that_a_recipe_does_not_name) {
    oz_compress_options opt = small_options(&net, NULL);
    opt.policy = "";
    opt.recipe = "conv* = dense,codec=int8";
    oz_compressed c = small_compress(&net, &opt);
    oz_model *m = small_open(&c);
    float before[96 * 32], after[96 * 32], bias[96], same[96];
    cr_expect_str_eq(layer_of(m, "mid").weight, "dense,codec=f32");
    cr_expect_str_eq(c.layers[3].method, "as it was");
    cr_assert_eq(oz_model_unpack(net.model, 3, before, 96 * 32, NULL), OZ_OK);
    cr_assert_eq(oz_model_unpack(m, 3, after, 96 * 32, NULL), OZ_OK);
    cr_expect_arr_eq(before, after, sizeof before);
    cr_assert_eq(oz_model_bias(net.model, 3, bias, 96, NULL), OZ_OK);
    cr_assert_eq(oz_model_bias(m, 3, same, 96, NULL), OZ_OK);
    cr_expect_arr_eq(bias, same, sizeof bias);
    oz_model_free(m);
    oz_compressed_free(&c);
}

Test(compress, shares_one_array_between_layers) {
    oz_compress_options opt = small_options(&net, "hashed:pareto,ratio=0.25,codec=f16");
    oz_compressed c = small_compress(&net, &opt);
    oz_model *m = small_open(&c);
    oz_leaf_info first, second;
    cr_assert_eq(oz_model_leaf(m, 1, 0, &first), OZ_OK);
    cr_assert_eq(oz_model_leaf(m, 3, 0, &second), OZ_OK);
    cr_expect(first.shared && second.shared);
    cr_expect_eq(first.bytes.total, (32 * 144 + 32 * 9 + 96 * 32) / 4 * 2);
    cr_expect_eq(second.bytes.total, 0);
    cr_expect(strstr(second.spec, ",start=4896"), "%s: no two weights of the network have one position",
              second.spec);
    oz_model_free(m);
    oz_compressed_free(&c);
}

Test(compress, needs_no_graph) {
    const char *path = test_path("plain.safetensors");
    const test_tensor plain[] = {
        {"q.weight", 2, {32, 64}, NULL}, {"q.bias", 1, {32}, NULL}, {"k.weight", 2, {16, 32}, NULL}};
    oz_model *m = NULL;
    oz_error err = {0};
    oz_compressed c;
    oz_compress_options opt = OZ_COMPRESS_INIT;
    opt.method = "nm:2:4,codec=int8";
    test_write_tensors(path, plain, 3);
    cr_assert_eq(oz_model_open(path, NULL, &m, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_compress(m, &opt, false, &c, &err), OZ_OK, "%s: %s", err.where, err.message);
    oz_model *small = small_open(&c);
    cr_expect_str_eq(layer_of(small, "q").weight, "nm:2:4,codec=int8,form=list");
    cr_expect_str_eq(layer_of(small, "k").weight, "nm:2:4,codec=int8,form=list");
    cr_expect_lt(c.output_error, 0);
    oz_model_free(small);
    oz_compressed_free(&c);
    oz_model_free(m);
    test_drop(path);
}

/* ---- fits ---- */

Test(compress, finds_smaller_errors_with_more_terms) {
    double alone = error_with("dense,codec=int2", "conv2");
    double both = error_with("dense,codec=int2 + lowrank:4", "conv2");
    double more = error_with("dense,codec=int2 + lowrank:8", "conv2");
    cr_expect(both < 0.95 * alone && more < both, "%g %g %g", alone, both, more);
    cr_expect_lt(error_with("dense,codec=ternary + sparse,codec=int8,sparsity=0.9", "mid"),
                 error_with("dense,codec=ternary", "mid"));
    cr_expect_lt(error_with("dense,codec=int2 + hashed:robe,ratio=0.2,codec=f16", "mid"),
                 error_with("hashed:robe,ratio=0.2,codec=f16", "mid"));
}

Test(compress, makes_the_best_low_rank_factors) {
    /* All singular values of a random matrix are alike; half of them keep more than half. */
    double half = error_with("lowrank:16,codec=f16", "mid"),
           quarter = error_with("lowrank:8,codec=f16", "mid");
    cr_expect(half < 0.4 && half < quarter && quarter < 0.75, "%g %g", half, quarter);
    double coded = error_with("lowrank:16,codec=int8", "mid");
    cr_expect(fabs(coded - half) < 0.01, "%g %g", coded, half);
    cr_expect_lt(error_with("lowrank:32,codec=f32", "mid"), 1e-9);
}

Test(compress, takes_back_in_one_factor_or_term_what_others_lost) {
    double product = error_with("lowrank:16,codec=int3", "conv2"),
           sum = error_with("dense,codec=int2 + lowrank:4", "conv2");
    cr_expect(product < 0.330 && sum < 0.06, "%g %g", product, sum);
}

Test(compress, stores_a_product_that_is_no_smaller_as_one_leaf) {
    oz_compress_options opt = small_options(&net, "lowrank:32,codec=int8");
    oz_compressed c = small_compress(&net, &opt);
    cr_expect_str_eq(c.layers[3].method, "dense,codec=int8");
    oz_compressed_free(&c);
}

Test(compress, loses_more_with_random_choices) {
    cr_expect_lt(error_with("nm:2:8,codec=int8", "conv2"),
                 error_with("nm:2:8,codec=int8,score=random", "conv2"));
    cr_expect_lt(error_with("sparse,codec=int8,sparsity=0.5,scope=layer", "conv2"),
                 error_with("sparse,codec=int8,sparsity=0.5,score=random", "conv2"));
}

/* The runtime has no 8-bit activations for groups whose outputs fill no panels of 16 rows. */
Test(compress, makes_models_with_narrow_groups_that_run) {
    static const char graph[] = "{\"inputs\":{\"x\":[\"N\",3,4,4]},\"outputs\":[\"y\"],\"nodes\":["
                                "[\"conv2d\",\"a\",[\"x\"],{\"weight\":\"a\"}],"
                                "[\"conv2d\",\"b\",[\"a\"],{\"weight\":\"b\",\"groups\":2}],"
                                "[\"conv2d\",\"y\",[\"b\"],{\"weight\":\"c\"}]]}";
    const test_tensor tensors[] = {{"a.weight", 4, {64, 3, 1, 1}, NULL},
                                   {"b.weight", 4, {24, 32, 1, 1}, NULL},
                                   {"c.weight", 4, {2, 24, 1, 1}, NULL}};
    oz_buffer file;
    oz_error err = {0};
    oz_compressed c;
    oz_compress_options opt = OZ_COMPRESS_INIT;
    opt.method = "dense,codec=int8 + lowrank:1";
    opt.correction = OZ_CORRECT_NONE;
    oz_model *m = test_import(graph, tensors, 3, &file);
    cr_assert_eq(oz_compress(m, &opt, false, &c, &err), OZ_OK, "%s: %s", err.where, err.message);
    oz_model *small = small_open(&c);
    cr_expect(!layer_of(small, "b").act_i8);
    cr_expect_str_eq(layer_of(small, "b").weight, "dense,codec=int8");
    oz_model_free(small);
    oz_compressed_free(&c);
    oz_model_free(m);
    oz_buffer_free(&file);
}

/* ---- the same bytes, whoever makes them ---- */

static oz_buffer file_with(const char *method, int threads, uint64_t seed) {
    oz_compress_options opt = small_options(&net, method);
    opt.threads = threads;
    opt.seed = seed;
    oz_compressed c = small_compress(&net, &opt);
    oz_buffer file = c.file;
    c.file = (oz_buffer){0};
    oz_compressed_free(&c);
    return file;
}

static bool same_files(const char *method, int threads_a, int threads_b, uint64_t seed_a, uint64_t seed_b) {
    oz_buffer a = file_with(method, threads_a, seed_a), b = file_with(method, threads_b, seed_b);
    bool same = a.bytes == b.bytes && memcmp(a.data, b.data, a.bytes) == 0;
    oz_buffer_free(&a);
    oz_buffer_free(&b);
    return same;
}

Test(compress, gives_the_same_file_with_any_number_of_threads) {
    cr_expect(same_files("sparse,codec=int3,sparsity=0.4", 1, 3, 1, 1));
    cr_expect(same_files("dense,codec=int4 + lowrank:2", 1, 2, 1, 1));
    cr_expect(same_files("hashed:pareto,ratio=0.3,codec=int8", 1, 2, 1, 1));
}

Test(compress, draws_from_the_seed_alone) {
    cr_expect(same_files("sparse,codec=int8,sparsity=0.7,score=random", 1, 2, 5, 5));
    cr_expect(!same_files("sparse,codec=int8,sparsity=0.7,score=random", 1, 1, 5, 6));
    cr_expect(!same_files("hashed:pareto,ratio=0.3,codec=f16", 1, 1, 1, 2));
}

Test(compress, gives_the_same_file_from_a_compressor_that_was_used_before) {
    static const char *const methods[] = {"dense,codec=int3", "sparse,codec=int4,sparsity=0.6",
                                          "lowrank:4,codec=int8", "hashed:pareto,ratio=0.3,codec=f16",
                                          "dense,codec=int3"};
    oz_error err = {0};
    oz_compressor *c = NULL;
    cr_assert_eq(oz_compressor_create(net.model, net.data, 0, NULL, &c, &err), OZ_OK, "%s", err.message);
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        oz_compress_options opt = small_options(&net, methods[i]);
        oz_compressed once = small_compress(&net, &opt), again;
        cr_assert_eq(oz_compressor_run(c, &opt, false, &again, &err), OZ_OK, "%s", err.message);
        cr_expect_eq(once.bytes, again.bytes);
        cr_expect_arr_eq(once.file.data, again.file.data, once.bytes, "%s", methods[i]);
        oz_compressed_free(&once);
        oz_compressed_free(&again);
    }
    oz_compressor_free(c);
}

/* ---- refusals ---- */

static void check_refused(const oz_compress_options *opt, oz_status status, const char *message) {
    oz_compressed c;
    oz_error err = {0};
    cr_expect_eq(oz_compress(net.model, opt, false, &c, &err), status, "%s: %s", err.where, err.message);
    cr_expect(strstr(err.message, message), "%s", err.message);
    oz_compressed_free(&c);
}

Test(compress, refuses_open_knobs_without_a_budget) {
    oz_compress_options opt = small_options(&net, "sparse,codec=int8");
    check_refused(&opt, OZ_ERR_ARGUMENT, "sparsity is open");
    opt.method = "dense";
    check_refused(&opt, OZ_ERR_ARGUMENT, "codec is open");
    opt.method = "nm:2:8";
    check_refused(&opt, OZ_ERR_ARGUMENT, "codec is open");
    opt.budget = 100000;
    opt.method = "sparse,codec=int8 + lowrank";
    check_refused(&opt, OZ_ERR_ARGUMENT, "both sparsity and rank are open");
}

Test(compress, refuses_what_it_cannot_do) {
    oz_compress_options opt = small_options(&net, "nm:9:8,codec=int8");
    check_refused(&opt, OZ_ERR_ARGUMENT, "n from 1 to m - 1");
    opt.method = "dense,codec=int8";
    opt.calibration = NULL;
    check_refused(&opt, OZ_ERR_ARGUMENT, "need calibration data");
    opt.size = 0;
    check_refused(&opt, OZ_ERR_ARGUMENT, "size is not set");
    opt.size = sizeof opt + 8;
    check_refused(&opt, OZ_ERR_VERSION, "newer version");
}

Test(compress, refuses_data_of_another_shape) {
    const char *path = test_path("other.safetensors");
    const test_tensor x[] = {{"x", 4, {4, 3, 8, 9}, NULL}};
    oz_error err = {0};
    oz_dataset *data = NULL;
    test_write_tensors(path, x, 1);
    cr_assert_eq(oz_dataset_open(path, 0, NULL, &data, &err), OZ_OK, "%s", err.message);
    oz_compress_options opt = small_options(&net, "dense,codec=int8");
    opt.calibration = data;
    check_refused(&opt, OZ_ERR_ARGUMENT, "another shape");
    oz_dataset_free(data);
    test_drop(path);
}

Test(compress, names_the_weight_that_is_not_finite) {
    const char *path = test_path("plain.safetensors");
    float values[64] = {0};
    values[37] = NAN;
    const test_tensor plain[] = {{"q.weight", 2, {8, 8}, values}};
    oz_model *m = NULL;
    oz_error err = {0};
    oz_compressed c;
    oz_compress_options opt = OZ_COMPRESS_INIT;
    opt.method = "dense,codec=int8";
    test_write_tensors(path, plain, 1);
    cr_assert_eq(oz_model_open(path, NULL, &m, &err), OZ_OK, "%s", err.message);
    cr_expect_eq(oz_compress(m, &opt, false, &c, &err), OZ_ERR_NUMBER);
    cr_expect_str_eq(err.where, "q");
    cr_expect(strstr(err.message, "[4][5] (index 37) is NaN"), "%s", err.message);
    oz_model_free(m);
    test_drop(path);
}

typedef struct counter {
    int calls, stop_at;
} counter;

static bool count_down(void *ctx, const char *stage, uint64_t done, uint64_t total) {
    counter *c = ctx;
    cr_assert(stage[0] && (total == 0 || done <= total));
    return ++c->calls != c->stop_at;
}

Test(compress, can_be_cancelled_at_every_step) {
    counter all = {0, 0};
    oz_host host = OZ_HOST_INIT;
    oz_error err = {0};
    oz_compress_options opt = small_options(&net, "sparse,codec=int3");
    opt.budget = 8192;
    opt.host = &host;
    host.progress = count_down;
    host.progress_ctx = &all;
    oz_compressed c = small_compress(&net, &opt);
    oz_compressed_free(&c);
    cr_assert_gt(all.calls, SMALL_LAYERS);
    for (int stop = 1; stop <= all.calls; stop++) {
        counter some = {0, stop};
        host.progress_ctx = &some;
        cr_expect_eq(oz_compress(net.model, &opt, false, &c, &err), OZ_ERR_CANCEL, "step %d", stop);
        cr_expect_eq(some.calls, stop);
    }
}

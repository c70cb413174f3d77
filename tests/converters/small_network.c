/* small_network.c - the network, imported from a graph. */
#include "small_network.h"

#include <criterion/criterion.h>

static const char graph[] =
    "{\"inputs\":{\"x\":[\"N\",3,8,8]},\"outputs\":[\"y\"],\"nodes\":["
    "[\"conv2d\",\"a\",[\"x\"],{\"weight\":\"conv1\",\"kernel\":3,\"pad\":1,\"act\":\"relu\"}],"
    "[\"conv2d\",\"b\",[\"a\"],{\"weight\":\"conv2\",\"kernel\":3,\"pad\":1,\"act\":\"relu\"}],"
    "[\"conv2d\",\"c\",[\"b\"],{\"weight\":\"depth\",\"kernel\":3,\"groups\":32}],"
    "[\"global_avg_pool\",\"d\",[\"c\"]],"
    "[\"linear\",\"e\",[\"d\"],{\"weight\":\"mid\",\"act\":\"relu\"}],"
    "[\"linear\",\"y\",[\"e\"],{\"weight\":\"fc\"}]]}";

static const test_tensor tensors[] = {
    {"conv1.weight", 4, {16, 3, 3, 3}, NULL},    {"conv1.bias", 1, {16}, NULL},
    {"conv2.weight", 4, {32, 16, 3, 3}, NULL},   {"conv2.bias", 1, {32}, NULL},
    {"depth.weight", 4, {32, 1, 3, 3}, NULL},    {"depth.bias", 1, {32}, NULL},
    {"mid.weight", 2, {96, 32}, NULL},           {"mid.bias", 1, {96}, NULL},
    {"fc.weight", 2, {SMALL_CLASSES, 96}, NULL},
};

small_network small_network_make(void) {
    small_network n = {0};
    oz_error err = {0};
    const test_tensor x[] = {{"x", 4, {SMALL_RECORDS, 3, 8, 8}, NULL}};
    const char *path = test_path("records.safetensors");
    n.model = test_import(graph, tensors, sizeof tensors / sizeof tensors[0], &n.file);
    test_write_tensors(path, x, 1);
    cr_assert_eq(oz_dataset_open(path, 0, NULL, &n.data, &err), OZ_OK, "%s", err.message);
    test_drop(path);
    return n;
}

void small_network_free(small_network *n) {
    oz_dataset_free(n->data);
    oz_model_free(n->model);
    oz_buffer_free(&n->file);
}

oz_compress_options small_options(const small_network *n, const char *method) {
    oz_compress_options opt = OZ_COMPRESS_INIT;
    opt.method = method;
    opt.calibration = n->data;
    return opt;
}

oz_compressed small_compress(const small_network *n, const oz_compress_options *opt) {
    oz_compressed c;
    oz_error err = {0};
    cr_assert_eq(oz_compress(n->model, opt, false, &c, &err), OZ_OK, "%s: %s: %s",
                 opt->method ? opt->method : opt->recipe, err.where, err.message);
    cr_assert_eq(c.bytes, c.file.bytes);
    return c;
}

oz_model *small_open(const oz_compressed *c) {
    oz_error err = {0};
    oz_model *m = NULL;
    oz_open_options opt = OZ_OPEN_INIT;
    opt.check_hash = true;
    cr_assert_eq(oz_model_open_memory(c->file.data, c->file.bytes, &opt, &m, &err), OZ_OK, "%s", err.message);
    return m;
}

/* test_import.c - importing a hand-written graph: what comes out computes what PyTorch means. */
#include "networks.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 5, IN = 3, OUT = 4, CLASSES = 2 };

static const char graph[] =
    "{\"inputs\": {\"x\": [\"N\", 3, 5, 5]}, \"outputs\": [\"y\"], \"nodes\": [\n"
    "  [\"conv2d\", \"c\", [\"x\"], {\"weight\": \"conv\", \"kernel\": [3, 2], \"stride\": 2}],\n"
    "  [\"batch_norm\", \"n\", [\"c\"], {\"weight\": \"norm\", \"eps\": 0.001}],\n"
    "  [\"relu\", \"r\", [\"n\"]],\n"
    "  [\"global_avg_pool\", \"p\", [\"r\"]],\n"
    "  [\"linear\", \"y\", [\"p\"], {\"weight\": \"fc\"}]]}";

static const float variance[OUT] = {0.5f, 1.0f, 2.0f, 0.25f};

static const test_tensor tensors[] = {
    {"conv.weight", 4, {OUT, IN, 3, 2}, NULL},
    {"conv.bias", 1, {OUT}, NULL},
    {"norm.weight", 1, {OUT}, NULL},
    {"norm.bias", 1, {OUT}, NULL},
    {"norm.running_mean", 1, {OUT}, NULL},
    {"norm.running_var", 1, {OUT}, variance},
    {"norm.num_batches_tracked", 1, {1}, NULL},
    {"fc.weight", 2, {CLASSES, OUT}, NULL},
    {"fc.bias", 1, {CLASSES}, NULL},
};
enum { TENSORS = sizeof tensors / sizeof tensors[0] };

static double convolved(const float *x, size_t o, size_t row, size_t column) {
    double sum = (double)test_number("conv.bias", o);
    for (size_t i = 0; i < IN; i++)
        for (size_t ky = 0; ky < 3; ky++)
            for (size_t kx = 0; kx < 2; kx++)
                sum += (double)test_number("conv.weight", ((o * IN + i) * 3 + ky) * 2 + kx) *
                       (double)x[(i * SIDE + 2 * row + ky) * SIDE + 2 * column + kx];
    double deviation = sqrt((double)variance[o] + 0.001);
    sum = (sum - (double)test_number("norm.running_mean", o)) / deviation;
    return sum * (double)test_number("norm.weight", o) + (double)test_number("norm.bias", o);
}

static double expected(const float *x, size_t class) {
    double y = (double)test_number("fc.bias", class);
    for (size_t o = 0; o < OUT; o++) {
        double sum = 0;
        for (size_t row = 0; row < 2; row++)
            for (size_t column = 0; column < 2; column++) sum += fmax(0, convolved(x, o, row, column));
        y += (double)test_number("fc.weight", class * OUT + o) * sum / 4;
    }
    return y;
}

Test(import, computes_what_the_graph_says) {
    oz_buffer file;
    oz_model *m = test_import(graph, tensors, TENSORS, &file);
    float x[IN * SIDE * SIDE], y[CLASSES];
    for (size_t i = 0; i < IN * SIDE * SIDE; i++) x[i] = test_number("x", i);
    test_run(m, x, (const int64_t[]){IN, SIDE, SIDE}, 3, y, CLASSES);
    for (size_t c = 0; c < CLASSES; c++) cr_expect_float_eq((double)y[c], expected(x, c), 1e-5);
    oz_model_free(m);
    oz_buffer_free(&file);
}

Test(import, stores_a_graph_that_runs_without_blanks) {
    oz_buffer file;
    oz_model *m = test_import(graph, tensors, TENSORS, &file);
    cr_expect_str_eq(
        oz_model_meta(m, "graph"),
        "{\"inputs\":{\"x\":[\"N\",3,5,5]},\"outputs\":[\"y\"],\"nodes\":["
        "[\"conv2d\",\"c\",[\"x\"],{\"weight\":\"conv\",\"kernel\":[3,2],\"stride\":2,\"act\":\"relu\"}],"
        "[\"global_avg_pool\",\"p\",[\"c\"]],[\"linear\",\"y\",[\"p\"],{\"weight\":\"fc\"}]]}");
    cr_expect_eq(oz_model_layers(m), 2);
    oz_layer_info layer;
    cr_assert_eq(oz_model_layer(m, 0, &layer), OZ_OK);
    cr_expect_str_eq(layer.name, "conv");
    cr_expect_str_eq(layer.weight, "dense,codec=f32");
    cr_expect_eq(layer.cols, IN * 6);
    oz_model_free(m);
    oz_buffer_free(&file);
}

static void check_graph(const char *nodes, const char *outputs, const char *edited) {
    char text[1024];
    oz_buffer file;
    snprintf(text, sizeof text, "{\"inputs\":{\"x\":[\"N\",4]},\"outputs\":[%s],\"nodes\":[%s]}", outputs,
             nodes);
    const test_tensor few[] = {{"a.weight", 2, {4, 4}, NULL},
                               {"norm.running_mean", 1, {4}, (const float[]){0, 1, 0, 2}},
                               {"norm.running_var", 1, {4}, (const float[]){1, 4, 0.25f, 1}}};
    oz_model *m = test_import(text, few, 3, &file);
    cr_expect(strstr(oz_model_meta(m, "graph"), edited), "%s\nis not in\n%s", edited,
              oz_model_meta(m, "graph"));
    oz_model_free(m);
    oz_buffer_free(&file);
}

Test(import, makes_an_affine_of_a_norm_that_cannot_be_folded) {
    const char *affine = "{\"scale\":[1.0,0.5,2.0,1.0],\"shift\":[";
    check_graph("[\"batch_norm\",\"n\",[\"x\"],{\"weight\":\"norm\",\"eps\":0}]", "\"n\"", affine);
    /* another reader of the layer's raw output */
    check_graph(
        "[\"linear\",\"a\",[\"x\"],{\"weight\":\"a\"}],"
        "[\"batch_norm\",\"n\",[\"a\"],{\"weight\":\"norm\",\"eps\":0}],[\"add\",\"s\",[\"n\",\"a\"]]",
        "\"s\"", affine);
    /* a layer that two nodes use */
    check_graph("[\"linear\",\"a\",[\"x\"],{\"weight\":\"a\"}],[\"linear\",\"b\",[\"a\"],{\"weight\":\"a\"}],"
                "[\"batch_norm\",\"n\",[\"b\"],{\"weight\":\"norm\",\"eps\":0}]",
                "\"n\"", affine);
}

Test(import, keeps_names_of_outputs) {
    check_graph("[\"linear\",\"a\",[\"x\"],{\"weight\":\"a\"}],[\"leaky\",\"y\",[\"a\"],{\"slope\":0.5}]",
                "\"y\"", "[\"linear\",\"y\",[\"x\"],{\"weight\":\"a\",\"act\":\"leaky\",\"slope\":0.5}]");
    check_graph("[\"linear\",\"a\",[\"x\"],{\"weight\":\"a\"}],[\"relu\",\"y\",[\"a\"]]", "\"y\",\"a\"",
                "[\"linear\",\"a\",[\"x\"],{\"weight\":\"a\"}],[\"relu\",\"y\",[\"a\"]]");
}

/* ---- what is refused ---------------------------------------------------------------- */

/* The error is about one of the two files, and there about a tensor or a node, if it has a name. */
static void check_refused(const char *text, const test_tensor *list, size_t n, oz_status status,
                          const char *where, const char *message) {
    oz_error err = {0};
    cr_expect_eq(test_import_status(text, list, n, &err), status, "%s: %s", oz_status_name(err.status),
                 err.message);
    bool in_weights = strchr(where, '.') || strstr(message, "no tensor");
    cr_expect(strstr(err.where, in_weights ? "weights.safetensors" : "graph.json"), "%s", err.where);
    size_t n_where = strcmp(where, "graph") == 0 ? 0 : strlen(where);
    cr_expect(strncmp(err.message, where, n_where) == 0, "%s: %s", where, err.message);
    cr_expect(strstr(err.message + n_where, message), "%s", err.message);
}

static void check_changed(const char *name, const float *values, uint32_t rank, size_t last, oz_status status,
                          const char *where, const char *message) {
    test_tensor changed[TENSORS];
    memcpy(changed, tensors, sizeof changed);
    for (size_t i = 0; i < TENSORS; i++) {
        if (strcmp(changed[i].name, name) != 0) continue;
        changed[i].values = values;
        changed[i].rank = rank;
        changed[i].dim[rank - 1] = last;
    }
    check_refused(graph, changed, TENSORS, status, where, message);
}

Test(import, names_the_tensor_and_the_number_that_is_not_finite) {
    float bad[OUT] = {0, 1, 2, 3};
    bad[2] = NAN;
    check_changed("conv.bias", bad, 1, OUT, OZ_ERR_NUMBER, "conv.bias", "number 2 is NaN");
    bad[2] = -INFINITY;
    check_changed("norm.running_mean", bad, 1, OUT, OZ_ERR_NUMBER, "norm.running_mean",
                  "number 2 is infinite");
    float weights[CLASSES * OUT] = {0};
    weights[7] = INFINITY;
    check_changed("fc.weight", weights, 2, OUT, OZ_ERR_NUMBER, "fc.weight", "number 7 is infinite");
}

Test(import, refuses_what_folding_makes_infinite) {
    float factor[OUT] = {3e38f, 1, 1, 1}, small[OUT] = {1e-30f, 1, 1, 1};
    test_tensor changed[TENSORS];
    memcpy(changed, tensors, sizeof changed);
    changed[2].values = factor;
    changed[5].values = small;
    check_refused(graph, changed, TENSORS, OZ_ERR_NUMBER, "conv.weight", "infinite");
    small[0] = -1;
    check_refused(graph, changed, TENSORS, OZ_ERR_NUMBER, "norm.running_var",
                  "number 0 plus eps is not positive");
}

Test(import, names_what_is_missing_or_has_another_shape) {
    check_refused(graph, tensors, TENSORS - 2, OZ_ERR_FORMAT, "fc", "no tensor fc.weight");
    check_refused(graph, tensors + 1, TENSORS - 1, OZ_ERR_FORMAT, "conv", "no tensor conv.weight");
    check_refused(graph, tensors, 5, OZ_ERR_FORMAT, "norm", "no tensor norm.running_var");
    check_changed("conv.bias", NULL, 1, OUT + 1, OZ_ERR_FORMAT, "conv.bias", "must be a vector of 4 numbers");
    check_changed("conv.weight", NULL, 4, 3, OZ_ERR_SHAPE, "conv.weight",
                  "kernel of 3 x 3, the graph says 3 x 2");
    check_changed("conv.weight", NULL, 3, 3, OZ_ERR_SHAPE, "conv.weight", "has 3 dimensions");
    check_changed("norm.running_var", NULL, 1, 3, OZ_ERR_FORMAT, "norm.running_var", "vector of 4 numbers");
}

Test(import, points_into_a_graph_that_is_not_one) {
    check_refused("{\"inputs\": {},\n\"nodes\": [}", tensors, TENSORS, OZ_ERR_FORMAT, "graph", "line 2");
    check_refused("[]", tensors, TENSORS, OZ_ERR_FORMAT, "graph", "the graph needs");
    check_refused("{\"inputs\":{\"x\":[\"N\",4]},\"outputs\":[\"y\"],\"nodes\":[[\"linear\",\"y\"]]}",
                  tensors, TENSORS, OZ_ERR_FORMAT, "y", "a node is");
    check_refused("{\"inputs\":{\"x\":[\"N\",4]},\"outputs\":[\"y\"],\"nodes\":[[\"linear\",\"y\",[\"x\"]]]}",
                  tensors, TENSORS, OZ_ERR_FORMAT, "y", "weight");
    check_refused("{\"inputs\":{\"x\":[\"N\",4]},\"outputs\":[\"y\"],\"nodes\":[[\"linear\",\"y\",[\"z\"],"
                  "{\"weight\":\"fc\"}]]}",
                  tensors, TENSORS, OZ_ERR_FORMAT, "y", "no input or earlier node makes the value 'z'");
    oz_error err = {0};
    oz_buffer file;
    oz_import_options opt = OZ_IMPORT_INIT;
    cr_expect_eq(oz_import(&opt, &file, &err), OZ_ERR_ARGUMENT);
    opt.graph = opt.weights = "there-is-no-such-file";
    cr_expect_eq(oz_import(&opt, &file, &err), OZ_ERR_IO);
}

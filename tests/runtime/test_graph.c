/* test_graph.c - graphs that cannot be: each is refused when the model is opened, with its place and a
 * reason. And what an open model says of its inputs and outputs. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/net.h"

/* Weights that the graphs below may use: fc 4 x 6, table (a product) 4 x 6, conv 32 x 18, narrow 8 x 9 in
 * integers, thin a product of its shape. */
static void make_weights(net *n) {
    float w[32 * 18];
    net_fill(w, 32 * 18, 1);
    net_weight(n, "fc", "dense,codec=f32", 4, 6, w);
    net_product(n, "table", "dense,codec=f32", 4, 2, 6, w, w);
    net_weight(n, "conv", "dense,codec=f32", 32, 18, w);
    net_weight(n, "narrow", "dense,codec=int8", 8, 9, w);
    net_product(n, "thin", "dense,codec=f32", 8, 2, 9, w, w);
}

typedef struct bad {
    const char *graph;
    oz_status status;
    const char *what; /* stands in the message */
} bad;

/* `where` is the node's name for shapes; everything else has its place in the file. */
static void expect_refused(const bad *b) {
    net n = {0};
    make_weights(&n);
    oz_status status = net_open(&n, b->graph);
    cr_expect_eq(status, b->status, "%s: %s (%s)", b->graph, oz_status_name(status), n.err.message);
    if (status != OZ_OK) {
        cr_expect_eq(n.err.status, status, "%s", b->graph);
        cr_expect(strstr(n.err.message, b->what), "%s: \"%s\" does not say \"%s\"", b->graph, n.err.message,
                  b->what);
        if (status == OZ_ERR_SHAPE)
            cr_expect(strcmp(n.err.where, "y") == 0, "%s: at \"%s\"", b->graph, n.err.where);
        else
            cr_expect(n.err.offset < n.image.bytes, "%s: no place", b->graph);
    }
    net_free(&n);
}

static void expect_all_refused(const bad *b, size_t n) {
    for (size_t i = 0; i < n; i++) expect_refused(&b[i]);
}

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define GRAPH(inputs, outputs, nodes) "{\"inputs\":" inputs ",\"outputs\":" outputs ",\"nodes\":" nodes "}"
#define NODE(node)                                                                                           \
    GRAPH("{\"x\":[\"N\",6],\"i\":{\"shape\":[\"N\",3],\"dtype\":\"i64\"}}", "[\"y\"]", "[" node "]")
#define IMAGE(node) GRAPH("{\"x\":[\"N\",6,9,9]}", "[\"y\"]", "[" node "]")
#define RELU "[[\"relu\",\"y\",[\"x\"]]]"
#define INPUT(x) GRAPH("{\"x\":" x "}", "[\"y\"]", RELU)

Test(graph, that_is_none) {
    static const bad cases[] = {
        {"[]", OZ_ERR_FORMAT, "object"},
        {"{", OZ_ERR_FORMAT, ""},
        {"{}", OZ_ERR_FORMAT, "inputs"},
        {"{\"inputs\":{\"x\":[\"N\"]},\"nodes\":[]}", OZ_ERR_FORMAT, "outputs"},
        {GRAPH("[]", "[\"y\"]", RELU), OZ_ERR_FORMAT, "inputs"},
        {GRAPH("{\"x\":[\"N\"]}", "{}", RELU), OZ_ERR_FORMAT, "outputs"},
        {GRAPH("{\"x\":[\"N\"]}", "[\"y\"]", "{}"), OZ_ERR_FORMAT, "nodes"},
        {GRAPH("{}", "[\"y\"]", "[]"), OZ_ERR_FORMAT, "input"},
        {GRAPH("{\"x\":[\"N\"]}", "[]", RELU), OZ_ERR_FORMAT, "output"},
        {GRAPH("{\"x\":[\"N\"]}", "[\"z\"]", RELU), OZ_ERR_FORMAT, "makes the value"},
        {GRAPH("{\"x\":[\"N\"]}", "[3]", RELU), OZ_ERR_FORMAT, "name of a value"},
        {GRAPH("{\"x\":[\"N\"],\"x\":[\"N\"]}", "[\"y\"]", RELU), OZ_ERR_FORMAT, "twice"},
    };
    expect_all_refused(cases, COUNT(cases));
}

Test(graph, inputs_that_cannot_be) {
    static const bad cases[] = {
        {INPUT("3"), OZ_ERR_FORMAT, "shape"},
        {INPUT("{}"), OZ_ERR_FORMAT, "shape"},
        {INPUT("{\"shape\":\"N\"}"), OZ_ERR_FORMAT, "shape"},
        {INPUT("{\"shape\":[1],\"dtype\":\"i32\"}"), OZ_ERR_FORMAT, "dtype"},
        {INPUT("[1,1,1,1,1,1,1]"), OZ_ERR_FORMAT, "6 dimensions"},
        {INPUT("[0]"), OZ_ERR_FORMAT, "dimension"},
        {INPUT("[-1]"), OZ_ERR_FORMAT, "dimension"},
        {INPUT("[1.5]"), OZ_ERR_FORMAT, "dimension"},
        {INPUT("[2147483648]"), OZ_ERR_FORMAT, "dimension"},
        {INPUT("[null]"), OZ_ERR_FORMAT, "dimension"},
        {INPUT("[2147483647,2147483647,2147483647]"), OZ_ERR_FORMAT, "too large"},
        {INPUT("[\"\\u0000\"]"), OZ_ERR_FORMAT, "name"},
        {GRAPH("{\"x\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"],\"z\":[\"g\",\"h\",\"i\"]}", "[\"y\"]", RELU),
         OZ_ERR_FORMAT, "free dimensions"},
        {GRAPH("{\"x\":[\"N\"],\"i\":{\"shape\":[1],\"dtype\":\"i64\"}}", "[\"i\"]", RELU), OZ_ERR_FORMAT,
         "f32"},
    };
    expect_all_refused(cases, COUNT(cases));
}

Test(graph, nodes_that_cannot_be) {
    static const bad cases[] = {
        {NODE("3"), OZ_ERR_FORMAT, "a node is"},
        {NODE("[]"), OZ_ERR_FORMAT, "a node is"},
        {NODE("[\"relu\",\"y\"]"), OZ_ERR_FORMAT, "a node is"},
        {NODE("[\"relu\",\"y\",[\"x\"],{},1]"), OZ_ERR_FORMAT, "a node is"},
        {NODE("[\"relu\",\"y\",[\"x\"],[]]"), OZ_ERR_FORMAT, "attributes"},
        {NODE("[\"lstm\",\"y\",[\"x\"]]"), OZ_ERR_SUPPORT, "operator 'lstm'"},
        {NODE("[7,\"y\",[\"x\"]]"), OZ_ERR_SUPPORT, "operator"},
        {NODE("[\"relu\",\"y\",\"x\"]"), OZ_ERR_FORMAT, "inputs"},
        {NODE("[\"relu\",\"y\",[]]"), OZ_ERR_FORMAT, "number of inputs"},
        {NODE("[\"relu\",\"y\",[\"x\",\"x\"]]"), OZ_ERR_FORMAT, "number of inputs"},
        {NODE("[\"add\",\"y\",[\"x\"]]"), OZ_ERR_FORMAT, "number of inputs"},
        {NODE("[\"concat\",\"y\",[\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\","
              "\"x\",\"x\","
              "\"x\",\"x\",\"x\"]]"),
         OZ_ERR_FORMAT, "number of inputs"},
        {NODE("[\"relu\",\"y\",[\"z\"]]"), OZ_ERR_FORMAT, "makes the value"},
        {NODE("[\"relu\",\"y\",[1]]"), OZ_ERR_FORMAT, "name of a value"},
        /* a node that reads itself, and two that read each other */
        {NODE("[\"relu\",\"y\",[\"y\"]]"), OZ_ERR_FORMAT, "makes the value"},
        {NODE("[\"relu\",\"a\",[\"y\"]],[\"relu\",\"y\",[\"a\"]]"), OZ_ERR_FORMAT, "makes the value"},
        {NODE("[\"relu\",\"y\",[\"x\"]],[\"relu\",\"y\",[\"x\"]]"), OZ_ERR_FORMAT, "two values"},
        {NODE("[\"relu\",\"x\",[\"x\"]]"), OZ_ERR_FORMAT, "two values"},
        {NODE("[\"relu\",1,[\"x\"]]"), OZ_ERR_FORMAT, "name"},
        {NODE("[\"relu\",\"\\u0000\",[\"x\"]]"), OZ_ERR_FORMAT, "name"},
        {NODE("[\"relu\",\"y\",[\"i\"]]"), OZ_ERR_FORMAT, "reads f32"},
        {NODE("[\"embedding\",\"y\",[\"x\"],{\"weight\":\"fc\"}]"), OZ_ERR_FORMAT, "i64"},
        {NODE("[\"linear\",\"y\",[\"i\"],{\"weight\":\"fc\"}]"), OZ_ERR_FORMAT, "reads f32"},
        {NODE("[\"linear\",\"y\",[\"x\"]]"), OZ_ERR_FORMAT, "weight"},
        {NODE("[\"linear\",\"y\",[\"x\"],{}]"), OZ_ERR_FORMAT, "weight"},
        {NODE("[\"linear\",\"y\",[\"x\"],{\"weight\":1}]"), OZ_ERR_FORMAT, "weight"},
        {NODE("[\"linear\",\"y\",[\"x\"],{\"weight\":\"fd\"}]"), OZ_ERR_FORMAT, "no weight 'fd'"},
        {NODE("[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\",\"act\":\"swish\"}]"), OZ_ERR_FORMAT,
         "activation"},
        {NODE("[\"relu\",\"y\",[\"x\"],{\"act\":\"relu\"}]"), OZ_ERR_FORMAT, "no attribute 'act'"},
        {NODE("[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\",\"bias\":true}]"), OZ_ERR_FORMAT,
         "no attribute 'bias'"},
        {NODE("[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\",\"\":1}]"), OZ_ERR_FORMAT, "no attribute ''"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"kernel\":2,\"strides\":1}]"), OZ_ERR_FORMAT,
         "no attribute 'strides'"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"kernel\":2,\"stride pad\":1}]"), OZ_ERR_FORMAT,
         "no attribute 'stride pad'"},
        {NODE("[\"leaky\",\"y\",[\"x\"],{\"slope\":\"1\"}]"), OZ_ERR_FORMAT, "slope"},
        {NODE("[\"leaky\",\"y\",[\"x\"],{\"slope\":1e31}]"), OZ_ERR_FORMAT, "slope"},
    };
    expect_all_refused(cases, COUNT(cases));
}

Test(graph, attributes_that_cannot_be) {
    static const bad cases[] = {
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"kernel\":0}]"), OZ_ERR_FORMAT, "at least 1"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"stride\":0}]"), OZ_ERR_FORMAT, "at least 1"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"dilation\":[1,0]}]"), OZ_ERR_FORMAT, "at least 1"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"kernel\":[1,2,3]}]"), OZ_ERR_FORMAT, "kernel"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"kernel\":\"3\"}]"), OZ_ERR_FORMAT, "kernel"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"kernel\":[1,true]}]"), OZ_ERR_FORMAT, "kernel"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"kernel\":65536}]"), OZ_ERR_FORMAT, "kernel"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"pad\":-1}]"), OZ_ERR_FORMAT, "pad"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"pad\":[1,1]}]"), OZ_ERR_FORMAT, "pad"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"kernel\":3,\"pad\":2}]"), OZ_ERR_FORMAT, "half"},
        {IMAGE("[\"max_pool\",\"y\",[\"x\"],{\"ceil\":1}]"), OZ_ERR_FORMAT, "true or false"},
        {IMAGE("[\"conv2d\",\"y\",[\"x\"],{\"weight\":\"conv\",\"groups\":[1,1]}]"), OZ_ERR_FORMAT, "groups"},
        {IMAGE("[\"softmax\",\"y\",[\"x\"],{\"axis\":0.5}]"), OZ_ERR_FORMAT, "axis"},
        {IMAGE("[\"softmax\",\"y\",[\"x\"],{\"axis\":4294967296}]"), OZ_ERR_FORMAT, "axis"},
        {IMAGE("[\"affine\",\"y\",[\"x\"]]"), OZ_ERR_FORMAT, "arrays"},
        {IMAGE("[\"affine\",\"y\",[\"x\"],{\"scale\":[]}]"), OZ_ERR_FORMAT, "arrays"},
        {IMAGE("[\"affine\",\"y\",[\"x\"],{\"scale\":[1,2],\"shift\":[1,2,3]}]"), OZ_ERR_FORMAT, "arrays"},
        {IMAGE("[\"affine\",\"y\",[\"x\"],{\"scale\":[1,\"2\"]}]"), OZ_ERR_FORMAT, "numbers"},
        {IMAGE("[\"affine\",\"y\",[\"x\"],{\"scale\":[1,1e31]}]"), OZ_ERR_FORMAT, "numbers"},
        {IMAGE("[\"pad\",\"y\",[\"x\"]]"), OZ_ERR_FORMAT, "pads"},
        {IMAGE("[\"pad\",\"y\",[\"x\"],{\"pads\":3}]"), OZ_ERR_FORMAT, "pads"},
        {IMAGE("[\"pad\",\"y\",[\"x\"],{\"pads\":[[0,0],[0,0],[0,0],[1]]}]"), OZ_ERR_FORMAT, "before"},
        {IMAGE("[\"pad\",\"y\",[\"x\"],{\"pads\":[[0,0],[0,0],[0,0],[0,-1]]}]"), OZ_ERR_FORMAT, "before"},
        {IMAGE("[\"pad\",\"y\",[\"x\"],{\"pads\":[0,0,0,0,0,0,0]}]"), OZ_ERR_FORMAT, "pads"},
        {IMAGE("[\"slice\",\"y\",[\"x\"],{\"step\":0}]"), OZ_ERR_FORMAT, "step"},
        {IMAGE("[\"slice\",\"y\",[\"x\"],{\"step\":-1}]"), OZ_ERR_FORMAT, "step"},
        {IMAGE("[\"reshape\",\"y\",[\"x\"]]"), OZ_ERR_FORMAT, "shape"},
        {IMAGE("[\"reshape\",\"y\",[\"x\"],{\"shape\":[1,1,1,1,1,1,-1]}]"), OZ_ERR_FORMAT, "shape"},
        {IMAGE("[\"reshape\",\"y\",[\"x\"],{\"shape\":[-2]}]"), OZ_ERR_FORMAT, "size"},
        {NODE("[\"embedding_bag\",\"y\",[\"i\"],{\"weight\":\"fc\",\"mode\":\"max\"}]"), OZ_ERR_FORMAT,
         "mode"},
    };
    expect_all_refused(cases, COUNT(cases));
}

Test(graph, shapes_that_do_not_agree) {
    static const bad cases[] = {
        {GRAPH("{\"x\":[\"N\",5]}", "[\"y\"]", "[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]"),
         OZ_ERR_SHAPE, "reads 6 inputs"},
        {GRAPH("{\"x\":[6]}", "[\"y\"]", "[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]"), OZ_ERR_SHAPE,
         "2 dimensions"},
        {NODE("[\"conv2d\",\"y\",[\"x\"],{\"weight\":\"conv\"}]"), OZ_ERR_SHAPE, "[N, C, H, W]"},
        {IMAGE("[\"conv2d\",\"y\",[\"x\"],{\"weight\":\"conv\",\"kernel\":2}]"), OZ_ERR_SHAPE,
         "another number"},
        {IMAGE("[\"conv2d\",\"y\",[\"x\"],{\"weight\":\"conv\",\"groups\":0}]"), OZ_ERR_SHAPE, "groups"},
        {IMAGE("[\"conv2d\",\"y\",[\"x\"],{\"weight\":\"conv\",\"groups\":4}]"), OZ_ERR_SHAPE, "groups"},
        {IMAGE("[\"conv2d\",\"y\",[\"x\"],{\"weight\":\"conv\",\"kernel\":[3,1],\"dilation\":5}]"),
         OZ_ERR_SHAPE, "larger"},
        {GRAPH("{\"x\":[\"N\",8,9,9]}", "[\"y\"]",
               "[[\"conv2d\",\"y\",[\"x\"],{\"weight\":\"narrow\",\"kernel\":3,\"groups\":8}]]"),
         OZ_ERR_SHAPE, "act"},
        {GRAPH("{\"x\":[\"N\",8,9,9]}", "[\"y\"]",
               "[[\"conv2d\",\"y\",[\"x\"],{\"weight\":\"thin\",\"kernel\":3,\"groups\":8}]]"),
         OZ_ERR_SHAPE, "product"},
        {IMAGE("[\"affine\",\"y\",[\"x\"],{\"scale\":[1,2]}]"), OZ_ERR_SHAPE, "2 channels"},
        {GRAPH("{\"x\":[6]}", "[\"y\"]", "[[\"affine\",\"y\",[\"x\"],{\"scale\":[1]}]]"), OZ_ERR_SHAPE,
         "channels"},
        {NODE("[\"flatten\",\"f\",[\"x\"],{\"axis\":0}],[\"add\",\"y\",[\"x\",\"f\"]]"), OZ_ERR_SHAPE,
         "different shapes"},
        {NODE("[\"concat\",\"y\",[\"x\"],{\"axis\":2}]"), OZ_ERR_SHAPE, "axis"},
        {NODE("[\"reshape\",\"r\",[\"x\"],{\"shape\":[0,3,2]}],[\"concat\",\"y\",[\"x\",\"r\"]]"),
         OZ_ERR_SHAPE, "ranks"},
        {NODE("[\"reshape\",\"r\",[\"x\"],{\"shape\":[-1,3]}],[\"concat\",\"y\",[\"x\",\"r\"]]"),
         OZ_ERR_SHAPE, "outside the axis"},
        {NODE("[\"pad\",\"y\",[\"x\"],{\"pads\":[[0,0]]}]"), OZ_ERR_SHAPE, "pair"},
        {NODE("[\"slice\",\"y\",[\"x\"],{\"axis\":-3}]"), OZ_ERR_SHAPE, "axis"},
        {NODE("[\"slice\",\"y\",[\"x\"],{\"axis\":1,\"start\":6}]"), OZ_ERR_SHAPE, "empty"},
        {NODE("[\"slice\",\"y\",[\"x\"],{\"axis\":1,\"start\":4,\"end\":-2}]"), OZ_ERR_SHAPE, "empty"},
        {NODE("[\"flatten\",\"y\",[\"x\"],{\"axis\":2}]"), OZ_ERR_SHAPE, "axis"},
        {NODE("[\"reshape\",\"y\",[\"x\"],{\"shape\":[-1,-1]}]"), OZ_ERR_SHAPE, "only one"},
        {NODE("[\"reshape\",\"y\",[\"x\"],{\"shape\":[0,7]}]"), OZ_ERR_SHAPE, "count"},
        {NODE("[\"reshape\",\"y\",[\"x\"],{\"shape\":[-1,4]}]"), OZ_ERR_SHAPE, "count"},
        {NODE("[\"reshape\",\"y\",[\"x\"],{\"shape\":[0,0,0]}]"), OZ_ERR_SHAPE, "keeps"},
        {NODE("[\"max_pool\",\"y\",[\"x\"]]"), OZ_ERR_SHAPE, "[N, C, H, W]"},
        {IMAGE("[\"avg_pool\",\"y\",[\"x\"],{\"kernel\":10}]"), OZ_ERR_SHAPE, "larger"},
        {NODE("[\"global_avg_pool\",\"y\",[\"x\"]]"), OZ_ERR_SHAPE, "3 dimensions"},
        {NODE("[\"softmax\",\"y\",[\"x\"],{\"axis\":-3}]"), OZ_ERR_SHAPE, "axis"},
        {NODE("[\"embedding\",\"y\",[\"i\"],{\"weight\":\"table\"}]"), OZ_ERR_SHAPE, "product"},
        {GRAPH("{\"i\":{\"shape\":[1,1,1,1,1,\"N\"],\"dtype\":\"i64\"}}", "[\"y\"]",
               "[[\"embedding\",\"y\",[\"i\"],{\"weight\":\"fc\"}]]"),
         OZ_ERR_SHAPE, "6 dimensions"},
        {GRAPH("{\"i\":{\"shape\":[\"N\"],\"dtype\":\"i64\"}}", "[\"y\"]",
               "[[\"embedding_bag\",\"y\",[\"i\"],{\"weight\":\"fc\"}]]"),
         OZ_ERR_SHAPE, "[N, L]"},
        {NODE("[\"pad\",\"y\",[\"x\"],{\"pads\":[[0,2147483647],[0,2147483647]]}]"), OZ_ERR_SHAPE,
         "too large"},
    };
    expect_all_refused(cases, COUNT(cases));
}

/* The place of an error is one in the file, whose escapes make it another than in the graph. */
Test(graph, errors_have_their_place_in_the_file) {
    static const struct {
        const char *graph, *there;
    } cases[] = {
        {NODE("[\"relu\",\"y\",[\"x\"]],[\"lstm\",\"z\",[\"x\"]]"), "\\\"lstm\\\""},
        {NODE("[\"relu\",\"y\",[\"nowhere\"]]"), "\\\"nowhere\\\""},
        {NODE("[\"flatten\",\"y\",[\"x\"],{\"axis\":7}]"), "[\\\"flatten\\\""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        net n = {0};
        cr_assert_neq(net_open(&n, cases[i].graph), OZ_OK);
        cr_assert_lt(n.err.offset, n.image.bytes);
        cr_assert(
            strncmp((const char *)n.image.data + n.err.offset, cases[i].there, strlen(cases[i].there)) == 0,
            "%s: there stands %.20s", cases[i].graph, (const char *)n.image.data + n.err.offset);
        net_free(&n);
    }
}

Test(graph, more_nodes_than_allowed) {
    net n = {0};
    oz_limits limits = OZ_LIMITS_INIT;
    oz_open_options opt = OZ_OPEN_INIT;
    oz_model *m;
    net_must_open(&n, NODE("[\"relu\",\"a\",[\"x\"]],[\"relu\",\"b\",[\"a\"]],[\"relu\",\"y\",[\"b\"]]"));
    opt.limits = &limits;
    limits.max_layers = 3;
    cr_assert_eq(oz_model_open_memory(n.image.data, n.image.bytes, &opt, &m, &n.err), OZ_OK);
    oz_model_free(m);
    limits.max_layers = 2;
    cr_assert_eq(oz_model_open_memory(n.image.data, n.image.bytes, &opt, &m, &n.err), OZ_ERR_LIMIT);
    cr_assert_null(m);
    net_free(&n);
}

/* ---- what a model says of itself -------------------------------------------------- */

static void expect_info(const oz_tensor_info *info, const char *name, oz_dtype dtype, uint32_t rank,
                        const int64_t *dims) {
    cr_assert_str_eq(info->name, name);
    cr_assert(info->dtype == dtype && info->rank == rank, "%s: dtype %d, rank %u", name, info->dtype,
              info->rank);
    for (uint32_t d = 0; d < rank; d++)
        cr_assert_eq(info->dim[d], dims[d], "%s: %u is %d", name, d, (int)info->dim[d]);
}

Test(graph, free_dimensions_show_in_inputs_and_outputs) {
    net n = {0};
    oz_tensor_info info;
    make_weights(&n);
    net_must_open(
        &n, GRAPH("{\"x\":[\"N\",6],\"z\":[\"N\",\"T\",3],\"i\":{\"shape\":[\"N\",\"L\"],\"dtype\":\"i64\"}}",
                  "[\"y\",\"p\",\"w\",\"f\"]",
                  "[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}],"
                  "[\"pad\",\"p\",[\"z\"],{\"pads\":[[0,0],[1,0],[0,0]]}],"
                  "[\"embedding\",\"w\",[\"i\"],{\"weight\":\"fc\"}],"
                  "[\"slice\",\"f\",[\"z\"],{\"axis\":1,\"end\":2}]]"));
    cr_assert_eq(oz_model_inputs(n.model), 3);
    cr_assert_eq(oz_model_outputs(n.model), 4);
    cr_assert_eq(oz_model_input(n.model, 0, &info), OZ_OK);
    expect_info(&info, "x", OZ_F32, 2, (int64_t[]){-1, 6});
    cr_assert_eq(oz_model_input(n.model, 1, &info), OZ_OK);
    expect_info(&info, "z", OZ_F32, 3, (int64_t[]){-1, -2, 3});
    cr_assert_eq(oz_model_input(n.model, 2, &info), OZ_OK);
    expect_info(&info, "i", OZ_I64, 2, (int64_t[]){-1, -3});
    cr_assert_eq(oz_model_output(n.model, 0, &info), OZ_OK);
    expect_info(&info, "y", OZ_F32, 2, (int64_t[]){-1, 4});
    cr_assert_eq(oz_model_output(n.model, 1, &info), OZ_OK);
    expect_info(&info, "p", OZ_F32, 3, (int64_t[]){-1, -2, 3});
    cr_assert_eq(oz_model_output(n.model, 2, &info), OZ_OK);
    expect_info(&info, "w", OZ_F32, 3, (int64_t[]){-1, -3, 6});
    cr_assert_eq(oz_model_output(n.model, 3, &info), OZ_OK);
    expect_info(&info, "f", OZ_F32, 3, (int64_t[]){-1, 2, 3});
    cr_assert_eq(oz_model_input(n.model, 3, &info), OZ_ERR_ARGUMENT);
    cr_assert_eq(oz_model_output(n.model, 4, &info), OZ_ERR_ARGUMENT);
    net_free(&n);
}

Test(graph, values_that_are_inputs_or_read_twice_may_be_outputs) {
    net n = {0};
    const float x[6] = {-1, 2, -3, 4, -5, 6};
    float y[4][6];
    oz_tensor in = net_tensor(x, 4, 2, (int64_t[]){1, 6}), out[4];
    for (size_t i = 0; i < 4; i++) out[i] = net_room(y[i], 6);
    net_must_open(&n, GRAPH("{\"x\":[\"N\",6]}", "[\"x\",\"v\",\"r\",\"r\"]",
                            "[[\"relu\",\"r\",[\"x\"]],[\"add\",\"s\",[\"r\",\"r\"]],"
                            "[\"reshape\",\"v\",[\"x\"],{\"shape\":[0,3,2]}]]"));
    cr_assert_eq(net_try(&n, NULL, NULL, &in, 1, out, 4), OZ_OK, "%s", n.err.message);
    for (size_t i = 0; i < 6; i++)
        cr_assert(y[0][i] == x[i] && y[1][i] == x[i] && y[2][i] == (x[i] > 0 ? x[i] : 0) &&
                  y[3][i] == y[2][i]);
    cr_assert(out[1].rank == 3 && out[1].dim[1] == 3 && out[1].dim[2] == 2);
    net_free(&n);
}

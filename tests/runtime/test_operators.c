/* test_operators.c - operators without a product: each against its definition, in double and index by index.
 */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/layer.h"

enum { MOST = 4096 };

static float x[MOST], other[MOST], y[MOST];

static void fill_inputs(void) {
    net_fill(x, MOST, 1);
    net_fill(other, MOST, 2);
    for (size_t i = 0; i < MOST; i++) x[i] *= 8;
}

static size_t count_of(const oz_tensor *t) {
    size_t n = 1;
    for (uint32_t d = 0; d < t->rank; d++) n *= (size_t)t->dim[d];
    return n;
}

/* One node over x, and over `other` if `second` is not NULL; the result is y. */
static oz_tensor run_node(const char *node, const char *isa, oz_tensor first, const oz_tensor *second) {
    char graph[1024], *p = graph;
    net n = {0};
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_tensor in[2] = {first}, out = net_room(y, MOST);
    if (second) in[1] = *second;
    p += sprintf(p, "{\"inputs\":{");
    for (int i = 0; i < (second ? 2 : 1); i++) {
        p += sprintf(p, "%s\"%s\":[\"N\"", i ? "," : "", i ? "b" : "a");
        for (uint32_t d = 1; d < in[i].rank; d++) p += sprintf(p, ",%d", (int)in[i].dim[d]);
        p += sprintf(p, "]");
    }
    sprintf(p, "},\"outputs\":[\"y\"],\"nodes\":[%s]}", node);
    net_must_open(&n, graph);
    opt.isa = isa;
    opt.max_batch = (uint32_t)first.dim[0];
    memset(y, 0xff, sizeof y);
    cr_assert_eq(net_try(&n, &opt, NULL, in, second ? 2 : 1, &out, 1), OZ_OK, "%s: %s", node, n.err.message);
    net_free(&n);
    return out;
}

static oz_tensor tensor(const float *data, uint32_t rank, const int64_t *dims) {
    return net_tensor(data, sizeof *data, rank, dims);
}

static void expect_shape(const char *node, const oz_tensor *got, uint32_t rank, const int64_t *dims) {
    cr_assert_eq(got->rank, rank, "%s: rank %u", node, got->rank);
    for (uint32_t d = 0; d < rank; d++)
        cr_assert_eq(got->dim[d], dims[d], "%s: dimension %u is %d", node, d, (int)got->dim[d]);
}

static void expect_near(const char *node, size_t i, double want, double size) {
    cr_assert(fabs((double)y[i] - want) <= 0x1p-20 * (1 + fabs(want) + size),
              "%s: element %zu is %.9g, not %.9g", node, i, (double)y[i], want);
}

/* ---- element by element ----------------------------------------------------------- */

static const char *const activations[] = {"relu", "relu6",   "leaky", "gelu",     "gelu_tanh",
                                          "silu", "sigmoid", "tanh",  "hardswish"};
enum { ACTIVATIONS = sizeof activations / sizeof activations[0] };

Test(operators, activations, .init = fill_inputs) {
    for (size_t k = 0; net_isa(k); k++) {
        for (size_t i = 0; i < ACTIVATIONS; i++) {
            char node[128];
            snprintf(node, sizeof node, "[\"%s\",\"y\",[\"a\"]%s]", activations[i],
                     i == 2 ? ",{\"slope\":0.3}" : "");
            oz_tensor out = run_node(node, net_isa(k), tensor(x, 3, (int64_t[]){3, 7, 11}), NULL);
            expect_shape(node, &out, 3, (int64_t[]){3, 7, 11});
            for (size_t e = 0; e < 3 * 7 * 11; e++)
                expect_near(node, e, layer_activate(activations[i], (double)x[e], 0.3), fabs((double)x[e]));
        }
    }
}

Test(operators, sums_and_products_of_two, .init = fill_inputs) {
    oz_tensor b = tensor(other, 4, (int64_t[]){2, 3, 5, 7});
    for (size_t k = 0; net_isa(k); k++) {
        oz_tensor a = tensor(x, 4, b.dim);
        run_node("[\"mul\",\"y\",[\"a\",\"b\"]]", net_isa(k), a, &b);
        for (size_t e = 0; e < 210; e++) expect_near("mul", e, (double)x[e] * (double)other[e], 0);
        run_node("[\"add\",\"y\",[\"a\",\"b\"]]", net_isa(k), a, &b);
        for (size_t e = 0; e < 210; e++) expect_near("add", e, (double)x[e] + (double)other[e], 0);
        run_node("[\"add\",\"y\",[\"a\",\"b\"],{\"act\":\"relu6\"}]", net_isa(k), a, &b);
        for (size_t e = 0; e < 210; e++)
            expect_near("add relu6", e, layer_activate("relu6", (double)x[e] + (double)other[e], 0), 0);
        run_node("[\"add\",\"y\",[\"a\",\"a\"]]", net_isa(k), a, NULL);
        for (size_t e = 0; e < 210; e++) expect_near("a + a", e, 2 * (double)x[e], 0);
    }
}

static void expect_affine(const char *attributes, const double *scale, const double *shift, const char *act) {
    char node[256];
    snprintf(node, sizeof node, "[\"affine\",\"y\",[\"a\"],{%s,\"act\":\"%s\"}]", attributes, act);
    for (size_t k = 0; net_isa(k); k++) {
        run_node(node, net_isa(k), tensor(x, 4, (int64_t[]){2, 3, 5, 7}), NULL);
        for (size_t e = 0; e < 210; e++) {
            size_t c = e / 35 % 3;
            expect_near(node, e, layer_activate(act, scale[c] * (double)x[e] + shift[c], 0.01),
                        fabs((double)x[e]));
        }
        run_node(node, net_isa(k), tensor(x, 2, (int64_t[]){4, 3}), NULL);
        for (size_t e = 0; e < 12; e++)
            expect_near(node, e, layer_activate(act, scale[e % 3] * (double)x[e] + shift[e % 3], 0.01), 0);
    }
}

Test(operators, affine, .init = fill_inputs) {
    const double ones[] = {1, 1, 1}, zeros[] = {0, 0, 0}, scale[] = {2, -0.5, 0}, shift[] = {0.25, 1, -3};
    expect_affine("\"scale\":[2,-0.5,0],\"shift\":[0.25,1,-3]", scale, shift, "none");
    expect_affine("\"scale\":[2,-0.5,0]", scale, zeros, "relu");
    expect_affine("\"shift\":[0.25,1,-3]", ones, shift, "leaky");
}

/* One number stands for all channels, wherever its key stands. */
Test(operators, affine_with_one_number, .init = fill_inputs) {
    const double twos[] = {2, 2, 2}, shift[] = {0.25, 1, -3};
    expect_affine("\"scale\":2,\"shift\":[0.25,1,-3]", twos, shift, "none");
    expect_affine("\"shift\":[0.25,1,-3],\"scale\":2", twos, shift, "none");
}

/* ---- moving numbers --------------------------------------------------------------- */

/* Coordinates of element e, and back. */
static void coordinates(size_t e, const oz_tensor *t, int64_t at[OZ_MAX_RANK]) {
    for (uint32_t d = t->rank; d-- > 0;) {
        at[d] = (int64_t)(e % (size_t)t->dim[d]);
        e /= (size_t)t->dim[d];
    }
}

static size_t element(const oz_tensor *t, const int64_t at[OZ_MAX_RANK]) {
    size_t e = 0;
    for (uint32_t d = 0; d < t->rank; d++) e = e * (size_t)t->dim[d] + (size_t)at[d];
    return e;
}

Test(operators, concat, .init = fill_inputs) {
    for (int axis = -4; axis < 4; axis++) {
        char node[128];
        oz_tensor a = tensor(x, 4, (int64_t[]){2, 3, 4, 5}), b = tensor(other, 4, (int64_t[]){2, 3, 4, 5});
        uint32_t d = (uint32_t)(axis + 4) % 4;
        if (d > 0) b = tensor(other, 4, (int64_t[]){2, d == 1 ? 1 : 3, d == 2 ? 7 : 4, d == 3 ? 2 : 5});
        snprintf(node, sizeof node, "[\"concat\",\"y\",[\"a\",\"b\",\"a\"],{\"axis\":%d}]", axis);
        oz_tensor out = run_node(node, NULL, a, &b);
        cr_assert_eq(out.dim[d], 2 * a.dim[d] + b.dim[d]);
        for (size_t e = 0; e < count_of(&out); e++) {
            int64_t at[OZ_MAX_RANK];
            coordinates(e, &out, at);
            float want;
            if (at[d] >= a.dim[d] && at[d] < a.dim[d] + b.dim[d]) {
                at[d] -= a.dim[d];
                want = other[element(&b, at)];
            } else {
                if (at[d] >= a.dim[d]) at[d] -= a.dim[d] + b.dim[d];
                want = x[element(&a, at)];
            }
            cr_assert(y[e] == want, "%s: element %zu", node, e);
        }
    }
    oz_tensor out = run_node("[\"concat\",\"y\",[\"a\"]]", NULL, tensor(x, 2, (int64_t[]){2, 3}), NULL);
    expect_shape("concat of one", &out, 2, (int64_t[]){2, 3});
    cr_assert_arr_eq(y, x, 6 * sizeof *y);
}

Test(operators, pad, .init = fill_inputs) {
    static const struct {
        uint32_t rank;
        int64_t dims[4], before[4], after[4];
    } cases[] = {{1, {5}, {2}, {1}},
                 {2, {2, 3}, {0, 1}, {1, 0}},
                 {3, {2, 3, 4}, {1, 0, 2}, {0, 2, 1}},
                 {4, {2, 3, 4, 5}, {0, 0, 1, 2}, {0, 0, 3, 0}},
                 {4, {1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char node[256], *p = node;
        int64_t size[4];
        p += sprintf(p, "[\"pad\",\"y\",[\"a\"],{\"pads\":[");
        for (uint32_t d = 0; d < cases[c].rank; d++) {
            p += sprintf(p, "%s[%d,%d]", d ? "," : "", (int)cases[c].before[d], (int)cases[c].after[d]);
            size[d] = cases[c].before[d] + cases[c].dims[d] + cases[c].after[d];
        }
        sprintf(p, "]}]");
        oz_tensor a = tensor(x, cases[c].rank, cases[c].dims), out = run_node(node, NULL, a, NULL);
        expect_shape(node, &out, cases[c].rank, size);
        for (size_t e = 0; e < count_of(&out); e++) {
            int64_t at[OZ_MAX_RANK];
            bool inside = true;
            coordinates(e, &out, at);
            for (uint32_t d = 0; d < a.rank; d++) {
                at[d] -= cases[c].before[d];
                inside = inside && at[d] >= 0 && at[d] < a.dim[d];
            }
            cr_assert(y[e] == (inside ? x[element(&a, at)] : 0), "%s: element %zu", node, e);
        }
    }
}

Test(operators, slice, .init = fill_inputs) {
    static const struct {
        int axis;
        const char *range;
        int64_t start, step, size;
    } cases[] = {
        {1, "\"start\":1,\"end\":4", 1, 1, 3},   {1, "\"start\":-2", 4, 1, 2},
        {1, "\"end\":-1,\"step\":2", 0, 2, 3},   {2, "\"step\":3", 0, 3, 3},
        {2, "\"start\":6,\"end\":100", 6, 1, 1}, {-1, "\"start\":-100,\"end\":2", 0, 1, 2},
        {0, "\"start\":1,\"end\":2", 1, 1, 1},   {-3, "\"start\":2,\"step\":100", 2, 100, 1},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        char node[160];
        snprintf(node, sizeof node, "[\"slice\",\"y\",[\"a\"],{\"axis\":%d,%s}]", cases[c].axis,
                 cases[c].range);
        oz_tensor a = tensor(x, 4, (int64_t[]){2, 6, 7, 3}), out;
        if (cases[c].axis == 0) { /* the batch is free, so a fixed size stands there */
            net n = {0};
            oz_tensor in = tensor(x, 4, a.dim);
            char graph[256];
            out = net_room(y, MOST);
            snprintf(graph, sizeof graph, "{\"inputs\":{\"a\":[2,6,7,3]},\"outputs\":[\"y\"],\"nodes\":[%s]}",
                     node);
            net_must_open(&n, graph);
            cr_assert_eq(net_try(&n, NULL, NULL, &in, 1, &out, 1), OZ_OK, "%s: %s", node, n.err.message);
            net_free(&n);
        } else {
            out = run_node(node, NULL, a, NULL);
        }
        uint32_t d = (uint32_t)(cases[c].axis + 4) % 4;
        cr_assert_eq(out.dim[d], cases[c].size, "%s: %d", node, (int)out.dim[d]);
        for (size_t e = 0; e < count_of(&out); e++) {
            int64_t at[OZ_MAX_RANK];
            coordinates(e, &out, at);
            at[d] = cases[c].start + at[d] * cases[c].step;
            cr_assert(y[e] == x[element(&a, at)], "%s: element %zu", node, e);
        }
    }
}

Test(operators, other_shapes_of_the_same_numbers, .init = fill_inputs) {
    static const struct {
        const char *node;
        uint32_t rank;
        int64_t dims[6];
    } cases[] = {
        {"[\"flatten\",\"y\",[\"a\"]]", 2, {2, 60}},
        {"[\"flatten\",\"y\",[\"a\"],{\"axis\":2}]", 2, {6, 20}},
        {"[\"flatten\",\"y\",[\"a\"],{\"axis\":0}]", 2, {1, 120}},
        {"[\"flatten\",\"y\",[\"a\"],{\"axis\":-1}]", 2, {24, 5}},
        {"[\"reshape\",\"y\",[\"a\"],{\"shape\":[0,-1]}]", 2, {2, 60}},
        {"[\"reshape\",\"y\",[\"a\"],{\"shape\":[-1,10]}]", 2, {12, 10}},
        {"[\"reshape\",\"y\",[\"a\"],{\"shape\":[0,0,2,2,5]}]", 5, {2, 3, 2, 2, 5}},
        {"[\"reshape\",\"y\",[\"a\"],{\"shape\":[-1]}]", 1, {120}},
        {"[\"reshape\",\"y\",[\"a\"],{\"shape\":[0,1,1,1,60,-1]}]", 6, {2, 1, 1, 1, 60, 1}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        oz_tensor out = run_node(cases[c].node, NULL, tensor(x, 4, (int64_t[]){2, 3, 4, 5}), NULL);
        expect_shape(cases[c].node, &out, cases[c].rank, cases[c].dims);
        cr_assert_arr_eq(y, x, 120 * sizeof *y, "%s", cases[c].node);
    }
}

/* ---- windows ---------------------------------------------------------------------- */

typedef struct pool {
    int64_t height, width;
    int kernel[2], stride[2], pad[4], dilation[2]; /* pad: top, left, bottom, right */
    bool ceil, count_pad;
} pool;

/* As PyTorch: in ceil mode a last window must begin inside of the input or its padding before it. */
static int64_t windows(const pool *p, int axis) {
    int64_t size = axis ? p->width : p->height, reach = (p->kernel[axis] - 1) * p->dilation[axis] + 1;
    int64_t n = 0;
    for (int64_t start = -p->pad[axis];; start += p->stride[axis], n++) {
        bool whole = start + reach <= size + p->pad[axis + 2];
        bool partial = p->ceil && start < size && start + reach - p->stride[axis] < size + p->pad[axis + 2];
        if (!whole && !(partial && n > 0)) return n;
    }
}

/* Mean or maximum of the window at (oy, ox) of one plane. */
static double pool_window(const pool *p, const float *plane, int64_t oy, int64_t ox, bool mean) {
    double sum = 0, most = -INFINITY;
    int inside = 0, padded = 0;
    for (int ky = 0; ky < p->kernel[0]; ky++) {
        for (int kx = 0; kx < p->kernel[1]; kx++) {
            int64_t iy = oy * p->stride[0] - p->pad[0] + ky * p->dilation[0];
            int64_t ix = ox * p->stride[1] - p->pad[1] + kx * p->dilation[1];
            padded += iy < p->height + p->pad[2] && ix < p->width + p->pad[3];
            if (iy < 0 || ix < 0 || iy >= p->height || ix >= p->width) continue;
            inside++;
            sum += (double)plane[iy * p->width + ix];
            most = fmax(most, (double)plane[iy * p->width + ix]);
        }
    }
    return mean ? sum / (p->count_pad ? padded : inside) : most;
}

static void expect_pool(const pool *p, bool mean) {
    char node[400];
    snprintf(node, sizeof node,
             "[\"%s\",\"y\",[\"a\"],{\"kernel\":[%d,%d],\"stride\":[%d,%d],\"pad\":[%d,%d,%d,%d],"
             "\"dilation\":[%d,%d],"
             "\"ceil\":%s%s}]",
             mean ? "avg_pool" : "max_pool", p->kernel[0], p->kernel[1], p->stride[0], p->stride[1],
             p->pad[0], p->pad[1], p->pad[2], p->pad[3], p->dilation[0], p->dilation[1],
             p->ceil ? "true" : "false", p->count_pad ? ",\"count_pad\":true" : "");
    oz_tensor out = run_node(node, NULL, tensor(x, 4, (int64_t[]){2, 3, p->height, p->width}), NULL);
    expect_shape(node, &out, 4, (int64_t[]){2, 3, windows(p, 0), windows(p, 1)});
    for (size_t e = 0; e < count_of(&out); e++) {
        int64_t at[OZ_MAX_RANK];
        coordinates(e, &out, at);
        const float *plane = x + (at[0] * 3 + at[1]) * p->height * p->width;
        expect_near(node, e, pool_window(p, plane, at[2], at[3], mean), 0);
    }
}

Test(operators, pools, .init = fill_inputs) {
    static const pool cases[] = {
        {8, 8, {2, 2}, {2, 2}, {0, 0, 0, 0}, {1, 1}, false, false},
        {7, 9, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, false, false},
        {7, 9, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, true, false},
        {7, 9, {3, 3}, {2, 2}, {1, 1, 1, 1}, {1, 1}, false, true},
        {8, 10, {3, 2}, {2, 3}, {1, 0, 0, 1}, {1, 1}, true, true},
        {9, 9, {2, 3}, {1, 2}, {0, 1, 1, 0}, {2, 2}, false, true},
        {6, 6, {3, 3}, {3, 3}, {0, 0, 0, 0}, {1, 1}, true, true},
        {5, 5, {2, 2}, {4, 4}, {0, 0, 0, 0}, {1, 1}, true, false},
        {5, 6, {4, 4}, {3, 3}, {2, 2, 2, 2}, {1, 1}, true, true},
        {1, 1, {1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, false, false},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        expect_pool(&cases[c], true);
        expect_pool(&cases[c], false);
    }
}

/* Without a stride, windows stand side by side. */
Test(operators, stride_of_a_pool_is_its_kernel, .init = fill_inputs) {
    oz_tensor out = run_node("[\"max_pool\",\"y\",[\"a\"],{\"kernel\":[2,3]}]", NULL,
                             tensor(x, 4, (int64_t[]){1, 1, 5, 9}), NULL);
    expect_shape("max_pool", &out, 4, (int64_t[]){1, 1, 2, 3});
}

Test(operators, pools_over_whole_planes, .init = fill_inputs) {
    for (size_t k = 0; net_isa(k); k++) {
        for (int mean = 0; mean < 2; mean++) {
            const char *node =
                mean ? "[\"global_avg_pool\",\"y\",[\"a\"]]" : "[\"global_max_pool\",\"y\",[\"a\"]]";
            oz_tensor out = run_node(node, net_isa(k), tensor(x, 4, (int64_t[]){3, 5, 7, 9}), NULL);
            expect_shape(node, &out, 2, (int64_t[]){3, 5});
            for (size_t p = 0; p < 15; p++) {
                double sum = 0, most = -INFINITY;
                for (size_t i = 0; i < 63; i++) {
                    sum += (double)x[p * 63 + i];
                    most = fmax(most, (double)x[p * 63 + i]);
                }
                expect_near(node, p, mean ? sum / 63 : most, 8);
            }
        }
    }
}

Test(operators, softmax, .init = fill_inputs) {
    for (size_t k = 0; net_isa(k); k++) {
        for (int axis = -3; axis < 3; axis++) {
            char node[128];
            snprintf(node, sizeof node, "[\"softmax\",\"y\",[\"a\"],{\"axis\":%d}]", axis);
            oz_tensor a = tensor(x, 3, (int64_t[]){4, 19, 5}), out = run_node(node, net_isa(k), a, NULL);
            uint32_t d = (uint32_t)(axis + 3) % 3;
            for (size_t e = 0; e < count_of(&out); e++) {
                int64_t at[OZ_MAX_RANK];
                double sum = 0, most = -INFINITY;
                coordinates(e, &a, at);
                for (at[d] = 0; at[d] < a.dim[d]; at[d]++) most = fmax(most, (double)x[element(&a, at)]);
                for (at[d] = 0; at[d] < a.dim[d]; at[d]++) sum += exp((double)x[element(&a, at)] - most);
                expect_near(node, e, exp((double)x[e] - most) / sum, 0);
            }
        }
    }
    oz_tensor one = run_node("[\"softmax\",\"y\",[\"a\"]]", NULL, tensor(x, 2, (int64_t[]){3, 1}), NULL);
    cr_assert(count_of(&one) == 3 && y[0] == 1 && y[1] == 1 && y[2] == 1);
    x[0] = 3e38f, x[1] = -3e38f;
    run_node("[\"softmax\",\"y\",[\"a\"]]", NULL, tensor(x, 2, (int64_t[]){1, 2}), NULL);
    cr_assert(y[0] == 1 && y[1] == 0, "%g %g", (double)y[0], (double)y[1]);
}

/* ---- tables ----------------------------------------------------------------------- */

enum { WORDS = 11, WIDTH = 21 };

/* A table of two terms with row scales; `table` gets what it says. */
static void make_table(net *n, const char *text, float *table) {
    float w[WORDS * WIDTH], rows[WORDS];
    net_fill_sparse(w, WORDS * WIDTH, 3);
    net_fill(rows, WORDS, 4);
    net_weight(n, "table", text, WORDS, WIDTH, w);
    net_weight(n, "table", "dense,codec=f16", WORDS, WIDTH, w);
    net_term_scale(n, 0, -0.5f);
    net_row_scale(n, 0, rows);
    cr_assert_eq(oz_weight_unpack(&n->weights[0], table, &n->arena, &n->err), OZ_OK);
}

Test(operators, embedding) {
    static const char *const texts[] = {"dense,codec=f32", "dense,codec=int8", "sparse,codec=int4",
                                        "hashed:hashednet,codec=f32,slots=60", "basis,codec=f32,k=2"};
    const int64_t index[] = {3, 0, 10, 3, 7, 1};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        net n = {0};
        float table[WORDS * WIDTH];
        oz_tensor in = net_tensor(index, sizeof *index, 2, (int64_t[]){2, 3}), out = net_room(y, MOST);
        oz_plan_options opt = OZ_PLAN_INIT;
        opt.max_batch = 2;
        make_table(&n, texts[i], table);
        net_must_open(&n, "{\"inputs\":{\"t\":{\"shape\":[\"N\",3],\"dtype\":\"i64\"}},\"outputs\":[\"y\"],"
                          "\"nodes\":[[\"embedding\",\"y\",[\"t\"],{\"weight\":\"table\"}]]}");
        cr_assert_eq(net_try(&n, &opt, NULL, &in, 1, &out, 1), OZ_OK, "%s: %s", texts[i], n.err.message);
        expect_shape(texts[i], &out, 3, (int64_t[]){2, 3, WIDTH});
        for (size_t e = 0; e < 6 * WIDTH; e++)
            expect_near(texts[i], e, (double)table[(size_t)index[e / WIDTH] * WIDTH + e % WIDTH], 0);
        net_free(&n);
    }
}

Test(operators, embedding_bag) {
    const int64_t index[] = {3, -1, 10, 3, -1, -1, -1, -1};
    for (int mean = 0; mean < 2; mean++) {
        net n = {0};
        char graph[300];
        float table[WORDS * WIDTH];
        oz_tensor in = net_tensor(index, sizeof *index, 2, (int64_t[]){2, 4}), out = net_room(y, MOST);
        oz_plan_options opt = OZ_PLAN_INIT;
        opt.max_batch = 2;
        opt.max_free = 4;
        make_table(&n, "dense,codec=int4,group=32", table);
        snprintf(graph, sizeof graph,
                 "{\"inputs\":{\"t\":{\"shape\":[\"N\",\"L\"],\"dtype\":\"i64\"}},\"outputs\":[\"y\"],"
                 "\"nodes\":[[\"embedding_bag\",\"y\",[\"t\"],{\"weight\":\"table\"%s}]]}",
                 mean ? ",\"mode\":\"mean\"" : "");
        net_must_open(&n, graph);
        cr_assert_eq(net_try(&n, &opt, NULL, &in, 1, &out, 1), OZ_OK, "%s", n.err.message);
        expect_shape("bag", &out, 2, (int64_t[]){2, WIDTH});
        for (size_t c = 0; c < WIDTH; c++) {
            double sum = 2 * (double)table[3 * WIDTH + c] + (double)table[10 * WIDTH + c];
            expect_near("bag", c, mean ? sum / 3 : sum, 4);
            cr_assert(y[WIDTH + c] == 0, "a bag of nothing");
        }
        net_free(&n);
    }
}

/* test_conv.c - convolutions of every kind against the definition, written as seven loops. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/layer.h"
#include "tests/support/models/models.h"

typedef struct conv_case {
    int64_t images, channels, height, width;
    int64_t rows, kh, kw, sh, sw, pt, pl, pb, pr, dh, dw, groups;
} conv_case;

static int64_t out_size(int64_t in, int64_t before, int64_t after, int64_t k, int64_t d, int64_t s) {
    return (in + before + after - (k - 1) * d - 1) / s + 1;
}

static double at(const conv_case *c, const float *x, int64_t n, int64_t ch, int64_t y, int64_t xx) {
    if (y < 0 || y >= c->height || xx < 0 || xx >= c->width) return 0;
    return (double)x[((n * c->channels + ch) * c->height + y) * c->width + xx];
}

static double pixel(const conv_case *c, const float *x, const float *w, int64_t n, int64_t r, int64_t oy,
                    int64_t ox) {
    int64_t per = c->channels / c->groups, first = r / (c->rows / c->groups) * per;
    double sum = 0;
    for (int64_t ky = 0; ky < c->kh; ky++)
        for (int64_t kx = 0; kx < c->kw; kx++)
            for (int64_t ch = 0; ch < per; ch++)
                sum +=
                    (double)w[r * per * c->kh * c->kw + (ky * c->kw + kx) * per + ch] *
                    at(c, x, n, first + ch, oy * c->sh - c->pt + ky * c->dh, ox * c->sw - c->pl + kx * c->dw);
    return sum;
}

/* With a plan for images that have as many lines, or `more`. */
static void check(const conv_case *c, const char *isa, int threads, const char *act, uint32_t more) {
    net n = {0};
    char graph[512];
    int64_t oh = out_size(c->height, c->pt, c->pb, c->kh, c->dh, c->sh),
            ow = out_size(c->width, c->pl, c->pr, c->kw, c->dw, c->sw);
    size_t cols = (size_t)(c->channels / c->groups * c->kh * c->kw),
           pixels = (size_t)(c->images * c->rows * oh * ow);
    size_t inputs = (size_t)(c->images * c->channels * c->height * c->width);
    float *w = malloc((size_t)c->rows * cols * 4), *x = malloc(inputs * 4), *got = malloc(pixels * 4),
          *bias = malloc((size_t)c->rows * 4), *scale = malloc((size_t)c->rows * 4);
    net_fill(w, (size_t)c->rows * cols, 1);
    net_fill(x, inputs, 2);
    net_fill(bias, (size_t)c->rows, 3);
    net_fill(scale, (size_t)c->rows, 4);
    net_weight(&n, "c", "dense,codec=f32", (uint64_t)c->rows, cols, w);
    net_row_scale(&n, 0, scale);
    net_vector(&n, "c.bias", (uint64_t)c->rows, bias);
    snprintf(
        graph, sizeof graph,
        "{\"inputs\":{\"x\":[\"N\",%d,\"H\",%d]},\"outputs\":[\"y\"],\"nodes\":[[\"conv2d\",\"y\",[\"x\"],{"
        "\"weight\":\"c\",\"kernel\":[%d,%d],"
        "\"stride\":[%d,%d],\"pad\":[%d,%d,%d,%d],\"dilation\":[%d,%d],\"groups\":%d,\"act\":\"%s\"%s}]]}",
        (int)c->channels, (int)c->width, (int)c->kh, (int)c->kw, (int)c->sh, (int)c->sw, (int)c->pt,
        (int)c->pl, (int)c->pb, (int)c->pr, (int)c->dh, (int)c->dw, (int)c->groups, act,
        strcmp(act, "leaky") ? "" : ",\"slope\":0.25");
    cr_assert_eq(net_open(&n, graph), OZ_OK, "%s: %s", n.err.where, n.err.message);
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.isa = isa;
    opt.threads = threads;
    opt.max_batch = (uint32_t)c->images;
    opt.max_free = (uint32_t)c->height + more;
    cr_assert_eq(
        net_run(&n, &opt, x, 4, (const int64_t[]){c->images, c->channels, c->height, c->width}, got, pixels),
        pixels);
    for (size_t i = 0; i < pixels; i++) {
        int64_t ox = (int64_t)i % ow, oy = (int64_t)i / ow % oh, r = (int64_t)i / (ow * oh) % c->rows,
                image = (int64_t)i / (ow * oh * c->rows);
        double sum = (double)scale[r] * pixel(c, x, w, image, r, oy, ox) + (double)bias[r];
        double want = layer_activate(act, sum, 0.25);
        cr_assert(fabs((double)got[i] - want) <= (double)(cols + 3) * ldexp(1, -24) * (double)(cols + 1),
                  "%s, %d threads, output %zu: %g, not %g", isa, threads, i, (double)got[i], want);
    }
    free(w), free(x), free(got), free(bias), free(scale);
    net_free(&n);
}

static const conv_case cases[] = {
    {2, 3, 32, 32, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}, /* a first layer */
    {3, 16, 8, 8, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},  /* rows that end inside a panel, small images */
    {1, 5, 13, 11, 7, 3, 5, 2, 3, 0, 2, 1, 1, 1, 1, 1},  /* everything odd */
    {2, 4, 9, 70, 33, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1},  /* 1 x 1, lines wider than a panel */
    {3, 150, 7, 7, 149, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1,
     1}, /* few pixels, two blocks of inputs and chunks of rows */
    {1, 4, 15, 15, 16, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 1}, /* dilated */
    {2, 64, 6, 6, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2},  /* groups of whole panels */
    {2, 12, 7, 7, 12, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 12}, /* depthwise */
    {1, 8, 7, 9, 24, 3, 3, 1, 2, 1, 1, 1, 1, 1, 1, 4},   /* narrow groups */
    {5, 2, 3, 3, 4, 3, 3, 1, 1, 0, 0, 0, 0, 1, 1, 1},    /* one pixel an image */
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1},
    {1, 40, 5, 33, 48, 3, 3, 1, 1, 3, 3, 3, 3, 1, 1,
     1}, /* padding beyond the kernel's reach, two blocks of inputs */
    {2, 16, 14, 14, 24, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}, /* tiles of 2 x 2: the last vector is not full */
    {1, 9, 37, 41, 20, 3, 3, 1, 1, 2, 0, 1, 3, 1, 1, 1},  /* several bands, odd channels and padding */
    {3, 128, 7, 7, 100, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}, /* two chunks of rows */
    {1, 8, 3, 300, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},  /* lines of more tiles than a band should have */
};

Test(conv, definition) {
    for (size_t i = 0; net_isa(i); i++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            check(&cases[k], net_isa(i), 1 + (int)(k % 3), "relu", 0);
}

Test(conv, definition_with_a_plan_for_larger_images) {
    for (size_t i = 0; net_isa(i); i++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            check(&cases[k], net_isa(i), 1 + (int)(k % 3), "leaky", 11);
}

/* ---- weights of other kinds --------------------------------------------------------- */

enum { CHANNELS = 16, SIDE = 7, MOST_OUT = 64 * SIDE * SIDE * 3 };

/* A 3 x 3 convolution as a linear layer over its gathered columns, which layer_expect knows. */
static void expect_columns(net *n, const char *what, int groups, const float *bias, const float *x,
                           int images, const float *y) {
    size_t rows = (size_t)n->weights[0].rows, per = CHANNELS / (size_t)groups, k = per * 9;
    float *column = malloc(k * sizeof *column);
    double *want = malloc(rows * sizeof *want), *bound = malloc(rows * sizeof *bound);
    for (size_t i = 0; i < (size_t)images * (size_t)groups * SIDE * SIDE; i++) {
        size_t pixel = i % (SIDE * SIDE), g = i / (SIDE * SIDE) % (size_t)groups,
               image = i / (SIDE * SIDE) / (size_t)groups;
        for (size_t j = 0; j < k; j++) {
            int64_t iy = (int64_t)(pixel / SIDE + j / per / 3) - 1,
                    ix = (int64_t)(pixel % SIDE + j / per % 3) - 1;
            bool inside = iy >= 0 && ix >= 0 && iy < SIDE && ix < SIDE;
            column[j] =
                inside ? x[((image * CHANNELS + g * per + j % per) * SIDE + (size_t)iy) * SIDE + (size_t)ix]
                       : 0;
        }
        layer_expect(n, 0, bias, column, want, bound);
        for (size_t r = g * rows / (size_t)groups; r < (g + 1) * rows / (size_t)groups; r++) {
            double got = (double)y[(image * rows + r) * SIDE * SIDE + pixel];
            cr_assert(fabs(got - want[r]) <= bound[r], "%s, image %zu, row %zu, pixel %zu: %g, not %g +- %g",
                      what, image, r, pixel, got, want[r], bound[r]);
        }
    }
    free(column), free(want), free(bound);
}

static void check_weight(net *n, const char *what, int groups, const float *bias) {
    static float x[3 * CHANNELS * SIDE * SIDE], y[MOST_OUT];
    char graph[256];
    net_fill(x, sizeof x / sizeof x[0], 4);
    snprintf(graph, sizeof graph,
             "{\"inputs\":{\"x\":[\"N\",16,7,7]},\"outputs\":[\"y\"],\"nodes\":[[\"conv2d\",\"y\",[\"x\"],"
             "{\"weight\":\"c\",\"kernel\":3,\"pad\":1,\"groups\":%d}]]}",
             groups);
    net_must_open(n, graph);
    for (size_t i = 0; net_isa(i); i++) {
        for (int images = 1; images <= 3; images += 2) {
            oz_plan_options opt = OZ_PLAN_INIT;
            opt.isa = net_isa(i);
            opt.threads = images;
            net_run(n, &opt, x, 4, (int64_t[]){images, CHANNELS, SIDE, SIDE}, y, MOST_OUT);
            expect_columns(n, what, groups, bias, x, images, y);
        }
    }
}

/* Sums, products and row scales, in groups of whole panels; in narrow ones, which know no products, two
 * leaves. */
static void check_sum(const char *text, int groups, size_t rows) {
    static float w[64 * CHANNELS * 9], bias[64], scale[64];
    size_t cols = CHANNELS / (size_t)groups * 9;
    net n = {0};
    net_fill_sparse(w, sizeof w / sizeof w[0], 1);
    net_fill(bias, 64, 2);
    net_fill(scale, 64, 3);
    net_weight(&n, "c", text, rows, cols, w);
    net_term_scale(&n, 0, -0.5f);
    if (rows / (size_t)groups % 16 == 0 || groups == 1)
        net_product(&n, "c", text, rows, 5, cols, w + 7, w + 100);
    else
        net_weight(&n, "c", "dense,codec=bf16", rows, cols, w + 50), n.weights[0].act_i8 = false;
    net_row_scale(&n, 0, scale);
    net_vector(&n, "c.bias", rows, bias);
    check_weight(&n, text, groups, bias);
    net_free(&n);
}

Test(conv, sums_of_products) {
    char text[MODEL_TEXT];
    for (size_t i = 0; model_format_text(i, OZ_CODEC_INT8, text); i++) check_sum(text, 1, 20);
    for (size_t i = 0; model_format_text(i, OZ_CODEC_F16, text); i++) check_sum(text, 1, 16);
}

Test(conv, sums_of_products_in_groups) {
    check_sum("dense,codec=f32", 2, 32);
    check_sum("dense,codec=int4,group=32", 4, 64);
    check_sum("sparse,codec=f16", 16, 16);
    check_sum("dense,codec=int8", 4, 20);
}

Test(conv, leaves_of_every_format) {
    char text[MODEL_TEXT];
    static float w[20 * CHANNELS * 9];
    net_fill_sparse(w, sizeof w / sizeof w[0], 1);
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        net n = {0};
        net_weight(&n, "c", text, 20, CHANNELS * 9, w);
        check_weight(&n, text, 1, NULL);
        net_free(&n);
    }
}

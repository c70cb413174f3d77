/* test_conv.c - convolutions of every kind against the definition, written as seven loops. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/runtime/net.h"

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

static void check(const conv_case *c, const char *isa, int threads) {
    net n = {0};
    char graph[512];
    int64_t oh = out_size(c->height, c->pt, c->pb, c->kh, c->dh, c->sh),
            ow = out_size(c->width, c->pl, c->pr, c->kw, c->dw, c->sw);
    size_t cols = (size_t)(c->channels / c->groups * c->kh * c->kw),
           pixels = (size_t)(c->images * c->rows * oh * ow);
    size_t inputs = (size_t)(c->images * c->channels * c->height * c->width);
    float *w = malloc((size_t)c->rows * cols * 4), *x = malloc(inputs * 4), *got = malloc(pixels * 4),
          *bias = malloc((size_t)c->rows * 4);
    net_fill(w, (size_t)c->rows * cols, 1);
    net_fill(x, inputs, 2);
    net_fill(bias, (size_t)c->rows, 3);
    net_weight(&n, "c", "dense,codec=f32", (uint64_t)c->rows, cols, w);
    net_vector(&n, "c.bias", (uint64_t)c->rows, bias);
    snprintf(
        graph, sizeof graph,
        "{\"inputs\":{\"x\":[\"N\",%d,%d,%d]},\"outputs\":[\"y\"],\"nodes\":[[\"conv2d\",\"y\",[\"x\"],{"
        "\"weight\":\"c\",\"kernel\":[%d,%d],"
        "\"stride\":[%d,%d],\"pad\":[%d,%d,%d,%d],\"dilation\":[%d,%d],\"groups\":%d,\"act\":\"relu\"}]]}",
        (int)c->channels, (int)c->height, (int)c->width, (int)c->kh, (int)c->kw, (int)c->sh, (int)c->sw,
        (int)c->pt, (int)c->pl, (int)c->pb, (int)c->pr, (int)c->dh, (int)c->dw, (int)c->groups);
    cr_assert_eq(net_open(&n, graph), OZ_OK, "%s: %s", n.err.where, n.err.message);
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.isa = isa;
    opt.threads = threads;
    cr_assert_eq(
        net_run(&n, &opt, x, 4, (const int64_t[]){c->images, c->channels, c->height, c->width}, got, pixels),
        pixels);
    for (size_t i = 0; i < pixels; i++) {
        int64_t ox = (int64_t)i % ow, oy = (int64_t)i / ow % oh, r = (int64_t)i / (ow * oh) % c->rows,
                image = (int64_t)i / (ow * oh * c->rows);
        double want = fmax(0, pixel(c, x, w, image, r, oy, ox) + (double)bias[r]);
        cr_assert(fabs((double)got[i] - want) <= (double)(cols + 3) * ldexp(1, -24) * (double)(cols + 1),
                  "%s, %d threads, output %zu: %g, not %g", isa, threads, i, (double)got[i], want);
    }
    free(w), free(x), free(got), free(bias);
    net_free(&n);
}

static const conv_case cases[] = {
    {2, 3, 32, 32, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}, /* a first layer */
    {3, 16, 8, 8, 20, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},  /* rows that end inside a panel, small images */
    {1, 5, 13, 11, 7, 3, 5, 2, 3, 0, 2, 1, 1, 1, 1, 1},  /* everything odd */
    {2, 4, 9, 70, 33, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1},  /* 1 x 1, lines wider than a panel */
    {1, 4, 15, 15, 16, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 1}, /* dilated */
    {2, 64, 6, 6, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2},  /* groups of whole panels */
    {2, 12, 7, 7, 12, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 12}, /* depthwise */
    {1, 8, 7, 9, 24, 3, 3, 1, 2, 1, 1, 1, 1, 1, 1, 4},   /* narrow groups */
    {5, 2, 3, 3, 4, 3, 3, 1, 1, 0, 0, 0, 0, 1, 1, 1},    /* one pixel an image */
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1},
    {1, 40, 5, 33, 48, 3, 3, 1, 1, 3, 3, 3, 3, 1, 1,
     1}, /* padding beyond the kernel's reach, two blocks of inputs */
};

Test(conv, definition) {
    for (size_t i = 0; net_isa(i); i++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
            check(&cases[k], net_isa(i), 1 + (int)(k % 3));
}

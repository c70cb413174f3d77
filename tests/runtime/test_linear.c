/* test_linear.c - linear layers: leaves of every format, sums and products of them, row scales and biases, in
 * batches small and large, on every instruction set; and that threads and candidates change nothing. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/model.h"
#include "tests/runtime/layer.h"
#include "tests/support/models/models.h"

enum { ROWS = 35, COLS = 150, MOST_BATCH = 200 };

static const char plain[] = "{\"inputs\":{\"x\":[\"N\",150]},\"outputs\":[\"y\"],"
                            "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}";

static float inputs[MOST_BATCH * COLS], bias[ROWS];

static void fill_inputs(void) {
    net_fill(inputs, MOST_BATCH * COLS, 5);
    net_fill(bias, ROWS, 6);
}

/* One term of the leaf; with a bias. */
static void make(net *n, const char *text, bool biased) {
    static float w[ROWS * COLS];
    net_fill_sparse(w, ROWS * COLS, 7);
    net_weight(n, "fc", text, ROWS, COLS, w);
    if (biased) net_vector(n, "fc.bias", ROWS, bias);
}

/* 0.5 A B + leaf - 0.25 leaf, scaled by rows. */
static void make_sum(net *n, const char *text) {
    enum { RANK = 19 };
    float left[ROWS * RANK], right[RANK * COLS], rows[ROWS];
    net_fill(left, ROWS * RANK, 8);
    net_fill(right, RANK * COLS, 9);
    net_fill(rows, ROWS, 10);
    net_product(n, "fc", text, ROWS, RANK, COLS, left, right);
    net_term_scale(n, 0, 0.5f);
    make(n, text, true);
    make(n, "dense,codec=f16", false);
    net_term_scale(n, 0, -0.25f);
    net_row_scale(n, 0, rows);
}

/* y[batch][ROWS] against the definition. */
static void expect(const net *n, const char *what, bool biased, size_t batch, const float *y) {
    double want[ROWS], bound[ROWS];
    for (size_t i = 0; i < batch; i++) {
        layer_expect(n, 0, biased ? bias : NULL, inputs + i * COLS, want, bound);
        for (size_t r = 0; r < ROWS; r++) {
            double got = (double)y[i * ROWS + r];
            cr_assert(fabs(got - want[r]) <= bound[r], "%s, batch %zu, [%zu][%zu]: %.9g, not %.9g +- %.2g",
                      what, batch, i, r, got, want[r], bound[r]);
        }
    }
}

static void run(net *n, const oz_plan_options *opt, size_t batch, float *y) {
    int64_t dims[] = {(int64_t)batch, COLS};
    cr_assert_eq(net_run(n, opt, inputs, 2, dims, y, batch * ROWS), batch * ROWS);
}

static void run_everywhere(net *n, const char *text, bool biased, const size_t *batches, size_t n_batches) {
    static float y[MOST_BATCH * ROWS];
    for (size_t i = 0; net_isa(i); i++) {
        for (size_t b = 0; b < n_batches; b++) {
            char what[MODEL_TEXT + 40];
            oz_plan_options opt = OZ_PLAN_INIT;
            opt.isa = net_isa(i);
            opt.threads = 1 + (int)(b % 3);
            snprintf(what, sizeof what, "%s on %s", text, opt.isa);
            run(n, &opt, batches[b], y);
            expect(n, what, biased, batches[b], y);
        }
    }
}

Test(linear, leaves_of_every_format, .init = fill_inputs) {
    static const size_t batches[] = {1, 3, 5, 65};
    char text[MODEL_TEXT];
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        net n = {0};
        make(&n, text, i % 2);
        net_must_open(&n, plain);
        run_everywhere(&n, text, i % 2, batches, 4);
        net_free(&n);
    }
}

/* As if its folder had no kernel yet. */
static void take_kernels_away(net *n, oz_format *bare) {
    oz_leaf *leaf = (oz_leaf *)(uintptr_t)n->model->layers[0].run[0][0];
    *bare = *leaf->format;
    leaf->format = bare;
}

static void expect_decoded_by_rows(void *ctx, const oz_candidate *c) {
    (void)ctx;
    cr_expect(!c->chosen || strstr(c->kernel, "row_mm_") || strstr(c->kernel, "onednn"), "%s", c->kernel);
}

Test(linear, formats_without_kernels, .init = fill_inputs) {
    static const size_t batches[] = {1, 5, 65};
    char text[MODEL_TEXT];
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        net n = {0};
        oz_format bare;
        oz_plan *plan;
        make(&n, text, i % 2);
        net_must_open(&n, plain);
        take_kernels_away(&n, &bare);
        cr_assert_eq(oz_plan_create(n.model, NULL, &plan, &n.err), OZ_OK, "%s", n.err.message);
        oz_plan_explain(plan, NULL, expect_decoded_by_rows);
        oz_plan_free(plan);
        run_everywhere(&n, text, i % 2, batches, 3);
        net_free(&n);
    }
}

Test(linear, batches_of_every_size, .init = fill_inputs) {
    static const size_t batches[] = {1, 2, 3, 4, 5, 6, 17, 33, 48, 63, 64, 65, 128, 200};
    static const char *const texts[] = {"dense,codec=f32", "dense,codec=int4,group=32,offset=min",
                                        "nm:2:4,codec=int8"};
    for (size_t i = 0; i < 3; i++) {
        net n = {0};
        make(&n, texts[i], true);
        net_must_open(&n, plain);
        run_everywhere(&n, texts[i], true, batches, 14);
        net_free(&n);
    }
}

Test(linear, sums_of_products_with_scales, .init = fill_inputs) {
    static const size_t batches[] = {1, 4, 5, 70};
    char text[MODEL_TEXT];
    for (size_t i = 0; model_format_text(i, OZ_CODEC_INT8, text); i++) {
        net n = {0};
        make_sum(&n, text);
        net_must_open(&n, plain);
        run_everywhere(&n, text, true, batches, 4);
        net_free(&n);
    }
}

/* A term of three factors, the middle ones as narrow as a leaf can be. */
Test(linear, chains_of_factors, .init = fill_inputs) {
    static const size_t batches[] = {2, 9};
    static const char *const texts[] = {"dense,codec=f32", "dense,codec=int8"};
    for (size_t i = 0; i < 2; i++) {
        float left[ROWS * 2], middle[2 * 33], right[33 * COLS];
        net n = {0}, tail = {0};
        net_fill(left, ROWS * 2, 1);
        net_fill(middle, 2 * 33, 2);
        net_fill(right, 33 * COLS, 3);
        net_product(&n, "fc", texts[i], ROWS, 2, 33, left, middle);
        net_product(&tail, "fc", texts[i], 2, 33, COLS, middle, right);
        oz_leaf chain[3] = {n.weights[0].terms[0].factors[0], n.weights[0].terms[0].factors[1],
                            tail.weights[0].terms[0].factors[1]};
        n.weights[0].terms[0].factors = chain;
        n.weights[0].terms[0].n_factors = 3;
        n.weights[0].cols = COLS;
        net_must_open(&n, plain);
        run_everywhere(&n, texts[i], false, batches, 2);
        net_free(&n);
        net_free(&tail);
    }
}

Test(linear, activations_and_inputs_of_three_dimensions, .init = fill_inputs) {
    static const char *const acts[] = {"none",      "relu", "relu6",   "leaky", "gelu",
                                       "gelu_tanh", "silu", "sigmoid", "tanh",  "hardswish"};
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        char graph[256];
        float y[6 * ROWS];
        double want[ROWS], bound[ROWS];
        net n = {0};
        make(&n, "dense,codec=f32", true);
        snprintf(graph, sizeof graph,
                 "{\"inputs\":{\"x\":[\"N\",3,150]},\"outputs\":[\"y\"],\"nodes\":[[\"linear\",\"y\",[\"x\"],"
                 "{\"weight\":\"fc\",\"act\":\"%s\"%s}]]}",
                 acts[i], strcmp(acts[i], "leaky") ? "" : ",\"slope\":0.25");
        net_must_open(&n, graph);
        for (int64_t batch = 1; batch <= 2; batch++) {
            cr_assert_eq(net_run(&n, NULL, inputs, 3, (int64_t[]){batch, 3, COLS}, y, 6 * ROWS),
                         (size_t)batch * 3 * ROWS);
            for (size_t k = 0; k < (size_t)batch * 3 * ROWS; k++) {
                if (k % ROWS == 0) layer_expect(&n, 0, bias, inputs + k / ROWS * COLS, want, bound);
                double exact = layer_activate(acts[i], want[k % ROWS], 0.25);
                cr_assert(fabs((double)y[k] - exact) <= 1.5 * bound[k % ROWS] + 0x1p-20 * (1 + fabs(exact)),
                          "%s at %zu: %g, not %g", acts[i], k, (double)y[k], exact);
            }
        }
        net_free(&n);
    }
}

/* ---- the same bits ---------------------------------------------------------------- */

static void expect_bits(const char *what, const float *got, const float *want, size_t n) {
    for (size_t i = 0; i < n; i++)
        cr_assert(memcmp(&got[i], &want[i], sizeof *got) == 0, "%s: element %zu is %a, not %a", what, i,
                  (double)got[i], (double)want[i]);
}

/* 8-bit activations: rows one by one, four at a time and in a large batch, on every instruction set. */
Test(linear, eight_bit_activations_give_the_same_bits_everywhere, .init = fill_inputs) {
    enum { BATCH = 67 };
    static float want[BATCH * ROWS], y[BATCH * ROWS];
    char text[MODEL_TEXT];
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        net n = {0};
        oz_layer_info info;
        make(&n, text, true);
        net_must_open(&n, plain);
        cr_assert_eq(oz_model_layer(n.model, 0, &info), OZ_OK);
        for (size_t k = 0; info.act_i8 && net_isa(k); k++) {
            oz_plan_options opt = OZ_PLAN_INIT;
            opt.isa = net_isa(k);
            run(&n, &opt, BATCH, k ? y : want);
            if (k) expect_bits(text, y, want, BATCH * ROWS);
            for (size_t row = 0, m = 1; row + m <= 12; row += m, m = m % 4 + 1) {
                cr_assert_eq(
                    net_run(&n, &opt, inputs + row * COLS, 2, (int64_t[]){(int64_t)m, COLS}, y, m * ROWS),
                    m * ROWS);
                expect_bits(text, y, want + row * ROWS, m * ROWS);
            }
        }
        net_free(&n);
    }
}

/* Large enough to be shared out. */
Test(linear, any_number_of_threads_gives_the_same_bits) {
    enum { TALL = 270, WIDE = 300, BATCH = 200 };
    static float w[TALL * WIDE], x[BATCH * WIDE], want[BATCH * TALL], y[BATCH * TALL];
    static const char *const texts[] = {"dense,codec=f32", "dense,codec=int4,group=64", "sparse,codec=f16",
                                        "nm:1:4,codec=int8", "hashed,codec=f32,slots=900"};
    static const int64_t batches[] = {1, 4, 5, 13, 64, 129, BATCH};
    static const int threads[] = {2, 3, 7};
    net_fill(x, BATCH * WIDE, 1);
    net_fill_sparse(w, TALL * WIDE, 2);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        net n = {0};
        net_weight(&n, "fc", texts[i], TALL, WIDE, w);
        net_product(&n, "fc", "dense,codec=f32", TALL, 40, WIDE, w, w);
        net_term_scale(&n, 0, 0.125f);
        net_must_open(&n, "{\"inputs\":{\"x\":[\"N\",300]},\"outputs\":[\"y\"],"
                          "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\",\"act\":\"relu\"}]]}");
        for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
            oz_plan_options opt = OZ_PLAN_INIT;
            opt.threads = 1;
            size_t count = net_run(&n, &opt, x, 2, (int64_t[]){batches[b], WIDE}, want, BATCH * TALL);
            for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
                opt.threads = threads[t];
                net_run(&n, &opt, x, 2, (int64_t[]){batches[b], WIDE}, y, BATCH * TALL);
                expect_bits(texts[i], y, want, count);
            }
        }
        net_free(&n);
    }
}

/* A panel of rows, whose columns threads share; tiles in groups that are not all as large, of one tile each,
 * and a group of three, which all threads prepare. */
Test(linear, many_columns_give_the_same_bits_on_any_number_of_threads) {
    enum { WIDE = 520, MOST_ROWS = 144, MOST_COLUMNS = 900 };
    static const struct {
        const char *text;
        size_t rows, columns;
    } cases[] = {{"dense,codec=f32", 10, 300},
                 {"nm:1:8,codec=f32", MOST_ROWS, MOST_COLUMNS},
                 {"dense,codec=int8", 100, 300},
                 {"dense,codec=int8", MOST_ROWS, 150}};
    static float w[MOST_ROWS * WIDE], x[MOST_COLUMNS * WIDE], want[MOST_COLUMNS * MOST_ROWS],
        y[MOST_COLUMNS * MOST_ROWS];
    net_fill(x, MOST_COLUMNS * WIDE, 1);
    net_fill(w, MOST_ROWS * WIDE, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t dims[] = {(int64_t)cases[i].columns, WIDE};
        net n = {0};
        net_weight(&n, "fc", cases[i].text, cases[i].rows, WIDE, w);
        net_must_open(&n, "{\"inputs\":{\"x\":[\"N\",520]},\"outputs\":[\"y\"],"
                          "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}");
        for (int threads = 1; threads <= 7; threads++) {
            oz_plan_options opt = OZ_PLAN_INIT;
            opt.threads = threads;
            size_t count = net_run(&n, &opt, x, 2, dims, threads == 1 ? want : y, sizeof y / sizeof *y);
            if (threads > 1) expect_bits(cases[i].text, y, want, count);
        }
        net_free(&n);
    }
}

/* A batch of up to 64 rows, whose panel, or narrow ones, each thread lays out for itself. */
Test(linear, panels_of_each_thread_give_the_same_bits) {
    enum { TALL = 270, WIDE = 700, BATCH = 64 };
    static float w[TALL * WIDE], x[BATCH * WIDE], want[BATCH * TALL], y[BATCH * TALL];
    static const char *const texts[] = {"dense,codec=f32", "dense,codec=int8", "sparse,codec=int8"};
    net_fill(x, BATCH * WIDE, 1);
    net_fill_sparse(w, TALL * WIDE, 2);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        net n = {0};
        net_weight(&n, "fc", texts[i], TALL, WIDE, w);
        net_must_open(&n, "{\"inputs\":{\"x\":[\"N\",700]},\"outputs\":[\"y\"],"
                          "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}");
        for (size_t isa = 0; net_isa(isa); isa++) {
            oz_plan_options opt = OZ_PLAN_INIT;
            opt.isa = net_isa(isa);
            opt.threads = 1;
            size_t count = net_run(&n, &opt, x, 2, (int64_t[]){BATCH, WIDE}, want, BATCH * TALL);
            for (opt.threads = 2; opt.threads <= 7; opt.threads++) {
                net_run(&n, &opt, x, 2, (int64_t[]){BATCH, WIDE}, y, BATCH * TALL);
                expect_bits(texts[i], y, want, count);
            }
        }
        net_free(&n);
    }
}

Test(linear, reproducible_plans_give_the_same_bits_for_any_batch, .init = fill_inputs) {
    static float want[MOST_BATCH * ROWS], y[MOST_BATCH * ROWS];
    char text[MODEL_TEXT];
    for (size_t i = 0; model_format_text(i, OZ_CODEC_F16, text); i++) {
        net n = {0};
        oz_plan_options opt = OZ_PLAN_INIT;
        opt.reproducible = true;
        opt.max_batch = MOST_BATCH;
        make_sum(&n, text);
        net_must_open(&n, plain);
        run(&n, &opt, MOST_BATCH, want);
        for (size_t batch = 1; batch < 70; batch = batch * 3 + 1) {
            run(&n, &opt, batch, y);
            expect_bits(text, y, want, batch * ROWS);
        }
        net_free(&n);
    }
}

/* ---- every candidate -------------------------------------------------------------- */

/* A clock by which the favourite-th of every MOST_TIMINGS is the shortest, the next one the second, as
 * unpacking is timed beside the product; all are long enough not to be repeated. */
enum { MOST_TIMINGS = 9 }; /* of a leaf, at most */
static uint64_t clock_calls, favourite, now;

static uint64_t biased_clock(void) {
    const uint64_t calls = 10; /* of one timing: five runs */
    uint64_t timing = clock_calls++ / calls;
    uint64_t after = (timing + MOST_TIMINGS - favourite) % MOST_TIMINGS;
    now += after == 0 ? 1000000 : after == 1 ? 3000000 : 10000000; /* long enough for a few runs */
    return now;
}

/* A trial that prefers the nth candidate. */
static oz_plan_options preferring(size_t nth, uint32_t batch) {
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.effort = OZ_EFFORT_TRIAL;
    opt.clock_ns = biased_clock;
    opt.max_batch = batch;
    favourite = nth;
    clock_calls = 0;
    return opt;
}

static size_t runnable, chosen;

static void count_candidates(void *ctx, const oz_candidate *c) {
    (void)ctx;
    runnable += c->predicted_ns >= 0;
    chosen += c->chosen;
    cr_assert((c->predicted_ns >= 0) == (c->measured_ns >= 0), "%s: %s", c->kernel, c->verdict);
    cr_assert(c->chosen == (strcmp(c->verdict, "chosen") == 0), "%s: %s", c->kernel, c->verdict);
}

/* Whatever a trial prefers, oneDNN among it, the results are right. */
Test(linear, every_candidate_is_right, .init = fill_inputs) {
    static float y[70 * ROWS];
    char text[MODEL_TEXT];
    const size_t batches[] = {3, 9, 70};
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        net n = {0};
        make(&n, text, true);
        net_must_open(&n, plain);
        for (size_t b = 0; b < 3; b++) {
            for (size_t nth = 0; nth < MOST_TIMINGS; nth++) {
                oz_plan_options opt = preferring(nth, (uint32_t)batches[b]);
                oz_plan *plan;
                runnable = chosen = 0;
                cr_assert_eq(oz_plan_create(n.model, &opt, &plan, &n.err), OZ_OK, "%s", n.err.message);
                oz_plan_explain(plan, NULL, count_candidates);
                cr_assert(runnable > 0 && runnable < MOST_TIMINGS && chosen == 1, "%s: %zu of %zu chosen",
                          text, chosen, runnable);
                oz_plan_free(plan);
                clock_calls = 0;
                run(&n, &opt, batches[b], y);
                expect(&n, text, true, batches[b], y);
            }
        }
        net_free(&n);
    }
}

/* Of oneDNN the bits depend on how many rows it is given. */
Test(linear, every_candidate_gives_the_same_bits_on_any_number_of_threads) {
    enum { TALL = 270, WIDE = 300, BATCH = 64 };
    static float w[TALL * WIDE], x[BATCH * WIDE], want[BATCH * TALL], y[BATCH * TALL];
    static const char *const texts[] = {"dense,codec=f32", "sparse,codec=f32"};
    net_fill(x, BATCH * WIDE, 1);
    net_fill_sparse(w, TALL * WIDE, 2);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        net n = {0};
        net_weight(&n, "fc", texts[i], TALL, WIDE, w);
        net_must_open(&n, "{\"inputs\":{\"x\":[\"N\",300]},\"outputs\":[\"y\"],"
                          "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}");
        for (size_t nth = 0; nth < MOST_TIMINGS; nth++) {
            oz_plan_options opt = preferring(nth, BATCH);
            opt.threads = 1;
            size_t count = net_run(&n, &opt, x, 2, (int64_t[]){BATCH, WIDE}, want, BATCH * TALL);
            opt = preferring(nth, BATCH);
            opt.threads = 3;
            net_run(&n, &opt, x, 2, (int64_t[]){BATCH, WIDE}, y, BATCH * TALL);
            expect_bits(texts[i], y, want, count);
        }
        net_free(&n);
    }
}

static void expect_timed_if_chosen(void *ctx, const oz_candidate *c) {
    size_t *timed = ctx;
    cr_expect(c->chosen == (c->measured_ns >= 0), "%s: %s", c->kernel, c->verdict);
    *timed += c->measured_ns >= 0;
}

Test(linear, only_what_the_model_chose_is_timed) {
    net n = {0};
    make(&n, "dense,codec=int8", true);
    net_must_open(&n, plain);
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_plan *plan;
    size_t timed = 0;
    opt.effort = OZ_EFFORT_CHOSEN;
    opt.clock_ns = biased_clock;
    cr_assert_eq(oz_plan_create(n.model, &opt, &plan, &n.err), OZ_OK, "%s", n.err.message);
    oz_plan_explain(plan, &timed, expect_timed_if_chosen);
    cr_expect_eq(timed, 1);
    oz_plan_free(plan);
    net_free(&n);
}

/* Leaves that would rather be multiplied in different ways are in a layer of one. */
Test(linear, all_leaves_of_what_was_chosen_are_timed) {
    net n = {0};
    make(&n, "dense,codec=int8", true);
    make(&n, "sparse,codec=f32", false);
    net_must_open(&n, plain);
    for (uint32_t batch = 1; batch <= 64; batch += 3) {
        oz_plan_options opt = OZ_PLAN_INIT;
        oz_plan *plan;
        size_t timed = 0;
        opt.effort = OZ_EFFORT_CHOSEN;
        opt.clock_ns = biased_clock;
        opt.max_batch = batch;
        cr_assert_eq(oz_plan_create(n.model, &opt, &plan, &n.err), OZ_OK, "%s", n.err.message);
        oz_plan_explain(plan, &timed, expect_timed_if_chosen);
        cr_expect_eq(timed, 2, "batch %u", batch);
        oz_plan_free(plan);
    }
    net_free(&n);
}

/* Says that every second run takes three times as long as the others. */
static uint64_t alternating_clock(void) {
    now += clock_calls++ / 2 % 2 ? 3000000 : 1000000;
    return now;
}

static void keep_time_of_chosen(void *ctx, const oz_candidate *c) {
    double *ns = ctx;
    if (c->chosen) ns[c->leaf[0] - '0'] = c->measured_ns;
}

Test(linear, what_was_chosen_is_timed_in_turn) {
    net n = {0};
    make(&n, "dense,codec=int8", true);
    make(&n, "sparse,codec=f32", false);
    net_must_open(&n, plain);
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_plan *plan;
    double ns[2] = {0};
    clock_calls = 0;
    opt.effort = OZ_EFFORT_CHOSEN;
    opt.clock_ns = alternating_clock;
    cr_assert_eq(oz_plan_create(n.model, &opt, &plan, &n.err), OZ_OK, "%s", n.err.message);
    oz_plan_explain(plan, ns, keep_time_of_chosen);
    cr_expect_float_eq(ns[0], 1e6, 1);
    cr_expect_float_eq(ns[1], 3e6, 1);
    oz_plan_free(plan);
    net_free(&n);
}

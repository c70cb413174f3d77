/* test_budget.c - whole files that fill a budget, and the smallest that do not. */
#include "small_network.h"

#include <criterion/criterion.h>
#include <string.h>

static small_network net;

static void set_up(void) {
    net = small_network_make();
}

static void tear_down(void) {
    small_network_free(&net);
}

TestSuite(budget, .init = set_up, .fini = tear_down);

static oz_compressed fill(const char *method, uint64_t budget) {
    oz_compress_options opt = small_options(&net, method);
    opt.budget = budget;
    return small_compress(&net, &opt);
}

/* At most the budget, and unused at most `percent` of it. */
static void check_filled(const char *method, uint64_t budget, unsigned percent) {
    oz_compressed c = fill(method, budget);
    cr_expect_leq(c.bytes, budget);
    cr_expect_geq(c.bytes, budget - budget * percent / 100, "%s: %llu of %llu bytes, %s", method,
                  (unsigned long long)c.bytes, (unsigned long long)budget, c.setting);
    oz_compressed_free(&c);
}

Test(budget, is_filled_by_continuous_knobs) {
    const uint64_t budgets[] = {7000, 8192, 9000, 12000};
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        check_filled("sparse,codec=int8", budgets[i], 2);
        check_filled("hashed:pareto,codec=f16", budgets[i], 2);
    }
    check_filled("sparse,codec=int4,score=random", 7000, 2);
    check_filled("sparse,codec=int8,scope=global", 9000, 2);
}

/* Five layers, of which two are large: steps are coarse. */
Test(budget, is_filled_by_steps_as_far_as_layers_allow) {
    check_filled("dense", 9000, 2);
    check_filled("dense,group=32", 9000, 2);
    check_filled("nm:8,codec=int8", 9000, 2);
    check_filled("nm:2:4", 9000, 2);
    check_filled("lowrank,codec=f16", 14000, 10);
    check_filled("dense,codec=int3 + lowrank", 9000, 10);
}

Test(budget, is_left_unused_where_the_method_has_no_more_to_store) {
    oz_compressed c = fill("sparse,codec=int2", 100000);
    cr_expect_str_eq(c.setting, "sparsity 0");
    oz_compressed_free(&c);
    c = fill("dense", 1000000);
    cr_expect_str_eq(c.setting, "f32");
    cr_expect_lt(c.layers[1].error, 1e-12);
    oz_compressed_free(&c);
    c = fill("dense,codec=int3", 100000);
    cr_expect_str_eq(c.setting, "");
    oz_compressed_free(&c);
}

/* Three layers have steps, so that not every budget can be filled. */
Test(budget, mixes_steps_over_layers) {
    oz_compress_options opt = small_options(&net, "dense");
    bool mixed = false;
    for (uint64_t budget = 7000; budget < 9000; budget += 250) {
        opt.budget = budget;
        oz_compressed c = small_compress(&net, &opt);
        mixed = mixed || strstr(c.setting, " layers, ");
        cr_expect_leq(c.bytes, budget);
        cr_expect_geq(c.bytes, budget - budget / 25, "%llu of %llu: %s", (unsigned long long)c.bytes,
                      (unsigned long long)budget, c.setting);
        oz_compressed_free(&c);
    }
    cr_expect(mixed);
}

static const char *const methods[] = {
    "sparse,codec=int8", "hashed:pareto,codec=f16", "dense",  "nm:8,codec=int4",
    "lowrank",           "dense,codec=int3",        "sparse", "dense,codec=int2 + lowrank"};

Test(budget, says_what_would_fit_and_that_does) {
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        oz_compress_options opt = small_options(&net, methods[i]);
        oz_compressed c;
        oz_error err = {0};
        opt.budget = 1000;
        cr_assert_eq(oz_compress(net.model, &opt, false, &c, &err), OZ_ERR_BUDGET, "%s", methods[i]);
        cr_expect(strstr(err.message, "smallest"), "%s", err.message);
        cr_expect_null(c.file.data);
        opt.budget = c.smallest;
        c = small_compress(&net, &opt);
        cr_expect_eq(c.bytes, opt.budget, "%s", methods[i]);
        oz_compressed_free(&c);
        opt.budget--;
        cr_expect_eq(oz_compress(net.model, &opt, false, &c, &err), OZ_ERR_BUDGET, "%s", methods[i]);
    }
}

Test(budget, is_planned_to_the_byte_by_a_dry_run) {
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        oz_compress_options opt = small_options(&net, methods[i]);
        oz_compressed dry;
        oz_error err = {0};
        opt.budget = 11000;
        oz_compressed c = small_compress(&net, &opt);
        cr_assert_eq(oz_compress(net.model, &opt, true, &dry, &err), OZ_OK, "%s", err.message);
        cr_expect_null(dry.file.data);
        cr_expect_eq(dry.bytes, c.bytes, "%s", methods[i]);
        cr_expect_str_eq(dry.setting, c.setting);
        cr_assert_eq(dry.n_layers, c.n_layers);
        for (size_t k = 0; k < c.n_layers; k++) {
            cr_expect_str_eq(dry.layers[k].method, c.layers[k].method);
            cr_expect_eq(dry.layers[k].bytes, c.layers[k].bytes);
        }
        oz_compressed_free(&dry);
        oz_compressed_free(&c);
    }
}

Test(budget, ranks_codecs_by_the_error_of_the_output) {
    oz_compressed all = fill("sparse", 9000);
    cr_expect_gt(all.tried, 2);
    static const char *const each[] = {"sparse,codec=int8", "sparse,codec=int6", "sparse,codec=int5",
                                       "sparse,codec=int4"};
    double best = 1e300;
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        oz_compressed one = fill(each[i], 9000);
        if (one.output_error < best) best = one.output_error;
        oz_compressed_free(&one);
    }
    cr_expect_leq(all.output_error, best);
    oz_compressed_free(&all);
}

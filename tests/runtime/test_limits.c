/* test_limits.c - what a machine can do at best, and what is refused. */
#include <criterion/criterion.h>

#include <ounce/ounce.h>

#include "base/clock.h"

static oz_plan_options with_clock(void) {
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.clock_ns = oz_clock_ns;
    opt.threads = 1;
    return opt;
}

static double measure(oz_limit what, uint64_t bytes) {
    oz_plan_options opt = with_clock();
    oz_error err = {0};
    double per_ns = 0;
    cr_assert_eq(oz_machine_limit(what, bytes, &opt, &per_ns, &err), OZ_OK, "%s", err.message);
    return per_ns;
}

/* No CPU that this is for is slower than 10 MB/s or faster than 1000 floats a cycle. */
Test(limits, are_measured) {
    double floats = measure(OZ_LIMIT_MULTIPLY_ADD, 0), bytes = measure(OZ_LIMIT_DOT, 0);
    cr_expect(floats > 0.01 && floats < 1e4, "%g", floats);
    cr_expect(bytes > 0.01 && bytes < 1e5, "%g", bytes);
    double cache = measure(OZ_LIMIT_READ, 16384), one = measure(OZ_LIMIT_READ, 1);
    cr_expect(cache > 0.01 && cache < 1e4, "%g", cache);
    cr_expect(one > 0.01, "%g", one);
}

Test(limits, all_instruction_sets) {
    static const char *const isas[] = {"scalar", "avx2", "avx512", "avx512vnni"};
    for (size_t i = 0; i < 4; i++) {
        oz_plan_options opt = with_clock();
        oz_error err = {0};
        double per_ns = 0;
        opt.isa = isas[i];
        oz_status status = oz_machine_limit(OZ_LIMIT_DOT, 0, &opt, &per_ns, &err);
        cr_expect(status == OZ_ERR_SUPPORT || per_ns > 0, "%s", isas[i]);
    }
}

Test(limits, refuse) {
    oz_plan_options opt = with_clock();
    oz_error err = {0};
    double per_ns;
    opt.isa = "mmx";
    cr_expect_eq(oz_machine_limit(OZ_LIMIT_DOT, 0, &opt, &per_ns, &err), OZ_ERR_ARGUMENT);
    opt.isa = NULL;
    cr_expect_eq(oz_machine_limit(OZ_LIMIT_READ, UINT64_MAX, &opt, &per_ns, &err), OZ_ERR_ARGUMENT);
    cr_expect_eq(oz_machine_limit(OZ_LIMIT_DOT, 0, &opt, NULL, &err), OZ_ERR_ARGUMENT);
    opt.clock_ns = NULL;
    cr_expect_eq(oz_machine_limit(OZ_LIMIT_DOT, 0, &opt, &per_ns, &err), OZ_ERR_ARGUMENT);
}

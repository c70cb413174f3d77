/* test_text.c - growing strings, JSON escapes, shortest numbers, failed allocations. */
#include "base/text.h"
#include "tests/support/allocator.h"
#include "tests/support/chance.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(text, grows) {
    oz_text t = {0};
    char want[4016] = "";
    for (int i = 0; i < 1000; i++) {
        oz_text_format(&t, "%03d", i);
        oz_text_add(&t, ",tail", 1);
        snprintf(want + 4 * i, 16, "%03d,", i);
    }
    cr_assert_not(t.failed);
    cr_assert_eq(t.bytes, 4000);
    cr_assert_str_eq(t.data, want);
    oz_text_free(&t);
    cr_assert(t.data == NULL && t.bytes == 0);
    oz_text_add(&t, NULL, 0);
    cr_assert_str_eq(t.data, "");
    oz_text_free(&t);
}

static void expect_json(const char *text, size_t bytes, const char *want) {
    oz_text t = {0};
    oz_text_json(&t, text, bytes);
    cr_assert_str_eq(t.data, want);
    oz_text_free(&t);
}

Test(text, json) {
    expect_json("", 0, "\"\"");
    expect_json("fc1.weight/0.0", 14, "\"fc1.weight/0.0\"");
    expect_json("\"\\/\b\f\n\r\t", 8, "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    expect_json("\0\x1f\x7f", 3, "\"\\u0000\\u001f\x7f\"");
    expect_json("\xe2\x82\xac \xff\xe2\x82", 7, "\"\xe2\x82\xac \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void expect_number(double value, const char *want) {
    oz_text t = {0};
    oz_text_number(&t, value);
    cr_assert_str_eq(t.data, want);
    oz_text_free(&t);
}

Test(text, numbers_are_short) {
    expect_number(0, "0");
    expect_number(0.1, "0.1");
    expect_number(-1.5, "-1.5");
    expect_number(1e300, "1e+300");
    expect_number(1.0 / 3, "0.3333333333333333");
    expect_number(123456789, "123456789");
    expect_number((double)NAN, "null");
    expect_number((double)-INFINITY, "null");
}

Test(text, numbers_read_back) {
    chance c = chance_make();
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = chance_u64(&c);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        oz_text t = {0};
        oz_text_number(&t, value);
        cr_assert_eq(strtod(t.data, NULL), value, "%s", t.data);
        oz_text_free(&t);
    }
}

Test(text, a_failed_allocation_is_remembered) {
    for (uint64_t k = 1; k <= 2; k++) {
        test_allocator state = {.fail_at = k};
        oz_allocator a = test_allocator_of(&state);
        oz_text t = {.allocator = &a};
        for (int i = 0; i < 30; i++) oz_text_format(&t, "%d, ", i);
        oz_text_json(&t, "x", 1);
        cr_assert(t.failed);
        oz_text_free(&t);
        cr_assert(state.live_blocks == 0 && state.wrong_sizes == 0);
    }
}

/* test_json_numbers.c - whole numbers to their limits, and decimals rounded exactly in any locale. */
#include "base/json.h"
#include "base/json_text.h"
#include "base/text.h"
#include "tests/support/chance.h"

#include <criterion/criterion.h>
#include <float.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct number {
    const char *text;
    bool is_u64, is_i64, is_double;
    uint64_t u64;
    int64_t i64;
    double value;
} number;

static const number numbers[] = {
    {"0", true, true, true, 0, 0, 0},
    {"-0", false, true, true, 0, 0, -0.0},
    {"42", true, true, true, 42, 42, 42},
    {"-42", false, true, true, 0, -42, -42},
    {"9223372036854775807", true, true, true, INT64_MAX, INT64_MAX, 9223372036854775807.0},
    {"9223372036854775808", true, false, true, UINT64_C(9223372036854775808), 0, 9223372036854775808.0},
    {"-9223372036854775808", false, true, true, 0, INT64_MIN, -9223372036854775808.0},
    {"-9223372036854775809", false, false, true, 0, 0, -9223372036854775809.0},
    {"18446744073709551615", true, false, true, UINT64_MAX, 0, 18446744073709551615.0},
    {"18446744073709551616", false, false, true, 0, 0, 18446744073709551616.0},
    {"184467440737095516150", false, false, true, 0, 0, 184467440737095516150.0},
    {"1.0", false, false, true, 0, 0, 1},
    {"1e2", false, false, true, 0, 0, 100},
    {"-2.5E-1", false, false, true, 0, 0, -0.25},
    {"0.1", false, false, true, 0, 0, 0.1},
    {"0.000001e6", false, false, true, 0, 0, 1},
    {"0e999999999999999999999", false, false, true, 0, 0, 0},
    {"1e-999999999999999999999", false, false, true, 0, 0, 0},
    {"1e999999999999999999999", false, false, false, 0, 0, 0},
    {"-1e309", false, false, false, 0, 0, 0},
    {"1.7976931348623157e308", false, false, true, 0, 0, DBL_MAX},
    {"1.7976931348623159e308", false, false, false, 0, 0, 0},
    {"4.9e-324", false, false, true, 0, 0, 0x1p-1074},
    {"2.4703282292062327e-324", false, false, true, 0, 0, 0},
    {"2.4703282292062328e-324", false, false, true, 0, 0, 0x1p-1074},
};

static void check_number(const number *n) {
    char text[64];
    snprintf(text, sizeof text, "[%s]", n->text);
    oz_arena arena = {0};
    oz_json j;
    cr_assert_eq(oz_json_parse(&j, text, strlen(text), 0, &arena, NULL), OZ_OK);
    cr_assert_eq(oz_json_type_of(&j, 1), OZ_JSON_NUMBER);
    uint64_t u = 0;
    int64_t i = 0;
    double d = 0;
    cr_assert_eq(oz_json_u64(&j, 1, &u), n->is_u64, "%s", n->text);
    cr_assert_eq(oz_json_i64(&j, 1, &i), n->is_i64, "%s", n->text);
    cr_assert_eq(oz_json_double(&j, 1, &d), n->is_double, "%s", n->text);
    cr_assert(u == n->u64 && i == n->i64, "%s: %" PRIu64 " %" PRId64, n->text, u, i);
    cr_assert(d == n->value && !signbit(d) == !signbit(n->value), "%s: %a", n->text, d);
    oz_arena_free(&arena);
}

Test(json_numbers, limits) {
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) check_number(&numbers[i]);
}

Test(json_numbers, bool_values) {
    oz_arena arena = {0};
    oz_json j;
    cr_assert_eq(oz_json_parse(&j, "[true,false]", 12, 0, &arena, NULL), OZ_OK);
    bool yes = false, no = true;
    cr_assert(oz_json_bool(&j, 1, &yes) && yes && oz_json_bool(&j, 2, &no) && !no);
    oz_arena_free(&arena);
}

static double read_number(const char *text) {
    double value = -1;
    cr_assert(oz_json_number(text, strlen(text), &value), "%s", text);
    return value;
}

Test(json_numbers, random_decimals_as_strtod_reads_them) {
    chance c = chance_make();
    for (int i = 0; i < 50000; i++) {
        char text[64];
        int digits = (int)chance_below(&c, 19) + 1, point = (int)chance_below(&c, 25);
        int used = snprintf(text, sizeof text, "%d.%0*d", (int)chance_below(&c, 1000), point, 0);
        used += snprintf(text + used, sizeof text - (size_t)used, "%0*" PRIu64, digits, chance_u64(&c) >> 1);
        snprintf(text + used, sizeof text - (size_t)used, "e%d", (int)chance_below(&c, 700) - 350);
        double want = strtod(text, NULL), got = -1;
        cr_assert_eq(oz_json_number(text, strlen(text), &got), !isinf(want), "%s", text);
        if (!isinf(want)) cr_assert_eq(got, want, "%s", text);
    }
}

/* 1 + 2^-53 lies halfway between two doubles; digits far behind decide. */
Test(json_numbers, halfway_points_with_many_digits) {
    static const char halfway[] = "1.00000000000000011102230246251565404236316680908203125";
    char text[3000];
    for (int zeros = 0; zeros <= 2500; zeros += 50) {
        snprintf(text, sizeof text, "%s%0*d", halfway, zeros + 1, 0);
        cr_assert_eq(read_number(text), 1.0, "ties go to even");
        text[strlen(text) - 1] = '1';
        cr_assert_eq(read_number(text), 1.0 + DBL_EPSILON, "%d zeros, then a one", zeros);
    }
}

/* Half of the smallest double has 751 significant digits, as many as a halfway point near it can have. */
Test(json_numbers, the_longest_halfway_point) {
#if LDBL_MIN_EXP < -1100
    char text[1200];
    snprintf(text, sizeof text, "%.1075Lf", 0x1p-1075L);
    cr_assert_eq(read_number(text), 0);
    strcat(text, "000000001");
    cr_assert_eq(read_number(text), 0x1p-1074);
    text[1076] = '4'; /* the last digit was 5 */
    cr_assert_eq(read_number(text), 0);
#else
    cr_skip_test("long double has no greater range than double here");
#endif
}

Test(json_numbers, written_numbers_are_read_back) {
    chance c = chance_make();
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = chance_u64(&c);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        oz_text t = {0};
        oz_text_number(&t, value);
        cr_assert_eq(read_number(t.data), value, "%s", t.data);
        oz_text_free(&t);
    }
}

/* Needs a locale with a decimal comma on the machine (or in LOCPATH). */
Test(json_numbers, the_hosts_locale_does_not_matter) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "es_ES.UTF-8", "pt_BR.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
        found = setlocale(LC_ALL, names[i]) && localeconv()->decimal_point[0] == ',';
    if (!found) cr_skip_test("no locale with a decimal comma here");
    cr_assert_eq(read_number("1234.5e-1"), 123.45);
    oz_text t = {0};
    oz_text_number(&t, -0.125);
    cr_assert_str_eq(t.data, "-0.125");
    oz_text_free(&t);
}

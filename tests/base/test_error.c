/* test_error.c - errors are one printable line of UTF-8, however hostile the names in it. */
#include "base/error.h"
#include "base/utf8.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static oz_status fail_twice(oz_error *err, bool first) {
    OZ_TRY(first ? oz_fail(err, OZ_ERR_SHAPE, 1, "first", "one") : OZ_OK);
    return oz_fail(err, OZ_ERR_LIMIT, 2, "second", "two");
}

Test(error, fills_and_returns) {
    oz_error err;
    cr_assert_eq(oz_fail(&err, OZ_ERR_FORMAT, 77, "fc1", "%d rows, not %s", 3, "four"), OZ_ERR_FORMAT);
    cr_assert_eq(err.status, OZ_ERR_FORMAT);
    cr_assert_eq(err.offset, 77);
    cr_assert_str_eq(err.where, "fc1");
    cr_assert_str_eq(err.message, "3 rows, not four");
    cr_assert_eq(oz_fail(NULL, OZ_ERR_IO, 0, NULL, "x"), OZ_ERR_IO);
    oz_fail(&err, OZ_ERR_IO, OZ_NO_OFFSET, NULL, "x");
    cr_assert_str_eq(err.where, "");
    cr_assert_eq(fail_twice(&err, true), OZ_ERR_SHAPE);
    cr_assert_eq(fail_twice(&err, false), OZ_ERR_LIMIT);
}

Test(error, an_error_may_be_wrapped_in_place) {
    oz_error err;
    oz_fail(&err, OZ_ERR_FORMAT, 5, "fc1", "bad scale");
    oz_fail(&err, err.status, err.offset, err.where, "model.safetensors: %s", err.message);
    cr_assert_str_eq(err.where, "fc1");
    cr_assert_str_eq(err.message, "model.safetensors: bad scale");
}

Test(error, control_characters_and_bad_utf8_are_replaced) {
    oz_error err;
    oz_fail(&err, OZ_ERR_FORMAT, 0, "a\nb\x1b[2J", "\t\x7f|\xc2\x9b|\xc2\xa0|\xff|\xe2\x82\xac|\xed\xa0\x80");
    cr_assert_str_eq(err.where, "a?b?[2J");
    cr_assert_str_eq(err.message, "??|?|\xc2\xa0|?|\xe2\x82\xac|???");
}

Test(error, long_text_is_cut_between_characters) {
    char euros[3 * 200 + 1] = "";
    for (int i = 0; i < 200; i++) memcpy(euros + 3 * i, "\xe2\x82\xac", 4);
    for (int lead = 0; lead < 3; lead++) {
        oz_error err;
        oz_fail(&err, OZ_ERR_FORMAT, 0, euros + 3 * lead, "%.*s%s", lead, "ab", euros);
        size_t bytes = strlen(err.message);
        cr_assert(bytes > sizeof err.message - 4 && bytes < sizeof err.message);
        cr_assert_eq((bytes - (size_t)lead) % 3, 0);
        cr_assert_eq(strlen(err.where), sizeof err.where - 3);
    }
}

Test(error, errno_is_left_alone) {
    oz_error err;
    errno = 1234;
    oz_fail(&err, OZ_ERR_IO, 0, "", "%s", "text");
    cr_assert_eq(errno, 1234);
}

Test(error, every_status_has_a_name_and_a_text) {
#define X(name, value, text)                                                                                 \
    cr_assert_eq(OZ_##name, value);                                                                          \
    cr_assert_str_eq(oz_status_name(OZ_##name), "OZ_" #name);                                                \
    cr_assert_str_eq(oz_status_text(OZ_##name), text);
    OZ_STATUS_MAP(X)
#undef X
    cr_assert_str_eq(oz_status_text((oz_status)-999), "unknown status");
    cr_assert_str_eq(oz_status_name((oz_status)-999), "OZ_ERR_UNKNOWN");
}

Test(error, version) {
    char want[32];
    snprintf(want, sizeof want, "%d.%d.%d", OZ_VERSION_MAJOR, OZ_VERSION_MINOR, OZ_VERSION_PATCH);
    cr_assert_str_eq(oz_version_string(), want);
    cr_assert_eq(oz_version(), OZ_VERSION);
}

Test(utf8, lengths_and_round_trip_of_every_code_point) {
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char text[4];
        size_t bytes = oz_utf8_encode(code, text);
        size_t want = code >= 0xd800 && code <= 0xdfff ? 0 : bytes;
        cr_assert_eq(oz_utf8_length(text, bytes), want, "U+%04X", code);
        cr_assert_eq(oz_utf8_length(text, bytes - 1), 0, "U+%04X cut", code);
    }
}

/* Of all two-byte starts, as many are well-formed as there are code points that begin so. */
Test(utf8, nothing_else_is_accepted) {
    size_t good[5] = {0};
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++)
            for (int rest = 0; rest < 256; rest += 0x3f) {
                char text[4] = {(char)a, (char)b, (char)rest, (char)rest};
                good[oz_utf8_length(text, 4)]++;
            }
    /* `rest` is 0, 3f, 7e, bd or fc: a continuation byte once in five. */
    cr_assert_eq(good[1], 128u * 256 * 5);
    cr_assert_eq(good[2], 30u * 64 * 5);
    cr_assert_eq(good[3], 15u * 64);
    cr_assert_eq(good[4], 48u + 3 * 64 + 16);
}

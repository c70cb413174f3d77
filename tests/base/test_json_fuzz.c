/* test_json_fuzz.c - damaged text is refused inside its bounds, or parsed to a sound tree. */
#include "base/json.h"
#include "tests/support/chance.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char sound[] = "{\"__metadata__\":{\"format\":\"ounce\",\"graph\":\"{\\\"ops\\\":[]}\","
                            "\"\\u00e9\":\"\xc3\xa9\\ud83d\\ude00\"},"
                            "\"fc1/0.0\":{\"dtype\":\"F32\",\"shape\":[3,4],\"data_offsets\":[0,48]},"
                            "\"list\":[[],{},[1,[2,[3]]],true,false,null,-1.5e-3,\"\"],\"e\":{}}";

/* Uses every accessor on `v` and what it holds; returns the number of tokens. */
static uint32_t visit(const oz_json *j, oz_value v, oz_arena *arena) {
    uint64_t u, offset = oz_json_offset(j, v);
    int64_t i;
    double d;
    bool b;
    size_t bytes;
    cr_assert(offset >= j->origin && offset < j->origin + j->bytes);
    const char *raw = oz_json_raw(j, v, &bytes);
    if (raw) cr_assert(raw > j->text && raw + bytes < j->text + j->bytes);
    const char *text = oz_json_string(j, v, arena);
    if (text) cr_assert(oz_json_equals(j, v, text));
    oz_json_u64(j, v, &u);
    oz_json_i64(j, v, &i);
    oz_json_double(j, v, &d);
    oz_json_bool(j, v, &b);
    uint32_t children = 0, tokens = 1;
    bool object = oz_json_type_of(j, v) == OZ_JSON_OBJECT;
    for (oz_value c = oz_json_first(j, v); c != OZ_NO_VALUE; c = oz_json_next(j, c)) {
        cr_assert_gt(c, v);
        children++;
        tokens += object ? 1 + visit(j, oz_json_of_key(j, c), arena) : visit(j, c, arena);
    }
    cr_assert_eq(children, oz_json_size(j, v));
    return tokens;
}

static bool check_text(const char *text, size_t bytes) {
    char *exact = malloc(bytes ? bytes : 1);
    if (bytes) memcpy(exact, text, bytes);
    oz_arena arena = {0};
    oz_json j;
    oz_error err;
    oz_status status = oz_json_parse(&j, exact, bytes, 8, &arena, &err);
    if (status == OZ_OK)
        cr_assert_eq(visit(&j, 0, &arena), j.count);
    else
        cr_assert(err.offset >= 8 && err.offset <= 8 + bytes);
    oz_arena_free(&arena);
    free(exact);
    return status == OZ_OK;
}

Test(json_fuzz, every_single_byte_change) {
    char text[sizeof sound];
    int accepted = 0, refused = 0;
    cr_assert(check_text(sound, sizeof sound - 1));
    for (size_t at = 0; at < sizeof sound - 1; at++) {
        memcpy(text, sound, sizeof sound);
        for (int change = 1; change < 256; change++) {
            text[at] = (char)(sound[at] ^ change);
            *(check_text(text, sizeof sound - 1) ? &accepted : &refused) += 1;
        }
    }
    cr_assert(accepted > 1000 && refused > accepted, "%d accepted, %d refused", accepted, refused);
}

Test(json_fuzz, random_cuts_and_copies) {
    chance c = chance_make();
    for (int round = 0; round < 20000; round++) {
        char text[2 * sizeof sound];
        size_t bytes = 0;
        while (bytes < sizeof sound) {
            size_t from = chance_below(&c, sizeof sound - 1), most = sizeof sound - 1 - from;
            size_t copied = chance_below(&c, most < 40 ? most + 1 : 40);
            memcpy(text + bytes, sound + from, copied);
            bytes += copied;
        }
        check_text(text, chance_below(&c, bytes + 1));
    }
}

Test(json_fuzz, random_punctuation) {
    static const char *const pieces[] = {"{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "1", "null", " "};
    chance c = chance_make();
    int accepted = 0;
    for (int round = 0; round < 200000; round++) {
        char text[64] = "";
        size_t n = chance_below(&c, 8) + 1;
        for (size_t i = 0; i < n; i++) strcat(text, pieces[chance_below(&c, sizeof pieces / sizeof *pieces)]);
        accepted += check_text(text, strlen(text));
    }
    cr_assert_gt(accepted, 100);
}

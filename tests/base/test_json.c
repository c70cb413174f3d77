/* test_json.c - what is accepted, what is refused and at which byte, and what the accessors answer. */
#include <time.h>
#include "base/json.h"
#include "base/text.h"
#include "tests/support/allocator.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ORIGIN = 1000 };

/* Parses a copy that ends where its memory ends, so that a checker sees any byte read past it. */
static oz_status parse_bytes(const char *text, size_t bytes, oz_error *err) {
    char *exact = malloc(bytes ? bytes : 1);
    if (bytes) memcpy(exact, text, bytes);
    oz_arena arena = {0};
    oz_json j;
    oz_status status = oz_json_parse(&j, exact, bytes, ORIGIN, &arena, err);
    oz_arena_free(&arena);
    free(exact);
    return status;
}

typedef struct sample {
    const char *text;
    uint64_t offset; /* of the complaint */
} sample;

static const sample malformed[] = {
    {"", 0},
    {" \n", 2},
    {"1", 0},
    {"\"text\"", 0},
    {"null", 0},
    {"{} {}", 3},
    {"[1],", 3},
    {"[]]", 2},
    {"[", 1},
    {"{", 1},
    {"[}", 1},
    {"{]", 1},
    {"[1}", 2},
    {"{\"a\":1]", 6},
    {"[1", 2},
    {"[1,", 3},
    {"[1,]", 3},
    {"[,1]", 1},
    {"[1,,2]", 3},
    {"[1 2]", 3},
    {"[\"a\" \"b\"]", 5},
    {"[\"a\":1]", 4},
    {"[1:2]", 2},
    {"[{}:1]", 3},
    {"{\"a\"}", 4},
    {"{\"a\",1}", 4},
    {"{\"a\":}", 5},
    {"{\"a\":1,}", 7},
    {"{,\"a\":1}", 1},
    {"{\"a\":1 \"b\":2}", 7},
    {"{\"a\":1:2}", 6},
    {"{\"a\"::1}", 5},
    {"{\"a\":\"b\":1}", 8},
    {"{1:2}", 1},
    {"{true:2}", 1},
    {"{{}:2}", 1},
    {"{[]:2}", 1},
    {"{a:2}", 1},
    {"{'a':2}", 1},
    {":", 0},
    {",", 0},
    {"[tru]", 4},
    {"[truE]", 4},
    {"[nulll]", 5},
    {"[False]", 1},
    {"[NaN]", 1},
    {"[Infinity]", 1},
    {"[-Infinity]", 2},
    {"[+1]", 1},
    {"[-]", 2},
    {"[--1]", 2},
    {"[01]", 2},
    {"[-01]", 3},
    {"[1.]", 3},
    {"[.5]", 1},
    {"[1.e5]", 3},
    {"[1e]", 3},
    {"[1e+]", 4},
    {"[1e5.5]", 4},
    {"[0x10]", 2},
    {"[1_000]", 2},
    {"[1a]", 2},
    {"[\"a]", 4},
    {"[\"\\\"]", 5},
    {"[\"\\x\"]", 3},
    {"[\"\\u12\"]", 6},
    {"[\"\\u12g4\"]", 6},
    {"[\"\\ud800\"]", 8},
    {"[\"\\ud800\\n\"]", 9},
    {"[\"\\ud800\\u0041\"]", 14},
    {"[\"\\udc00\"]", 8},
    {"[\"\\udc00\\udc00\"]", 8},
    {"[\"a\nb\"]", 3},
    {"[\"a\tb\"]", 3},
    {"[\"a\x1f\"]", 3},
    {"[\"a\xff\"]", 3},
    {"[\"\xc0\x80\"]", 2},
    {"[\"\xed\xa0\x80\"]", 2},
    {"[\"\xe2\x82\"]", 2},
    {"\xef\xbb\xbf[]", 0},
    {"[\xc2\xa0]", 1},
    {"[1]\f", 3},
    {"[/* no */]", 1},
    {"{\"a\":1,\"a\":2}", 7},
    {"{\"b\":0,\"a\":1,\"c\":{\"a\":3},\"\\u0061\":2}", 25},
    {"{\"x\":{\"a\":1,\"b\":2,\"a\":3}}", 18},
    {"[{},{\"\":1,\"\":2}]", 10},
    {"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", 18},
};

Test(json, malformed_text_is_refused_at_its_byte) {
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        const sample *s = &malformed[i];
        oz_error err;
        cr_assert_eq(parse_bytes(s->text, strlen(s->text), &err), OZ_ERR_FORMAT, "%s", s->text);
        cr_assert_eq(err.offset, ORIGIN + s->offset, "%s: %s at %" PRIu64, s->text, err.message,
                     err.offset - ORIGIN);
        cr_assert_neq(err.message[0], 0);
    }
}

Test(json, nul_bytes_are_not_ends) {
    static const char *const texts[] = {"[1]\0", "[1]\0]", "[\"a\0b\"]", "[\0]", "[1\0]", "\0[]"};
    static const size_t bytes[] = {4, 5, 7, 3, 4, 3};
    static const uint64_t offsets[] = {3, 3, 3, 1, 2, 0};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        oz_error err;
        cr_assert_eq(parse_bytes(texts[i], bytes[i], &err), OZ_ERR_FORMAT);
        cr_assert_eq(err.offset, ORIGIN + offsets[i]);
    }
}

Test(json, well_formed_text_is_accepted) {
    static const char *const texts[] = {
        "{}",
        "[]",
        " \t\r\n[ ]\n ",
        "[[],{}]",
        "[0,-0,10,1.5,1e5,1E+5,-1.25e-5,0.0,0e0]",
        "{\"a\":{\"a\":{\"a\":1}},\"A\":1,\"\":2}",
        "[true,false,null,\"\"]",
        "{\"a\":[1,2,{\"b\":\"c\"}],\"d\":\"\"}",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
        "[\"\\u0000\\uABcd\\ud83d\\ude00\"]",
        "[\"\x7f\xc2\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf\"]",
        "[\"[{,:]}\",\"\\\\\"]",
        "{\"a\" : 1 , \"b\" : [ 1 , 2 ] }",
        "{\"ab\":1,\"a\":2,\"abc\":3,\"\\u0061d\":4}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        oz_error err = {.message = ""};
        cr_assert_eq(parse_bytes(texts[i], strlen(texts[i]), &err), OZ_OK, "%s: %s", texts[i], err.message);
    }
}

Test(json, every_prefix_is_refused) {
    static const char text[] =
        "{\"__metadata__\":{\"format\":\"ounce\",\"\\u00e9\":\"\xc3\xa9\"},\"fc1\":{\"dtype\":\"F32\","
        "\"shape\":[3,4],\"data_offsets\":[0,48]},\"x\":[true,false,null,-1.5e-3]}";
    cr_assert_eq(parse_bytes(text, sizeof text - 1, NULL), OZ_OK);
    for (size_t bytes = 0; bytes < sizeof text - 1; bytes++) {
        oz_error err;
        cr_assert_eq(parse_bytes(text, bytes, &err), OZ_ERR_FORMAT, "%zu bytes", bytes);
        cr_assert_leq(err.offset, ORIGIN + bytes);
    }
}

static oz_json parsed(const char *text, oz_arena *arena) {
    oz_json j;
    oz_error err = {.message = ""};
    cr_assert_eq(oz_json_parse(&j, text, strlen(text), ORIGIN, arena, &err), OZ_OK, "%s", err.message);
    return j;
}

Test(json, walking) {
    oz_arena arena = {0};
    oz_json j = parsed("{\"a\":[10,[],{\"x\":{}},\"s\"], \"b\":{\"c\":null,\"d\":true} ,\"e\":-2}", &arena);
    cr_assert(oz_json_type_of(&j, 0) == OZ_JSON_OBJECT && oz_json_size(&j, 0) == 3);

    oz_value a = oz_json_first(&j, 0), b = oz_json_next(&j, a), e = oz_json_next(&j, b);
    cr_assert(oz_json_equals(&j, a, "a") && oz_json_equals(&j, b, "b") && oz_json_equals(&j, e, "e"));
    cr_assert_eq(oz_json_next(&j, e), OZ_NO_VALUE);
    cr_assert_eq(oz_json_next(&j, 0), OZ_NO_VALUE);
    cr_assert_eq(oz_json_next(&j, oz_json_of_key(&j, a)), OZ_NO_VALUE, "a member's value has no sibling");
    cr_assert_eq(oz_json_offset(&j, b), ORIGIN + 27);
    cr_assert_eq(oz_json_offset(&j, oz_json_of_key(&j, b)), ORIGIN + 31);

    oz_value list = oz_json_of_key(&j, a), ten = oz_json_first(&j, list), empty = oz_json_next(&j, ten);
    oz_value object = oz_json_next(&j, empty), s = oz_json_next(&j, object);
    cr_assert(oz_json_type_of(&j, list) == OZ_JSON_ARRAY && oz_json_size(&j, list) == 4);
    cr_assert(oz_json_size(&j, empty) == 0 && oz_json_first(&j, empty) == OZ_NO_VALUE);
    cr_assert(oz_json_type_of(&j, s) == OZ_JSON_STRING && oz_json_equals(&j, s, "s"));
    cr_assert_eq(oz_json_next(&j, s), OZ_NO_VALUE);
    cr_assert_eq(oz_json_of_key(&j, s), OZ_NO_VALUE, "an element is no key");
    cr_assert_eq(oz_json_type_of(&j, oz_json_find(&j, object, "x")), OZ_JSON_OBJECT);

    oz_value d = oz_json_find(&j, oz_json_find(&j, 0, "b"), "d");
    cr_assert_eq(oz_json_type_of(&j, d), OZ_JSON_BOOL);
    cr_assert_eq(oz_json_find(&j, 0, "c"), OZ_NO_VALUE);
    cr_assert_eq(oz_json_find(&j, list, "a"), OZ_NO_VALUE);
    cr_assert_eq(oz_json_size(&j, a), 0, "a key has no elements");
    oz_arena_free(&arena);
}

Test(json, no_value_has_no_content) {
    oz_arena arena = {0};
    oz_json j = parsed("[1,true,\"x\"]", &arena);
    uint64_t u = 7;
    int64_t i = 7;
    double d = 7;
    bool b = true;
    size_t bytes = 7;
    for (int k = 0; k < 2; k++) {
        oz_value v = k ? 0 : OZ_NO_VALUE; /* a value of the wrong type is as good as none */
        cr_assert_not(oz_json_u64(&j, v, &u) || oz_json_i64(&j, v, &i) || oz_json_double(&j, v, &d) ||
                      oz_json_bool(&j, v, &b) || oz_json_equals(&j, v, ""));
        cr_assert(oz_json_raw(&j, v, &bytes) == NULL && bytes == 0);
        cr_assert_null(oz_json_string(&j, v, &arena));
        cr_assert_eq(oz_json_find(&j, v, "a"), OZ_NO_VALUE);
        cr_assert_eq(oz_json_of_key(&j, v), OZ_NO_VALUE);
        cr_assert_eq(oz_json_next(&j, v), OZ_NO_VALUE);
    }
    cr_assert(u == 7 && i == 7 && d == 7 && b);
    cr_assert_eq(oz_json_first(&j, OZ_NO_VALUE), OZ_NO_VALUE);
    cr_assert_eq(oz_json_type_of(&j, OZ_NO_VALUE), OZ_JSON_NULL);
    cr_assert_eq(oz_json_offset(&j, OZ_NO_VALUE), ORIGIN);
    oz_arena_free(&arena);
}

Test(json, strings) {
    oz_arena arena = {0};
    oz_json j = parsed(
        "[\"plain\",\"\\\"\\\\\\/\\b\\f\\n\\r\\t\",\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00!\",\"a\\u0000b\"]",
        &arena);
    oz_value plain = oz_json_first(&j, 0), escapes = oz_json_next(&j, plain);
    oz_value unicode = oz_json_next(&j, escapes), nul = oz_json_next(&j, unicode);
    static const char want[] = "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!";
    cr_assert_str_eq(oz_json_string(&j, plain, &arena), "plain");
    cr_assert_str_eq(oz_json_string(&j, escapes, &arena), "\"\\/\b\f\n\r\t");
    cr_assert_str_eq(oz_json_string(&j, unicode, &arena), want);
    cr_assert(oz_json_equals(&j, unicode, want) && !oz_json_equals(&j, unicode, "A"));
    cr_assert(!oz_json_equals(&j, plain, "plai") && !oz_json_equals(&j, plain, "plains"));
    cr_assert_null(oz_json_string(&j, nul, &arena));
    cr_assert(!oz_json_equals(&j, nul, "a") && !oz_json_equals(&j, nul, "ab"));
    size_t bytes;
    const char *raw = oz_json_raw(&j, nul, &bytes);
    cr_assert(bytes == 8 && memcmp(raw, "a\\u0000b", 8) == 0);
    oz_arena_free(&arena);
}

Test(json, what_oz_text_json_writes_is_read_back) {
    char all[128];
    for (int i = 0; i < 127; i++) all[i] = (char)(i + 1);
    oz_text t = {0};
    oz_text_add(&t, "[", 1);
    oz_text_json(&t, all, 127);
    oz_text_add(&t, "]", 1);
    oz_arena arena = {0};
    oz_json j = parsed(t.data, &arena);
    const char *back = oz_json_string(&j, 1, &arena);
    cr_assert(strlen(back) == 127 && memcmp(back, all, 127) == 0);
    oz_arena_free(&arena);
    oz_text_free(&t);
}

/* ---- cost and limits ---------------------------------------------------------------- */

static oz_text nested(int depth) {
    oz_text t = {0};
    for (int i = 0; i < depth; i++) oz_text_add(&t, i % 2 ? "{\"k\":" : "[", i % 2 ? 5 : 1);
    oz_text_add(&t, "0", 1);
    for (int i = depth; i-- > 0;) oz_text_add(&t, i % 2 ? "}" : "]", 1);
    return t;
}

Test(json, nesting_is_limited) {
    oz_text deepest = nested(OZ_JSON_DEPTH), deeper = nested(OZ_JSON_DEPTH + 1), hostile = nested(1000000);
    oz_error err;
    cr_assert_eq(parse_bytes(deepest.data, deepest.bytes, NULL), OZ_OK);
    cr_assert_eq(parse_bytes(deeper.data, deeper.bytes, &err), OZ_ERR_LIMIT);
    cr_assert_eq(err.offset, ORIGIN + OZ_JSON_DEPTH / 2 * 6);
    cr_assert_eq(parse_bytes(hostile.data, hostile.bytes, &err), OZ_ERR_LIMIT);
    oz_text_free(&deepest);
    oz_text_free(&deeper);
    oz_text_free(&hostile);
}

enum { MANY = 100000 };

/* Keys that differ late, so that comparing is dear. */
static oz_text many_keys(int extra_key) {
    oz_text t = {0};
    oz_text_add(&t, "{", 1);
    for (int i = 0; i < MANY; i++)
        oz_text_format(&t, "\"model.layers.weight.%06d\":[%d],", i * 7919 % MANY, i);
    oz_text_format(&t, "\"model.layers.weight.%06d\":[]}", extra_key);
    return t;
}

/* Comparing each key with each would take minutes; a busy machine with sanitizers takes seconds. */
Test(json, many_keys_are_quick) {
    clock_t start = clock();
    oz_text unique = many_keys(MANY), twice = many_keys(123);
    oz_arena arena = {0};
    oz_json j = parsed(unique.data, &arena);
    int seen = 0;
    for (oz_value k = oz_json_first(&j, 0); k != OZ_NO_VALUE; k = oz_json_next(&j, k))
        seen += oz_json_type_of(&j, oz_json_of_key(&j, k)) == OZ_JSON_ARRAY;
    cr_assert_eq(seen, MANY + 1);
    oz_error err;
    cr_assert_eq(parse_bytes(twice.data, twice.bytes, &err), OZ_ERR_FORMAT);
    cr_assert_eq(err.offset, ORIGIN + twice.bytes - strlen("\"model.layers.weight.000123\":[]}"));
    cr_assert_not_null(strstr(err.message, "model.layers.weight.000123"));
    cr_assert_lt((double)(clock() - start) / CLOCKS_PER_SEC, 20.0);
    oz_arena_free(&arena);
    oz_text_free(&unique);
    oz_text_free(&twice);
}

Test(json, memory_is_limited_and_returned) {
    static const char text[] = "{\"a\":[1,2,3,4,5,6,7,8],\"b\":{\"c\":1,\"d\":2}}";
    oz_arena small = {.limit = 200};
    oz_json j;
    oz_error err;
    cr_assert_eq(oz_json_parse(&j, text, sizeof text - 1, ORIGIN, &small, &err), OZ_ERR_LIMIT);
    cr_assert(small.used == 0 && j.count == 0);

    int failures = 0;
    oz_status status = OZ_ERR_MEMORY;
    for (uint64_t k = 1; status != OZ_OK; k++) {
        test_allocator state = {.fail_at = k};
        oz_allocator a = test_allocator_of(&state);
        oz_arena arena = {.allocator = &a};
        status = oz_json_parse(&j, text, sizeof text - 1, ORIGIN, &arena, &err);
        failures += status == OZ_ERR_MEMORY;
        cr_assert(status == OZ_OK || status == OZ_ERR_MEMORY);
        cr_assert_eq(state.live_bytes, arena.used, "only the arena's memory is kept");
        oz_arena_free(&arena);
        cr_assert(state.live_blocks == 0 && state.wrong_sizes == 0);
    }
    cr_assert_eq(failures, 2, "tokens and the list of keys");
}

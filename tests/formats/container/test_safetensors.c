/* test_safetensors.c - what the reader accepts, and that every lie of a header is refused where it stands. */
#include "tests/formats/container/files.h"

#include "base/file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reading {
    oz_arena arena;
    oz_safetensors file;
    oz_error err;
} reading;

static oz_status read_header(reading *r, const char *header, size_t data_bytes, const oz_limits *limits) {
    file f = file_make(header, data_bytes);
    *r = (reading){0};
    oz_status status = oz_safetensors_read(&r->file, f.data, f.bytes, limits, &r->arena, &r->err);
    file_free(&f);
    return status;
}

Test(safetensors, reads_tensors_in_data_order) {
    file f = file_make("{\"b\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[8,20]},"
                       "\"__metadata__\":{\"k\\u00e9y\":\"a\\nb\"},"
                       "\"none\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[20,20]},"
                       "\"\\u0061\":{\"data_offsets\":[0,8],\"shape\":[],\"dtype\":\"F64\"}}",
                       20);
    reading r = {0};
    oz_status status = oz_safetensors_read(&r.file, f.data, f.bytes, NULL, &r.arena, &r.err);
    cr_assert_eq(status, OZ_OK, "%s", r.err.message);
    cr_assert_eq(r.file.count, 3);
    cr_assert_str_eq(r.file.tensors[0].name, "a");
    cr_assert_str_eq(r.file.tensors[1].name, "b");
    cr_assert_str_eq(r.file.tensors[2].name, "none");
    const oz_stored *b = oz_safetensors_find(&r.file, "b");
    cr_assert_eq(b, &r.file.tensors[1]);
    cr_assert(b->type == OZ_STORED_F16 && b->rank == 2 && b->dim[0] == 2 && b->dim[1] == 3);
    cr_assert(b->bytes == 12 && b->offset == r.file.header_bytes + 8 && b->data[0] == 8);
    cr_assert_null(oz_safetensors_find(&r.file, "c"));
    const oz_meta *m = oz_safetensors_meta(&r.file, "k\xc3\xa9y");
    cr_assert_str_eq(m->value, "a\nb");
    cr_assert(memcmp(f.data + m->offset, "a\\nb\"", 5) == 0, "the offset is the text's");
    cr_assert_eq(f.data[oz_safetensors_locate(&r.file, m->offset, 2)], 'b');
    cr_assert_null(oz_safetensors_meta(&r.file, "key"));
    oz_arena_free(&r.arena);
    file_free(&f);
}

/* ---- lies ------------------------------------------------------------------------- */

#define ENTRY(name, type, shape, offsets)                                                                    \
    "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t data_bytes;
    oz_status status;
    const char *where, *at; /* the error's offset is that of `at` in the file; NULL: the data's start */
} lies[] = {
    {"{" ENTRY("t", "F32", "[2]", "[0,8]") "}", 9, OZ_ERR_FORMAT, "", NULL},
    {"{" ENTRY("t", "F32", "[2]", "[0,8]") "}", 7, OZ_ERR_FORMAT, "t", "[0,8]"},
    {"{" ENTRY("t", "F32", "[3]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "t", "[0,8]"},
    {"{" ENTRY("t", "F32", "[1]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "t", "[0,8]"},
    {"{" ENTRY("t", "F32", "[2]", "[8,0]") "}", 8, OZ_ERR_FORMAT, "t", "[8,0]"},
    {"{" ENTRY("t", "F32", "[2]", "[-8,0]") "}", 8, OZ_ERR_FORMAT, "t", "[-8,0]"},
    {"{" ENTRY("t", "F32", "[2]", "[0,8,8]") "}", 8, OZ_ERR_FORMAT, "t", "[0,8,8]"},
    {"{" ENTRY("t", "F32", "[2]", "[0]") "}", 8, OZ_ERR_FORMAT, "t", "[0]"},
    {"{" ENTRY("t", "F32", "[2.0]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "t", "2.0"},
    {"{" ENTRY("t", "F32", "[\"2\"]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "t", "\"2\""},
    {"{" ENTRY("t", "F32", "2", "[0,8]") "}", 8, OZ_ERR_FORMAT, "t", "2,"},
    {"{" ENTRY("t", "F32", "[18446744073709551616]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "t", "1844"},
    {"{" ENTRY("t", "F32", "[4611686018427387906]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "t", "[461"},
    {"{" ENTRY("t", "F32", "[1,1,1,1,1,1,1,1,2]", "[0,8]") "}", 8, OZ_ERR_LIMIT, "t", "[1,"},
    {"{" ENTRY("t", "Q4", "[2]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "t", "\"Q4\""},
    {"{\"t\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, OZ_ERR_FORMAT, "t", "{\"shape"},
    {"{\"t\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, OZ_ERR_FORMAT, "t", "{\"t\""},
    {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, OZ_ERR_FORMAT, "t", "{\"t\""},
    {"{\"t\":[0,8]}", 8, OZ_ERR_FORMAT, "t", "[0,8]"},
    {"{" ENTRY("t", "U8", "[4]", "[0,4]") "," ENTRY("u", "U8", "[5]", "[3,8]") "}", 8, OZ_ERR_FORMAT, "u",
     NULL},
    {"{" ENTRY("t", "U8", "[4]", "[0,4]") "," ENTRY("u", "U8", "[3]", "[5,8]") "}", 8, OZ_ERR_FORMAT, "u",
     NULL},
    {"{" ENTRY("t", "U8", "[4]", "[4,8]") "}", 8, OZ_ERR_FORMAT, "t", NULL},
    {"{" ENTRY("t", "U8", "[8]", "[0,8]") "," ENTRY("u", "U8", "[0]", "[4,4]") "}", 8, OZ_ERR_FORMAT, "u",
     NULL},
    {"{" ENTRY("t", "U8", "[8]", "[0,8]") "," ENTRY("t", "U8", "[0]", "[8,8]") "}", 8, OZ_ERR_FORMAT, "",
     NULL},
    {"{" ENTRY("t", "U8", "[8]", "[0,8]") "," ENTRY("\\u0074", "U8", "[0]", "[8,8]") "}", 8, OZ_ERR_FORMAT,
     "", NULL},
    {"{" ENTRY("a\\u0000b", "U8", "[8]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "", "\"a\\u"},
    {"{" ENTRY("a\\nb", "U8", "[8]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "", "\"a\\n"},
    {"{" ENTRY("a\x7f", "U8", "[8]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "", "\"a\x7f"},
    {"{\"__metadata__\":{\"k\":1}," ENTRY("t", "U8", "[8]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "k", "1}"},
    {"{\"__metadata__\":{\"k\":\"\\u0000\"}," ENTRY("t", "U8", "[8]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "",
     "\"\\u"},
    {"{\"__metadata__\":\"k\"," ENTRY("t", "U8", "[8]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "__metadata__",
     "\"k\""},
    {" {" ENTRY("t", "U8", "[8]", "[0,8]") "}", 8, OZ_ERR_FORMAT, "", " {"},
    {"[]", 0, OZ_ERR_FORMAT, "", "[]"},
};

Test(safetensors, refuses_every_lie_where_it_stands) {
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        reading r;
        oz_status status = read_header(&r, lies[i].header, lies[i].data_bytes, NULL);
        cr_expect_eq(status, lies[i].status, "%s: %s", lies[i].header, oz_status_name(status));
        cr_expect_eq(r.err.status, lies[i].status);
        cr_expect_str_eq(r.err.where, lies[i].where, "%s", lies[i].header);
        cr_expect(strlen(r.err.message) > 0 && r.err.offset != OZ_NO_OFFSET, "%s", lies[i].header);
        if (lies[i].at) {
            uint64_t at = 8 + (uint64_t)(strstr(lies[i].header, lies[i].at) - lies[i].header);
            cr_expect_eq(r.err.offset, at, "%s: at %d, not %d: %s", lies[i].header, (int)r.err.offset,
                         (int)at, r.err.message);
        }
        cr_expect(r.file.tensors == NULL && r.file.count == 0);
        oz_arena_free(&r.arena);
    }
}

Test(safetensors, refuses_bad_lengths) {
    uint8_t bytes[64] = {0};
    const struct {
        uint64_t length;
        size_t bytes;
    } cases[] = {{0, 64}, {57, 64}, {UINT64_MAX, 64}, {UINT64_MAX - 7, 64}, {1, 8}, {0, 7}, {0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int b = 0; b < 8; b++) bytes[b] = (uint8_t)(cases[i].length >> 8 * b);
        reading r = {0};
        oz_status status = oz_safetensors_read(&r.file, bytes, cases[i].bytes, NULL, &r.arena, &r.err);
        cr_expect_eq(status, OZ_ERR_FORMAT, "case %d", (int)i);
        cr_expect_eq(r.err.offset, 0);
        oz_arena_free(&r.arena);
    }
}

/* ---- limits ----------------------------------------------------------------------- */

static const char two[] = "{" ENTRY("name", "U8", "[4]", "[0,4]") "," ENTRY("u", "U8", "[4]", "[4,8]") "}";

static oz_status read_limited(oz_limits limits) {
    reading r;
    limits.size = sizeof limits;
    oz_status status = read_header(&r, two, 8, &limits);
    oz_arena_free(&r.arena);
    return status;
}

Test(safetensors, keeps_the_limits) {
    uint64_t header = (8 + strlen(two) + 63) / 64 * 64;
    cr_assert_eq(read_limited((oz_limits){0}), OZ_OK);
    cr_assert_eq(read_limited((oz_limits){.max_file_bytes = header + 8}), OZ_OK);
    cr_assert_eq(read_limited((oz_limits){.max_file_bytes = header + 7}), OZ_ERR_LIMIT);
    cr_assert_eq(read_limited((oz_limits){.max_header_bytes = header - 8}), OZ_OK);
    cr_assert_eq(read_limited((oz_limits){.max_header_bytes = header - 9}), OZ_ERR_LIMIT);
    cr_assert_eq(read_limited((oz_limits){.max_name_bytes = 4}), OZ_OK);
    cr_assert_eq(read_limited((oz_limits){.max_name_bytes = 3}), OZ_ERR_LIMIT);
}

Test(safetensors, resolves_limits) {
    oz_limits out, given = OZ_LIMITS_INIT;
    oz_error err;
    cr_assert_eq(oz_limits_resolve(NULL, 1000, &out, &err), OZ_OK);
    cr_assert_eq(out.size, sizeof out);
    cr_assert_eq(out.max_file_bytes, UINT64_C(64) << 30);
    cr_assert_eq(out.max_header_bytes, UINT64_C(64) << 20);
    cr_assert_eq(out.max_alloc_bytes, 4000 + (UINT64_C(64) << 20));
    cr_assert_eq(out.max_layers, 65536);
    cr_assert_eq(out.max_name_bytes, 255);
    cr_assert_eq(oz_limits_resolve(NULL, UINT64_MAX, &out, &err), OZ_OK);
    cr_assert_eq(out.max_alloc_bytes, UINT64_MAX);
    given.max_layers = 7;
    cr_assert_eq(oz_limits_resolve(&given, 0, &out, &err), OZ_OK);
    cr_assert(out.max_layers == 7 && out.max_name_bytes == 255);
    given.size = offsetof(oz_limits, max_layers); /* a caller who knows only the first fields */
    cr_assert_eq(oz_limits_resolve(&given, 0, &out, &err), OZ_OK);
    cr_assert_eq(out.max_layers, 65536);
    given.size = sizeof given + 8;
    cr_assert_eq(oz_limits_resolve(&given, 0, &out, &err), OZ_ERR_VERSION);
    given.size = 0;
    cr_assert_eq(oz_limits_resolve(&given, 0, &out, &err), OZ_ERR_ARGUMENT);
}

/* However little memory the caller allows, it is the limit that stops us, in the JSON's tokens (which need
 * 460 bytes and their block) or later. */
Test(safetensors, keeps_every_arena_limit) {
    file f = file_make(two, 8);
    oz_status status = OZ_ERR_LIMIT;
    uint64_t limit = 300;
    reading tokens = {.arena = {.limit = limit}};
    cr_assert_eq(oz_safetensors_read(&tokens.file, f.data, f.bytes, NULL, &tokens.arena, NULL), OZ_ERR_LIMIT);
    oz_arena_free(&tokens.arena);
    for (limit = 600; status != OZ_OK && limit < 10000; limit++) {
        reading r = {.arena = {.limit = limit}};
        status = oz_safetensors_read(&r.file, f.data, f.bytes, NULL, &r.arena, &r.err);
        cr_assert(status == OZ_OK || status == OZ_ERR_LIMIT, "%d bytes: %s", (int)limit, r.err.message);
        cr_assert_leq(r.arena.used, limit);
        oz_arena_free(&r.arena);
    }
    cr_assert(status == OZ_OK && limit > 800, "%d at %d", status, (int)limit);
    file_free(&f);
}

/* ---- the conformance pack ---------------------------------------------------------- */

static bool accepts(const char *path) {
    oz_file f;
    oz_error err = {0};
    cr_assert_eq(oz_file_open(path, false, 0, NULL, &f, &err), OZ_OK, "%s: %s", path, err.message);
    file copy = {.data = (uint8_t *)(uintptr_t)f.data, .bytes = f.bytes};
    opened o = {0};
    oz_status status = opened_read(&o, &copy, NULL);
    cr_expect(status == OZ_OK || (status == OZ_ERR_FORMAT && strlen(o.err.message) > 0), "%s: %s", path,
              oz_status_name(status));
    opened_free(&o);
    oz_file_close(&f);
    return status == OZ_OK;
}

Test(safetensors, judges_the_conformance_pack_as_it_says) {
    char path[1024], name[256], verdict[32];
    snprintf(path, sizeof path, "%s/conformance/malformed/safetensors_cases.tsv", OZ_SHARED_DATA);
    FILE *cases = fopen(path, "r");
    if (!cases) cr_skip_test("the data pack is not here");
    int seen = 0;
    while (fscanf(cases, "%255s %31s", name, verdict) == 2) {
        snprintf(path, sizeof path, "%s/conformance/malformed/%s", OZ_SHARED_DATA, name);
        cr_expect_eq(accepts(path), strcmp(verdict, "accept") == 0, "%s must be %sed", name, verdict);
        seen++;
    }
    fclose(cases);
    cr_expect_geq(seen, 17);
}

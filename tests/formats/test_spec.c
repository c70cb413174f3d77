/* test_spec.c - leaves as text: what can be written, what is refused and how it is said. */
#include "formats/nm/nm.h"
#include "formats/sparse/sparse.h"
#include "tests/formats/packed.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_printed(const oz_leaf *leaf, const char *want) {
    oz_text t = {0};
    oz_leaf_print(leaf, &t);
    cr_expect_str_eq(t.data, want);
    oz_text_free(&t);
}

Test(spec, prints_what_it_parsed) {
    static const char *const texts[] = {
        "dense,codec=f32",
        "dense,codec=bf16",
        "dense,codec=int4,group=64,scale=f32,offset=zero",
        "dense,codec=int3,group=32,offset=min",
        "dense,codec=ternary,group=128",
        "nm:2:8,codec=int8,group=128",
        "nm:31:32,codec=f16,form=mask",
        "sparse,codec=int2,form=rows,block=256,slots=0",
        "sparse,codec=f16,form=mask,block=128,slots=18446744073709551614",
        "sparse,codec=f16,block=128",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        oz_leaf leaf = parsed(texts[i], 3, 5);
        expect_printed(&leaf, texts[i]);
        cr_assert(leaf.rows == 3 && leaf.cols == 5);
    }
}

Test(spec, many_ways_to_write_one_leaf) {
    oz_leaf leaf = parsed("dense", 1, 1);
    expect_printed(&leaf, "dense,codec=f32");
    leaf = parsed("nm,form=list,m=8,codec=int4,n=2,scale=f16,offset=symmetric,group=0", 1, 1);
    expect_printed(&leaf, "nm:2:8,codec=int4,form=list");
    leaf = parsed("nm:2:8:mask", 1, 1);
    expect_printed(&leaf, "nm:2:8,codec=f32,form=mask");
    leaf = parsed("sparse:rows,codec=f16", 1, 1);
    expect_printed(&leaf, "sparse,codec=f16,form=rows");
    leaf = parsed("nm,codec=f32,m=4", 1, 1);
    expect_printed(&leaf, "nm,codec=f32,m=4");
}

Test(spec, fills_in_the_leaf) {
    oz_leaf leaf = parsed("nm:3:16,codec=int5,group=64,scale=f32", 7, 9);
    cr_assert_eq(leaf.format, oz_format_find("nm", 2));
    cr_assert(leaf.codec.kind == OZ_CODEC_INT5 && leaf.codec.group == 64 && leaf.codec.scale_f32);
    cr_assert_eq(oz_leaf_param(&leaf, "n"), 3);
    cr_assert_eq(oz_leaf_param(&leaf, "m"), 16);
    cr_assert_eq(oz_leaf_param(&leaf, "form"), OZ_UNSET);
    cr_assert_eq(oz_leaf_param(&leaf, "block"), 0);
    leaf = parsed("sparse,block=256", 7, 9);
    cr_assert_eq(leaf.param[OZ_SPARSE_BLOCK], 256);
    cr_assert_eq(leaf.param[OZ_SPARSE_SLOTS], OZ_UNSET);
}

typedef struct refusal {
    const char *text, *message;
    oz_status status;
} refusal;

static void expect_refusals(const refusal *r, size_t n, bool strict) {
    for (size_t i = 0; i < n; i++) {
        oz_leaf leaf = {.name = "fc1/0.0"};
        oz_error err = {0};
        oz_status got = oz_leaf_parse(&leaf, r[i].text, strlen(r[i].text), strict, &err);
        cr_expect_eq(got, r[i].status, "%s: %s", r[i].text, oz_status_name(got));
        cr_expect(strstr(err.message, r[i].message), "\"%s\" lacks \"%s\"", err.message, r[i].message);
        cr_expect(strncmp(err.message, r[i].text, strlen(r[i].text)) == 0 || strlen(r[i].text) > 80);
        cr_expect_str_eq(err.where, "fc1/0.0");
    }
}

Test(spec, refuses) {
    static const refusal refusals[] = {
        {"", "there is no format ''", OZ_ERR_SUPPORT},
        {"den", "there is no format 'den'", OZ_ERR_SUPPORT},
        {"dense ", "there is no format 'dense '", OZ_ERR_SUPPORT},
        {"dense:3", "dense takes no argument ':3'", OZ_ERR_FORMAT},
        {"nm:2:8:mask:1", "takes no argument ':1'", OZ_ERR_FORMAT},
        {"nm:2:x", "m=x must be a whole number", OZ_ERR_FORMAT},
        {"nm:2:", "m= must be a whole number", OZ_ERR_FORMAT},
        {"nm:2:-8", "m=-8 must be a whole number", OZ_ERR_FORMAT},
        {"nm:2:8,m=8", "m is given twice", OZ_ERR_FORMAT},
        {"nm:2:8,form=bitmap", "form=bitmap must be list or mask", OZ_ERR_FORMAT},
        {"dense,", "'' is not KEY=VALUE", OZ_ERR_FORMAT},
        {"dense,codec", "'codec' is not KEY=VALUE", OZ_ERR_FORMAT},
        {"dense,codec=int9", "there is no codec int9", OZ_ERR_SUPPORT},
        {"dense,codec=int4,codec=int4", "codec is given twice", OZ_ERR_FORMAT},
        {"dense,codec=int4,group=32,group=32", "group is given twice", OZ_ERR_FORMAT},
        {"dense,codec=int4,scale=f16,scale=f16", "scale is given twice", OZ_ERR_FORMAT},
        {"dense,codec=int4,offset=min,offset=min", "offset is given twice", OZ_ERR_FORMAT},
        {"dense,n=2", "format dense has no parameter 'n'", OZ_ERR_FORMAT},
        {"dense,codec=int4,group=33", "must be 32, 64, 128 or 0", OZ_ERR_FORMAT},
        {"dense,codec=int4,group=4294967328", "must be 32, 64, 128 or 0", OZ_ERR_FORMAT},
        {"dense,codec=int4,group=99999999999999999999", "below 2^64", OZ_ERR_FORMAT},
        {"dense,codec=f16,group=32", "belong to integer codecs", OZ_ERR_FORMAT},
        {"dense,scale=f32", "belong to integer codecs", OZ_ERR_FORMAT},
        {"dense,codec=bf16,offset=min", "belong to integer codecs", OZ_ERR_FORMAT},
        {"dense,codec=int4,scale=f64", "scale=f64 must be f16 or f32", OZ_ERR_FORMAT},
        {"dense,codec=int4,offset=1", "must be symmetric or zero or min", OZ_ERR_FORMAT},
        {"dense,codec=ternary,offset=zero", "ternary has no such offset", OZ_ERR_FORMAT},
        {"hashed,codec=int4", "does not take codec int4", OZ_ERR_SUPPORT},
    };
    expect_refusals(refusals, sizeof refusals / sizeof refusals[0], false);
}

Test(spec, files_must_say_everything) {
    static const refusal refusals[] = {
        {"dense", "codec= is missing", OZ_ERR_FORMAT},
        {"nm:2:4,codec=f32", "form= is missing", OZ_ERR_FORMAT},
        {"nm,codec=f32,m=4,form=list", "n= is missing", OZ_ERR_FORMAT},
        {"sparse,codec=f32,form=mask,slots=8", "block= is missing", OZ_ERR_FORMAT},
        {"sparse,codec=f32,form=mask,block=128", "slots= is missing", OZ_ERR_FORMAT},
    };
    expect_refusals(refusals, sizeof refusals / sizeof refusals[0], true);
    oz_leaf leaf = {.name = "w"};
    const char *text = "sparse,codec=f32,form=mask,block=128,slots=0";
    cr_assert_eq(oz_leaf_parse(&leaf, text, strlen(text), true, NULL), OZ_OK);
    text = "hashed,codec=f32,slots=8"; /* the others have defaults */
    cr_assert_eq(oz_leaf_parse(&leaf, text, strlen(text), true, NULL), OZ_OK);
}

/* Only `bytes` bytes are the text: it lies inside a JSON file. */
Test(spec, text_need_not_end) {
    oz_leaf leaf = {.name = "w"};
    cr_assert_eq(oz_leaf_parse(&leaf, "nm:2:16,codec=f16", 6, false, NULL), OZ_OK);
    cr_assert_eq(leaf.param[OZ_NM_M], 1);
    cr_assert_neq(oz_leaf_parse(&leaf, "dense", 4, false, NULL), OZ_OK);
}

/* No text makes the parser read or write where it should not. */
Test(spec, survives_any_text) {
    static const char *const pieces[] = {"dense", "nm",    "sparse", "hashed", "basis", ":",   ",",
                                         "=",     "codec", "int4",   "f32",    "2",     "4",   "form",
                                         "mask",  "n",     "m",      "",       "group", "\xff"};
    chance c = chance_make();
    for (int i = 0; i < 20000; i++) {
        char text[200] = "";
        for (size_t n = chance_below(&c, 14); n > 0; n--) {
            strcat(text, pieces[chance_below(&c, sizeof pieces / sizeof pieces[0])]);
        }
        oz_leaf leaf = {.name = "w"};
        oz_error err = {0};
        size_t bytes = strlen(text);
        if (oz_leaf_parse(&leaf, text, bytes, false, &err) != OZ_OK) {
            cr_assert(err.message[0] != 0);
            continue;
        }
        oz_text first = {0}, second = {0};
        oz_leaf_print(&leaf, &first);
        oz_leaf again = parsed(first.data, 0, 0);
        oz_leaf_print(&again, &second);
        cr_assert_str_eq(first.data, second.data);
        oz_text_free(&first);
        oz_text_free(&second);
    }
}

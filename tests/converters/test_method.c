/* test_method.c - methods and recipes as text. */
#include "converters/compress/recipe.h"

#include <criterion/criterion.h>
#include <string.h>

static oz_method parsed(const char *text) {
    oz_method m;
    oz_error err = {0};
    cr_assert_eq(oz_method_parse(&m, text, strlen(text), &err), OZ_OK, "%s: %s", text, err.message);
    return m;
}

static void check_printed(const char *text, const char *wanted) {
    oz_method m = parsed(text);
    oz_text out = {0};
    oz_method_print(&m, &out);
    cr_expect_str_eq(out.data, wanted);
    oz_text_free(&out);
}

Test(method, prints_what_it_read) {
    check_printed("dense,codec=int4,group=64", "dense,codec=int4,group=64");
    check_printed("nm:2:8,codec=int8", "nm:2:8,codec=int8");
    check_printed("sparse,codec=int3,sparsity=0.4", "sparse,codec=int3,sparsity=0.4000");
    check_printed("sparse,sparsity=.25,codec=f16,scope=layer,score=random",
                  "sparse,codec=f16,sparsity=0.2500,scope=layer,score=random");
    check_printed("lowrank:8,codec=int8", "lowrank:8,codec=int8");
    check_printed("lowrank,rank=8,codec=int8", "lowrank:8,codec=int8");
    check_printed(" dense,codec=int4+lowrank:8 ", "dense,codec=int4 + lowrank:8,codec=f16");
    check_printed("lowrank:2 + dense,codec=int4", "dense,codec=int4 + lowrank:2,codec=f16");
    check_printed("hashed:roast,slots=5000,codec=f16", "hashed,codec=f16,map=roast,slots=5000");
    check_printed("dense,codec=int8,act=f32", "dense,codec=int8,act=f32");
}

static void check_knob(const char *text, oz_knob knob, bool codec_open) {
    oz_method m = parsed(text);
    cr_expect_eq(m.term[0].knob, knob, "%s", text);
    cr_expect_eq(m.term[0].codec_open, codec_open, "%s", text);
}

Test(method, leaves_knobs_open) {
    check_knob("dense", OZ_KNOB_NONE, true);
    check_knob("dense,codec=f16", OZ_KNOB_NONE, false);
    check_knob("sparse", OZ_KNOB_SPARSITY, true);
    check_knob("sparse,sparsity=0.5", OZ_KNOB_NONE, true);
    check_knob("nm:8,codec=int8", OZ_KNOB_N, false);
    check_knob("nm:2:8", OZ_KNOB_NONE, true);
    check_knob("lowrank", OZ_KNOB_RANK, true);
    check_knob("lowrank:4,codec=int8", OZ_KNOB_NONE, false);
    check_knob("hashed", OZ_KNOB_RATIO, true);
    check_knob("hashed:robe,ratio=0.1,codec=f16", OZ_KNOB_NONE, false);
    oz_method m = parsed("nm:8,codec=int4");
    cr_expect_eq(oz_leaf_param(&m.term[0].leaf, "m"), 8);
    m = parsed("dense,codec=int4,correct=bias + lowrank:3");
    cr_expect_eq(m.n_terms, 2);
    cr_expect_eq(m.correction, OZ_CORRECT_BIAS);
    cr_expect_eq(m.term[1].leaf.codec.kind, OZ_CODEC_F16);
    cr_expect_eq(m.act_i8, -1);
}

static void check_refused(const char *text, const char *message) {
    oz_method m;
    oz_error err = {0};
    cr_expect_eq(oz_method_parse(&m, text, strlen(text), &err), OZ_ERR_ARGUMENT, "%s", text);
    cr_expect(strstr(err.message, message), "%s", err.message);
}

Test(method, names_the_place_of_an_error) {
    check_refused("", "column 1: a term is missing");
    check_refused("dense,codec=int4 +", "a term is missing");
    check_refused("dens,codec=int4", "column 1: there is no such format");
    check_refused("dense,codec=int7", "there is no codec int7");
    check_refused("dense,codec=int4 + sparse,sparsity=1.5",
                  "column 36: sparsity= must be a number from 0 to 0.9999");
    check_refused("dense,sparsity=0.5", "only sparse takes sparsity=");
    check_refused("dense,rank=5", "only lowrank takes rank=");
    check_refused("dense,ratio=0.5", "only hashed takes ratio=");
    check_refused("lowrank:0", "column 9: the rank");
    check_refused("lowrank:2.5", "the rank must be a whole number");
    check_refused("sparse,scope=all", "scope= must be layer, global or lamp");
    check_refused("sparse,score=best", "score= must be");
    check_refused("dense,act=i4", "act= must be f32 or i8");
    check_refused("dense,correct=no", "correct= must be");
    check_refused("dense,codec", "expected KEY=VALUE");
    check_refused("dense,size=3", "no parameter 'size'");
    check_refused("hashed,codec=int4", "does not take codec int4");
    check_refused("dense + dense + dense + dense + dense", "more than 4 terms");
}

/* ---- recipes ---- */

static void check_line(const oz_compress_options *opt, const char *layer, bool first, const char *wanted) {
    oz_recipe r;
    oz_arena arena = {0};
    oz_error err = {0};
    cr_assert_eq(oz_recipe_read(&r, opt, &arena, &err), OZ_OK, "%s", err.message);
    size_t line = oz_recipe_find(&r, layer, first, false);
    oz_text out = {0};
    if (line < r.n_lines) oz_method_print(&r.lines[line].method, &out);
    cr_expect_str_eq(out.data ? out.data : "none", wanted);
    oz_text_free(&out);
    oz_arena_free(&arena);
}

Test(recipe, last_match_wins) {
    oz_compress_options opt = OZ_COMPRESS_INIT;
    opt.recipe = "# all layers of the first stage\n"
                 "layer1.* = dense,codec=int4\n"
                 "  layer1.?.conv2\t= dense,codec=int3  # but not these\r\n"
                 "\n@first = dense,codec=f16";
    check_line(&opt, "layer1.0.conv1", false, "dense,codec=int4");
    check_line(&opt, "layer1.0.conv2", false, "dense,codec=int3");
    check_line(&opt, "layer2.0.conv2", false, "none");
    check_line(&opt, "layer1.0.conv1", true, "dense,codec=f16");
}

Test(recipe, policy_wins_over_a_method_and_yields_to_a_recipe) {
    oz_compress_options opt = OZ_COMPRESS_INIT;
    opt.method = "dense,codec=int3";
    check_line(&opt, "conv1", true, "dense,codec=int8");
    check_line(&opt, "conv2", false, "dense,codec=int3");
    opt.policy = "";
    check_line(&opt, "conv1", true, "dense,codec=int3");
    opt.policy = "conv? = dense,codec=int2";
    check_line(&opt, "conv1", true, "dense,codec=int2");
    opt.policy = opt.method = NULL;
    opt.recipe = "* = dense,codec=int4";
    check_line(&opt, "conv1", true, "dense,codec=int4");
}

Test(recipe, sets_the_type_of_biases) {
    oz_compress_options opt = OZ_COMPRESS_INIT;
    oz_arena arena = {0};
    oz_recipe r;
    opt.method = "dense,codec=int3";
    cr_assert_eq(oz_recipe_read(&r, &opt, &arena, NULL), OZ_OK);
    cr_expect_eq(r.bias, OZ_CODEC_F16);
    opt.policy = "@bias = f32";
    cr_assert_eq(oz_recipe_read(&r, &opt, &arena, NULL), OZ_OK);
    cr_expect_eq(r.bias, OZ_CODEC_F32);
    opt.policy = "";
    cr_assert_eq(oz_recipe_read(&r, &opt, &arena, NULL), OZ_OK);
    cr_expect_eq(r.bias, OZ_CODEC_COUNT);
    oz_arena_free(&arena);
}

static void check_recipe_refused(const char *method, const char *recipe, const char *policy,
                                 const char *where, const char *message) {
    oz_compress_options opt = OZ_COMPRESS_INIT;
    oz_arena arena = {0};
    oz_recipe r;
    oz_error err = {0};
    opt.method = method;
    opt.recipe = recipe;
    opt.policy = policy;
    cr_expect_eq(oz_recipe_read(&r, &opt, &arena, &err), OZ_ERR_ARGUMENT);
    cr_expect_str_eq(err.where, where);
    cr_expect(strstr(err.message, message), "%s", err.message);
    oz_arena_free(&arena);
}

Test(recipe, names_the_line_of_an_error) {
    check_recipe_refused(NULL, "a = dense,codec=int8\nb : dense", NULL, "recipe",
                         "line 2: expected GLOB = METHOD");
    check_recipe_refused(NULL, "\n\n= dense", NULL, "recipe", "line 3: expected GLOB = METHOD");
    check_recipe_refused(NULL, "a = dense,codec=int9", NULL, "recipe", "line 1: dense,codec=int9");
    check_recipe_refused("dense", NULL, "@bias = int8", "policy", "line 1: @bias must be f32, f16 or bf16");
    check_recipe_refused("dense", "a = dense", NULL, "", "either a method or a recipe");
    check_recipe_refused(NULL, NULL, NULL, "", "either a method or a recipe");
}

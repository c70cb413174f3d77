/* test_hashed.c - slots and signs against published vectors and a second writing of the formulas, what
 * open refuses, and that the packed array is the best one. */
#include "formats/hashed/hashed.h"

#include "base/hash.h"
#include "base/random.h"
#include "tests/support/chance.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROBE_R1 634329019
#define ROBE_R2 1825252241
#define ROBE_R3 871205356

static oz_leaf parse(const char *text, uint64_t rows, uint64_t cols) {
    oz_leaf leaf = {.rows = rows, .cols = cols, .name = "w"};
    oz_error err = {0};
    cr_assert_eq(oz_leaf_parse(&leaf, text, strlen(text), false, &err), OZ_OK, "%s: %s", text, err.message);
    return leaf;
}

static uint64_t slot_at(const oz_leaf *leaf, uint64_t r, uint64_t c) {
    return oz_hashed_run_at(leaf, r, c, 1).slot;
}

/* ---- vectors ---- */

Test(hashed, constants_of_seeds) {
    const struct {
        uint64_t seed;
        bool old_torch;
        uint64_t r[3];
    } cases[] = {
        {1, false, {1026061689, 509610793, 831957067}},
        {1024, false, {199350811, 396729345, 1080178821}},
        {123321, false, {478274215, 1768736291, 1208996517}},
        {1, true, {1544116955, 413453329, 73316037}},
        {1024, true, {1487475861, 1612429747, 411123453}},
        {123321, true, {544672335, 308667025, 346795491}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t r[3];
        oz_hashed_constants(cases[i].seed, cases[i].old_torch, r);
        cr_assert(memcmp(r, cases[i].r, sizeof r) == 0, "case %d", (int)i);
    }
    oz_leaf leaf = parse("hashed,slots=1", 1, 1);
    cr_assert_eq(leaf.param[OZ_HASHED_R0], cases[0].r[0]);
    cr_assert_eq(leaf.param[OZ_HASHED_R1], cases[0].r[1]);
    cr_assert_eq(leaf.param[OZ_HASHED_R2], cases[0].r[2]);
}

Test(hashed, robe_constants) {
    oz_mt19937 g;
    oz_mt19937_seed(&g, 1024);
    cr_assert_eq(oz_numpy_randint(&g, 2038074743), ROBE_R1);
    cr_assert_eq(oz_numpy_randint(&g, 2038074743), ROBE_R2);
    cr_assert_eq(oz_numpy_randint(&g, 2038074743), ROBE_R3);
}

Test(hashed, slots_of_known_positions) {
    const struct {
        const char *text;
        uint64_t r, c, slot;
    } cases[] = {
        {"hashed,slots=1000", 0, 0, 67},
        {"hashed,slots=1000,start=999", 0, 0, 66},
        {"hashed,slots=1000,start=1000", 0, 0, 806},
        {"hashed,slots=1000,start=2500", 0, 0, 631},
        {"hashed:hashednet,slots=1000", 0, 1, 806},
        {"hashed:hashednet,slots=1000", 0, 3, 299},
        {"hashed:hashednet,slots=1000,start=1000000", 0, 0, 940},
        {"hashed:hashednet,slots=1000,start=1099511627776", 0, 7, 576},
        {"hashed:hashednet,slots=1000,start=4611686018427400249", 0, 0, 441},
        {"hashed:roast,slots=4096,start=12345", 0, 0, 2504},
        {"hashed:roast,slots=4096,start=12345", 0, 15, 2984},
        {"hashed:roast,slots=4096,start=12345", 0, 16, 833},
        {"hashed:roast,slots=4096,start=12345", 69, 99, 752},
        {"hashed:roast,slots=4096,start=12345", 33, 50, 1199},
        {"hashed:robe,slots=3000,start=500,chunk=16,r0=871205356,r1=1825252241,r2=634329019", 0, 0, 2302},
        {"hashed:robe,slots=3000,start=500,chunk=16,r0=871205356,r1=1825252241,r2=634329019", 0, 15, 2317},
        {"hashed:robe,slots=3000,start=500,chunk=16,r0=871205356,r1=1825252241,r2=634329019", 0, 16, 1668},
        {"hashed:robe,slots=3000,start=500,chunk=16,r0=871205356,r1=1825252241,r2=634329019", 9, 63, 916},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        oz_leaf leaf = parse(cases[i].text, 70, 100);
        cr_expect_eq(slot_at(&leaf, cases[i].r, cases[i].c), cases[i].slot, "%s", cases[i].text);
    }
}

Test(hashed, signs_of_known_positions) {
    oz_leaf leaf = parse("hashed,slots=1000", 16, 64);
    cr_assert_eq(oz_hashed_signs(&leaf, 0, 64), UINT64_C(0x9e51ad6d2f3e695c));
    cr_assert_eq(oz_hashed_signs(&leaf, 64, 64), UINT64_C(0x85671091eda75eb5));
    cr_assert_eq(oz_hashed_signs(&leaf, 60, 8), 0x59);
    leaf = parse("hashed,slots=1000,start=60,seed=7", 16, 64);
    cr_assert_eq(oz_hashed_signs(&leaf, 0, 8), 0x44);
}

/* ---- rows against the formulas, written once more for one weight ---- */

static uint64_t remainder_of(uint64_t sum, uint64_t p) {
    int64_t rest = (int64_t)sum % (int64_t)p;
    return (uint64_t)(rest < 0 ? rest + (int64_t)p : rest);
}

static uint64_t plain_slot(const oz_leaf *leaf, uint64_t r, uint64_t c) {
    uint64_t r0 = oz_leaf_param(leaf, "r0"), r1 = oz_leaf_param(leaf, "r1"), r2 = oz_leaf_param(leaf, "r2");
    uint64_t p = oz_leaf_param(leaf, "p"), m = oz_leaf_param(leaf, "slots");
    uint64_t start = oz_leaf_param(leaf, "start"), x = start + r * leaf->cols + c;
    uint64_t bk = oz_leaf_param(leaf, "block_k"), bn = oz_leaf_param(leaf, "block_n");
    uint64_t z = oz_leaf_param(leaf, "chunk"), a = oz_leaf_param(leaf, "align");
    switch (oz_leaf_param(leaf, "map")) {
    case OZ_HASHED_PARETO:
        return (remainder_of(x / m * r0 + (x / m) * (x / m) * r1 + r2, p) % m / a * a + x % m) % m;
    case OZ_HASHED_ROAST:
        return remainder_of((c / bk + start) * r0 + (r / bn + start + leaf->cols) * r1 + r2, p) %
                   (m - bk * bn) / a * a +
               c % bk * bn + r % bn;
    case OZ_HASHED_HASHEDNET:
        return remainder_of(x * r0 + x * x * r1 + r2, p) % m;
    default:
        return remainder_of((r + start) * r0 + c / z * r1 + r2, p) % (m - z + 1) / a * a + c % z;
    }
}

static bool plain_negative(const oz_leaf *leaf, uint64_t r, uint64_t c) {
    uint64_t i = r * leaf->cols + c, x = i + oz_leaf_param(leaf, "start");
    switch (oz_leaf_param(leaf, "sign")) {
    case OZ_HASHED_SIGN_HASH:
        return oz_hash_u64(x / 64, oz_leaf_param(leaf, "seed")) >> (x % 64) & 1;
    case OZ_HASHED_SIGN_MASK:
        return oz_leaf_part(leaf, "signs")->data[i / 8] >> (i % 8) & 1;
    default:
        return false;
    }
}

static float plain_weight(const oz_leaf *leaf, uint64_t r, uint64_t c) {
    uint64_t slot = plain_slot(leaf, r, c);
    const uint8_t *array = oz_leaf_part(leaf, "array")->data;
    float w;
    if (leaf->codec.kind == OZ_CODEC_INT8) {
        uint64_t group = leaf->codec.group ? leaf->codec.group : 64;
        oz_codec_kind kind = leaf->codec.scale_f32 ? OZ_CODEC_F32 : OZ_CODEC_F16;
        float scale = oz_float_get(kind, oz_leaf_part(leaf, "scales")->data, slot / group);
        w = scale * (float)((int)array[slot] - 128);
    } else {
        w = oz_float_get(leaf->codec.kind, array, slot);
    }
    return plain_negative(leaf, r, c) ? -w : w;
}

static void pack_random(oz_leaf *leaf, oz_arena *arena, chance *dice) {
    oz_packer p;
    oz_error err = {0};
    size_t n = leaf->rows * leaf->cols;
    float *w = oz_arena_array(arena, n, sizeof *w);
    for (size_t i = 0; i < n; i++) w[i] = (float)(chance_unit(dice) - 0.5);
    cr_assert_eq(oz_pack_begin(&p, leaf, 1, arena, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_pack_add(&p, 0, w, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_pack_finish(&p, &err), OZ_OK, "%s", err.message);
    cr_assert_eq(oz_leaf_check(leaf, &err), OZ_OK, "%s", err.message);
}

static void check_rows(const oz_leaf *leaf, const char *text, chance *dice) {
    float *w = malloc(leaf->cols * sizeof *w);
    for (uint64_t r = 0; r < leaf->rows; r++) {
        uint64_t c0 = chance_below(dice, leaf->cols), n = 1 + chance_below(dice, leaf->cols - c0);
        if (r % 2 == 0) c0 = 0, n = leaf->cols;
        leaf->format->row(leaf, r, c0, n, w);
        for (uint64_t i = 0; i < n; i++) {
            float want = plain_weight(leaf, r, c0 + i);
            cr_assert(w[i] == want, "%s: [%d][%d] %g, want %g", text, (int)r, (int)(c0 + i), (double)w[i],
                      (double)want);
        }
    }
    free(w);
}

Test(hashed, rows_follow_the_formulas) {
    static const char *const maps[] = {"pareto,slots=97",
                                       "pareto,slots=1000,start=123456789",
                                       "pareto,slots=100000",
                                       "pareto,slots=1",
                                       "roast,slots=800,start=77",
                                       "roast,slots=130,block_k=7,block_n=5",
                                       "hashednet,slots=333,r0=12345678901234567",
                                       "robe,slots=300,chunk=16",
                                       "robe,slots=64,start=5",
                                       "pareto,slots=1024,align=64",
                                       "roast,slots=1600,align=16",
                                       "robe,slots=300,chunk=16,align=32"};
    static const char *const numbers[] = {"f32",           "f16", "bf16", "int8", "int8,group=32,scale=f32",
                                          "int8,group=128"};
    static const char *const signs[] = {"hash,seed=18446744073709551615", "none", "mask"};
    chance dice = chance_make();
    for (size_t i = 0; i < 12 * 6 * 3; i++) {
        char text[160];
        oz_arena arena = {0};
        snprintf(text, sizeof text, "hashed:%s,sign=%s,codec=%s", maps[i % 12], signs[i / 12 % 3],
                 numbers[i / 36]);
        oz_leaf leaf = parse(text, 1 + chance_below(&dice, 40), 1 + chance_below(&dice, 200));
        pack_random(&leaf, &arena, &dice);
        check_rows(&leaf, text, &dice);
        oz_arena_free(&arena);
    }
}

Test(hashed, only_hashednet_is_expanded) {
    chance dice = chance_make();
    oz_arena arena = {0};
    oz_leaf fold = parse("hashed:pareto,slots=100", 3, 3), net = parse("hashed:hashednet,slots=100", 9, 31);
    cr_assert_not(fold.format->materialises(&fold));
    cr_assert(net.format->materialises(&net));
    pack_random(&net, &arena, &dice);
    float a[9 * 31], b[9 * 31];
    net.format->materialise(&net, a);
    for (uint64_t r = 0; r < 9; r++) net.format->row(&net, r, 0, 31, b + 31 * r);
    cr_assert_arr_eq(a, b, sizeof a);
    oz_arena_free(&arena);
}

/* ---- what open refuses ---- */

static void refuse(const char *text, oz_status want) {
    oz_leaf leaf = parse(text, 5, 100);
    oz_error err = {0};
    uint64_t bytes[OZ_MAX_PARTS];
    cr_expect_eq(leaf.format->layout(&leaf, bytes, &err), want, "%s: %s", text, err.message);
    cr_expect_str_eq(err.where, "w", "%s", text);
}

Test(hashed, unsound_parameters) {
    refuse("hashed,slots=0", OZ_ERR_FORMAT);
    refuse("hashed,slots=281474976710656", OZ_ERR_FORMAT);
    refuse("hashed,slots=10,p=0", OZ_ERR_FORMAT);
    refuse("hashed,slots=512,align=0", OZ_ERR_FORMAT);
    refuse("hashed,slots=512,align=48", OZ_ERR_FORMAT);
    refuse("hashed,slots=10,p=9223372036854775808", OZ_ERR_FORMAT);
    refuse("hashed,slots=10,start=9223372036854775308", OZ_ERR_FORMAT);
    refuse("hashed,slots=10,start=18446744073709551615", OZ_ERR_FORMAT);
    refuse("hashed:roast,slots=512", OZ_ERR_FORMAT);
    refuse("hashed:roast,slots=512,block_k=0", OZ_ERR_FORMAT);
    refuse("hashed:roast,slots=512,block_k=4294967296,block_n=4294967296", OZ_ERR_FORMAT);
    refuse("hashed:robe,slots=512,chunk=0", OZ_ERR_FORMAT);
    refuse("hashed:robe,slots=512,chunk=513", OZ_ERR_FORMAT);
    refuse("hashed,slots=512,codec=int8,offset=zero", OZ_ERR_SUPPORT);
}

Test(hashed, largest_offset_is_accepted) {
    oz_leaf leaf = parse("hashed,slots=10,start=9223372036854775307", 5, 100);
    uint64_t bytes[OZ_MAX_PARTS];
    cr_assert_eq(leaf.format->layout(&leaf, bytes, NULL), OZ_OK);
    cr_assert_lt(slot_at(&leaf, 4, 99), 10);
}

Test(hashed, parts_too_short_or_not_finite) {
    oz_leaf leaf = parse("hashed,slots=100,codec=int8,sign=mask", 5, 100);
    uint8_t array[100] = {0}, scales[4] = {0, 0, 0, 0}, signs[63] = {0};
    leaf.part[OZ_HASHED_ARRAY] = (oz_part){array, 100, 1000};
    leaf.part[OZ_HASHED_SCALES] = (oz_part){scales, 4, 2000};
    leaf.part[OZ_HASHED_SIGNS] = (oz_part){signs, 63, 3000};
    oz_error err = {0};
    cr_assert_eq(oz_leaf_check(&leaf, &err), OZ_OK, "%s", err.message);
    oz_bytes bytes;
    oz_leaf_bytes(&leaf, &bytes);
    cr_assert(bytes.values == 100 && bytes.scales == 4 && bytes.index == 63 && bytes.total == 167);
    for (size_t part = 0; part < 3; part++) {
        leaf.part[part].bytes--;
        cr_expect_eq(oz_leaf_check(&leaf, &err), OZ_ERR_FORMAT);
        leaf.part[part].bytes++;
    }
    scales[3] = 0x7c; /* infinity in f16 */
    cr_assert_eq(oz_leaf_check(&leaf, &err), OZ_ERR_FORMAT);
    cr_assert_eq(err.offset, 2002);
}

/* ---- packing ---- */

enum { LEAVES = 3 };

/* Sum over the weights of a slot of lambda * sign * (W - lambda * sign * array[slot]): zero at the best
 * array. */
static double slope_at(const oz_leaf *leaves, float *const *weights, const double *lambda, uint64_t slot,
                       double *size) {
    double slope = 0;
    for (size_t l = 0; l < LEAVES; l++) {
        for (uint64_t i = 0; i < leaves[l].rows * leaves[l].cols; i++) {
            uint64_t r = i / leaves[l].cols, c = i % leaves[l].cols;
            if (plain_slot(&leaves[l], r, c) != slot) continue;
            double g = plain_negative(&leaves[l], r, c) ? -lambda[l] : lambda[l];
            double w = lambda[l] * (double)weights[l][i],
                   fit = lambda[l] * (double)plain_weight(&leaves[l], r, c);
            slope += g * (w - fit);
            *size += fabs(g * w);
        }
    }
    return slope;
}

Test(hashed, the_array_is_the_best_one) {
    chance dice = chance_make();
    const double lambda[LEAVES] = {1, 2.5, 0.1};
    oz_leaf leaves[LEAVES] = {parse("hashed,slots=50", 6, 20), parse("hashed,slots=50,start=120", 9, 11),
                              parse("hashed:robe,chunk=4,slots=50,sign=none", 5, 30)};
    float *weights[LEAVES];
    oz_arena arena = {0};
    oz_packer p;
    oz_error err = {0};
    cr_assert_eq(oz_pack_begin(&p, leaves, LEAVES, &arena, &err), OZ_OK, "%s", err.message);
    for (size_t l = 0; l < LEAVES; l++) {
        size_t n = leaves[l].rows * leaves[l].cols;
        weights[l] = oz_arena_array(&arena, n, sizeof(float));
        for (size_t i = 0; i < n; i++) weights[l][i] = (float)(chance_unit(&dice) - 0.4);
        oz_hashed_pack_lambda(&p, l, lambda[l]);
        cr_assert_eq(oz_pack_add(&p, l, weights[l], &err), OZ_OK, "%s", err.message);
    }
    cr_assert_eq(oz_pack_finish(&p, &err), OZ_OK, "%s", err.message);
    for (size_t l = 0; l < LEAVES; l++)
        cr_assert_eq(leaves[l].part[OZ_HASHED_ARRAY].data, leaves[0].part[OZ_HASHED_ARRAY].data);
    for (uint64_t slot = 0; slot < 50; slot++) {
        double size = 0, slope = slope_at(leaves, weights, lambda, slot, &size);
        cr_expect(fabs(slope) <= size * 0x1p-22, "slot %d: %g of %g", (int)slot, slope, size);
    }
    oz_arena_free(&arena);
}

Test(hashed, stored_signs_are_the_weights_own) {
    chance dice = chance_make();
    oz_arena arena = {0};
    oz_leaf leaf = parse("hashed,slots=20,sign=mask", 7, 13);
    const size_t n = (size_t)7 * 13;
    float w[7 * 13], back[7 * 13];
    for (size_t i = 0; i < n; i++)
        w[i] = (float)(0.1 + chance_unit(&dice)) * (chance_below(&dice, 2) ? 1.0f : -1.0f);
    oz_packer p;
    cr_assert_eq(oz_pack_begin(&p, &leaf, 1, &arena, NULL), OZ_OK);
    cr_assert_eq(oz_pack_add(&p, 0, w, NULL), OZ_OK);
    cr_assert_eq(oz_pack_finish(&p, NULL), OZ_OK);
    oz_leaf_unpack(&leaf, back);
    for (size_t i = 0; i < n; i++) cr_expect_eq(signbit(back[i]) != 0, signbit(w[i]) != 0);
    oz_arena_free(&arena);
}

Test(hashed, different_arrays_do_not_share) {
    oz_arena arena = {0};
    oz_packer p;
    oz_leaf slots[2] = {parse("hashed,slots=50", 6, 20), parse("hashed,slots=51", 6, 20)};
    oz_leaf codec[2] = {parse("hashed,slots=50", 6, 20), parse("hashed,slots=50,codec=f16", 6, 20)};
    cr_assert_eq(oz_pack_begin(&p, slots, 2, &arena, NULL), OZ_ERR_ARGUMENT);
    cr_assert_eq(oz_pack_begin(&p, codec, 2, &arena, NULL), OZ_ERR_ARGUMENT);
    oz_arena_free(&arena);
}

Test(hashed, numbers_too_large_for_the_codec) {
    oz_arena arena = {0};
    oz_packer p;
    oz_leaf leaf = parse("hashed,slots=1,sign=none,codec=f16", 1, 1);
    const float w = 1e6f;
    cr_assert_eq(oz_pack_begin(&p, &leaf, 1, &arena, NULL), OZ_OK);
    cr_assert_eq(oz_pack_add(&p, 0, &w, NULL), OZ_OK);
    cr_assert_eq(oz_pack_finish(&p, NULL), OZ_ERR_NUMBER);
    oz_arena_free(&arena);
}

/* ---- a trained network: ResNet-20 whose block convolutions share 81,920 numbers ---- */

static uint8_t *shared_array(oz_arena *arena) {
    FILE *f = fopen(OZ_SHARED_DATA "/vision/cifar-jpeg/resnet20-shared-81920.safetensors", "rb");
    if (!f) return NULL;
    uint64_t header = 0;
    uint8_t *array = oz_arena_alloc(arena, 4 * 81920, 64);
    cr_assert_eq(fread(&header, 1, 8, f), 8);
    cr_assert_eq(fseek(f, (long)(8 + header + 152), SEEK_SET), 0); /* its data_offsets are [152, 327832] */
    cr_assert_eq(fread(array, 4, 81920, f), 81920);
    fclose(f);
    return array;
}

/* The last of its convolutions; the numbers are those of a few lines of Python. */
Test(hashed, trained_network) {
    const struct {
        uint64_t r, c;
        float w;
    } known[] = {{0, 0, -0.007105600088834763f},   {0, 575, 0.06258068233728409f},
                 {26, 0, -0.02421502023935318f},   {26, 63, -0.021487751975655556f},
                 {27, 300, -0.04201510176062584f}, {63, 575, 0.04669155180454254f}};
    oz_arena arena = {0};
    oz_leaf leaf = parse("hashed,slots=81920,start=230400", 64, 576);
    leaf.part[OZ_HASHED_ARRAY] = (oz_part){shared_array(&arena), 4 * 81920, OZ_NO_OFFSET};
    if (!leaf.part[OZ_HASHED_ARRAY].data) cr_skip_test("the optional data pack is not there");
    cr_assert_eq(oz_leaf_check(&leaf, NULL), OZ_OK);
    float *w = oz_arena_array(&arena, (size_t)64 * 576, sizeof *w);
    oz_leaf_unpack(&leaf, w);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        cr_expect_eq(w[known[i].r * 576 + known[i].c], known[i].w);
    double sum = 0, size = 0;
    for (size_t i = 0; i < (size_t)64 * 576; i++) sum += (double)w[i], size += fabs((double)w[i]);
    cr_expect(fabs(sum - 29.962245181062904) < 1e-9 && fabs(size - 841.803861416126) < 1e-9, "%.15g %.15g",
              sum, size);
    oz_arena_free(&arena);
}

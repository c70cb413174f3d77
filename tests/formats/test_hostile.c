/* test_hostile.c - every check of dense, nm and sparse has a leaf that trips it; then bytes at random:
 * what is accepted must be readable to the last weight. */
#include "base/half.h"
#include "formats/nm/nm.h"
#include "formats/sparse/sparse.h"
#include "tests/formats/packed.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static oz_arena arena;
static chance rng;

static void setup(void) {
    arena = (oz_arena){0};
    rng = chance_make();
}

static void teardown(void) {
    oz_arena_free(&arena);
}

TestSuite(hostile, .init = setup, .fini = teardown);

static oz_leaf leaf_of(const char *text, uint64_t rows, uint64_t cols, double density) {
    float *w = random_matrix(&rng, rows, cols, density);
    oz_leaf leaf = packed(text, rows, cols, w, &arena);
    free(w);
    return leaf;
}

static void put_u32(uint8_t *p, uint32_t v) {
    memcpy(p, &v, sizeof v);
}

static void put_u16(uint8_t *p, uint16_t v) {
    memcpy(p, &v, sizeof v);
}

Test(hostile, shapes) {
    oz_leaf leaf = leaf_of("dense,codec=f32", 2, 3, 1);
    leaf.rows = 0;
    expect_refused(&leaf, OZ_ERR_SHAPE, "0 x 3 is empty");
    leaf.rows = 2;
    leaf.cols = 0;
    expect_refused(&leaf, OZ_ERR_SHAPE, "is empty");
    leaf.cols = UINT64_MAX;
    expect_refused(&leaf, OZ_ERR_LIMIT, "too large");
    leaf.cols = (UINT64_C(1) << 31) - 1;
    leaf.rows = (UINT64_C(1) << 31) - 1;
    expect_refused(&leaf, OZ_ERR_LIMIT, "2^48");
    leaf.rows = 4;
    expect_refused(&leaf, OZ_ERR_FORMAT, "part values of a 4 x 2147483647 dense leaf has 24 bytes");
}

Test(hostile, codecs) {
    oz_leaf leaf = leaf_of("dense,codec=int4", 2, 3, 1);
    leaf.codec.group = 31;
    expect_refused(&leaf, OZ_ERR_FORMAT, "group=31");
    leaf = leaf_of("dense,codec=int4", 2, 3, 1);
    leaf.codec.kind = OZ_CODEC_COUNT;
    expect_refused(&leaf, OZ_ERR_SUPPORT, "does not take codec");
    leaf = leaf_of("nm:2:4,codec=int4", 2, 8, 1);
    leaf.codec.offset = OZ_ZERO_POINT;
    expect_refused(&leaf, OZ_ERR_SUPPORT, "symmetric");
    leaf = leaf_of("sparse,codec=int4", 2, 8, 1);
    leaf.codec.offset = OZ_MINIMUM;
    expect_refused(&leaf, OZ_ERR_SUPPORT, "symmetric");
}

/* One byte less in any part that is there is refused, more is padding. */
Test(hostile, short_parts) {
    static const char *const texts[] = {
        "dense,codec=f16",  "dense,codec=int4,offset=zero", "nm:2:4,codec=int8",
        "nm:5:8,codec=f32", "sparse,codec=int3,form=rows",  "sparse,codec=f32,form=mask"};
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        oz_leaf leaf = leaf_of(texts[t], 17, 33, 0.5);
        for (size_t i = 0; i < leaf.format->n_parts; i++) {
            if (leaf.part[i].bytes == 0) continue;
            oz_part whole = leaf.part[i];
            leaf.part[i].bytes--;
            expect_refused(&leaf, OZ_ERR_FORMAT, leaf.format->parts[i].name);
            leaf.part[i] = (oz_part){NULL, whole.bytes, 7};
            expect_refused(&leaf, OZ_ERR_FORMAT, leaf.format->parts[i].name);
            leaf.part[i] = whole;
            leaf.part[i].bytes += 64;
            cr_assert_eq(oz_leaf_check(&leaf, NULL), OZ_OK);
            leaf.part[i] = whole;
        }
    }
}

Test(hostile, scales) {
    static const char *const texts[] = {"dense,codec=int4", "nm:2:4,codec=int8", "sparse,codec=int3"};
    for (size_t t = 0; t < 3; t++) {
        oz_leaf leaf = leaf_of(texts[t], 17, 33, 0.5);
        put_u16(writable(&leaf, "scales") + 2 * 31, 0x7c00); /* infinity, in a padded row */
        leaf.part[leaf.format->n_parts - 1].offset = 1000;
        expect_refused(&leaf, OZ_ERR_FORMAT, "scales[31] is not a finite number");
    }
    oz_leaf leaf = leaf_of("dense,codec=int4,offset=min", 3, 33, 0.5);
    put_u16(writable(&leaf, "offsets"), 0xfe00);
    expect_refused(&leaf, OZ_ERR_FORMAT, "offsets[0] is not a finite number");
    leaf = leaf_of("dense,codec=int4,scale=f32", 3, 33, 0.5);
    put_u32(writable(&leaf, "scales") + 4, 0xff800000);
    leaf.part[1].offset = 1000;
    oz_error err;
    cr_assert_eq(oz_leaf_check(&leaf, &err), OZ_ERR_FORMAT);
    cr_assert_eq(err.offset, 1004);
}

Test(hostile, nm_params) {
    static const uint64_t wrong[][2] = {{0, 4}, {4, 4}, {5, 4},  {1, 0},
                                        {1, 2}, {1, 5}, {3, 64}, {1, UINT64_MAX - 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        oz_leaf leaf = leaf_of("nm:2:4,codec=f32", 2, 8, 1);
        leaf.param[OZ_NM_N] = wrong[i][0];
        leaf.param[OZ_NM_M] = wrong[i][1];
        expect_refused(&leaf, OZ_ERR_FORMAT, "m must be 4, 8, 16 or 32");
    }
    oz_leaf leaf = leaf_of("nm:2:4,codec=f32", 2, 8, 1);
    leaf.param[OZ_NM_M] = OZ_UNSET;
    expect_refused(&leaf, OZ_ERR_FORMAT, "as in nm:2:4");
    leaf = leaf_of("nm:2:4,codec=f32", 2, 8, 1);
    leaf.param[OZ_NM_FORM] = OZ_UNSET;
    expect_refused(&leaf, OZ_ERR_FORMAT, "form= is missing");
}

/* Position of (entry, row) of a list leaf of one panel set to `position`. */
static void set_position(oz_leaf *leaf, uint64_t entry, uint32_t row, uint8_t position) {
    uint32_t bits = oz_nm_position_bits(leaf);
    uint8_t *p = writable(leaf, "positions") + entry * oz_nm_entry_bytes(leaf);
    uint8_t codes[16], stream[16] = {0};
    for (uint32_t i = 0; i < 16; i++) codes[i] = i == row ? position : oz_bits_get(p, bits, i);
    for (uint32_t i = 0; i < 16; i++) oz_bits_put(stream, bits, i, codes[i]);
    memcpy(p, stream, oz_nm_entry_bytes(leaf));
}

Test(hostile, nm_lists) {
    oz_leaf leaf = leaf_of("nm:3:8,codec=int4,form=list", 9, 18, 1);
    set_position(&leaf, 1, 4, 7);
    set_position(&leaf, 2, 4, 7);
    expect_refused(&leaf, OZ_ERR_FORMAT, "row 4, group 0: positions do not ascend");
    leaf = leaf_of("nm:3:8,codec=int4,form=list", 9, 18, 1);
    set_position(&leaf, 5, 15, 0);
    expect_refused(&leaf, OZ_ERR_FORMAT, "row 15, group 1: positions do not ascend");
    leaf = leaf_of("nm:3:8,codec=int4,form=list", 9, 18, 1); /* the last group has 2 inputs */
    set_position(&leaf, 7, 2, 2);
    expect_refused(&leaf, OZ_ERR_FORMAT, "row 2, group 2: a position is past the last input");
    leaf = leaf_of("nm:3:8,codec=int4,form=list", 9, 18, 1);
    set_position(&leaf, 8, 2, 1);
    expect_refused(&leaf, OZ_ERR_FORMAT, "row 2, group 2: a missing entry is not at position 0");
}

Test(hostile, nm_missing_entries) {
    oz_leaf leaf = leaf_of("nm:3:8,codec=f32,form=list", 9, 18, 1);
    float one = 1;
    memcpy(writable(&leaf, "values") + (8 * 16 + 5) * 4, &one, 4);
    expect_refused(&leaf, OZ_ERR_FORMAT, "row 5: an entry that the short last group has no room for");
    leaf = leaf_of("nm:3:8,codec=int8,form=mask", 9, 18, 1);
    writable(&leaf, "values")[2 * 64 + 5 * 4] = 129; /* quad 2, row 5, entry 8 */
    expect_refused(&leaf, OZ_ERR_FORMAT, "row 5: an entry");
}

Test(hostile, nm_masks) {
    static const char *const texts[] = {"nm:3:4,codec=f32,form=mask", "nm:3:8,codec=f32,form=mask",
                                        "nm:3:16,codec=f32,form=mask", "nm:3:32,codec=f32,form=mask"};
    for (uint64_t i = 0; i < 4; i++) {
        uint64_t m = 4u << i;
        oz_leaf leaf = leaf_of(texts[i], 9, m + 2, 1);
        uint8_t *masks = writable(&leaf, "positions");
        masks[2 * m - 1] |= 0x80; /* one more bit, in row 15 */
        expect_refused(&leaf, OZ_ERR_FORMAT, "row 15, group 0: the mask has not n bits");
        leaf = leaf_of(texts[i], 9, m + 2, 1);
        masks = writable(&leaf, "positions");
        masks[2 * m] = m == 4 ? 0x36 : 0x06; /* row 0: bits 1 and 2 of the group of two inputs */
        expect_refused(&leaf, OZ_ERR_FORMAT, "row 0, group 1: the mask has a bit past the last input");
        leaf = leaf_of(texts[i], 9, m + 2, 1);
        masks = writable(&leaf, "positions");
        masks[2 * m] = m == 4 ? 0x31 : 0x01;
        expect_refused(&leaf, OZ_ERR_FORMAT, "row 0, group 1: the mask has not n bits");
    }
}

Test(hostile, sparse_params) {
    oz_leaf leaf = leaf_of("sparse,codec=f32,form=rows", 17, 300, 0.5), good = leaf;
    leaf.param[OZ_SPARSE_BLOCK] = 0;
    expect_refused(&leaf, OZ_ERR_FORMAT, "block must be 128 or 256");
    leaf = good;
    leaf.param[OZ_SPARSE_FORM] = 2;
    expect_refused(&leaf, OZ_ERR_FORMAT, "form= or slots= is missing");
    leaf = good;
    leaf.param[OZ_SPARSE_SLOTS]--;
    expect_refused(&leaf, OZ_ERR_FORMAT, "must be a multiple of 8");
    leaf.param[OZ_SPARSE_SLOTS] = UINT64_C(1) << 32;
    expect_refused(&leaf, OZ_ERR_FORMAT, "below 2^32");
    leaf = good;
    leaf.param[OZ_SPARSE_SLOTS] -= 8;
    expect_refused(&leaf, OZ_ERR_FORMAT, "the last slot is not slots=");
}

Test(hostile, sparse_cells) {
    oz_leaf leaf = leaf_of("sparse,codec=f32,form=rows,block=128", 17, 300, 0.5);
    put_u32(writable(&leaf, "cells"), 8);
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 0 of part cells: the first slot is not 0");
    leaf = leaf_of("sparse,codec=f32,form=rows,block=128", 17, 300, 0.5);
    put_u32(writable(&leaf, "cells") + 8, oz_sparse_first(&leaf, 1) - 8);
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 2 of part cells: slots do not ascend");
    leaf = leaf_of("sparse,codec=f32,form=rows,block=128", 17, 300, 0.5);
    put_u32(writable(&leaf, "cells") + 4, oz_sparse_first(&leaf, 1) + 4);
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 1 of part cells: the first slot is not a multiple of 8");
    leaf = leaf_of("sparse,codec=f32,form=rows,block=128", 17, 300, 0.5);
    put_u32(writable(&leaf, "cells") + 4, 0xfffffff8);
    expect_refused(&leaf, OZ_ERR_FORMAT, "slots do not ascend");
}

/* 17 x 130 in blocks of 128: cells 0, 1 of 16 rows, cells 2, 3 of one row; 1 and 3 have 2 inputs. */
Test(hostile, sparse_rows) {
    const char *text = "sparse,codec=int4,form=rows,block=128";
    oz_leaf leaf = leaf_of(text, 17, 130, 1);
    put_u16(writable(&leaf, "ends") + 2 * 3, 0);
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 0 of part ends: row ends do not ascend");
    leaf = leaf_of(text, 17, 130, 1);
    put_u16(writable(&leaf, "ends") + 2 * 15, 0xffff);
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 0 of part ends: a row ends past the cell's slots");
    leaf = leaf_of(text, 17, 130, 0.5);
    uint16_t fewer = (uint16_t)(oz_sparse_end(&leaf, 2, 0) - 1); /* row 16's last weight becomes row 17's */
    put_u16(writable(&leaf, "ends") + 2 * 2 * 16, fewer);
    expect_refused(&leaf, OZ_ERR_FORMAT, "a row past the last one has weights");
    leaf = leaf_of(text, 17, 130, 0.5);
    put_u32(writable(&leaf, "cells") + 4, oz_sparse_first(&leaf, 1) + 8);
    expect_refused(&leaf, OZ_ERR_FORMAT, "the rows do not fill the cell's slots");
}

Test(hostile, sparse_columns) {
    const char *text = "sparse,codec=f16,form=rows,block=128";
    oz_leaf leaf = leaf_of(text, 17, 130, 1);
    uint8_t *columns = writable(&leaf, "columns");
    columns[1] = columns[0];
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 0 of part columns: a row's columns do not ascend");
    leaf = leaf_of(text, 17, 130, 1);
    columns = writable(&leaf, "columns");
    columns[127] = 128;
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 0 of part columns: a column is past the cell's inputs");
    leaf = leaf_of(text, 17, 130, 1);
    columns = writable(&leaf, "columns");
    columns[oz_sparse_first(&leaf, 1) + 1] = 2;
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 1 of part columns: a column is past");
    leaf = leaf_of(text, 17, 130, 1);
    columns = writable(&leaf, "columns");
    columns[oz_sparse_first(&leaf, 4) - 1] = 1; /* cell 3 has two weights */
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 3 of part columns: the column of an unused slot is not 0");
}

Test(hostile, sparse_masks) {
    const char *text = "sparse,codec=f16,form=mask,block=128";
    oz_leaf leaf = leaf_of(text, 17, 130, 1);
    uint8_t *masks = writable(&leaf, "mask");
    masks[16 * 16 + 3] ^= 4; /* cell 1, row 3 */
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 1 of part mask: a bit is past the last input");
    leaf = leaf_of(text, 17, 130, 1);
    masks = writable(&leaf, "mask");
    masks[16 * 17 + 16] |= 1; /* cell 2, row 17 */
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 2 of part mask: a row past the last one has weights");
    leaf = leaf_of(text, 17, 130, 1);
    masks = writable(&leaf, "mask");
    masks[0] = 0;
    expect_refused(&leaf, OZ_ERR_FORMAT, "cell 0 of part mask: the bits do not fill the cell's slots");
}

/* Changes one byte somewhere and reads whatever is still accepted. */
static void change_and_read(oz_leaf *leaf, float *out) {
    size_t i = chance_below(&rng, leaf->format->n_parts);
    if (leaf->part[i].bytes == 0) return;
    uint8_t *p = (uint8_t *)(uintptr_t)leaf->part[i].data + chance_below(&rng, leaf->part[i].bytes), old = *p;
    uint64_t other = chance_below(&rng, 2) ? chance_u64(&rng) : old ^ UINT64_C(1) << chance_below(&rng, 8);
    *p = (uint8_t)other;
    if (oz_leaf_check(leaf, NULL) == OZ_OK) {
        oz_leaf_unpack(leaf, out);
        cr_assert_leq(oz_leaf_nonzeros(leaf), leaf->rows * leaf->cols);
    }
    *p = old;
}

Test(hostile, any_byte_changed) {
    static const char *const texts[] = {
        "dense,codec=int3,group=32,offset=zero",
        "dense,codec=bf16",
        "nm:2:4,codec=int4",
        "nm:3:8,codec=ternary,form=mask",
        "nm:9:16,codec=f16",
        "nm:1:32,codec=int5,form=mask",
        "sparse,codec=int4,form=rows,block=128",
        "sparse,codec=ternary,form=mask,block=128",
        "sparse,codec=f32,form=rows,block=256",
        "sparse,codec=int6,form=mask,block=256",
    };
    float *out = malloc(19 * 270 * sizeof *out);
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        oz_leaf leaf = leaf_of(texts[t], 19, 270, 0.3);
        for (int i = 0; i < 1500; i++) change_and_read(&leaf, out);
        cr_assert_eq(oz_leaf_check(&leaf, NULL), OZ_OK);
    }
    free(out);
}

/* test_hostile.c - a small file of each kind, cut at every byte and changed at every byte: refused with an
 * error, or accepted and then run without a fault (AddressSanitizer and UBSan are the judges).
 *
 * Bytes are changed with the hashes left as they are, which opening does not look at, and with
 * hashes that fit again, as somebody with bad intentions would write them. */
#include "tests/hostile/file.h"
#include "tests/hostile/network.h"
#include "tests/hostile/use.h"

#include "tests/support/models/models.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* True if it ran. */
static bool expect_sound(const file *f, const char *text) {
    usage u = {0};
    cr_assert_eq(use_model(f->data, f->bytes, &u), OZ_OK, "%s", text);
    cr_assert(u.verified == 1 && u.too_large == 0, "%s", text);
    return u.ran == 1;
}

/* ---- truncation ------------------------------------------------------------------- */

/* Each length is a block of its own, so that a read past its end is seen. */
static void cut_everywhere(const file *f, const char *text) {
    usage u = {0};
    for (size_t bytes = 0; bytes < f->bytes; bytes++) {
        uint8_t *cut = file_copy(f->data, bytes);
        cr_assert_neq(use_model(cut, bytes, &u), OZ_OK, "%s: %d bytes", text, (int)bytes);
        free(cut);
    }
}

/* ---- one byte --------------------------------------------------------------------- */

static void change(file *f, size_t at, uint8_t to, usage *u) {
    uint8_t was = f->data[at];
    uint64_t verified = u->verified;
    f->data[at] = to;
    bool accepted = use_model(f->data, f->bytes, u) == OZ_OK;
    bool in_data = at >= f->header_bytes;
    if (in_data) cr_assert_eq(u->verified, verified, "a changed byte of data fits its hash");
    if (in_data && accepted) {
        uint8_t *fixed = file_copy(f->data, f->bytes);
        cr_assert(fix_hashes(fixed, f->bytes));
        cr_assert_eq(use_model(fixed, f->bytes, u), OZ_OK);
        cr_assert_eq(u->verified, verified + 1);
        free(fixed);
    }
    f->data[at] = was;
}

static void change_some(file *f, size_t begin, size_t end, usage *u) {
    static const uint8_t flips[] = {0x01, 0x04, 0x80, 0xff};
    for (size_t at = begin; at < end; at++)
        for (size_t i = 0; i < sizeof flips; i++) change(f, at, f->data[at] ^ flips[i], u);
}

/* Values of weights are in range whatever they are: all 255 others of a byte are tried everywhere else. */
static bool is_value(const oz_contents *c, const uint8_t *byte) {
    const oz_leaf *leaf = &c->weights[0].terms[0].factors[0];
    for (size_t i = 0; i < leaf->format->n_parts; i++) {
        const oz_part *p = &leaf->part[i];
        if (leaf->format->parts[i].kind == OZ_PART_VALUES && byte >= p->data && byte < p->data + p->bytes)
            return true;
    }
    return false;
}

static void change_all(file *f, usage *u) {
    oz_arena arena = {0};
    oz_safetensors tensors;
    oz_contents contents;
    cr_assert_eq(oz_safetensors_read(&tensors, f->data, f->bytes, NULL, &arena, NULL), OZ_OK);
    cr_assert_eq(oz_contents_read(&contents, &tensors, NULL, &arena, NULL), OZ_OK);
    for (size_t at = 0; at < f->bytes; at++) {
        if (is_value(&contents, f->data + at)) {
            change_some(f, at, at + 1, u);
            continue;
        }
        for (int step = 1; step < 256; step++) change(f, at, (uint8_t)(f->data[at] + step), u);
    }
    oz_arena_free(&arena);
}

/* ---- one number ------------------------------------------------------------------- */

static bool is_digit(uint8_t c) {
    return c >= '0' && c <= '9';
}

/* The file with the header's bytes [at, end) replaced and the header padded again, so that the data still
 * lies as it should. */
static file replace(const file *f, size_t at, size_t end, const char *number) {
    size_t tail = f->header_bytes, length = strlen(number);
    while (f->data[tail - 1] == ' ') tail--;
    size_t header = at + length + (tail - end), padded = (header + 63) / 64 * 64;
    size_t data = f->bytes - f->header_bytes;
    file out = {.data = file_allocate(padded + data), .bytes = padded + data, .header_bytes = padded};
    memset(out.data, ' ', padded);
    memcpy(out.data, f->data, at);
    memcpy(out.data + at, number, length);
    memcpy(out.data + at + length, f->data + end, tail - end);
    memcpy(out.data + padded, f->data + f->header_bytes, data);
    for (int i = 0; i < 8; i++) out.data[i] = (uint8_t)((padded - 8) >> 8 * i);
    return out;
}

static void change_numbers(const file *f, usage *u) {
    static const char *const numbers[] = {"0",
                                          "1",
                                          "2",
                                          "15",
                                          "16",
                                          "17",
                                          "48",
                                          "64",
                                          "100",
                                          "4096",
                                          "65536",
                                          "2147483647",
                                          "2147483648",
                                          "4294967295",
                                          "4294967296",
                                          "4611686018427387904",
                                          "9223372036854775807",
                                          "18446744073709551615",
                                          "18446744073709551616",
                                          "-1",
                                          "0.5",
                                          "1e3",
                                          "99999999999999999999999"};
    for (size_t at = 8; at < f->header_bytes; at++) {
        if (!is_digit(f->data[at]) || is_digit(f->data[at - 1])) continue;
        size_t end = at;
        while (is_digit(f->data[end])) end++;
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            file changed = replace(f, at, end, numbers[i]);
            use_model(changed.data, changed.bytes, u);
            free(changed.data);
        }
    }
}

/* ---- the files -------------------------------------------------------------------- */

static void report(const char *text, const usage *u) {
    fprintf(stderr, "%s: %d files opened, %d accepted, %d networks run, %d too large to run\n", text,
            (int)u->opened, (int)u->accepted, (int)u->ran, (int)u->too_large);
}

Test(hostile, files_cut_at_every_byte) {
    char text[MODEL_TEXT];
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        file f = file_make(model_make_plain, text);
        cr_assert(expect_sound(&f, text), "%s does not run", text);
        cut_everywhere(&f, text);
        free(f.data);
    }
}

Test(hostile, some_values_of_every_byte_of_every_leaf) {
    char text[MODEL_TEXT];
    usage u = {0};
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        file f = file_make(model_make_plain, text);
        change_some(&f, 0, f.bytes, &u);
        free(f.data);
    }
    report("some values", &u);
    cr_assert_gt(u.accepted, 1000);
}

Test(hostile, every_number_of_every_leaf) {
    char text[MODEL_TEXT];
    usage u = {0};
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        file f = file_make(model_make_plain, text);
        change_numbers(&f, &u);
        free(f.data);
    }
    report("numbers", &u);
    cr_assert_gt(u.accepted, 100);
}

Test(hostile, numbers_of_sums_of_products) {
    char text[MODEL_TEXT];
    usage u = {0};
    for (size_t i = 0; model_format_text(i, OZ_CODEC_INT4, text); i++) {
        file f = file_make(model_make_rich, text);
        expect_sound(&f, text);
        change_numbers(&f, &u);
        free(f.data);
    }
    report("sums", &u);
    cr_assert_gt(u.accepted, 100);
}

/* Networks with every operator: graphs cut short, and other numbers, letters and signs in them. */
Test(hostile, networks) {
    char text[MODEL_TEXT];
    usage u = {0};
    for (size_t i = 0; model_format_text(i, OZ_CODEC_INT4, text); i++) {
        file f = file_make(network_make, text);
        cr_assert(expect_sound(&f, text), "%s does not run", text);
        if (i == 0) cut_everywhere(&f, text);
        change_numbers(&f, &u);
        change_some(&f, 8, i == 0 ? f.header_bytes : 8, &u);
        free(f.data);
    }
    report("networks", &u);
    cr_assert_gt(u.ran, 1000);
}

/* One test a format, so that they run side by side. */
ParameterizedTestParameters(hostile, all_values_of_every_byte) {
    return file_formats();
}

ParameterizedTest(size_t *format, hostile, all_values_of_every_byte) {
    char text[MODEL_TEXT];
    usage u = {0};
    cr_assert(model_format_text(*format, OZ_CODEC_INT4, text));
    file f = file_make(model_make_plain, text);
    change_all(&f, &u);
    free(f.data);
    report(text, &u);
    cr_assert_gt(u.accepted, 1000);
}

/* test_fuzz.c - files of every format with several things wrong at once, at random: what no list of cases
 * has.
 *
 * OZ_TEST_FUZZ=N tries N files of each format instead of a few thousand; OZ_TEST_SEED repeats a run. */
#include "tests/hostile/file.h"
#include "tests/hostile/network.h"
#include "tests/hostile/use.h"
#include "tests/support/chance.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void flip_bit(file *f, chance *c) {
    f->data[chance_below(c, f->bytes)] ^= (uint8_t)(1u << chance_below(c, 8));
}

static void set_byte(file *f, chance *c) {
    static const uint8_t bytes[] = {0, 1, '0', '9', '-', '"', ',', '}', ']', 0x7f, 0x80, 0xff};
    f->data[chance_below(c, f->bytes)] = bytes[chance_below(c, sizeof bytes)];
}

/* A digit of the header: sizes, offsets and parameters that still are numbers. */
static void set_digit(file *f, chance *c) {
    for (int tries = 0; tries < 64; tries++) {
        uint8_t *at = &f->data[8 + chance_below(c, f->header_bytes - 8)];
        if (*at < '0' || *at > '9') continue;
        *at = (uint8_t)('0' + chance_below(c, 10));
        return;
    }
}

static void move_block(file *f, chance *c) {
    size_t n = 1 + chance_below(c, 32);
    if (n >= f->bytes) return;
    memmove(f->data + chance_below(c, f->bytes - n), f->data + chance_below(c, f->bytes - n), n);
}

static void cut(file *f, chance *c) {
    if (chance_below(c, 8) == 0 && f->bytes > 64) f->bytes -= chance_below(c, 64);
}

static void damage(file *f, chance *c) {
    static void (*const ways[])(file * f, chance * c) = {flip_bit,  set_byte,   set_digit,
                                                         set_digit, move_block, cut};
    size_t times = 1 + chance_below(c, 4);
    while (times-- > 0) ways[chance_below(c, sizeof ways / sizeof ways[0])](f, c);
}

static void fuzz(const file *sound, size_t files, chance *c, usage *u) {
    for (size_t i = 0; i < files; i++) {
        file f = {file_copy(sound->data, sound->bytes), sound->bytes, sound->header_bytes};
        damage(&f, c);
        uint8_t *exact = file_copy(f.data, f.bytes); /* a read past the end is seen */
        if (chance_below(c, 2)) fix_hashes(exact, f.bytes);
        use_model(exact, f.bytes, u);
        free(exact);
        free(f.data);
    }
}

static size_t file_count(void) {
    const char *asked = getenv("OZ_TEST_FUZZ");
    return asked ? strtoul(asked, NULL, 10) : 2000;
}

ParameterizedTestParameters(fuzz, files_of_each_format) {
    return file_formats();
}

ParameterizedTest(size_t *format, fuzz, files_of_each_format) {
    char text[MODEL_TEXT];
    usage u = {0};
    chance c = chance_make();
    cr_assert(model_format_text(*format, OZ_CODEC_INT4, text));
    file plain = file_make(model_make_plain, text), rich = file_make(model_make_rich, text);
    fuzz(&plain, file_count() / 2, &c, &u);
    fuzz(&rich, file_count() / 2, &c, &u);
    fprintf(stderr, "%s: %d files, %d accepted, %d networks run\n", text, (int)u.opened, (int)u.accepted,
            (int)u.ran);
    cr_expect_gt(u.accepted, 0);
    cr_expect_lt(u.accepted, u.opened);
    free(plain.data);
    free(rich.data);
}

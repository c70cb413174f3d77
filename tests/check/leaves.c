/* leaves.c - see leaves.h. */
#include "tests/check/leaves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check/report.h"

enum { OFFSETS = 3, SCALES = 2, GROUPS = 4 };

/* ---- options ---------------------------------------------------------------------- */

typedef struct arguments {
    const char *format, *text;
} arguments;

/* Formats with parameters; nm, which has hundreds, is made below. */
static const arguments table[] = {
    {"sparse", ":mask"},
    {"sparse", ":rows"},
    {"sparse", ":mask,block=128"},
    {"sparse", ":mask,block=256"},
    {"sparse", ":rows,block=128"},
    {"sparse", ":rows,block=256"},
    {"hashed", ":pareto,slots=97"},
    {"hashed", ":pareto,slots=1000,start=12345,seed=9"},
    {"hashed", ":pareto,slots=333,sign=mask"},
    {"hashed", ":pareto,slots=4096,sign=none"},
    {"hashed", ":pareto,slots=1024,align=64"},
    {"hashed", ":pareto,slots=256,align=64"},
    {"hashed", ":pareto,slots=320,align=128,start=640,sign=mask"},
    {"hashed", ":pareto,slots=512,align=64,start=64,sign=none"},
    {"hashed", ":roast,slots=1920,align=64"},
    {"hashed", ":robe,slots=80,chunk=16"},
    {"hashed", ":robe,slots=1000,start=7"},
    {"hashed", ":robe,slots=300,chunk=5,sign=mask"},
    {"hashed", ":robe,slots=999,chunk=8,r0=9223372036854775807"},            /* sums that wrap */
    {"hashed", ":robe,slots=900,chunk=16,p=100000000000007,r1=12345678901"}, /* long remainders */
    {"hashed", ":roast,slots=600"},
    {"hashed", ":roast,slots=2000,start=3,sign=none"},
    {"hashed", ":roast,slots=700,block_k=8,block_n=64"},
    {"hashed", ":roast,slots=300,block_k=5,block_n=16,sign=mask"},
    {"hashed", ":roast,slots=5000,block_k=64,block_n=64"},
    {"hashed", ":roast,slots=100,block_k=4,block_n=4"},
};

/* Every N:M that there is, its positions as a list and as a mask. */
static bool nm_arguments(size_t i, char text[LEAF_TEXT]) {
    for (size_t m = 4; m <= 32; m *= 2) {
        if (i < 2 * (m - 1)) {
            snprintf(text, LEAF_TEXT, ":%zu:%zu,form=%s", i / 2 + 1, m, i % 2 ? "mask" : "list");
            return true;
        }
        i -= 2 * (m - 1);
    }
    return false;
}

/* The i-th arguments of the format; false past the last. A format without any has empty ones. */
static bool arguments_of(const oz_format *format, size_t i, char text[LEAF_TEXT]) {
    bool named = false;
    if (strcmp(format->name, "nm") == 0) return nm_arguments(i, text);
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
        if (strcmp(format->name, table[k].format) != 0) continue;
        named = true;
        if (i-- > 0) continue;
        snprintf(text, LEAF_TEXT, "%s", table[k].text);
        return true;
    }
    text[0] = 0;
    return !named && i == 0;
}

static size_t argument_count(const oz_format *format) {
    char text[LEAF_TEXT];
    size_t n = 0;
    while (arguments_of(format, n, text)) n++;
    return n;
}

size_t sample_variants(const oz_format *format, oz_codec_kind codec) {
    if (!(format->codecs & OZ_CODEC_BIT(codec))) return 0;
    return argument_count(format) * (oz_codec_is_integer(codec) ? GROUPS * OFFSETS * SCALES : 1);
}

static void describe(sample *s, const oz_format *format, oz_codec_kind codec, size_t v, bool symmetric) {
    static const char *const offsets[OFFSETS] = {"", ",offset=zero", ",offset=min"};
    static const char *const scales[SCALES] = {"", ",scale=f32"};
    static const char *const groups[GROUPS] = {"", ",group=32", ",group=64", ",group=128"};
    char text[LEAF_TEXT];
    size_t n = argument_count(format), option = v / n;
    arguments_of(format, v % n, text);
    bool integer = oz_codec_is_integer(codec);
    snprintf(s->text, sizeof s->text, "%s%.60s,codec=%s%s%s%s", format->name, text, oz_codec_name(codec),
             integer ? groups[option % GROUPS] : "", integer ? scales[option / GROUPS % SCALES] : "",
             integer && !symmetric ? offsets[option / GROUPS / SCALES] : "");
}

/* ---- packing ---------------------------------------------------------------------- */

float random_number(chance *c) {
    return (float)(chance_unit(c) * 2 - 1);
}

static float *random_weights(chance *c, uint64_t n, unsigned zeros) {
    float *w = malloc(n * sizeof *w);
    float size = (float)(1 << chance_below(c, 5)) / 16;
    if (!w) abort();
    for (uint64_t i = 0; i < n; i++) w[i] = chance_below(c, 100) < zeros ? 0 : size * random_number(c);
    return w;
}

static oz_status pack(sample *s, uint64_t rows, uint64_t cols, const float *weights, oz_error *err) {
    oz_packer p;
    s->leaf = (oz_leaf){.rows = rows, .cols = cols, .name = "leaf"};
    OZ_TRY(oz_leaf_parse(&s->leaf, s->text, strlen(s->text), false, err));
    OZ_TRY(oz_pack_begin(&p, &s->leaf, 1, &s->arena, err));
    OZ_TRY(oz_pack_add(&p, 0, weights, err));
    OZ_TRY(oz_pack_finish(&p, err));
    return oz_leaf_check(&s->leaf, err);
}

/* Random codes, if the format still accepts the leaf. */
static void scramble(sample *s, chance *c) {
    const oz_format *f = s->leaf.format;
    if (!oz_codec_is_integer(s->leaf.codec.kind) || chance_below(c, 2) == 0) return;
    for (size_t i = 0; i < f->n_parts; i++) {
        const oz_part old = s->leaf.part[i];
        uint8_t *bytes = f->parts[i].kind == OZ_PART_VALUES ? oz_arena_alloc(&s->arena, old.bytes, 64) : NULL;
        if (!bytes || !old.data) continue;
        for (uint64_t j = 0; j < old.bytes; j++) bytes[j] = (uint8_t)chance_u64(c);
        s->leaf.part[i].data = bytes;
        if (oz_leaf_check(&s->leaf, NULL) == OZ_OK)
            s->scrambled = true;
        else
            s->leaf.part[i] = old;
    }
}

static void unpack(sample *s) {
    const oz_leaf *leaf = &s->leaf;
    bool codes = leaf->format->codes && oz_codec_is_integer(leaf->codec.kind);
    s->weights = malloc(leaf->rows * leaf->cols * sizeof *s->weights);
    s->codes = codes ? malloc(leaf->rows * leaf->cols) : NULL;
    if (!s->weights || (codes && !s->codes)) abort();
    for (uint64_t r = 0; r < leaf->rows; r++) {
        leaf->format->row(leaf, r, 0, leaf->cols, s->weights + r * leaf->cols);
        if (codes) leaf->format->codes(leaf, r, 0, leaf->cols, s->codes + r * leaf->cols);
    }
}

bool sample_describe(sample *s, const oz_format *format, oz_codec_kind codec, size_t v, uint64_t rows,
                     uint64_t cols) {
    *s = (sample){.leaf = {.rows = rows, .cols = cols, .name = "leaf"}};
    describe(s, format, codec, v, true);
    return oz_leaf_parse(&s->leaf, s->text, strlen(s->text), false, NULL) == OZ_OK;
}

bool sample_make(sample *s, const oz_format *format, oz_codec_kind codec, size_t v, uint64_t rows,
                 uint64_t cols, unsigned zeros, chance *c) {
    oz_error err = {0};
    float *weights = random_weights(c, rows * cols, zeros);
    *s = (sample){.zeros = zeros};
    describe(s, format, codec, v, false);
    oz_status status = pack(s, rows, cols, weights, &err);
    if (status == OZ_ERR_SUPPORT || status == OZ_ERR_FORMAT) { /* the format has no such offsets */
        describe(s, format, codec, v, true);
        status = pack(s, rows, cols, weights, &err);
    }
    free(weights);
    if (status != OZ_OK) {
        report_failure("%s, %llu x %llu, cannot be packed: %s", s->text, (unsigned long long)rows,
                       (unsigned long long)cols, err.message);
        oz_arena_free(&s->arena);
        return false;
    }
    scramble(s, c);
    unpack(s);
    return true;
}

void sample_free(sample *s) {
    free(s->weights);
    free(s->codes);
    oz_arena_free(&s->arena);
}

/* check_kernels.c - every kernel of every format, codec and instruction set against the format's own `row`.
 *
 * A plain program, so that an emulator can run it where the CPU lacks an instruction set. Cases are random
 * leaves of all formats and codecs in shapes that end inside of panels, blocks and vectors; a kernel that no
 * case reaches is a failure. The same seed gives the same cases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arith.h"
#include "tests/check/check.h"
#include "tests/check/report.h"

typedef struct options {
    uint64_t seed;
    unsigned isas; /* bit i: instruction set i; 0 = all of this CPU */
    bool brief, list;
} options;

/* How much is tried. */
typedef struct effort {
    size_t leaves, rounds, most_columns; /* leaves of a format and codec */
    const uint16_t *rows, *cols;         /* end with 0 */
} effort;

static const uint16_t all_rows[] = {1, 5, 15, 16, 17, 31, 32, 33, 48, 70, 0};
static const uint16_t all_cols[] = {1,   2,   3,   4,   5,   7,   8,   15,  16,  17,  31,  32,   33,
                                    47,  63,  64,  65,  96,  100, 127, 128, 129, 130, 160, 191,  200,
                                    255, 256, 257, 300, 383, 384, 390, 511, 512, 513, 640, 1100, 0};
static const uint16_t few_rows[] = {17, 5, 16, 0};
static const uint16_t few_cols[] = {37, 129, 262, 128, 1, 0};

static const effort full = {
    .leaves = 120, .rounds = 200, .most_columns = OZ_COLUMNS, .rows = all_rows, .cols = all_cols};
static const effort brief = {.leaves = 8, .rounds = 6, .most_columns = 5, .rows = few_rows, .cols = few_cols};

static size_t pick(const uint16_t *from, size_t i) {
    size_t n = 0;
    while (from[n]) n++;
    return from[i % n];
}

static bool wanted(const options *o, int isa) {
    return isa <= (int)oz_cpu_isa() && oz_primitives_of((oz_isa)isa) &&
           (o->isas == 0 || (o->isas >> isa & 1));
}

/* ---- leaves ----------------------------------------------------------------------- */

/* Leaves whose format has kernels somewhere; the others run through `row`. */
static bool has_kernels(const oz_format *format) {
    for (int isa = 0; isa < OZ_ISA_COUNT; isa++)
        if (oz_primitives_of((oz_isa)isa) && oz_kernels_of(format, (oz_isa)isa)) return true;
    return false;
}

static void check_leaf(const options *o, const effort *e, const oz_format *format, oz_codec_kind codec,
                       size_t v) {
    static size_t turn;
    static const unsigned zeros[] = {0, 50, 90, 99};
    chance c = {o->seed + turn * 1000003};
    size_t cols = pick(e->cols, turn),
           rows = cols > 600 ? 1 + chance_below(&c, 20) : pick(e->rows, chance_below(&c, 64));
    size_t columns = oz_max(OZ_MV_BATCH, 1 + chance_below(&c, e->most_columns));
    sample s;
    truth t;
    report_setting("seed %llu", (unsigned long long)o->seed);
    if (!sample_make(&s, format, codec, v, rows, cols, zeros[chance_below(&c, 4)], &c)) return;
    report_setting("%s, %zu x %zu, %u %% zeros%s, seed %llu", s.text, rows, cols, s.zeros,
                   s.scrambled ? ", random codes" : "", (unsigned long long)o->seed);
    truth_inputs(&t, columns, cols, &c);
    truth_products(&t, &s);
    for (int isa = 0; isa < OZ_ISA_COUNT; isa++)
        if (wanted(o, isa)) check_products((oz_isa)isa, &s, &t, turn);
    turn++;
    truth_free(&t);
    sample_free(&s);
}

/* Variants are visited with a stride that is prime to their number, codecs begin at different ones: all of
 * them where there are few, else a different sample for each codec. */
static void check_codec(const options *o, const effort *e, const oz_format *format, oz_codec_kind codec) {
    const size_t stride = 1009, variants = sample_variants(format, codec);
    for (size_t i = 0; i < e->leaves && variants; i++)
        check_leaf(o, e, format, codec, (i * stride + codec * e->leaves + (size_t)(o->seed % 97)) % variants);
}

/* A kernel of the format that takes the leaf and has not been run. */
static bool is_new(const options *o, const oz_leaf *leaf) {
    for (int isa = 0; isa < OZ_ISA_COUNT; isa++) {
        const oz_kernels *k = wanted(o, isa) ? oz_kernels_of(leaf->format, (oz_isa)isa) : NULL;
        for (const oz_mv *mv = k ? k->mv : NULL; mv && mv->name; mv++)
            if ((!mv->takes || mv->takes(leaf)) && !report_was_run(mv->name)) return true;
        for (const oz_decoder *d = k ? k->decoders : NULL; d && d->name; d++)
            if ((!d->takes || d->takes(leaf)) && !report_was_run(d->name)) return true;
    }
    return false;
}

/* Leaves for kernels that take a few kinds only and were missed. */
static void check_the_rest(const options *o, const effort *e, const oz_format *format) {
    for (int codec = 0; codec < OZ_CODEC_COUNT; codec++) {
        sample s;
        size_t variants = sample_variants(format, (oz_codec_kind)codec);
        for (size_t v = 0; v < variants; v++)
            if (sample_describe(&s, format, (oz_codec_kind)codec, v, 17, 37) && is_new(o, &s.leaf))
                check_leaf(o, e, format, (oz_codec_kind)codec, v);
    }
}

/* ---- all kernels that there are --------------------------------------------------- */

static void each_kernel(const options *o, const oz_format *format, void (*fn)(const char *name)) {
    for (int isa = 0; isa < OZ_ISA_COUNT; isa++) {
        const oz_kernels *k = wanted(o, isa) ? oz_kernels_of(format, (oz_isa)isa) : NULL;
        for (const oz_mv *mv = k ? k->mv : NULL; mv && mv->name; mv++) fn(mv->name);
        for (const oz_decoder *d = k ? k->decoders : NULL; d && d->name; d++) fn(d->name);
    }
}

static bool all_run;

static void look_for(const char *name) {
    all_run = all_run && report_was_run(name);
}

static void print(const char *name) {
    printf("%s\n", name);
}

static void expect_run(const char *name) {
    if (!report_was_run(name)) report_failure("no leaf reaches %s: add one to leaves.c", name);
}

static void check_leaves(const options *o, const effort *e) {
    const oz_format *format;
    for (size_t f = 0; (format = oz_format_at(f)); f++) {
        if (!has_kernels(format)) continue;
        for (int codec = 0; codec < OZ_CODEC_COUNT; codec++) check_codec(o, e, format, (oz_codec_kind)codec);
        all_run = true;
        each_kernel(o, format, look_for);
        if (!all_run) check_the_rest(o, e, format);
        each_kernel(o, format, expect_run);
    }
}

/* ---- the program ------------------------------------------------------------------ */

static int usage(void) {
    fprintf(stderr, "Usage: check_kernels [--isa NAME]... [--seed N] [--short] [--list]\n"
                    "  --isa NAME  scalar, avx2, avx512 or avx512vnni [all that this CPU has]\n"
                    "  --seed N    of the random cases [from the clock]\n"
                    "  --short     every kernel and tail in few small shapes, for an emulator\n"
                    "  --list      print the kernels' names and exit\n");
    return 2;
}

static bool read_options(options *o, int argc, char **argv) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const char *seed = getenv("OZ_TEST_SEED");
    *o = (options){0};
    o->seed =
        seed ? strtoull(seed, NULL, 0) : (uint64_t)now.tv_nsec / 1000 + (uint64_t)now.tv_sec % 1000 * 1000000;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--short") == 0) {
            o->brief = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            o->list = true;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            o->seed = strtoull(argv[++i], NULL, 0);
        } else if (strcmp(argv[i], "--isa") == 0 && i + 1 < argc) {
            int isa = oz_isa_parse(argv[++i]);
            if (isa < 0) return false;
            o->isas |= 1u << isa;
        } else {
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    options o;
    if (!read_options(&o, argc, argv)) return usage();
    if (o.isas >> oz_cpu_isa() > 1) {
        fprintf(stderr, "this CPU stops at %s\n", oz_isa_text(oz_cpu_isa()));
        return 2;
    }
    if (o.list) {
        for (size_t f = 0; oz_format_at(f); f++) each_kernel(&o, oz_format_at(f), print);
        return 0;
    }
    const effort *e = o.brief ? &brief : &full;
    printf("seed %llu, this CPU: %s\n", (unsigned long long)o.seed, oz_isa_text(oz_cpu_isa()));
    for (int isa = 0; isa < OZ_ISA_COUNT; isa++) {
        if (!wanted(&o, isa)) continue;
        check_primitives((oz_isa)isa, e->rounds, o.seed);
        check_vectors((oz_isa)isa, e->rounds / 4, o.seed);
        check_gathering((oz_isa)isa, e->rounds, o.seed);
        check_winograd((oz_isa)isa, e->rounds, o.seed);
    }
    check_leaves(&o, e);
    return report_summary() ? 0 : 1;
}

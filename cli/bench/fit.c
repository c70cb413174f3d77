/* fit.c - see fit.h.
 *
 * Every candidate of every layer of a list is timed, those of a layer in turns. The whole list has several
 * passes, minutes apart, of which the fastest times count, as a neighbour may slow a machine for seconds. For
 * each kernel, the coefficients of its amounts (oz_cost) are those that minimise the squares of the relative
 * errors
 *
 *     sum over its samples of  (c . amount / t - 1)^2,     c >= 0
 *
 * For each family of kernels alike it is the same over all samples of the family, which is what a kernel
 * costs that has no line. */
#include "cli/bench/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/bench/fork.h"
#include "cli/bench/machine.h"
#include "cli/bench/median.h"
#include "cli/bench/nnls.h"
#include "cli/bench/shared_cache.h"
#include "cli/bench/sweep.h"
#include "cli/files.h"
#include "cli/model.h"
#include "cli/terminal.h"
#include "cli/turns.h"

typedef struct oz_sample {
    char kernel[64]; /* without its suffixes */
    oz_cost cost;
    double ns; /* < 0: not timed */
} oz_sample;

/* Turns of a layer in a pass; no further one where they have taken so long. */
enum { PASSES = 3, TURNS = 2 };
#define LONG_NS 200000000u

typedef struct oz_fit {
    const oz_fit_options *opt;
    double awake[PASSES], asleep[PASSES], shared[PASSES]; /* of the machine */
    oz_sample *samples;                                   /* in the order of a pass, which is that of all */
    size_t n, room, at;
    int pass, code;
} oz_fit;

/* ---- timing --------------------------------------------------------------------------------- */

static void add_sample(oz_fit *f, const oz_candidate *c) {
    if (f->n == f->room && !f->code) {
        f->room = f->room ? 2 * f->room : 1024;
        oz_sample *more = realloc(f->samples, f->room * sizeof *more);
        if (!more) f->code = oz_memory_error();
        if (more) f->samples = more;
    }
    if (f->code) return;
    oz_sample *s = &f->samples[f->n++];
    *s = (oz_sample){.cost = c->cost, .ns = c->measured_ns};
    const char *suffix = strstr(c->kernel, "__");
    int stem = suffix ? (int)(suffix - c->kernel) : (int)strlen(c->kernel);
    snprintf(s->kernel, sizeof s->kernel, "%.*s", stem, c->kernel);
}

/* A candidate that looked too slow to be timed in one pass may have been timed in another. */
static void keep_fastest(oz_fit *f, const oz_candidate *c) {
    oz_sample *s = &f->samples[f->at++];
    if (s->ns < 0 || (c->measured_ns > 0 && c->measured_ns < s->ns)) s->ns = c->measured_ns;
}

static int time_case(void *ctx, const oz_sweep_case *c) {
    oz_fit *f = ctx;
    oz_plan_options opt = oz_plan_from(f->opt->common, c->columns);
    oz_turns turns = {0};
    const uint64_t start = oz_terminal_clock_ns();
    int code = EXIT_DONE;
    opt.threads = (int)c->threads;
    for (int i = 0; !code && i < TURNS && oz_terminal_clock_ns() - start < LONG_NS; i++)
        code = oz_turn(&turns, c->method, c->model, &opt);
    for (size_t i = 0; !code && i < turns.n; i++) (f->pass ? keep_fastest : add_sample)(f, &turns.list[i]);
    oz_turns_free(&turns);
    return code ? code : f->code;
}

static int time_all(oz_fit *f) {
    const oz_fit_options *opt = f->opt;
    oz_sweep sweep = {
        .common = opt->common, .path = opt->path, .seed = opt->seed, .ctx = f, .each = time_case};
    int code = EXIT_DONE;
    for (f->pass = 0; !code && f->pass < PASSES; f->pass++) {
        f->at = 0;
        code = oz_bench_fork(&f->awake[f->pass], &f->asleep[f->pass]);
        if (!code) code = oz_bench_shared_cache(opt->common, &f->shared[f->pass]);
        if (!code) code = oz_sweep_run(&sweep);
    }
    size_t timed = 0;
    for (size_t i = 0; i < f->n; i++)
        if (f->samples[i].ns > 0) f->samples[timed++] = f->samples[i];
    f->n = timed;
    return code;
}

/* ---- fitting -------------------------------------------------------------------------------- */

static int compare_kernels(const oz_sample *a, const oz_sample *b) {
    int order = strcmp(a->cost.way, b->cost.way);
    if (!order) order = strcmp(a->cost.format, b->cost.format);
    if (!order) order = strcmp(a->cost.codec, b->cost.codec);
    return order ? order : strcmp(a->kernel, b->kernel);
}

static int compare_families(const oz_sample *a, const oz_sample *b) {
    int order = strcmp(a->cost.way, b->cost.way);
    return order ? order : strcmp(a->cost.family, b->cost.family);
}

static int by_kernel(const void *a, const void *b) {
    return compare_kernels(a, b);
}

static int by_family(const void *a, const void *b) {
    return compare_families(a, b);
}

typedef struct oz_fitted {
    double ns[OZ_COST_TERMS];
    double mean, most; /* relative error */
} oz_fitted;

_Static_assert((int)OZ_COST_TERMS <= (int)OZ_NNLS_MOST, "more amounts than are fitted");

static oz_fitted fit(const oz_sample *s, size_t n) {
    double ata[OZ_COST_TERMS * OZ_COST_TERMS] = {0}, atb[OZ_COST_TERMS] = {0};
    oz_fitted out = {.mean = 0};
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < OZ_COST_TERMS; i++) {
            double a = s[k].cost.amount[i] / s[k].ns;
            atb[i] += a;
            for (size_t j = 0; j < OZ_COST_TERMS; j++)
                ata[i * OZ_COST_TERMS + j] += a * s[k].cost.amount[j] / s[k].ns;
        }
    }
    oz_nnls(OZ_COST_TERMS, ata, atb, out.ns);
    for (size_t k = 0; k < n; k++) {
        double predicted = 0;
        for (size_t i = 0; i < OZ_COST_TERMS; i++) predicted += out.ns[i] * s[k].cost.amount[i];
        double error = fabs(predicted / s[k].ns - 1);
        out.mean += error / (double)n;
        out.most = fmax(out.most, error);
    }
    return out;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_line(FILE *out, const oz_sample *s, size_t n, bool family) {
    oz_fitted f = fit(s, n);
    fprintf(out, "    {\"%s\", \"%s\", \"%s\", \"%s\", {", s->cost.way, family ? "" : s->cost.format,
            family ? "" : s->cost.codec, family ? s->cost.family : s->kernel);
    for (size_t i = 0; i < OZ_COST_TERMS; i++) fprintf(out, "%s%.4g", i ? ", " : "", f.ns[i]);
    fprintf(out, "}}, /* %zu: %.0f %%, %.0f %% */\n", n, 100 * f.mean, 100 * f.most);
}

static void write_lines(FILE *out, oz_fit *f, bool families) {
    int (*same)(const oz_sample *, const oz_sample *) = families ? compare_families : compare_kernels;
    qsort(f->samples, f->n, sizeof *f->samples, families ? by_family : by_kernel);
    for (size_t i = 0, n; i < f->n; i += n) {
        for (n = 1; i + n < f->n && same(&f->samples[i], &f->samples[i + n]) == 0;) n++;
        write_line(out, &f->samples[i], n, families);
    }
}

/* "runtime/costs/zen5-avx2.inc" -> "zen5_avx2" */
static void name_table(const char *path, char name[64]) {
    const char *file = path ? strrchr(path, '/') : NULL;
    snprintf(name, 64, "%.60s", file ? file + 1 : path ? path : "this_machine");
    name[strcspn(name, ".")] = '\0';
    for (char *c = name; *c; c++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789", *c)) *c = '_';
    }
}

static void write_head(FILE *out, const oz_fit *f) {
    const oz_common *common = f->opt->common;
    time_t now = time(NULL);
    char date[32] = "";
    struct tm day;
    if (gmtime_r(&now, &day)) strftime(date, sizeof date, "%Y-%m-%d", &day);
    fprintf(out, "/* What kernels take on %s,", oz_safe_text(oz_processor_field("model name")));
    fprintf(out, " family %s", oz_safe_text(oz_processor_field("cpu family")));
    fprintf(out, ", model %s,\n", oz_safe_text(oz_processor_field("model")));
    fprintf(out, " * with %s. Written by `ounce bench fit` (compiler %s) on %s.\n *\n",
            common->isa ? common->isa : oz_isa_name(), __VERSION__, date);
    fprintf(
        out,
        " * A line: way, format, codec, kernel (or, of no format, a family), then ns per call, sum, weight,\n"
        " * stored weight, product, streamed and fetched byte, gathered input, scattered output, once, and\n"
        " * place; how many times were fitted, and how far they are off, on average and at most. */\n");
}

static void write_table(oz_fit *f, FILE *out) {
    char name[64];
    name_table(f->opt->output, name);
    write_head(out, f);
    fprintf(out, "static const double %s_cache_bytes = %.0f, %s_shared_bytes = %.0f;\n", name,
            (double)oz_cache_bytes(2), name, oz_median(f->shared, PASSES));
    fprintf(out, "static const double %s_awake_ns = %.0f, %s_asleep_ns = %.0f;\n", name,
            oz_median(f->awake, PASSES), name, oz_median(f->asleep, PASSES));
    fprintf(out, "/* clang-format off */\nstatic const oz_cost_line %s_lines[] = {\n", name);
    write_lines(out, f, false);
    write_lines(out, f, true);
    fprintf(out, "};\n");
}

static int save(oz_fit *f) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return oz_memory_error();
    write_table(f, out);
    int code = fclose(out) == 0 ? EXIT_DONE : oz_memory_error();
    if (!code && f->opt->output) code = oz_save_file(f->opt->output, text, bytes, true);
    if (!code && !f->opt->output) fwrite(text, 1, bytes, stdout);
    free(text);
    return code;
}

int oz_bench_fit(const oz_fit_options *opt) {
    oz_fit f = {.opt = opt};
    int code = oz_check_output(opt->output, true);
    if (!code) code = time_all(&f);
    if (!code) code = save(&f);
    free(f.samples);
    return code;
}

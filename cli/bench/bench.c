/* bench.c - ounce bench: kernels, layers and models, timed side by side; tables of targets.
 *
 * bench kernel   every candidate of a plan for one leaf, bare, on one thread
 * bench layer    whole layers from row-major input to row-major output, dense f32 beside them
 * bench model    whole models
 * bench targets  a table of layers and what each is to reach
 * bench fit      what every kernel takes, as a table for the library's plans
 * bench crossover  from which share of zeros on sparse layers are faster than dense ones
 *
 * Layers and models show beside their time that of their kernels alone.
 *
 * Subjects take turns, run after run, so that a slow moment of the machine hits all of them; the median
 * counts. A ratio is always to the dense layer of the same shape in the same run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench/crossover.h"
#include "cli/bench/fit.h"
#include "cli/bench/kernels.h"
#include "cli/bench/race.h"
#include "cli/bench/report.h"
#include "cli/bench/stock.h"
#include "cli/bench/targets.h"
#include "cli/model.h"
#include "cli/options.h"
#include "cli/terminal.h"

typedef struct oz_bench_fields {
    oz_common common;
    oz_texts methods, batches, rivals;
    const char *shape, *layer, *rivals_command, *only, *nets, *markdown, *plot, *output;
    uint64_t runs, seed;
    bool trial, cold;
} oz_bench_fields;

static const oz_option options[] = {
    {"method", 'm', OZ_OPTION_TEXTS, "METHOD", "compress the layer so; may be repeated (a default set)",
     offsetof(oz_bench_fields, methods)},
    {"shape", 's', OZ_OPTION_TEXT, "ROWSxCOLS", "a random layer of this shape (1024x1024)",
     offsetof(oz_bench_fields, shape)},
    {"layer", 'l', OZ_OPTION_TEXT, "NAME", "this layer of the model (all)", offsetof(oz_bench_fields, layer)},
    {"batch", 'b', OZ_OPTION_TEXTS, "N", "batch; may be repeated (1 and 64)",
     offsetof(oz_bench_fields, batches)},
    {"runs", 'r', OZ_OPTION_COUNT, "N", "timed runs of each, after one warm-up (15)",
     offsetof(oz_bench_fields, runs)},
    {"trial", 't', OZ_OPTION_FLAG, NULL, "let plans time their candidates", offsetof(oz_bench_fields, trial)},
    {"cold", 'c', OZ_OPTION_FLAG, NULL, "read weights from memory: rotate over more copies than caches hold",
     offsetof(oz_bench_fields, cold)},
    {"rival", 0, OZ_OPTION_TEXTS, "NAME[:CODEC[:SPARSITY]]",
     "time this engine beside ours; may be repeated (see benchmarks/rivals)",
     offsetof(oz_bench_fields, rivals)},
    {"rivals", 0, OZ_OPTION_TEXT, "COMMAND", "what starts rivals (benchmarks/rivals/run)",
     offsetof(oz_bench_fields, rivals_command)},
    {"only", 'o', OZ_OPTION_TEXT, "TEXT", "of targets, those with this text in their line",
     offsetof(oz_bench_fields, only)},
    {"nets", 0, OZ_OPTION_TEXT, "FOLDER", "where the networks of targets lie (build/nets)",
     offsetof(oz_bench_fields, nets)},
    {"markdown", 0, OZ_OPTION_TEXT, "FILE", "write the table there, too, in Markdown",
     offsetof(oz_bench_fields, markdown)},
    {"plot", 'p', OZ_OPTION_TEXT, "FILE.svg", "draw a chart there", offsetof(oz_bench_fields, plot)},
    {"output", 0, OZ_OPTION_TEXT, "FILE", "write what was fitted there, not to the terminal",
     offsetof(oz_bench_fields, output)},
    {"seed", 0, OZ_OPTION_COUNT, "N", "of the random layer (1)", offsetof(oz_bench_fields, seed)},
};

static const char *const default_methods[] = {"dense,codec=f16",
                                              "dense,codec=int8",
                                              "dense,codec=int4,group=128",
                                              "dense,codec=int3,group=128",
                                              "dense,codec=int2,group=128",
                                              "dense,codec=ternary",
                                              "sparse,codec=f32,sparsity=0.9",
                                              "sparse,codec=int8,sparsity=0.8",
                                              "nm:2:4,codec=f32",
                                              "nm:2:8,codec=int8",
                                              "nm:1:8,codec=int4",
                                              "hashed:pareto,codec=f32,ratio=0.1",
                                              "hashed:roast,codec=f32,ratio=0.1",
                                              "lowrank,codec=f32,rank=64"};

enum { MAX_BATCHES = 16 };

typedef struct oz_bench {
    const oz_bench_fields *f;
    const char *title;
    uint32_t batches[MAX_BATCHES], batch; /* all to measure; the one under way */
    size_t n_batches, runs;
    oz_output out;
} oz_bench;

static oz_race race_of(const oz_bench *b) {
    return (oz_race){.title = b->title,
                     .common = &b->f->common,
                     .batch = b->batch,
                     .runs = b->runs,
                     .cold = b->f->cold,
                     .trial = b->f->trial};
}

/* ---- bench layer: every form of one layer, and rivals ----------------------------------- */

static int add_rivals(oz_bench *b, oz_race *r, uint64_t rows, uint64_t cols) {
    const oz_texts *rivals = &b->f->rivals;
    int code = EXIT_DONE;
    for (size_t i = 0; !code && i < rivals->count; i++) {
        oz_rival_task task = {.rows = rows,
                              .cols = cols,
                              .batch = b->batch,
                              .threads = b->f->common.threads,
                              .isa = b->f->common.isa,
                              .cold = b->f->cold};
        bool able;
        if (!task.threads) task.threads = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
        code = oz_race_add_rival(r, rivals->text[i], b->f->rivals_command, &task, &able);
    }
    return code;
}

static int race_layers(oz_bench *b, const oz_stock *stock, uint64_t rows, uint64_t cols) {
    oz_race r = race_of(b);
    int code = oz_race_open(&r);
    for (size_t i = 0; !code && i < stock->n; i++)
        code = oz_race_add(&r, stock->items[i].method, stock->items[i].file, stock->items[i].model);
    if (!code) code = add_rivals(b, &r, rows, cols);
    if (!code) code = oz_race_run(&r);
    if (!code) oz_race_report(&r, &b->out);
    oz_race_close(&r);
    return code;
}

/* A method of the default set that this shape is too small for is left out, with a remark. */
static int fill_stock(oz_bench *b, oz_stock *stock) {
    const oz_texts *given = &b->f->methods;
    size_t n = given->count ? given->count : OZ_COUNT_OF(default_methods);
    int code = EXIT_DONE;
    for (size_t i = 0; !code && i < n; i++) {
        const char *method = given->count ? given->text[i] : default_methods[i];
        const oz_item *item;
        oz_error err = {0};
        code = oz_stock_take(stock, method, &item, &err);
        if (code || item) continue;
        if (given->count || err.status == OZ_ERR_MEMORY) return oz_report_error(method, &err);
        if (!b->f->common.quiet) fprintf(stderr, "ounce: left out %s: %s\n", method, err.message);
    }
    return code;
}

/* ---- what to bench --------------------------------------------------------------------- */

static int bench_layer_of(oz_bench *b, const oz_model *m, size_t layer, uint64_t rows, uint64_t cols,
                          bool kernels) {
    static oz_stock stock;
    char title[160];
    oz_layer_info info = {.name = "random layer", .rows = rows, .cols = cols};
    if (m && oz_model_layer(m, layer, &info) != OZ_OK) return EXIT_INTERNAL;
    snprintf(title, sizeof title, "%.100s, %llu x %llu", oz_safe_text(info.name),
             (unsigned long long)info.rows, (unsigned long long)info.cols);
    b->title = title;
    int code = oz_stock_open(&stock, &b->f->common, b->f->seed, m, layer, rows, cols);
    if (!code) code = fill_stock(b, &stock);
    if (!code && kernels) code = oz_bench_kernels(&b->f->common, &stock, b->batches, b->n_batches, &b->out);
    for (size_t i = 0; !code && !kernels && i < b->n_batches; i++) {
        b->batch = b->batches[i];
        code = race_layers(b, &stock, info.rows, info.cols);
    }
    oz_stock_close(&stock);
    return code;
}

static int bench_layers_of_file(oz_bench *b, const char *path, bool kernels) {
    oz_model *m;
    int code = oz_open_model(path, &m);
    if (code) return code;
    size_t found = 0;
    for (size_t i = 0; !code && i < oz_model_layers(m); i++) {
        oz_layer_info info;
        if (oz_model_layer(m, i, &info) != OZ_OK || (b->f->layer && strcmp(b->f->layer, info.name) != 0))
            continue;
        code = bench_layer_of(b, m, i, 0, 0, kernels);
        found++;
    }
    oz_model_free(m);
    if (!found && !code) return oz_usage_error("%s has no such layer", path);
    return code;
}

static int read_shape(const oz_bench *b, uint64_t *rows, uint64_t *cols) {
    unsigned long long r = 1024, c = 1024;
    char rest;
    if (b->f->shape && sscanf(b->f->shape, "%llux%llu%c", &r, &c, &rest) != 2)
        return oz_usage_error("--shape: ROWSxCOLS, as 1024x4096");
    *rows = r, *cols = c;
    return EXIT_DONE;
}

static int bench_layers(oz_bench *b, bool kernels) {
    const oz_texts *arguments = &b->f->common.arguments;
    for (size_t i = 1; i < arguments->count; i++) {
        int code = bench_layers_of_file(b, arguments->text[i], kernels);
        if (code) return code;
    }
    if (arguments->count > 1) return EXIT_DONE;
    uint64_t rows, cols;
    int code = read_shape(b, &rows, &cols);
    return code ? code : bench_layer_of(b, NULL, 0, rows, cols, kernels);
}

static int race_models(oz_bench *b, oz_model **models) {
    const oz_texts *arguments = &b->f->common.arguments;
    oz_race r = race_of(b);
    int code = oz_race_open(&r);
    for (size_t i = 1; !code && i < arguments->count; i++)
        code = oz_race_add(&r, oz_short_name(arguments->text[i]), (oz_buffer){0}, models[i]);
    if (!code) code = oz_race_run(&r);
    if (!code) oz_race_report(&r, &b->out);
    oz_race_close(&r);
    return code;
}

static int bench_models(oz_bench *b) {
    const oz_texts *arguments = &b->f->common.arguments;
    if (arguments->count < 2) return oz_usage_error("bench model needs a model");
    if (b->f->cold) return oz_usage_error("--cold is for layers");
    oz_model *models[OZ_RACE_ENTRIES] = {NULL};
    int code = EXIT_DONE;
    b->title = "whole models";
    for (size_t i = 1; !code && i < arguments->count; i++)
        code = oz_open_model(arguments->text[i], &models[i]);
    for (size_t i = 0; !code && i < b->n_batches; i++) {
        b->batch = b->batches[i];
        code = race_models(b, models);
    }
    for (size_t i = 1; i < arguments->count; i++) oz_model_free(models[i]);
    return code;
}

static int bench_targets(oz_bench *b) {
    const oz_texts *arguments = &b->f->common.arguments;
    if (arguments->count != 2) return oz_usage_error("bench targets needs a table of targets");
    oz_targets_options opt = {.common = &b->f->common,
                              .path = arguments->text[1],
                              .only = b->f->only,
                              .rivals = b->f->rivals_command,
                              .nets = b->f->nets,
                              .runs = b->runs,
                              .seed = b->f->seed};
    return oz_bench_targets(&opt, &b->out);
}

static int bench_crossover(oz_bench *b) {
    static const uint32_t classes[] = {1, 4, 16, 64, 512};
    static oz_crossover c;
    bool given = b->f->batches.count > 0;
    c = (oz_crossover){.common = &b->f->common,
                       .rivals = b->f->rivals_command,
                       .threads = b->f->common.threads,
                       .seed = b->f->seed,
                       .runs = b->runs,
                       .batches = given ? b->batches : classes,
                       .n = given ? b->n_batches : OZ_COUNT_OF(classes)};
    int code = read_shape(b, &c.rows, &c.cols);
    if (!code) code = oz_bench_crossover(&c, &b->out);
    return code;
}

static int bench_fit(const oz_bench *b) {
    const oz_texts *arguments = &b->f->common.arguments;
    if (arguments->count != 2) return oz_usage_error("bench fit needs a list of layers");
    oz_fit_options opt = {
        .common = &b->f->common, .path = arguments->text[1], .output = b->f->output, .seed = b->f->seed};
    return oz_bench_fit(&opt);
}

static int read_numbers(oz_bench *b) {
    const oz_texts *given = &b->f->batches;
    if (given->count > MAX_BATCHES) return oz_usage_error("--batch: at most %d of them", MAX_BATCHES);
    for (size_t i = 0; i < given->count; i++) {
        uint64_t n;
        if (!oz_parse_count(given->text[i], &n) || n > 65536)
            return oz_usage_error("--batch: '%s' is not a whole number from 1 to 65536", given->text[i]);
        b->batches[b->n_batches++] = (uint32_t)n;
    }
    if (!given->count) b->batches[b->n_batches++] = 1, b->batches[b->n_batches++] = 64;
    if (b->f->runs > OZ_RACE_RUNS) return oz_usage_error("--runs: at most %d", OZ_RACE_RUNS);
    b->runs = b->f->runs ? b->f->runs : 15;
    return EXIT_DONE;
}

static int bench_what(oz_bench *b, const char *what) {
    if (strcmp(what, "kernel") == 0) return bench_layers(b, true);
    if (strcmp(what, "layer") == 0) return bench_layers(b, false);
    if (strcmp(what, "model") == 0) return bench_models(b);
    if (strcmp(what, "targets") == 0) return bench_targets(b);
    if (strcmp(what, "crossover") == 0) return bench_crossover(b);
    if (strcmp(what, "fit") == 0) return bench_fit(b);
    return oz_usage_error("bench what? kernel, layer, model, targets, crossover or fit");
}

static int run(const void *fields) {
    static oz_bench b;
    b.f = fields;
    int code = read_numbers(&b);
    if (!code) code = oz_output_open(&b.out, b.f->common.json, b.f->markdown, b.f->plot);
    if (!code) code = bench_what(&b, b.f->common.arguments.text[0]);
    return oz_output_close(&b.out, "Speed beside dense f32", code);
}

const oz_verb oz_verb_bench = {
    .name = "bench",
    .summary = "Time kernels, layers or models side by side",
    .usage = "kernel|layer|model [MODEL]... [--shape ROWSxCOLS] [--method METHOD]... [--batch N]...\n"
             "       ounce bench targets TABLE [--only TEXT]\n"
             "       ounce bench crossover [--shape ROWSxCOLS] [--batch N]...\n"
             "       ounce bench fit LAYERS [--isa NAME] [--output FILE]",
    .examples = "  ounce bench layer --shape 4096x4096 --batch 1 -m dense,codec=int4,group=128\n"
                "  ounce bench model dense.safetensors small.safetensors\n",
    .options = options,
    .n_options = OZ_COUNT_OF(options),
    .fields = sizeof(oz_bench_fields),
    .min_arguments = 1,
    .max_arguments = OZ_RACE_ENTRIES - 1,
    .run = run};

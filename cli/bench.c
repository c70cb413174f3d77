/* bench.c - ounce bench: kernels, layers and models, timed side by side.
 *
 * bench kernel   every candidate of a plan for one leaf, bare, on one thread
 * bench layer    whole layers from row-major input to row-major output, dense f32 beside them
 * bench model    whole models
 *
 * Layers and models show beside their time that of their kernels alone, on one thread.
 *
 * Subjects take turns, run after run, so that a slow moment of the machine hits all of them; the median
 * counts. A ratio is always to the dense layer of the same shape in the same run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/model.h"
#include "cli/options.h"
#include "cli/subject.h"
#include "cli/terminal.h"

typedef struct oz_bench_fields {
    oz_common common;
    oz_texts methods, batches;
    const char *shape, *layer;
    uint64_t runs, seed;
    bool trial;
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

enum { MAX_SUBJECTS = 64, MAX_BATCHES = 16 };

typedef struct oz_bench {
    const oz_bench_fields *f;
    oz_subject subjects[MAX_SUBJECTS];
    size_t n;
    const char *title;
    uint32_t batches[MAX_BATCHES], batch; /* all to measure; the one under way */
    size_t n_batches, runs;
    json_t *json;
} oz_bench;

/* ---- subjects ------------------------------------------------------------------------ */

static void free_subjects(oz_bench *b) {
    for (size_t i = 0; i < b->n; i++) oz_subject_free(&b->subjects[i], true);
    memset(b->subjects, 0, b->n * sizeof *b->subjects);
    b->n = 0;
}

static int add_file(oz_bench *b, const char *name, oz_buffer file) {
    oz_error err = {0};
    oz_subject *s = &b->subjects[b->n++];
    s->name = name;
    s->file = file;
    return oz_model_open_memory(file.data, file.bytes, NULL, &s->model, &err) == OZ_OK
               ? EXIT_DONE
               : oz_report_error(name, &err);
}

/* The base layer as `method` makes it. A method of the default set that this shape is too small for is left
 * out, with a remark. */
static int add_method(oz_bench *b, const char *method, bool usual) {
    oz_error err = {0};
    oz_compress_options opt = OZ_COMPRESS_INIT;
    oz_compressed c;
    opt.host = oz_terminal_host();
    opt.method = method;
    opt.policy = "";
    opt.correction = OZ_CORRECT_NONE;
    opt.seed = b->f->seed ? b->f->seed : 1;
    opt.threads = (int)b->f->common.threads;
    if (oz_compress(b->subjects[0].model, &opt, false, &c, &err) != OZ_OK) {
        if (!usual || err.status == OZ_ERR_CANCEL || err.status == OZ_ERR_MEMORY)
            return oz_report_error(method, &err);
        if (!b->f->common.quiet) fprintf(stderr, "ounce: left out %s: %s\n", method, err.message);
        return EXIT_DONE;
    }
    oz_buffer copy = c.file;
    c.file = (oz_buffer){0};
    oz_compressed_free(&c);
    return add_file(b, method, copy);
}

/* The base layer, dense f32, and each method applied to it. */
static int add_layers(oz_bench *b, const oz_model *m, size_t layer, uint64_t rows, uint64_t cols) {
    oz_error err = {0};
    oz_buffer file;
    const oz_texts *given = &b->f->methods;
    uint64_t seed = b->f->seed ? b->f->seed : 1;
    if (oz_layer_model(m, layer, rows, cols, seed, &file, &err) != OZ_OK) return oz_report_error(NULL, &err);
    int code = add_file(b, m ? "as stored" : "dense,codec=f32", file);
    size_t n = given->count ? given->count : OZ_COUNT_OF(default_methods);
    for (size_t i = 0; !code && i < n && b->n < MAX_SUBJECTS; i++)
        code = add_method(b, given->count ? given->text[i] : default_methods[i], !given->count);
    return code;
}

/* ---- timing -------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int time_all(oz_bench *b) {
    int code = EXIT_DONE;
    size_t runs = b->runs;
    oz_plan_options opt = oz_plan_from(&b->f->common, b->batch);
    opt.effort = b->f->trial ? OZ_EFFORT_TRIAL : OZ_EFFORT_CHOSEN;
    for (size_t i = 0; !code && i < b->n; i++) code = oz_subject_prepare(&b->subjects[i], &opt);
    for (size_t r = 0; !code && r < runs + 1; r++) {
        for (size_t i = 0; !code && i < b->n; i++) {
            double ns;
            code = oz_subject_time(&b->subjects[i], &ns);
            if (r) b->subjects[i].times[r - 1] = ns; /* the first is the warm-up */
        }
        if (!oz_terminal_progress(NULL, b->title, r, runs + 1)) code = EXIT_INTERRUPTED;
    }
    for (size_t i = 0; i < b->n; i++) qsort(b->subjects[i].times, runs, sizeof(double), by_value);
    return code;
}

static void report_rows(oz_bench *b) {
    size_t runs = b->runs;
    double dense = b->subjects[0].times[runs / 2];
    if (!b->f->common.json)
        printf("\n%s, batch %u, median of %zu\n%-36s %12s %12s %13s %10s %9s\n", b->title, b->batch, runs, "",
               "median", "fastest", "kernels alone", "bytes", "x first");
    for (size_t i = 0; i < b->n; i++) {
        const oz_subject *s = &b->subjects[i];
        double median = s->times[runs / 2];
        if (b->f->common.json) {
            json_array_append_new(b->json,
                                  json_pack("{s:o, s:o, s:i, s:f, s:f, s:f, s:I, s:f}", "title",
                                            oz_json_text(b->title), "subject", oz_json_text(s->name), "batch",
                                            b->batch, "median_ns", median, "fastest_ns", s->times[0],
                                            "kernels_ns", s->kernels_ns, "resident_bytes",
                                            (json_int_t)s->resident, "speedup", dense / median));
        } else {
            printf("%-36s %12s %12s %13s %10s %8.2fx\n", oz_safe_text(s->name), oz_time_text(median),
                   oz_time_text(s->times[0]), oz_time_text(s->kernels_ns), oz_size_text(s->resident),
                   dense / median);
        }
    }
}

/* All batches of the subjects at hand. */
static int measure(oz_bench *b) {
    int code = EXIT_DONE;
    for (size_t i = 0; !code && i < b->n_batches; i++) {
        b->batch = b->batches[i];
        code = time_all(b);
        oz_terminal_clear();
        if (!code) report_rows(b);
        for (size_t k = 0; k < b->n; k++) oz_subject_free(&b->subjects[k], false);
    }
    return code;
}

/* ---- bench kernel: what plans see ------------------------------------------------------ */

static void print_candidate(void *ctx, const oz_candidate *c) {
    oz_bench *b = ctx;
    double products = (double)c->rows * (double)c->cols * (double)c->batch;
    if (c->measured_ns < 0) return;
    if (b->f->common.json) {
        json_array_append_new(b->json, json_pack("{s:o, s:s, s:I, s:I, s:I, s:f, s:f, s:b}", "method",
                                                 oz_json_text(b->title), "kernel", c->kernel, "rows",
                                                 (json_int_t)c->rows, "cols", (json_int_t)c->cols, "batch",
                                                 (json_int_t)c->batch, "ns", c->measured_ns, "gop_per_s",
                                                 2 * products / c->measured_ns, "chosen", c->chosen));
    } else {
        printf("  %s %-36s %12s %9.1f GOP/s\n", c->chosen ? "*" : " ", c->kernel,
               oz_time_text(c->measured_ns), 2 * products / c->measured_ns);
    }
}

static int bench_kernel(oz_bench *b, const oz_subject *s) {
    oz_plan_options opt = oz_plan_from(&b->f->common, b->batch);
    oz_plan *plan;
    oz_error err = {0};
    opt.effort = OZ_EFFORT_TRIAL;
    opt.threads = 1;
    if (oz_plan_create(s->model, &opt, &plan, &err) != OZ_OK) return oz_report_error(s->name, &err);
    b->title = s->name;
    if (!b->f->common.json)
        printf("%s, batch %u, one thread, bare kernels\n", oz_safe_text(s->name), b->batch);
    oz_plan_explain(plan, b, print_candidate);
    oz_plan_free(plan);
    return oz_terminal_interrupted() ? EXIT_INTERRUPTED : EXIT_DONE;
}

static int bench_kernels(oz_bench *b) {
    int code = EXIT_DONE;
    for (size_t i = 0; !code && i < b->n; i++) {
        for (size_t k = 0; !code && k < b->n_batches; k++) {
            b->batch = b->batches[k];
            code = bench_kernel(b, &b->subjects[i]);
        }
    }
    return code;
}

/* ---- what to bench --------------------------------------------------------------------- */

static int bench_layer_of(oz_bench *b, const oz_model *m, size_t layer, uint64_t rows, uint64_t cols,
                          bool kernels) {
    static char title[160];
    oz_layer_info info = {.name = "random layer", .rows = rows, .cols = cols};
    if (m && oz_model_layer(m, layer, &info) != OZ_OK) return EXIT_INTERNAL;
    snprintf(title, sizeof title, "%.100s, %llu x %llu", oz_safe_text(info.name),
             (unsigned long long)info.rows, (unsigned long long)info.cols);
    b->title = title;
    int code = add_layers(b, m, layer, rows, cols);
    if (!code) code = kernels ? bench_kernels(b) : measure(b);
    free_subjects(b);
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

static int bench_layers(oz_bench *b, bool kernels) {
    const oz_texts *arguments = &b->f->common.arguments;
    for (size_t i = 1; i < arguments->count; i++) {
        int code = bench_layers_of_file(b, arguments->text[i], kernels);
        if (code) return code;
    }
    if (arguments->count > 1) return EXIT_DONE;
    unsigned long long rows = 1024, cols = 1024;
    char rest;
    if (b->f->shape && sscanf(b->f->shape, "%llux%llu%c", &rows, &cols, &rest) != 2)
        return oz_usage_error("--shape: ROWSxCOLS, as 1024x4096");
    return bench_layer_of(b, NULL, 0, rows, cols, kernels);
}

static int bench_models(oz_bench *b) {
    const oz_texts *arguments = &b->f->common.arguments;
    if (arguments->count < 2) return oz_usage_error("bench model needs a model");
    int code = EXIT_DONE;
    b->title = "whole models";
    for (size_t i = 1; !code && i < arguments->count && b->n < MAX_SUBJECTS; i++) {
        oz_subject *s = &b->subjects[b->n++];
        s->name = oz_short_name(arguments->text[i]);
        code = oz_open_model(arguments->text[i], &s->model);
    }
    if (!code) code = measure(b);
    free_subjects(b);
    return code;
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
    if (b->f->runs > OZ_SUBJECT_RUNS) return oz_usage_error("--runs: at most %d", OZ_SUBJECT_RUNS);
    b->runs = b->f->runs ? b->f->runs : 15;
    return EXIT_DONE;
}

static int run(const void *fields) {
    static oz_bench b;
    b.f = fields;
    const char *what = b.f->common.arguments.text[0];
    int code = read_numbers(&b);
    if (code) return code;
    b.json = b.f->common.json ? json_array() : NULL;
    if (strcmp(what, "kernel") == 0) {
        code = bench_layers(&b, true);
    } else if (strcmp(what, "layer") == 0) {
        code = bench_layers(&b, false);
    } else if (strcmp(what, "model") == 0) {
        code = bench_models(&b);
    } else {
        code = oz_usage_error("bench what? kernel, layer or model");
    }
    if (b.json && !code) return oz_json_print(b.json);
    json_decref(b.json);
    return code;
}

const oz_verb oz_verb_bench = {
    .name = "bench",
    .summary = "Time kernels, layers or models side by side",
    .usage = "kernel|layer|model [MODEL]... [--shape ROWSxCOLS] [--method METHOD]... [--batch N]...",
    .examples = "  ounce bench layer --shape 4096x4096 --batch 1 -m dense,codec=int4,group=128\n"
                "  ounce bench model dense.safetensors small.safetensors\n",
    .options = options,
    .n_options = OZ_COUNT_OF(options),
    .fields = sizeof(oz_bench_fields),
    .min_arguments = 1,
    .max_arguments = MAX_SUBJECTS,
    .run = run};

/* compress.c - ounce compress: a model into a smaller one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "cli/json.h"
#include "cli/model.h"
#include "cli/terminal.h"

typedef struct oz_compress_fields {
    oz_common common;
    const char *output, *method, *recipe, *policy, *calibration, *correct;
    uint64_t budget, limit, seed;
    bool dry_run, force;
} oz_compress_fields;

static const oz_option options[] = {
    {"output", 'o', OZ_OPTION_TEXT, "FILE", "the model to write", offsetof(oz_compress_fields, output)},
    {"method", 'm', OZ_OPTION_TEXT, "METHOD", "one method for all layers: 'nm:2:8,codec=int8'",
     offsetof(oz_compress_fields, method)},
    {"recipe", 'r', OZ_OPTION_TEXT, "FILE", "lines 'GLOB = METHOD'; the last match wins",
     offsetof(oz_compress_fields, recipe)},
    {"policy", 0, OZ_OPTION_TEXT, "FILE",
     "recipe instead of the default policy (first and last layer int8); 'none'",
     offsetof(oz_compress_fields, policy)},
    {"budget", 'b', OZ_OPTION_SIZE, "SIZE",
     "bytes of the whole file; the method's open knob is set to fill it",
     offsetof(oz_compress_fields, budget)},
    {"calib", 'c', OZ_OPTION_TEXT, "DATA", "records for the correction",
     offsetof(oz_compress_fields, calibration)},
    {"limit", 'n', OZ_OPTION_COUNT, "N", "use the first N calibration records",
     offsetof(oz_compress_fields, limit)},
    {"correct", 0, OZ_OPTION_TEXT, "HOW", "affine (default with --calib), bias or none",
     offsetof(oz_compress_fields, correct)},
    {"seed", 0, OZ_OPTION_COUNT, "N", "of random pruning and hashing (1)",
     offsetof(oz_compress_fields, seed)},
    {"dry-run", 0, OZ_OPTION_FLAG, NULL, "print the bytes of every layer, write nothing",
     offsetof(oz_compress_fields, dry_run)},
    {"force", 'f', OZ_OPTION_FLAG, NULL, "overwrite the output", offsetof(oz_compress_fields, force)},
};

static bool parse_correction(const char *text, bool has_data, oz_correction *out) {
    *out = has_data ? OZ_CORRECT_AFFINE : OZ_CORRECT_NONE;
    if (!text) return true;
    if (strcmp(text, "affine") == 0)
        *out = OZ_CORRECT_AFFINE;
    else if (strcmp(text, "bias") == 0)
        *out = OZ_CORRECT_BIAS;
    else if (strcmp(text, "none") == 0)
        *out = OZ_CORRECT_NONE;
    else
        return false;
    return true;
}

static void print_layers(const oz_compressed *c) {
    int width = 5;
    for (size_t i = 0; i < c->n_layers; i++) {
        if ((int)strlen(c->layers[i].name) > width) width = (int)strlen(c->layers[i].name);
    }
    if (width > 40) width = 40;
    printf("%-*s %6s x %-6s %10s %9s %7s %8s  %s\n", width, "layer", "rows", "cols", "dense", "bytes",
           "bits/w", "error", "method");
    for (size_t i = 0; i < c->n_layers; i++) {
        const oz_compressed_layer *l = &c->layers[i];
        printf("%-*.*s %6llu x %-6llu %10llu %9llu %7.2f %8.2g  %s\n", width, width, oz_safe_text(l->name),
               (unsigned long long)l->rows, (unsigned long long)l->cols, (unsigned long long)l->dense_bytes,
               (unsigned long long)l->bytes, 8.0 * (double)l->bytes / ((double)l->rows * (double)l->cols),
               l->error, l->method);
    }
}

static int report(const oz_compress_fields *f, const oz_compressed *c) {
    if (f->common.json) {
        json_t *layers = json_array();
        for (size_t i = 0; i < c->n_layers; i++) {
            const oz_compressed_layer *l = &c->layers[i];
            json_array_append_new(layers, json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:f}", "name",
                                                    oz_json_text(l->name), "method", oz_json_text(l->method),
                                                    "rows", (json_int_t)l->rows, "cols", (json_int_t)l->cols,
                                                    "dense_bytes", (json_int_t)l->dense_bytes, "bytes",
                                                    (json_int_t)l->bytes, "error", l->error));
        }
        return oz_json_print(json_pack("{s:I, s:s, s:i, s:f, s:o}", "bytes", (json_int_t)c->bytes, "setting",
                                       c->setting, "tried", c->tried, "output_error", c->output_error,
                                       "layers", layers));
    }
    if (f->dry_run) print_layers(c);
    if (f->common.quiet) return EXIT_DONE;
    printf("%s%s: %llu bytes (%s)", f->dry_run ? "\n" : "", f->dry_run ? "the file would have" : f->output,
           (unsigned long long)c->bytes, oz_size_text(c->bytes));
    if (f->budget) printf(", %llu under the budget", (unsigned long long)(f->budget - c->bytes));
    if (c->setting[0]) printf("; %s", c->setting);
    if (c->tried > 1) printf(" (%u tried)", c->tried);
    printf("\n");
    return EXIT_DONE;
}

/* Counters and masks of a file without a graph: whoever compresses it shall not think that they are there. */
static void warn_of_ignored(const oz_compress_fields *f, const oz_model *base) {
    uint64_t bytes;
    const char *first;
    size_t n = oz_model_ignored(base, &bytes, &first);
    if (n == 0 || f->common.quiet) return;
    oz_file_error(
        f->common.arguments.text[0],
        "%zu tensor%s (%s) left out, the first %s: without a graph only floats are weights or biases", n,
        n > 1 ? "s" : "", oz_size_text(bytes), oz_safe_text(first));
}

/* The error is named after the file or the option that it is about. */
static int report_failure(const oz_compress_fields *f, oz_error *err) {
    const struct {
        const char *where, *file;
    } places[] = {{"recipe", f->recipe},
                  {"policy", f->policy},
                  {"calibration", f->calibration},
                  {"method", "--method"}};
    for (size_t i = 0; i < OZ_COUNT_OF(places); i++) {
        if (strcmp(err->where, places[i].where) != 0 || !places[i].file) continue;
        err->where[0] = '\0';
        return oz_report_error(places[i].file, err);
    }
    return oz_report_error(f->common.arguments.text[0], err);
}

static int compress(const oz_compress_fields *f, const oz_model *base, oz_compress_options *opt) {
    oz_compressed c;
    oz_error err = {0};
    const char *path = f->common.arguments.text[0];
    if (oz_compress(base, opt, f->dry_run, &c, &err) != OZ_OK) {
        if (err.status != OZ_ERR_BUDGET) return report_failure(f, &err);
        oz_file_error(path, "does not fit: this method needs at least %llu bytes (%s), the budget is %s",
                      (unsigned long long)c.smallest, oz_size_text(c.smallest), oz_size_text(f->budget));
        return EXIT_USAGE;
    }
    oz_terminal_clear();
    int code = EXIT_DONE;
    if (!f->dry_run) code = oz_save_file(f->output, c.file.data, c.file.bytes, f->force);
    if (!code) warn_of_ignored(f, base);
    if (!code) code = report(f, &c);
    oz_compressed_free(&c);
    return code;
}

static int check(const oz_compress_fields *f, oz_compress_options *opt) {
    if (!f->output && !f->dry_run) return oz_usage_error("compress needs --output, or --dry-run");
    if (f->method && f->recipe)
        return oz_usage_error(
            "give --method or --recipe, not both: a recipe's line '* = METHOD' is for all layers");
    if (!f->method && !f->recipe) return oz_usage_error("compress needs --method or --recipe");
    if (!parse_correction(f->correct, f->calibration != NULL, &opt->correction))
        return oz_usage_error("--correct: affine, bias or none");
    if (opt->correction != OZ_CORRECT_NONE && !f->calibration)
        return oz_usage_error("--correct=%s needs --calib", f->correct);
    return EXIT_DONE;
}

/* Methods and recipes before anything is opened or found to be there already. */
static int check_texts(const oz_compress_fields *f, const oz_compress_options *opt) {
    oz_error err = {0};
    if (oz_compress_check(opt, &err) != OZ_OK) return report_failure(f, &err);
    return f->dry_run ? EXIT_DONE : oz_check_output(f->output, f->force);
}

static int run(const void *fields) {
    const oz_compress_fields *f = fields;
    oz_compress_options opt = OZ_COMPRESS_INIT;
    int code = check(f, &opt);
    if (code) return code;
    char *recipe = NULL, *policy = NULL;
    bool reads_policy = f->policy && strcmp(f->policy, "none") != 0;
    oz_model *base = NULL;
    oz_dataset *calibration = NULL;
    if (f->recipe) code = oz_load_text(f->recipe, &recipe);
    if (!code && reads_policy) code = oz_load_text(f->policy, &policy);
    opt.method = f->method;
    opt.recipe = recipe;
    opt.policy = policy ? policy : f->policy ? "" : NULL;
    if (!code) code = check_texts(f, &opt);
    if (!code) code = oz_open_model(f->common.arguments.text[0], &base);
    if (!code && f->calibration) code = oz_open_dataset(f->calibration, f->limit, &calibration);
    if (!code) {
        opt.host = oz_terminal_host();
        opt.budget = f->budget;
        opt.calibration = calibration;
        opt.seed = f->seed ? f->seed : 1;
        opt.threads = (int)f->common.threads;
        if (opt.correction != OZ_CORRECT_NONE) oz_warn_of_few(f->calibration, calibration, f->common.quiet);
        code = compress(f, base, &opt);
    }
    oz_dataset_free(calibration);
    oz_model_free(base);
    free(recipe);
    free(policy);
    return code;
}

const oz_verb oz_verb_compress = {
    .name = "compress",
    .summary = "Make a model smaller, by one method or a recipe, to a budget if you like",
    .usage = "MODEL -o OUT --method METHOD | --recipe FILE [--budget SIZE] [--calib DATA]",
    .examples = "  ounce compress net.safetensors -o small.safetensors --method nm:2:8,codec=int8\n"
                "  ounce compress net.safetensors -o small.safetensors --method sparse,codec=int3 --budget "
                "96KiB --calib calib.safetensors\n",
    .options = options,
    .n_options = OZ_COUNT_OF(options),
    .fields = sizeof(oz_compress_fields),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run};

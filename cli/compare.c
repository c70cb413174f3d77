/* compare.c - ounce compare: methods at equal bytes on the same inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/files.h"
#include "cli/model.h"
#include "cli/options.h"
#include "cli/terminal.h"

typedef struct oz_compare_fields {
    oz_common common;
    oz_texts methods, ready;
    const char *data, *calibration, *budgets, *sweep, *report, *plots, *correct, *policy;
    uint64_t limit, seed;
    bool quick, by_stored, csv, force;
} oz_compare_fields;

static const oz_option options[] = {
    {"data", 'd', OZ_OPTION_TEXT, "DATA", "records with labels to measure on",
     offsetof(oz_compare_fields, data)},
    {"calib", 'c', OZ_OPTION_TEXT, "DATA", "records for correction and for choosing settings",
     offsetof(oz_compare_fields, calibration)},
    {"budget", 'b', OZ_OPTION_TEXT, "SIZES", "budgets for the tables: 160KiB,96KiB,64KiB",
     offsetof(oz_compare_fields, budgets)},
    {"sweep", 0, OZ_OPTION_TEXT, "SIZES", "further budgets, for the curves alone",
     offsetof(oz_compare_fields, sweep)},
    {"method", 'm', OZ_OPTION_TEXTS, "METHOD", "a method to compare; may be repeated (a default set)",
     offsetof(oz_compare_fields, methods)},
    {"ready", 0, OZ_OPTION_TEXTS, "MODEL", "a trained or ready-made model, entered as it is",
     offsetof(oz_compare_fields, ready)},
    {"report", 'r', OZ_OPTION_TEXT, "FILE", "write one self-contained HTML page",
     offsetof(oz_compare_fields, report)},
    {"plots", 0, OZ_OPTION_TEXT, "FOLDER", "write its plots as SVG files",
     offsetof(oz_compare_fields, plots)},
    {"csv", 0, OZ_OPTION_FLAG, NULL, "print CSV instead of text", offsetof(oz_compare_fields, csv)},
    {"quick", 0, OZ_OPTION_FLAG, NULL, "few records, no sweep: a first look",
     offsetof(oz_compare_fields, quick)},
    {"by-stored", 0, OZ_OPTION_FLAG, NULL, "rank by stored instead of resident bytes",
     offsetof(oz_compare_fields, by_stored)},
    {"correct", 0, OZ_OPTION_TEXT, "HOW", "affine (default), bias or none",
     offsetof(oz_compare_fields, correct)},
    {"policy", 0, OZ_OPTION_TEXT, "FILE",
     "recipe instead of the default policy (first and last layer int8); 'none'",
     offsetof(oz_compare_fields, policy)},
    {"limit", 'n', OZ_OPTION_COUNT, "N", "use the first N records of the data",
     offsetof(oz_compare_fields, limit)},
    {"seed", 0, OZ_OPTION_COUNT, "N", "of random pruning and hashing (1)", offsetof(oz_compare_fields, seed)},
    {"force", 'f', OZ_OPTION_FLAG, NULL, "overwrite the report and plots",
     offsetof(oz_compare_fields, force)},
};

enum { MAX_BUDGETS = 64, MAX_MODELS = 64 };

/* "160KiB,96KiB" -> bytes; returns how many, or -1 after printing what is wrong. */
static int parse_budgets(const char *option, const char *text, uint64_t out[MAX_BUDGETS]) {
    int n = 0;
    char one[64];
    while (text && *text) {
        size_t length = strcspn(text, ",");
        if (length >= sizeof one || n == MAX_BUDGETS) length = 0;
        memcpy(one, text, length);
        one[length] = '\0';
        if (!length || !oz_parse_size(one, &out[n])) {
            oz_usage_error("--%s: '%s' is not a list of up to %d sizes such as 160KiB,96KiB", option, text,
                           MAX_BUDGETS);
            return -1;
        }
        n++;
        text += length;
        if (*text == ',') text++;
    }
    return n;
}

typedef struct oz_comparing {
    const oz_compare_fields *f;
    oz_compare_model models[MAX_MODELS];
    const char *paths[MAX_MODELS];
    size_t n_models;
    uint64_t budgets[MAX_BUDGETS], sweep[MAX_BUDGETS];
    oz_dataset *data, *calibration;
    char *policy; /* text of a recipe */
} oz_comparing;

static bool is_taken(const oz_comparing *c, const char *name) {
    for (size_t i = 0; i < c->n_models; i++)
        if (strcmp(c->models[i].name, name) == 0) return true;
    return false;
}

static int open_models(oz_comparing *c, const oz_texts *paths, bool base) {
    for (size_t i = 0; i < paths->count; i++) {
        if (c->n_models == MAX_MODELS) return oz_usage_error("more than %d models", MAX_MODELS);
        oz_compare_model *m = &c->models[c->n_models];
        int code = oz_open_model(paths->text[i], &m->model);
        if (code) return code;
        m->name = oz_short_name(paths->text[i]);
        if (base && is_taken(c, m->name)) {
            oz_model_free(m->model);
            return oz_usage_error(
                "%s: there is a network '%s' already; give each once, under a name of its own",
                paths->text[i], m->name);
        }
        m->base = base;
        c->paths[c->n_models] = paths->text[i];
        c->n_models++;
    }
    return EXIT_DONE;
}

/* NULL: the default one. */
static const char *policy_of(const oz_comparing *c) {
    return c->policy ? c->policy : c->f->policy ? "" : NULL;
}

static int write_plots(const oz_compare_fields *f, const oz_comparison *result) {
    for (size_t i = 0;; i++) {
        char name[64], path[4096];
        oz_buffer plot;
        bool found;
        oz_error err = {0};
        if (oz_comparison_plot(result, i, name, &plot, &found, &err) != OZ_OK)
            return oz_report_error(NULL, &err);
        if (!found) return EXIT_DONE;
        snprintf(path, sizeof path, "%s/%s", f->plots, name);
        int code = oz_save_file(path, plot.data, plot.bytes, f->force);
        oz_buffer_free(&plot);
        if (code) return code;
    }
}

static int output(const oz_compare_fields *f, const oz_comparison *result) {
    oz_buffer text;
    oz_error err = {0};
    oz_report kind = f->common.json ? OZ_REPORT_JSON : f->csv ? OZ_REPORT_CSV : OZ_REPORT_TEXT;
    if (oz_comparison_report(result, kind, oz_terminal_width(), oz_terminal_colour(), &text, &err) != OZ_OK)
        return oz_report_error(NULL, &err);
    fwrite(text.data, 1, text.bytes, stdout);
    oz_buffer_free(&text);
    if (f->report) {
        if (oz_comparison_report(result, OZ_REPORT_HTML, 0, false, &text, &err) != OZ_OK)
            return oz_report_error(f->report, &err);
        int code = oz_save_file(f->report, text.data, text.bytes, f->force);
        oz_buffer_free(&text);
        if (code) return code;
    }
    return f->plots ? write_plots(f, result) : EXIT_DONE;
}

/* The error is named after the file that it is about. */
static int report_failure(const oz_comparing *c, oz_error *err) {
    const char *file = strcmp(err->where, "data") == 0          ? c->f->data
                       : strcmp(err->where, "calibration") == 0 ? c->f->calibration
                                                                : NULL;
    for (size_t i = 0; i < c->n_models && !file; i++)
        if (strcmp(err->where, c->models[i].name) == 0) file = c->paths[i];
    if (file) err->where[0] = '\0';
    return oz_report_error(file, err);
}

static int compare(oz_comparing *c, int n_budgets, int n_sweep) {
    const oz_compare_fields *f = c->f;
    oz_compare_options opt = OZ_COMPARE_INIT;
    opt.host = oz_terminal_host();
    opt.models = c->models;
    opt.n_models = c->n_models;
    opt.budgets = c->budgets;
    opt.n_budgets = (size_t)n_budgets;
    opt.sweep = c->sweep;
    opt.n_sweep = (size_t)n_sweep;
    opt.methods = f->methods.count ? f->methods.text : NULL;
    opt.n_methods = f->methods.count;
    opt.data = c->data;
    opt.calibration = c->calibration;
    opt.policy = policy_of(c);
    opt.quick = f->quick;
    opt.by_stored = f->by_stored;
    opt.seed = f->seed ? f->seed : 1;
    opt.threads = (int)f->common.threads;
    opt.isa = f->common.isa;
    opt.command = f->common.command;
    opt.clock_ns = oz_terminal_clock_ns;
    if (f->correct && strcmp(f->correct, "bias") == 0) opt.correction = OZ_CORRECT_BIAS;
    if (f->correct && strcmp(f->correct, "none") == 0) opt.correction = OZ_CORRECT_NONE;
    oz_comparison *result;
    oz_error err = {0};
    if (oz_compare(&opt, &result, &err) != OZ_OK) return report_failure(c, &err);
    oz_terminal_clear();
    int code = output(f, result);
    oz_comparison_free(result);
    return code;
}

static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Everything that is wrong with the command line is found before any work. */
static int check(const oz_compare_fields *f) {
    if (!f->data || !f->calibration || !f->budgets)
        return oz_usage_error("compare needs --data, --calib and --budget");
    if (f->common.json && f->csv) return oz_usage_error("give --json or --csv, not both");
    if (same_file(f->data, f->calibration))
        return oz_usage_error(
            "--data and --calib are one file: methods must not be chosen on the records that "
            "judge them");
    if (f->correct && strcmp(f->correct, "affine") != 0 && strcmp(f->correct, "bias") != 0 &&
        strcmp(f->correct, "none") != 0) {
        return oz_usage_error("--correct: affine, bias or none");
    }
    return EXIT_DONE;
}

/* Methods and policy before anything is opened or found to be there already. */
static int check_texts(const oz_compare_fields *f, const char *policy) {
    oz_compress_options opt = OZ_COMPRESS_INIT;
    oz_error err = {0};
    opt.policy = policy;
    opt.method = "dense,codec=f32";
    for (size_t i = 0; i <= f->methods.count; i++) {
        if (i) opt.method = f->methods.text[i - 1];
        if (oz_compress_check(&opt, &err) == OZ_OK) continue;
        const char *file = strcmp(err.where, "policy") == 0 ? f->policy : "--method";
        err.where[0] = '\0';
        return oz_report_error(file, &err);
    }
    int code = oz_check_output(f->report, f->force);
    return code ? code : oz_check_folder(f->plots);
}

static int run(const void *fields) {
    oz_comparing c = {.f = fields};
    const oz_compare_fields *f = fields;
    int code = check(f);
    if (code) return code;
    int n_budgets = parse_budgets("budget", f->budgets, c.budgets),
        n_sweep = parse_budgets("sweep", f->sweep, c.sweep);
    if (n_budgets < 0 || n_sweep < 0) return EXIT_USAGE;
    if (f->policy && strcmp(f->policy, "none") != 0) code = oz_load_text(f->policy, &c.policy);
    if (!code) code = check_texts(f, policy_of(&c));
    if (!code) code = open_models(&c, &f->common.arguments, true);
    if (!code) code = open_models(&c, &f->ready, false);
    if (!code) code = oz_open_dataset(f->data, f->limit, &c.data);
    if (!code) code = oz_open_dataset(f->calibration, 0, &c.calibration);
    if (!code && !(f->correct && strcmp(f->correct, "none") == 0))
        oz_warn_of_few(f->calibration, c.calibration, f->common.quiet);
    if (!code) code = compare(&c, n_budgets, n_sweep);
    for (size_t i = 0; i < c.n_models; i++) oz_model_free(c.models[i].model);
    oz_dataset_free(c.data);
    oz_dataset_free(c.calibration);
    free(c.policy);
    return code;
}

const oz_verb oz_verb_compare = {
    .name = "compare",
    .summary = "Find which compression of a network wins at a number of bytes",
    .usage = "MODEL... --data DATA --calib DATA --budget SIZES [--method METHOD]... [--report out.html]",
    .examples = "  ounce compare net.safetensors --data test.safetensors --calib calib.safetensors --budget "
                "160KiB,96KiB\n"
                "  ounce compare big.safetensors small.safetensors -d test.npz -c calib.npz -b 96KiB -m "
                "sparse,codec=int3 -m dense --report out.html\n",
    .options = options,
    .n_options = OZ_COUNT_OF(options),
    .fields = sizeof(oz_compare_fields),
    .min_arguments = 1,
    .max_arguments = MAX_MODELS,
    .run = run};

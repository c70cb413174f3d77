/* plan.c - ounce plan: the kernel of each layer, the next best, the rejected and why; with --assert, whether
 * the kernels that the cost table chooses are the fastest. */
#include <stdio.h>
#include <string.h>

#include "cli/bench/sweep.h"
#include "cli/json.h"
#include "cli/model.h"
#include "cli/plan_check.h"
#include "cli/terminal.h"

typedef struct oz_plan_fields {
    oz_common common;
    uint64_t batch;
    const char *slack, *shapes, *only;
    bool trial, all, reproducible;
} oz_plan_fields;

static const oz_option options[] = {
    {"batch", 'b', OZ_OPTION_COUNT, "N", "largest batch of the plan (1)", offsetof(oz_plan_fields, batch)},
    {"trial", 't', OZ_OPTION_FLAG, NULL, "time every candidate instead of trusting the cost table",
     offsetof(oz_plan_fields, trial)},
    {"all", 'a', OZ_OPTION_FLAG, NULL, "show every rejected kernel, not only the next best",
     offsetof(oz_plan_fields, all)},
    {"reproducible", 0, OZ_OPTION_FLAG, NULL, "same bits for any batch size",
     offsetof(oz_plan_fields, reproducible)},
    {"assert", 0, OZ_OPTION_TEXT, "15%",
     "time every candidate, and exit with 1 if the table's choice takes so much longer than the best",
     offsetof(oz_plan_fields, slack)},
    {"shapes", 0, OZ_OPTION_TEXT, "FILE", "with --assert: random layers of these shapes instead of a model",
     offsetof(oz_plan_fields, shapes)},
    {"only", 'o', OZ_OPTION_TEXT, "TEXT", "of these, those with this text in \"LAYER METHOD\"",
     offsetof(oz_plan_fields, only)},
};

typedef struct oz_printer {
    bool all;
    json_t *list;
    oz_candidate best; /* the fastest of the leaf under way that was not chosen */
    bool has_best;
} oz_printer;

static void collect(void *ctx, const oz_candidate *c) {
    oz_printer *p = ctx;
    json_array_append_new(p->list,
                          json_pack("{s:o, s:s, s:s, s:I, s:I, s:I, s:f, s:f, s:s, s:b}", "layer",
                                    oz_json_text(c->layer), "leaf", c->leaf, "kernel", c->kernel, "rows",
                                    (json_int_t)c->rows, "cols", (json_int_t)c->cols, "batch",
                                    (json_int_t)c->batch, "predicted_ns", c->predicted_ns, "measured_ns",
                                    c->measured_ns, "verdict", c->verdict, "chosen", c->chosen));
}

static double time_of(const oz_candidate *c) {
    return c->measured_ns >= 0 ? c->measured_ns : c->predicted_ns;
}

static void print_candidate(const oz_candidate *c, const char *mark) {
    char time[64] = "-";
    if (c->predicted_ns >= 0)
        snprintf(time, sizeof time, "%s%s", oz_time_text(time_of(c)),
                 c->measured_ns >= 0 ? "" : " (predicted)");
    printf("    %s %-34s %-22s %s\n", mark, c->kernel, time, c->chosen ? "" : c->verdict);
}

static void flush_best(oz_printer *p) {
    if (p->has_best) print_candidate(&p->best, " ");
    p->has_best = false;
}

static void print_one(void *ctx, const oz_candidate *c) {
    oz_printer *p = ctx;
    if (c->chosen) {
        flush_best(p);
        printf("%s/%s  %llu x %llu, %llu columns\n", oz_safe_text(c->layer), c->leaf,
               (unsigned long long)c->rows, (unsigned long long)c->cols, (unsigned long long)c->batch);
        print_candidate(c, "*");
    } else if (p->all) {
        print_candidate(c, " ");
    } else if (c->predicted_ns >= 0 && (!p->has_best || time_of(c) < time_of(&p->best))) {
        p->best = *c;
        p->has_best = true;
    }
}

static int explain(const oz_plan_fields *f, const oz_plan *plan) {
    oz_memory memory;
    oz_plan_memory(plan, &memory);
    oz_printer p = {.all = f->all};
    if (f->common.json) {
        p.list = json_array();
        oz_plan_explain(plan, &p, collect);
        return oz_json_print(
            json_pack("{s:I, s:I, s:I, s:s, s:o}", "file_bytes", (json_int_t)memory.file_bytes,
                      "packed_bytes", (json_int_t)memory.packed_bytes, "session_bytes",
                      (json_int_t)memory.session_bytes, "costs", oz_plan_costs(plan), "candidates", p.list));
    }
    oz_plan_explain(plan, &p, print_one);
    flush_best(&p);
    printf("\nfile %s, materialised or repacked %s, %s%s\n", oz_size_text(memory.file_bytes),
           oz_size_text(memory.packed_bytes),
           memory.session_bytes ? "one session " : "no session without a graph",
           memory.session_bytes ? oz_size_text(memory.session_bytes) : "");
    printf("times as fitted on %s\n", oz_plan_costs(plan));
    return EXIT_DONE;
}

/* ---- --assert --------------------------------------------------------------------------- */

typedef struct oz_assertion {
    const oz_plan_fields *f;
    oz_plan_check check;
} oz_assertion;

static oz_plan_options options_of(const oz_plan_fields *f, uint64_t batch) {
    oz_plan_options opt = oz_plan_from(&f->common, (uint32_t)batch);
    opt.reproducible = f->reproducible;
    return opt;
}

static int assert_case(void *ctx, const oz_sweep_case *c) {
    oz_assertion *a = ctx;
    oz_plan_options opt = options_of(a->f, c->columns);
    char title[200];
    opt.threads = (int)c->threads;
    snprintf(title, sizeof title, "%.60s %.100s batch %u", c->layer, c->method, c->batch);
    return oz_plan_check_model(&a->check, title, c->model, &opt);
}

static int assert_model(oz_assertion *a, const char *path) {
    oz_model *m;
    int code = oz_open_model(path, &m);
    if (code) return code;
    oz_plan_options opt = options_of(a->f, a->f->batch ? a->f->batch : 1);
    code = oz_plan_check_model(&a->check, oz_short_name(path), m, &opt);
    oz_model_free(m);
    return code;
}

static int assert_choices(const oz_plan_fields *f) {
    const oz_texts *arguments = &f->common.arguments;
    oz_assertion a = {.f = f};
    if (!oz_parse_slack(f->slack, &a.check.slack))
        return oz_usage_error("--assert: '%s' is not a share, as 15%%", f->slack);
    a.check.offenders = f->common.json ? json_array() : NULL;
    oz_sweep sweep = {
        .common = &f->common, .path = f->shapes, .only = f->only, .ctx = &a, .each = assert_case};
    int code = f->shapes ? oz_sweep_run(&sweep) : assert_model(&a, arguments->text[0]);
    if (!code) return oz_plan_check_end(&a.check);
    json_decref(a.check.offenders);
    return code;
}

static int explain_model(const oz_plan_fields *f, const char *path) {
    oz_model *m;
    int code = oz_open_model(path, &m);
    if (code) return code;
    oz_plan_options opt = options_of(f, f->batch ? f->batch : 1);
    opt.effort = f->trial ? OZ_EFFORT_TRIAL : OZ_EFFORT_MODEL;
    oz_plan *plan;
    oz_error err = {0};
    if (oz_plan_create(m, &opt, &plan, &err) == OZ_OK) {
        code = explain(f, plan);
        oz_plan_free(plan);
    } else {
        code = oz_report_error(path, &err);
    }
    oz_model_free(m);
    return code;
}

static int run(const void *fields) {
    const oz_plan_fields *f = fields;
    const oz_texts *arguments = &f->common.arguments;
    if (f->batch > UINT32_MAX) return oz_usage_error("--batch: too large");
    if (f->shapes && !f->slack) return oz_usage_error("--shapes goes with --assert");
    if ((f->shapes != NULL) == (arguments->count == 1)) return oz_usage_error("plan needs one model");
    return f->slack ? assert_choices(f) : explain_model(f, arguments->text[0]);
}

const oz_verb oz_verb_plan = {
    .name = "plan",
    .summary = "Show which kernel runs each layer, and why",
    .usage = "MODEL [--batch N] [--trial] [--all]\n"
             "       ounce plan --assert 15% MODEL | --shapes FILE",
    .examples = "  ounce plan model.safetensors --batch 64\n  ounce plan model.safetensors --trial --all\n",
    .options = options,
    .n_options = OZ_COUNT_OF(options),
    .fields = sizeof(oz_plan_fields),
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run};

/* run.c - ounce run: records in, the model's outputs out, in batches.
 *
 * Every input is a data set (.npy, .npz, .safetensors ...) whose records are the batch; outputs are
 * .npy files. With labels at hand the accuracy is printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"
#include "cli/json.h"
#include "cli/model.h"
#include "cli/npy.h"
#include "cli/terminal.h"

typedef struct oz_run_fields {
    oz_common common;
    oz_texts inputs, outputs;
    uint64_t limit, batch;
    bool force, reproducible;
} oz_run_fields;

static const oz_option options[] = {
    {"input", 'i', OZ_OPTION_TEXTS, "[NAME=]FILE",
     "records: .npy, .npz, .safetensors, IDX, CIFAR batch; one per input", offsetof(oz_run_fields, inputs)},
    {"output", 'o', OZ_OPTION_TEXTS, "[NAME=]FILE", "where an output goes, as .npy",
     offsetof(oz_run_fields, outputs)},
    {"limit", 'n', OZ_OPTION_COUNT, "N", "use the first N records", offsetof(oz_run_fields, limit)},
    {"batch", 'b', OZ_OPTION_COUNT, "N", "records per run (64)", offsetof(oz_run_fields, batch)},
    {"force", 'f', OZ_OPTION_FLAG, NULL, "overwrite the outputs", offsetof(oz_run_fields, force)},
    {"reproducible", 0, OZ_OPTION_FLAG, NULL, "same bits for any batch size",
     offsetof(oz_run_fields, reproducible)},
};

enum { MAX_TENSORS = 16 };

typedef struct oz_runner {
    const oz_run_fields *f;
    oz_model *model;
    oz_plan *plan;
    oz_session *session;
    size_t n_in, n_out, count, batch;
    oz_dataset *data[MAX_TENSORS];
    oz_tensor_info in_info[MAX_TENSORS], out_info[MAX_TENSORS];
    void *in[MAX_TENSORS];   /* one batch */
    float *out[MAX_TENSORS]; /* all records */
    oz_tensor out_shape[MAX_TENSORS];
    size_t out_floats[MAX_TENSORS]; /* of one record */
} oz_runner;

/* The file given for a name ("x=file"), or the i-th one without a name. */
static const char *file_for(const oz_texts *list, const char *name, size_t i) {
    size_t n = strlen(name);
    for (size_t k = 0; k < list->count; k++) {
        if (strncmp(list->text[k], name, n) == 0 && list->text[k][n] == '=') return list->text[k] + n + 1;
    }
    return i < list->count && !strchr(list->text[i], '=') ? list->text[i] : NULL;
}

/* A file that no tensor claims is a mistake; `what` is "input" or "output". */
static int check_claimed(const oz_texts *list, const char *what, const oz_tensor_info *info, size_t n) {
    for (size_t k = 0; k < list->count; k++) {
        const char *text = list->text[k], *equals = strchr(text, '=');
        const char *file = equals ? equals + 1 : text;
        bool claimed = false;
        for (size_t i = 0; i < n; i++) claimed = claimed || file_for(list, info[i].name, i) == file;
        if (!claimed) return oz_usage_error("--%s=%s: the model has no such %s", what, text, what);
    }
    return EXIT_DONE;
}

static size_t floats_of(const oz_tensor_info *t) {
    size_t n = 1;
    for (uint32_t d = 1; d < t->rank; d++) n *= t->dim[d] > 0 ? (size_t)t->dim[d] : 1;
    return n;
}

static int open_input(oz_runner *r, size_t i) {
    const char *path = file_for(&r->f->inputs, r->in_info[i].name, i);
    if (!path)
        return oz_usage_error("input '%s' needs --input %s=FILE", oz_safe_text(r->in_info[i].name),
                              oz_safe_text(r->in_info[i].name));
    int code = oz_open_dataset(path, r->f->limit, &r->data[i]);
    if (code) return code;
    int64_t dim[OZ_MAX_RANK];
    uint32_t rank = oz_dataset_shape(r->data[i], dim);
    bool same = rank + 1 == r->in_info[i].rank;
    for (uint32_t d = 0; same && d < rank; d++) same = r->in_info[i].dim[d + 1] == dim[d];
    if (!same) {
        char text[128];
        oz_describe_tensor(&r->in_info[i], text);
        return oz_file_error(path, "its records have another shape than the model's input %s", text);
    }
    size_t count = oz_dataset_count(r->data[i]);
    if (i && count != r->count) return oz_usage_error("the inputs have %zu and %zu records", r->count, count);
    r->count = count;
    return EXIT_DONE;
}

static int allocate(oz_runner *r) {
    for (size_t i = 0; i < r->n_in; i++) {
        r->in[i] = malloc(r->batch * floats_of(&r->in_info[i]) * sizeof(int64_t));
        if (!r->in[i]) return oz_memory_error();
    }
    for (size_t i = 0; i < r->n_out; i++) {
        r->out_floats[i] = floats_of(&r->out_info[i]);
        r->out[i] = malloc((r->count + r->batch) * r->out_floats[i] * sizeof(float));
        if (!r->out[i]) return oz_memory_error();
    }
    return EXIT_DONE;
}

static void read_batch(oz_runner *r, size_t i, size_t first, size_t n) {
    size_t floats = n * floats_of(&r->in_info[i]);
    oz_dataset_read(r->data[i], first, n, r->in[i]);
    if (r->in_info[i].dtype != OZ_I64) return;
    float *from = r->in[i];
    int64_t *to = r->in[i];
    for (size_t k = floats; k-- > 0;) to[k] = (int64_t)from[k]; /* backwards: i64 is twice as wide */
}

static int run_batch(oz_runner *r, size_t first, size_t n) {
    oz_tensor in[MAX_TENSORS] = {{0}}, out[MAX_TENSORS] = {{0}};
    for (size_t i = 0; i < r->n_in; i++) {
        read_batch(r, i, first, n);
        const oz_tensor_info *info = &r->in_info[i];
        in[i] = (oz_tensor){
            .data = r->in[i], .bytes = r->batch * floats_of(info) * sizeof(int64_t), .rank = info->rank};
        in[i].dim[0] = (int64_t)n;
        for (uint32_t d = 1; d < info->rank; d++) in[i].dim[d] = info->dim[d];
    }
    for (size_t i = 0; i < r->n_out; i++) {
        out[i].data = r->out[i] + first * r->out_floats[i];
        out[i].bytes = n * r->out_floats[i] * sizeof(float);
    }
    oz_error err = {0};
    if (oz_run(r->session, in, r->n_in, out, r->n_out, NULL, &err) != OZ_OK)
        return oz_report_error(r->f->common.arguments.text[0], &err);
    for (size_t i = 0; i < r->n_out; i++) r->out_shape[i] = out[i];
    return EXIT_DONE;
}

static int run_all(oz_runner *r) {
    for (size_t first = 0; first < r->count; first += r->batch) {
        size_t n = r->count - first < r->batch ? r->count - first : r->batch;
        int code = run_batch(r, first, n);
        if (code) return code;
        if (!oz_terminal_progress(NULL, "running", first + n, r->count)) return EXIT_INTERRUPTED;
    }
    oz_terminal_clear();
    return EXIT_DONE;
}

static int write_outputs(oz_runner *r) {
    int code = EXIT_DONE;
    for (size_t i = 0; !code && i < r->n_out; i++) {
        const char *path = file_for(&r->f->outputs, r->out_info[i].name, i);
        r->out_shape[i].dim[0] = (int64_t)r->count;
        if (path) code = oz_npy_save(path, r->out[i], r->out_shape[i].rank, r->out_shape[i].dim, r->f->force);
    }
    return code;
}

static size_t count_correct(const oz_runner *r, const int64_t *labels) {
    size_t correct = 0, classes = r->out_floats[0];
    for (size_t i = 0; i < r->count; i++) {
        const float *row = r->out[0] + i * classes;
        size_t best = 0;
        for (size_t c = 1; c < classes; c++) best = row[c] > row[best] ? c : best;
        correct += (int64_t)best == labels[i];
    }
    return correct;
}

static int report(const oz_runner *r) {
    const int64_t *labels = oz_dataset_labels(r->data[0]);
    bool classifies = labels && r->out_shape[0].rank == 2;
    size_t correct = classifies ? count_correct(r, labels) : 0;
    if (r->f->common.json) {
        return oz_json_print(
            json_pack("{s:I, s:o, s:o}", "records", (json_int_t)r->count, "correct",
                      classifies ? json_integer((json_int_t)correct) : json_null(), "accuracy",
                      classifies ? json_real((double)correct / (double)r->count) : json_null()));
    }
    if (classifies)
        printf("%zu of %zu correct: %.2f %%\n", correct, r->count,
               100.0 * (double)correct / (double)r->count);
    if (!classifies && !r->f->common.quiet) printf("%zu records\n", r->count);
    return EXIT_DONE;
}

/* Everything that is wrong with the command line is found before any work. */
static int check_tensors(oz_runner *r) {
    const oz_run_fields *f = r->f;
    r->n_in = oz_model_inputs(r->model);
    r->n_out = oz_model_outputs(r->model);
    if (r->n_in > MAX_TENSORS || r->n_out > MAX_TENSORS)
        return oz_usage_error("more than %d inputs or outputs", MAX_TENSORS);
    if (!r->n_out) return oz_file_error(f->common.arguments.text[0], "has no graph, so it cannot run");
    for (size_t i = 0; i < r->n_in; i++)
        if (oz_model_input(r->model, i, &r->in_info[i]) != OZ_OK) return EXIT_INTERNAL;
    for (size_t i = 0; i < r->n_out; i++)
        if (oz_model_output(r->model, i, &r->out_info[i]) != OZ_OK) return EXIT_INTERNAL;
    int code = check_claimed(&f->inputs, "input", r->in_info, r->n_in);
    if (!code) code = check_claimed(&f->outputs, "output", r->out_info, r->n_out);
    for (size_t i = 0; !code && i < r->n_out; i++)
        code = oz_check_output(file_for(&f->outputs, r->out_info[i].name, i), f->force);
    return code;
}

static int start(oz_runner *r) {
    int code = check_tensors(r);
    for (size_t i = 0; !code && i < r->n_in; i++) code = open_input(r, i);
    if (code) return code;
    r->batch = r->f->batch ? r->f->batch : 64;
    if (r->batch > r->count) r->batch = r->count;
    if (r->batch > UINT32_MAX) return oz_usage_error("--batch: too large");
    oz_plan_options opt = oz_plan_from(&r->f->common, (uint32_t)r->batch);
    opt.reproducible = r->f->reproducible;
    oz_error err = {0};
    if (oz_plan_create(r->model, &opt, &r->plan, &err) != OZ_OK ||
        oz_session_create(r->plan, &r->session, &err) != OZ_OK) {
        return oz_report_error(r->f->common.arguments.text[0], &err);
    }
    return allocate(r);
}

static int run(const void *fields) {
    oz_runner r = {.f = fields};
    int code = oz_open_model(r.f->common.arguments.text[0], &r.model);
    if (code) return code;
    code = start(&r);
    if (!code) code = run_all(&r);
    if (!code) code = write_outputs(&r);
    if (!code) code = report(&r);
    for (size_t i = 0; i < MAX_TENSORS; i++) {
        oz_dataset_free(r.data[i]);
        free(r.in[i]);
        free(r.out[i]);
    }
    oz_session_free(r.session);
    oz_plan_free(r.plan);
    oz_model_free(r.model);
    return code;
}

const oz_verb oz_verb_run = {.name = "run",
                             .summary = "Run a model over records",
                             .usage = "MODEL -i x.npy [-o y.npy]",
                             .examples = "  ounce run model.safetensors -i x.npy -o y.npy\n  ounce run "
                                         "model.safetensors -i test.safetensors\n",
                             .options = options,
                             .n_options = OZ_COUNT_OF(options),
                             .fields = sizeof(oz_run_fields),
                             .min_arguments = 1,
                             .max_arguments = 1,
                             .run = run};

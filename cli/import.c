/* import.c - ounce import: a graph and a plain safetensors into a model. */
#include <stdio.h>
#include <string.h>

#include "cli/files.h"
#include "cli/terminal.h"

typedef struct oz_import_fields {
    oz_common common;
    const char *graph, *weights, *output;
    bool force;
} oz_import_fields;

static const oz_option options[] = {
    {"graph", 'g', OZ_OPTION_TEXT, "FILE", "the graph, as JSON (docs/graph.md)",
     offsetof(oz_import_fields, graph)},
    {"weights", 'w', OZ_OPTION_TEXT, "FILE", "a safetensors file with PyTorch's names",
     offsetof(oz_import_fields, weights)},
    {"output", 'o', OZ_OPTION_TEXT, "FILE", "the model to write", offsetof(oz_import_fields, output)},
    {"force", 'f', OZ_OPTION_FLAG, NULL, "overwrite it", offsetof(oz_import_fields, force)},
};

static int run(const void *fields) {
    const oz_import_fields *f = fields;
    if (!f->graph || !f->weights || !f->output)
        return oz_usage_error("import needs --graph, --weights and --output");
    int code = oz_check_output(f->output, f->force);
    if (code) return code;
    oz_import_options opt = OZ_IMPORT_INIT;
    opt.host = oz_terminal_host();
    opt.graph = f->graph;
    opt.weights = f->weights;
    oz_buffer file;
    oz_error err = {0};
    oz_import_notes notes;
    opt.notes = &notes;
    if (oz_import(&opt, &file, &err) != OZ_OK) return oz_report_error(err.where[0] ? NULL : "", &err);
    code = oz_save_file(f->output, file.data, file.bytes, f->force);
    size_t bytes = file.bytes;
    oz_buffer_free(&file);
    if (code) return code;
    if (f->common.quiet) return EXIT_DONE;
    if (notes.unused)
        oz_file_error(f->weights, "the graph does not use %zu tensor%s, the first %s", notes.unused,
                      notes.unused > 1 ? "s" : "", oz_safe_text(notes.first_unused));
    printf("%s: %s\n", f->output, oz_size_text(bytes));
    return EXIT_DONE;
}

const oz_verb oz_verb_import = {
    .name = "import",
    .summary = "Make a model of a graph and a plain safetensors file; batch norms are folded",
    .usage = "--graph g.json --weights w.safetensors -o model.safetensors",
    .examples =
        "  ounce import --graph resnet20.json --weights resnet20.safetensors -o resnet20.ounce.safetensors\n"
        "  ounce import -g net.json -w net.safetensors -o net.ounce.safetensors --force\n",
    .options = options,
    .n_options = OZ_COUNT_OF(options),
    .fields = sizeof(oz_import_fields),
    .run = run};

/* inspect.c - ounce inspect: layers, formats, bytes, graph, provenance. */
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/model.h"
#include "cli/terminal.h"

typedef struct oz_inspect_fields {
    oz_common common;
    bool leaves, graph;
} oz_inspect_fields;

static const oz_option options[] = {
    {"leaves", 'l', OZ_OPTION_FLAG, NULL, "a line for every leaf of every layer",
     offsetof(oz_inspect_fields, leaves)},
    {"graph", 'g', OZ_OPTION_FLAG, NULL, "print the graph's JSON and nothing else",
     offsetof(oz_inspect_fields, graph)},
};

static const char *const provenance[] = {"source", "method", "recipe", "policy", "budget", "seed", "correct"};

static json_t *leaf_json(const oz_leaf_info *leaf) {
    return json_pack("{s:i, s:i, s:s, s:o, s:I, s:I, s:I, s:b, s:I, s:o}", "term", leaf->term, "factor",
                     leaf->factor, "format", leaf->format, "spec", oz_json_text(leaf->spec), "rows",
                     (json_int_t)leaf->rows, "cols", (json_int_t)leaf->cols, "nonzeros",
                     (json_int_t)leaf->nonzeros, "shared", leaf->shared, "extra_resident",
                     (json_int_t)leaf->extra_resident, "bytes", oz_json_bytes(&leaf->bytes));
}

static json_t *layer_json(const oz_model *m, size_t i) {
    oz_layer_info layer;
    if (oz_model_layer(m, i, &layer) != OZ_OK) return NULL;
    json_t *leaves = json_array();
    for (uint32_t l = 0; l < layer.leaves; l++) {
        oz_leaf_info leaf;
        if (oz_model_leaf(m, i, l, &leaf) == OZ_OK) json_array_append_new(leaves, leaf_json(&leaf));
    }
    return json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:s, s:o, s:o}", "name", oz_json_text(layer.name), "op",
                     layer.op, "weight", oz_json_text(layer.weight), "rows", (json_int_t)layer.rows, "cols",
                     (json_int_t)layer.cols, "nonzeros", (json_int_t)layer.nonzeros, "activations",
                     layer.act_i8 ? "i8" : "f32", "bytes", oz_json_bytes(&layer.bytes), "leaves", leaves);
}

static json_t *tensors_json(const oz_model *m, bool outputs) {
    json_t *list = json_array();
    size_t n = outputs ? oz_model_outputs(m) : oz_model_inputs(m);
    for (size_t i = 0; i < n; i++) {
        oz_tensor_info t;
        if ((outputs ? oz_model_output(m, i, &t) : oz_model_input(m, i, &t)) != OZ_OK) continue;
        json_t *dims = json_array();
        for (uint32_t d = 0; d < t.rank; d++)
            json_array_append_new(dims, t.dim[d] < 0 ? json_null() : json_integer(t.dim[d]));
        json_array_append_new(list, json_pack("{s:o, s:o}", "name", oz_json_text(t.name), "shape", dims));
    }
    return list;
}

static int print_json(const char *path, const oz_model *m) {
    oz_bytes bytes;
    uint64_t resident;
    oz_model_bytes(m, &bytes, &resident);
    json_t *layers = json_array(), *meta = json_object();
    for (size_t i = 0; i < oz_model_layers(m); i++) json_array_append_new(layers, layer_json(m, i));
    for (size_t i = 0; i < OZ_COUNT_OF(provenance); i++) {
        const char *value = oz_model_meta(m, provenance[i]);
        if (value) json_object_set_new(meta, provenance[i], oz_json_text(value));
    }
    uint64_t ignored;
    oz_model_ignored(m, &ignored, NULL);
    return oz_json_print(json_pack("{s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "file", oz_json_text(path),
                                   "bytes", oz_json_bytes(&bytes), "resident", (json_int_t)resident,
                                   "ignored", (json_int_t)ignored, "inputs", tensors_json(m, false),
                                   "outputs", tensors_json(m, true), "layers", layers, "provenance", meta));
}

static void print_leaves(const oz_model *m, size_t layer, uint32_t n) {
    for (uint32_t l = 0; l < n; l++) {
        oz_leaf_info leaf;
        if (oz_model_leaf(m, layer, l, &leaf) != OZ_OK) continue;
        printf(
            "    %u.%u  %5llu x %-5llu %10llu weights stored  values %llu  index %llu  scales %llu%s  %s\n",
            leaf.term, leaf.factor, (unsigned long long)leaf.rows, (unsigned long long)leaf.cols,
            (unsigned long long)leaf.nonzeros, (unsigned long long)leaf.bytes.values,
            (unsigned long long)leaf.bytes.index, (unsigned long long)leaf.bytes.scales,
            leaf.shared ? "  shared" : "", oz_safe_text(leaf.spec));
        if (leaf.extra_resident)
            printf("          + %s materialised at load\n", oz_size_text(leaf.extra_resident));
    }
}

static void print_layers(const oz_model *m, bool leaves) {
    int width = 5;
    for (size_t i = 0; i < oz_model_layers(m); i++) {
        oz_layer_info layer;
        if (oz_model_layer(m, i, &layer) == OZ_OK && (int)strlen(layer.name) > width)
            width = (int)strlen(layer.name);
    }
    if (width > 40) width = 40;
    printf("\n%-*s  %-9s %5s x %-6s %9s %7s  %-4s %s\n", width, "layer", "operator", "rows", "cols", "bytes",
           "bits/w", "act", "weight");
    for (size_t i = 0; i < oz_model_layers(m); i++) {
        oz_layer_info layer;
        if (oz_model_layer(m, i, &layer) != OZ_OK) continue;
        double bits = 8.0 * (double)layer.bytes.total / ((double)layer.rows * (double)layer.cols);
        printf("%-*.*s  %-9s %5llu x %-6llu %9llu %7.2f  %-4s %s\n", width, width, oz_safe_text(layer.name),
               *layer.op ? layer.op : "-", (unsigned long long)layer.rows, (unsigned long long)layer.cols,
               (unsigned long long)layer.bytes.total, bits, layer.act_i8 ? "i8" : "f32",
               oz_safe_text(layer.weight));
        if (leaves) print_leaves(m, i, layer.leaves);
    }
}

static void print_ignored(const oz_model *m) {
    uint64_t bytes;
    const char *first;
    size_t n = oz_model_ignored(m, &bytes, &first);
    if (n == 0) return;
    printf(
        "\n%zu other tensor%s, neither weights nor vectors of floats, the first %s: %s that compress leaves "
        "out\n",
        n, n > 1 ? "s" : "", oz_safe_text(first), oz_size_text(bytes));
}

static void print_bytes(const oz_model *m) {
    oz_bytes b;
    uint64_t resident;
    oz_model_bytes(m, &b, &resident);
    const struct {
        const char *name;
        uint64_t bytes;
    } rows[] = {{"values", b.values},   {"index", b.index},
                {"scales", b.scales},   {"biases and norms", b.vectors},
                {"padding", b.padding}, {"header and graph", b.header},
                {"stored", b.total},    {"resident", resident}};
    printf("\n");
    for (size_t i = 0; i < OZ_COUNT_OF(rows); i++) {
        printf("%-17s %12llu  %10s %6.2f %%\n", rows[i].name, (unsigned long long)rows[i].bytes,
               oz_size_text(rows[i].bytes), b.total ? 100.0 * (double)rows[i].bytes / (double)b.total : 0.0);
    }
}

static void print_text(const char *path, const oz_model *m, bool leaves) {
    char text[128];
    oz_tensor_info t;
    printf("%s\n", path);
    for (size_t i = 0; i < oz_model_inputs(m); i++) {
        if (oz_model_input(m, i, &t) == OZ_OK) oz_describe_tensor(&t, text), printf("input   %s\n", text);
    }
    for (size_t i = 0; i < oz_model_outputs(m); i++) {
        if (oz_model_output(m, i, &t) == OZ_OK) oz_describe_tensor(&t, text), printf("output  %s\n", text);
    }
    if (!oz_model_inputs(m))
        printf(
            "no graph: the weights can be looked at but not run; 'ounce import' makes a model of them and a "
            "graph\n");
    print_layers(m, leaves);
    print_ignored(m);
    print_bytes(m);
    for (size_t i = 0; i < OZ_COUNT_OF(provenance); i++) {
        const char *value = oz_model_meta(m, provenance[i]);
        if (value) printf("%s%-8s  %s\n", i ? "" : "\n", provenance[i], oz_one_line(value));
    }
}

static int run(const void *fields) {
    const oz_inspect_fields *f = fields;
    const char *path = f->common.arguments.text[0];
    oz_model *m;
    int code = oz_open_model(path, &m);
    if (code) return code;
    if (f->graph) {
        const char *graph = oz_model_meta(m, "graph");
        printf("%s\n", graph ? graph : "null");
    } else if (f->common.json) {
        code = print_json(path, m);
    } else {
        print_text(path, m, f->leaves);
    }
    oz_model_free(m);
    return code;
}

const oz_verb oz_verb_inspect = {
    .name = "inspect",
    .summary = "Show a model's layers, formats, bytes and provenance",
    .usage = "MODEL [--leaves] [--graph]",
    .examples = "  ounce inspect model.safetensors\n  ounce inspect model.safetensors --json\n",
    .options = options,
    .n_options = OZ_COUNT_OF(options),
    .fields = sizeof(oz_inspect_fields),
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run};

/* import.c - a graph and PyTorch's tensors -> a dense f32 model.
 *
 * The model is opened once before it is handed out: whatever the runtime would object to is an error of the
 * import, where the user still has the graph before her. */
#include "base/file.h"
#include "converters/import/weights.h"
#include "converters/numbers.h"

#include <stdio.h>
#include <string.h>

typedef struct import {
    const oz_import_options *opt;
    oz_arena arena;
    oz_safetensors tensors;
    oz_weight_source source;
    oz_edited_graph graph;
    oz_contents contents;
    oz_error *err;
} import;

/* What is wrong with one of the two files says with which. */
static oz_status about(const import *im, const char *path, oz_status status) {
    bool file = status != OZ_OK && status != OZ_ERR_MEMORY && status != OZ_ERR_CANCEL;
    if (!file || !im->err) return status;
    oz_error err = *im->err;
    bool placed = err.where[0] && strcmp(err.where, "graph") != 0;
    return oz_fail(im->err, status, err.offset, path, "%s%s%s", placed ? err.where : "", placed ? ": " : "",
                   err.message);
}

/* Reading the graph reads batch norms too, whose faults are the weights'. */
typedef struct norms {
    const oz_weight_source *source;
    bool failed;
} norms;

static oz_status read_norm(void *ctx, const char *name, double eps, oz_channel_map *out, oz_error *err) {
    norms *n = ctx;
    oz_status status = oz_norm_read((void *)n->source, name, eps, out, err);
    n->failed = status != OZ_OK;
    return status;
}

static oz_status read_graph(import *im, const char *text, size_t bytes) {
    norms n = {.source = &im->source};
    oz_norm_reader reader = {.ctx = &n, .read = read_norm};
    oz_status status = oz_graph_edit(&im->graph, text, bytes, &reader, &im->arena, im->err);
    return about(im, n.failed ? im->opt->weights : im->opt->graph, status);
}

static oz_status make_weights(import *im) {
    size_t n = im->graph.n_layers;
    oz_contents *c = &im->contents;
    c->graph = im->graph.text;
    c->weights = oz_arena_array(&im->arena, n, sizeof *c->weights);
    c->vectors = oz_arena_array(&im->arena, n, sizeof *c->vectors);
    if (!c->weights || !c->vectors) return oz_no_memory("", im->err);
    for (size_t i = 0; i < n; i++) {
        OZ_TRY(oz_host_progress(im->opt->host, "import", i, n, im->err));
        oz_vector bias = {0};
        OZ_TRY(oz_layer_import(&im->source, &im->graph.layers[i], &c->weights[i], &bias, im->err));
        c->n_weights++;
        if (bias.data) c->vectors[c->n_vectors++] = bias;
    }
    return oz_host_progress(im->opt->host, "import", n, n, im->err);
}

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static oz_status finish(import *im, oz_buffer *out) {
    oz_meta source = {"source", file_name(im->opt->weights), 0};
    im->contents.meta = &source;
    im->contents.n_meta = 1;
    oz_image image;
    OZ_TRY(oz_image_build(&im->contents, &image, &im->arena, im->err));
    oz_open_options open = OZ_OPEN_INIT;
    oz_model *m = NULL;
    oz_status status = oz_model_open_memory(image.data, image.bytes, &open, &m, im->err);
    oz_model_free(m);
    if (status != OZ_OK && im->err) im->err->offset = OZ_NO_OFFSET; /* of a file that will not exist */
    return status == OZ_OK ? oz_buffer_copy(out, &image, im->err) : status;
}

/* Counters of batch norms and the like are no floats, and nobody misses them. */
static void note_unused(const import *im) {
    oz_import_notes *notes = im->opt->notes;
    if (!notes) return;
    *notes = (oz_import_notes){0};
    for (size_t i = 0; i < im->tensors.count; i++) {
        const oz_stored *t = &im->tensors.tensors[i];
        if (im->source.used[i] || !oz_number_is_float(t->type) || t->bytes == 0) continue;
        if (notes->unused++ == 0) snprintf(notes->first_unused, sizeof notes->first_unused, "%s", t->name);
    }
}

static oz_status import_files(import *im, const oz_file *graph, const oz_file *weights, oz_buffer *out) {
    const oz_import_options *opt = im->opt;
    OZ_TRY(
        about(im, opt->weights,
              oz_safetensors_read(&im->tensors, weights->data, weights->bytes, NULL, &im->arena, im->err)));
    im->source = (oz_weight_source){.tensors = &im->tensors, .arena = &im->arena};
    im->source.used = oz_arena_array(&im->arena, im->tensors.count, sizeof *im->source.used);
    if (!im->source.used) return oz_no_memory("", im->err);
    OZ_TRY(read_graph(im, (const char *)graph->data, graph->bytes));
    OZ_TRY(about(im, opt->weights, make_weights(im)));
    note_unused(im);
    return about(im, opt->graph, finish(im, out));
}

static oz_status import_opened(const oz_import_options *opt, const oz_file *graph, oz_buffer *out,
                               oz_error *err) {
    const oz_allocator *allocator = oz_host_allocator(opt->host);
    oz_file weights;
    OZ_TRY(oz_file_open(opt->weights, false, 0, allocator, &weights, err));
import im = {.opt = opt, .arena = {.allocator = allocator }, .err = err };
    oz_status status = import_files(&im, graph, &weights, out);
    oz_arena_free(&im.arena);
    oz_file_close(&weights);
    return status;
}

oz_status oz_import(const oz_import_options *opt, oz_buffer *out, oz_error *err) {
    if (!opt || !out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "opt or out is NULL");
    *out = (oz_buffer){0};
    OZ_TRY(oz_struct_check(opt->size, sizeof *opt, "oz_import_options", err));
    if (!opt->graph || !opt->weights)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "an import needs a graph and weights");
    oz_file graph;
    OZ_TRY(oz_file_open(opt->graph, false, UINT64_C(64) << 20, oz_host_allocator(opt->host), &graph, err));
    oz_status status = import_opened(opt, &graph, out, err);
    oz_file_close(&graph);
    return status;
}

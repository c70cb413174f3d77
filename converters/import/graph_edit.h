/* graph_edit.h - a graph as people write it -> the graph that runs.
 *
 * Batch norms disappear into the layers before them and activations into the nodes before them
 * (docs/graph.md); what the layers have to do for that is handed out as a factor and an addend per output
 * channel. The text that comes out has no blanks: it is part of the model's bytes. */
#ifndef OZ_CONVERTERS_GRAPH_EDIT_H
#define OZ_CONVERTERS_GRAPH_EDIT_H

#include "base/memory.h"

/* y = factor * x + addend per channel. */
typedef struct oz_channel_map {
    double *factor, *addend;
    uint64_t count;
} oz_channel_map;

typedef struct oz_import_layer {
    const char *name; /* tensors NAME.weight and NAME.bias */
    bool convolution;
    uint64_t kernel[2];
    oz_channel_map after; /* what follows W x + b; count 0 = nothing */
} oz_import_layer;

/* Reads a batch norm's tensors as the map that they mean. */
typedef struct oz_norm_reader {
    void *ctx;
    oz_status (*read)(void *ctx, const char *name, double eps, oz_channel_map *out, oz_error *err);
} oz_norm_reader;

typedef struct oz_edited_graph {
    const char *text;
    oz_import_layer *layers; /* in the order of the nodes, each once */
    size_t n_layers;
} oz_edited_graph;

/* Everything in *out lives in the arena. Errors: FORMAT (JSON with its line, or the node), MEMORY, and what
 * the reader returns. */
oz_status oz_graph_edit(oz_edited_graph *out, const char *text, size_t bytes, const oz_norm_reader *norms,
                        oz_arena *arena, oz_error *err);

#endif

/* graph.h - operators and the tensors between them, as the model's graph JSON says.
 *
 * A graph is a list of nodes in an order that runs; every node makes one tensor ("value") from
 * earlier ones. Text form (docs/graph.md lists the operators and their attributes):
 *
 *   {"inputs": {"x": ["N", 3, 32, 32]}, "outputs": ["logits"], "nodes": [NODE...]}
 *   NODE = ["conv2d", "output name", ["input name"...], {attributes}]
 *
 * A dimension that is a string is free: its size comes with each run. Shapes are always inferred
 * from numbers, never from symbols: whoever needs to know what a free dimension does to a shape
 * infers twice. */
#ifndef OZ_RUNTIME_GRAPH_H
#define OZ_RUNTIME_GRAPH_H

#include "base/json.h"
#include "formats/container/contents.h"
#include "kernels/vec.h"

#define OZ_MAX_NODE_INPUTS 16
#define OZ_MAX_FREE 8

typedef struct oz_shape {
    uint32_t rank;
    uint64_t dim[OZ_MAX_RANK];
} oz_shape;

uint64_t oz_shape_count(const oz_shape *s); /* of elements; shapes were checked not to wrap */
bool oz_shape_equal(const oz_shape *a, const oz_shape *b);

/* Kernel, stride, padding and dilation of a window over height and width. */
typedef struct oz_window {
    uint32_t kernel[2], stride[2], dilation[2];
    uint32_t pad[4]; /* top, left, bottom, right */
    bool ceil_mode, count_pad;
} oz_window;

typedef struct oz_attributes {
    oz_window window;
    uint32_t groups;
    int64_t axis, start, end, step;
    int64_t pads[OZ_MAX_RANK][2];
    int64_t reshape[OZ_MAX_RANK];
    uint32_t reshape_rank;
    float *scale, *shift; /* affine, [channels] */
    uint64_t channels;
    bool mean; /* embedding_bag */
} oz_attributes;

typedef struct oz_node {
    const struct oz_op *op;
    const char *name; /* of the value it makes */
    uint32_t input[OZ_MAX_NODE_INPUTS];
    uint32_t n_inputs, output;
    uint64_t offset; /* in the graph's text */
    oz_attributes attr;
    oz_activation act; /* applied to the result */
    float slope;       /* of a leaky activation */
    size_t layer;      /* index of its weight, or OZ_NO_LAYER */
} oz_node;

#define OZ_NO_LAYER SIZE_MAX

typedef struct oz_graph_value {
    const char *name;
    oz_dtype dtype;
} oz_graph_value;

typedef struct oz_graph_input {
    uint32_t value;
    uint32_t rank;
    int64_t dim[OZ_MAX_RANK]; /* -1 - i = free dimension i */
} oz_graph_input;

typedef struct oz_graph {
    oz_graph_value *values;
    size_t n_values;
    oz_node *nodes;
    size_t n_nodes;
    oz_graph_input *inputs;
    size_t n_inputs;
    uint32_t *outputs; /* values */
    size_t n_outputs;
    const char *free_name[OZ_MAX_FREE];
    size_t n_free;
} oz_graph;

/* Errors: FORMAT with the offset in the graph's text, SUPPORT (unknown operator), LIMIT, MEMORY. */
oz_status oz_graph_read(oz_graph *g, const oz_contents *contents, const oz_limits *limits, oz_arena *arena,
                        oz_error *err);
/* Shapes of all values from sizes of the free dimensions. Errors: SHAPE, naming the node. */
oz_status oz_graph_shapes(const oz_graph *g, const oz_contents *contents, const uint64_t *free_sizes,
                          oz_shape *shapes, oz_error *err);

#endif

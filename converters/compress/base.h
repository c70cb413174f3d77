/* base.h - what several compressions of one model share (oz_compressor).
 *
 * The base is read once: weights as dense f32, where each layer stands in the graph, calibration records.
 * What costs more is made when it is first needed and kept: sorted magnitudes, singular vectors, the dense
 * model's statistics and logits. */
#ifndef OZ_CONVERTERS_BASE_H
#define OZ_CONVERTERS_BASE_H

#include "base/parallel.h"
#include "converters/compress/svd.h"
#include "converters/host.h"

/* Mean and deviation of each output channel before the activation function, over the calibration data. */
typedef struct oz_channel_stats {
    double *mean, *deviation; /* [rows]; NULL: never observed */
} oz_channel_stats;

typedef struct oz_base_layer {
    const oz_weight *weight;
    const char *name;
    uint64_t rows, cols;
    const float *values; /* [rows][cols] */
    const float *bias;   /* [rows]; NULL = none */
    double energy;       /* sum of squares */
    bool first, last;    /* of the graph */
    bool narrow;         /* a convolution of narrow groups (depthwise): f32 activations, no products */
    uint32_t uses;       /* nodes that multiply by it; 0: an embedding, or not in the graph */
    float *sorted;       /* magnitudes, descending; made on demand, with the next */
    float *lamp;         /* their LAMP scores: square over the sum of squares of all at least as large */
    oz_svd svd;          /* of the whole matrix; made on demand */
    oz_channel_stats stats;
} oz_base_layer;

struct oz_compressor {
    const oz_allocator *allocator;
    const oz_host *host; /* &own_host */
    oz_host own_host;    /* the caller's, with an executor */
    oz_executor *own_executor;
    oz_arena arena;
    oz_threads threads;
    oz_model *model; /* the base's bytes, opened again */
    oz_safetensors tensors;
    oz_contents contents;
    oz_base_layer *layers; /* one per weight of contents */
    size_t n_layers;
    char source[17]; /* hash of the base's file */
    const oz_dataset *calibration;
    void *inputs; /* of the calibration records, in the input's dtype */
    oz_tensor input;
    size_t records;            /* that fit the memory for activations */
    bool observed;             /* stats and logits are there */
    float *logits;             /* [records][outputs] */
    size_t outputs;            /* numbers per record */
    struct oz_fitted **stored; /* store.c: layers as methods made them */
    size_t n_stored, stored_room;
};

/* Fills sorted magnitudes and scores of a layer. Errors: MEMORY. */
oz_status oz_base_sort(oz_base_layer *layer, oz_error *err);

/* graph_layers.c: first, last, narrow and uses, from the graph's text. */
oz_status oz_base_read_graph(oz_compressor *c, oz_error *err);

#endif

/* model.h - an open model: the file, what it says, and its graph.
 *
 * Everything hangs on one arena. Leaves whose format materialises are expanded once, here, and
 * `leaf_to_run` gives what kernels shall multiply by. */
#ifndef OZ_RUNTIME_MODEL_H
#define OZ_RUNTIME_MODEL_H

#include <stdatomic.h>

#include "base/file.h"
#include "runtime/graph.h"

/* What a leaf adds to the file: parts that an earlier leaf has as well are that one's. */
typedef struct oz_held {
    oz_bytes bytes;
    bool shared;
} oz_held;

typedef struct oz_layer {
    const oz_weight *weight;
    const oz_vector *bias;   /* NULL = none */
    const char *op;          /* of the first node that owns it; "" = none */
    const oz_leaf ***run;    /* [term][factor]: the leaf itself or its dense expansion */
    uint64_t extra_resident; /* bytes of those expansions */
    oz_bytes bytes;
    oz_held **held;     /* [term][factor] */
    const char ***spec; /* [term][factor]: the leaf as text */
    const char *method; /* all terms as text */
} oz_layer;

struct oz_model {
    atomic_int references;
    oz_arena arena;
    oz_file file; /* data NULL if the bytes are the caller's */
    oz_safetensors tensors;
    oz_contents contents;
    oz_graph graph;
    oz_layer *layers;
    oz_bytes bytes;
    uint64_t resident;
    oz_tensor_info *inputs, *outputs;
};

/* sharing.c: fills every layer's `held`. */
oz_status oz_model_share(oz_model *m, oz_error *err);
void oz_model_retain(oz_model *m);
/* Passes a status on; an error in the graph gets its place in the file, which escapes make another than its
 * place in the graph's text. */
oz_status oz_model_locate(const oz_model *m, oz_status status, oz_error *err);
/* True if the leaf reads 8-bit activations in a layer whose act is i8. */
bool oz_leaf_reads_i8(const oz_leaf *leaf, bool act_i8);

#endif

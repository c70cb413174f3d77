/* contents.h - what an Ounce model file says: weights as sums of products of leaves, vectors, graph.
 *
 * All of it lies in `__metadata__`, next to plain tensors that hold the bytes:
 *
 *   "format": "ounce"    "version": "1"    "graph": see runtime/graph.h
 *   "weights": {NAME: {"shape": [rows, cols], "terms": [TERM...],
 *                      "scales": [number...]    one per term, default 1
 *                      "rows": ["f16", offset]  the row scale, in the tensor `small`
 *                      "act": "f32"}}           default i8 if a leaf has integer codes in groups
 *     TERM = [LEAF...], the factors from left to right
 *     LEAF = ["nm:2:4,codec=int8", [rows, cols], PART...]   the shape only where the term has several leaves
 *     PART = one per part of the format: an offset in `small` | "tensor" | null, which means the
 *            tensor NAME/term.factor/part. A part without bytes is 0.
 *   "vectors": {"conv1.bias": ["f16", count, offset]}       f32, f16 or bf16 numbers in `small`
 *   "hashes": 16 hex digits per tensor, of its bytes and the header, in the order of the data
 *   "source", "method", "recipe", "command", ...: provenance, free text
 *
 * Parts under 4 KiB and all vectors share the tensor `small` (16-byte aligned there), larger parts are
 * tensors of their own at 64-byte offsets of the file: a header entry costs 80 bytes, which
 * at 64 KiB a model is not small. Parts with the same location are shared and count once.
 *
 * A file without our metadata opens too: every 2-D F32, F16 or BF16 tensor is a dense weight (its name
 * without ".weight"), 1-D ones are vectors, and there is no graph. */
#ifndef OZ_CONTAINER_CONTENTS_H
#define OZ_CONTAINER_CONTENTS_H

#include "formats/container/safetensors.h"
#include "formats/format.h"

#define OZ_SMALL_PART 4096

typedef struct oz_vector {
    const char *name;
    oz_codec_kind kind; /* f32, f16, bf16 */
    uint64_t count;
    const uint8_t *data; /* any alignment; NULL = no vector */
} oz_vector;

typedef struct oz_term {
    float scale;
    oz_leaf *factors; /* left to right: the last one meets the activations first */
    size_t n_factors;
} oz_term;

typedef struct oz_weight {
    const char *name; /* "layer1.0.conv1" */
    uint64_t rows, cols;
    oz_term *terms;
    size_t n_terms;
    oz_vector row_scale;
    bool act_i8;
} oz_weight;

/* Neither a sum nor a product. */
static inline bool oz_weight_is_leaf(const oz_weight *w) {
    return w->n_terms == 1 && w->terms[0].n_factors == 1;
}

static inline bool oz_weight_has_products(const oz_weight *w) {
    for (size_t t = 0; t < w->n_terms; t++) {
        if (w->terms[t].n_factors > 1) return true;
    }
    return false;
}

typedef struct oz_contents {
    oz_weight *weights;
    size_t n_weights;
    oz_vector *vectors;
    size_t n_vectors;
    /* Sorted by name; NULL in contents that no reader made, which are searched one by one. */
    const oz_weight **weights_by_name;
    const oz_vector **vectors_by_name;
    const char *graph; /* JSON text; NULL in a foreign file */
    uint64_t graph_offset;
    oz_meta *meta; /* free text only: source, method, ... */
    size_t n_meta;
    size_t n_ignored; /* tensors of a foreign file that are neither */
    uint64_t ignored_bytes;
    const char *first_ignored;
} oz_contents;

/* Opens every leaf (oz_leaf_check). Errors: FORMAT, VERSION, SUPPORT, LIMIT, MEMORY. */
oz_status oz_contents_read(oz_contents *out, const oz_safetensors *file, const oz_limits *limits,
                           oz_arena *arena, oz_error *err);
/* Compares the file's tensors and its header with "hashes"; a file without hashes passes. Errors: CHECKSUM.
 */
oz_status oz_contents_verify(const oz_safetensors *file, oz_error *err);
/* Bytes of the file by kind; their sum is file->bytes. `weights` NULL or [n_weights]: each weight's own
 * leaves, row scale and bias, shared parts with the first weight that has them. */
oz_status oz_contents_bytes(const oz_contents *c, const oz_safetensors *file, oz_bytes *total,
                            oz_bytes *weights, oz_arena *arena, oz_error *err);

/* What "act" means where it is left out: true if a leaf has integer codes in groups. */
bool oz_weight_default_act(const oz_weight *w);
const oz_weight *oz_contents_weight(const oz_contents *c, const char *name);
const oz_vector *oz_contents_vector(const oz_contents *c, const char *name);
float oz_vector_get(const oz_vector *v, uint64_t i);
/* Dense f32 [rows][cols] of the whole weight: terms, products and row scale, summed in double.
 * Needs scratch from the arena. */
oz_status oz_weight_unpack(const oz_weight *w, float *out, oz_arena *arena, oz_error *err);

#endif

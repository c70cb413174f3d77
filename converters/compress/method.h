/* method.h - a compression method as text: TERM + TERM, and which of its knobs are still open.
 *
 *     nm:2:8,codec=int8        sparse,codec=int3        dense,codec=int4 + lowrank:8
 *
 * A term is a format's leaf as formats/format.h writes it, or `lowrank[:R]`, the product of two dense leaves.
 * Besides the format's own keys a term takes
 *
 *     sparsity=  share of zeros (sparse)           rank=   (lowrank)
 *     ratio=     shared numbers per weight (hashed)
 *     scope=lamp|layer|global  where sparsity is counted      score=magnitude|random
 *     correct=affine|bias|none  act=f32|i8          of the whole layer, in any term
 *
 * `lowrank` alone stores a layer as one dense leaf where the product would not be smaller; in a sum its codec
 * is f16 if none is given. What is left out of codec, sparsity, n of nm, rank and ratio is open: a knob that
 * a budget sets. */
#ifndef OZ_CONVERTERS_METHOD_H
#define OZ_CONVERTERS_METHOD_H

#include "formats/format.h"

#include <ounce/tools.h>

#define OZ_MAX_TERMS 4

typedef enum oz_knob {
    OZ_KNOB_NONE,
    OZ_KNOB_CODEC,
    OZ_KNOB_SPARSITY,
    OZ_KNOB_N,
    OZ_KNOB_RANK,
    OZ_KNOB_RATIO
} oz_knob;

typedef enum oz_scope { OZ_SCOPE_LAYER, OZ_SCOPE_GLOBAL, OZ_SCOPE_LAMP } oz_scope;

typedef struct oz_method_term {
    oz_leaf leaf; /* format, codec, params; of low rank: of both factors */
    bool low_rank, prunes, shares;
    bool codec_open;
    oz_knob knob; /* what else is open, or NONE */
    double sparsity, ratio;
    uint64_t rank;
    oz_scope scope;
    bool random; /* score */
} oz_method_term;

typedef struct oz_method {
    oz_method_term term[OZ_MAX_TERMS];
    size_t n_terms;
    int correction; /* an oz_correction, or -1: as the options say */
    int act_i8;     /* 0, 1, or -1: by the codecs */
} oz_method;

/* Errors: ARGUMENT, naming the place in the text. */
oz_status oz_method_parse(oz_method *m, const char *text, size_t bytes, oz_error *err);
/* The method with its knobs as they are set. */
void oz_method_print(const oz_method *m, oz_text *out);
const char *oz_knob_name(oz_knob k); /* "sparsity" */
/* Floats have no groups and offsets, ternary has no offsets. */
void oz_method_set_codec(oz_method_term *t, oz_codec_kind kind);
/* Sets a parameter of the format, if it has it. */
void oz_method_set(oz_leaf *leaf, const char *name, uint64_t value);

#endif

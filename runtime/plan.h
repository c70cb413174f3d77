/* plan.h - a model made ready for a machine: a kernel for every leaf, a place for every tensor. */
#ifndef OZ_RUNTIME_PLAN_H
#define OZ_RUNTIME_PLAN_H

#include "base/parallel.h"
#include "kernels/kernel.h"
#include "runtime/model.h"
#include "runtime/op.h"

#define OZ_TILE_WIDTHS 4 /* 8, 16, 32, 64 columns */
#define OZ_NARROW 16     /* columns at most that have a kernel of their own */

/* How a leaf can be multiplied. */
typedef enum oz_way {
    OZ_WAY_MV,     /* a fused kernel, up to 4 rows at a time */
    OZ_WAY_BLOCKS, /* a decoder's blocks times up to 4 rows at a time */
    OZ_WAY_MM,     /* a decoder and the multiplication of its shape */
    OZ_WAY_DNNL,   /* oneDNN on dense f32 as it lies */
    OZ_WAY_UNPACK, /* unpacked by its decoder into scratch at every run, then oneDNN */
} oz_way;

typedef struct oz_choice {
    oz_way way;
    const oz_mv *mv;
    const oz_decoder *decoder;
} oz_choice;

/* Whether it multiplies activations that lie in rows. */
static inline bool oz_reads_rows(const oz_choice *choice) {
    return choice->way == OZ_WAY_MV || choice->way == OZ_WAY_BLOCKS;
}

static inline bool oz_decodes_floats(const oz_choice *choice) {
    return choice->way == OZ_WAY_MM && choice->decoder->f32;
}

static inline bool oz_calls_onednn(const oz_choice *choice) {
    return choice->way == OZ_WAY_DNNL || choice->way == OZ_WAY_UNPACK;
}

/* Columns of a tile where there are so many in all: few are cut as the product of floats likes them best. */
static inline size_t oz_choice_tile(const oz_primitives *prim, const oz_choice *choice, uint64_t columns) {
    return columns <= OZ_COLUMNS && oz_decodes_floats(choice) ? prim->strip : OZ_COLUMNS;
}

/* Whether one of the passes over so many rows, that of a single row, goes through the whole leaf once,
 * however few panels are wanted. */
static inline bool oz_reads_all(const oz_choice *choice, uint64_t rows) {
    return choice->way == OZ_WAY_MV && choice->mv->reads_all && rows % OZ_MV_BATCH == 1;
}

/* The kernel's name, as tables and benchmarks have it. */
const char *oz_choice_name(const oz_choice *choice);

typedef struct oz_leaf_plan {
    const oz_leaf *leaf;
    double nonzeros, bytes; /* of the leaf */
    double read; /* bytes of it that a pass over all weights reads: more than it has where they share them */
    bool reads_i8;
    /* Of a layer whose activations lie in rows, where that concerns this leaf: who reads columns must make
     * them, and rows of the results; who reads 8-bit inputs must quantise them. */
    bool takes_rows, gives_rows;
    bool alone;                  /* the layer is this leaf, as it is: no other term or factor, no scale */
    oz_choice rows[OZ_MV_BATCH]; /* of 1 to 4 rows and more, which reads them as they lie */
    oz_choice narrow, large;     /* of up to OZ_NARROW columns, and of more */
    oz_candidate *candidates;    /* the chosen one first */
    size_t n_candidates;
} oz_leaf_plan;

/* Whether activations that lie in rows, though there are many, are multiplied where they lie
 * (multiply/direct.c): they become no columns, and no columns become results. */
static inline bool oz_is_direct(const oz_leaf_plan *lp, const oz_choice *choice, uint64_t columns) {
    return lp->alone && lp->takes_rows && columns > OZ_COLUMNS && oz_decodes_floats(choice);
}

typedef struct oz_layer_plan {
    const oz_layer *layer;
    oz_leaf_plan **leaf; /* [term][factor] */
    uint64_t columns;    /* at the largest batch: batch rows or images x pixels; 0 = not in the graph */
    bool rows;           /* activations lie in rows (only linear nodes have the layer) */
    double filtered;     /* about what share of their time decoded floats take: less than 1 by tiles */
    /* Whether a batch of 1, 2 ... OZ_COLUMNS rows, or of more, is multiplied by kernels that read rows. */
    bool reads_rows[OZ_COLUMNS + 1];
    /* Predicted of the chosen kernels, on one thread: so many rows; a tile. */
    double rows_ns[OZ_COLUMNS], tile_ns[OZ_TILE_WIDTHS];
} oz_layer_plan;

static inline bool oz_layer_reads_rows(const oz_layer_plan *lp, uint64_t columns) {
    return lp->reads_rows[(columns <= OZ_COLUMNS ? columns : OZ_COLUMNS + 1) - 1];
}

/* That reads so many rows. */
static inline const oz_choice *oz_rows_choice(const oz_leaf_plan *leaf, uint64_t rows) {
    return &leaf->rows[(rows < OZ_MV_BATCH ? rows : OZ_MV_BATCH) - 1];
}

/* The kernel for so many columns. */
static inline const oz_choice *oz_choice_for(const oz_layer_plan *lp, const oz_leaf_plan *leaf,
                                             uint64_t columns) {
    if (oz_layer_reads_rows(lp, columns)) return oz_rows_choice(leaf, columns);
    return columns <= OZ_NARROW ? &leaf->narrow : &leaf->large;
}

struct oz_plan {
    atomic_int references;
    oz_model *model;
    oz_arena arena;
    oz_isa isa;
    oz_threads threads;
    oz_executor *own_executor; /* NULL if the host has one, or one thread is enough */
    bool reproducible;
    const struct oz_cost_class *costs;
    /* A layer of less runs on the calling thread; where the others look for work just now, one of less. */
    double serial_ns, serial_awake_ns;
    const oz_primitives *primitives;
    const oz_vec_primitives *vec;
    uint64_t max_free[OZ_MAX_FREE];
    oz_shape *shapes; /* of all values, at the largest sizes */
    uint64_t *place;  /* of all values, bytes into the activations; OZ_NO_PLACE for inputs */
    uint64_t activation_bytes;
    oz_layer_plan *layers;
    /* Runs of large batches (slices.h): the first `sliced` nodes, by a plan for a slice of the batch; NULL =
     * not so. Predicted for an image and one thread, their layers take image_ns. */
    struct oz_plan *slice;
    size_t sliced;
    double image_ns;
    size_t slots, slot_bytes, worker_bytes, conv_bytes, offset_count, unpack_floats, epilogue_floats;
};

#define OZ_NO_PLACE UINT64_MAX

/* The threads that are worth calling for what one of them does in `ns`. */
static inline oz_threads oz_plan_threads(const oz_plan *p, double ns) {
    oz_threads threads = p->threads;
    if (ns < p->serial_awake_ns || (ns < p->serial_ns && !oz_threads_look(&threads))) threads.width = 1;
    return threads;
}

/* The best instruction set of this CPU and this build, at most `cap` (NULL = no cap). */
oz_status oz_choose_isa(const char *cap, oz_isa *out, oz_error *err);
void oz_plan_retain(oz_plan *p);
/* Bytes of one session (session.c). */
uint64_t oz_session_size(const oz_plan *p);

/* choose.c: chooses for every leaf and records what was rejected, and why. */
oz_status oz_plan_choose(oz_plan *p, const oz_plan_options *opt, oz_error *err);
/* placement.c: gives every value its place, reusing the memory of values that are dead. */
oz_status oz_plan_place(oz_plan *p, oz_error *err);

#endif

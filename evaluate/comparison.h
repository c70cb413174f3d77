/* comparison.h - what a comparison found, as plain data that reports read and tests can make up.
 *
 * A variant is one model that was run: a base network, a method applied to it, or a ready-made model. A row
 * puts a variant (or its absence) under one budget; the same variant may stand under several. Whatever
 * compares two variants on the same records is in the row, because it depends on which row is the best there.
 */
#ifndef OZ_EVALUATE_COMPARISON_H
#define OZ_EVALUATE_COMPARISON_H

#include "base/memory.h"
#include "evaluate/metrics.h"
#include "evaluate/statistics.h"

#include <ounce/tools.h>

typedef enum oz_variant_kind {
    OZ_VARIANT_METHOD,
    OZ_VARIANT_REFERENCE, /* a base as it is, or in int8: shown under every budget */
    OZ_VARIANT_READY      /* given, trained by others */
} oz_variant_kind;

typedef struct oz_variant_layer {
    const char *name, *weight; /* "layer1.0.conv1", "sparse,codec=int3" */
    uint64_t rows, cols, bytes;
} oz_variant_layer;

typedef struct oz_variant {
    const char *method; /* "sparse,codec=int3"; of a ready-made model its name */
    const char *base;   /* name of its base network, "" for a ready-made model */
    oz_variant_kind kind;
    bool untrained; /* the method is meant to be trained; this is its one-shot fit */
    bool floor;     /* random pruning */
    char setting[160];
    uint32_t tried;
    uint64_t stored, resident;
    oz_bytes bytes;          /* of the file, by kind */
    uint64_t extra_resident; /* resident - stored */
    const oz_variant_layer *layers;
    size_t n_layers;
    const uint8_t *right; /* [records]; NULL: not run */
    uint64_t correct;
    bool act_i8;          /* some layers quantise their activations to 8 bits; with f32 instead, */
    uint64_t correct_f32; /* as many are right */
    oz_interval accuracy; /* Wilson */
    bool has_dense;       /* the rest of this group is against the dense model of its base */
    oz_metrics metrics;
    oz_interval kl;
    oz_pairs dense_pairs;                               /* this, dense */
    double latency_ns, latency_low_ns, latency_high_ns; /* median and quartiles at batch 1; 0 = not timed */
    double throughput;                                  /* records a second at the large batch */
    double smaller, faster; /* dense int8 of its base has so many times its bytes, its latency; 0 = unknown */
} oz_variant;

typedef enum oz_row_state {
    OZ_ROW_RANKED,    /* fits and competes */
    OZ_ROW_UNTRAINED, /* fits, in a block of its own */
    OZ_ROW_OVER,      /* a reference larger than the budget */
    OZ_ROW_TOO_LARGE, /* does not fit */
    OZ_ROW_FAILED     /* could not be made or run; `reason` */
} oz_row_state;

typedef struct oz_row {
    const oz_variant *variant;
    oz_row_state state;
    uint64_t smallest; /* TOO_LARGE: bytes the method can reach */
    const char *reason;
    bool best, tied;   /* tied: not told apart from the best (and ranked); the best is not tied to itself */
    oz_pairs pairs;    /* this, best */
    double difference; /* accuracy minus the best's */
    oz_interval interval;
    double p, adjusted; /* McNemar, Holm */
} oz_row;

typedef struct oz_ranking {
    uint64_t budget;
    oz_row *rows; /* ranked ones first, best first; then the other states in order */
    size_t n, n_ranked, n_tied;
} oz_ranking;

typedef struct oz_point {
    uint64_t budget, bytes;
    const oz_variant *variant;
} oz_point;

/* One method of one base over all budgets, ascending. */
typedef struct oz_curve {
    const char *method, *base;
    bool untrained, floor;
    oz_point *points;
    size_t n;
} oz_curve;

typedef struct oz_base_result {
    const char *name;
    const oz_variant *dense, *int8;
} oz_base_result;

typedef struct oz_machine {
    char cpu[96];
    const char *isa;
    int cores, threads; /* threads in use */
} oz_machine;

struct oz_comparison {
    oz_arena arena;
    size_t records, classes, batch;
    uint64_t data_hash, calibration_hash;
    size_t calibration_records;
    oz_base_result *bases;
    size_t n_bases;
    oz_ranking *rankings; /* budgets descending */
    size_t n_rankings;
    oz_curve *curves;
    size_t n_curves;
    const oz_variant **ready;
    size_t n_ready;
    size_t n_methods;
    bool by_stored, quick, timed;
    const char *policy;     /* lines joined by "; ", "none" if there is none */
    const char *correction; /* "affine" */
    const char *command;    /* may be NULL */
    uint64_t seed;
    oz_machine machine;
};

/* Bytes that count under the budget. */
uint64_t oz_variant_size(const oz_comparison *c, const oz_variant *v);
/* correct / records. */
double oz_variant_accuracy(const oz_comparison *c, const oz_variant *v);

/* Accuracy minus that with f32 activations. */
double oz_variant_lost_to_i8(const oz_comparison *c, const oz_variant *v);

/* comparison_judge.c: sorts the rows of every ranking, tests each against the best, counts ties.
 * Errors: MEMORY. */
oz_status oz_comparison_judge(oz_comparison *c, oz_error *err);
/* The row that wins outright, or NULL: no row, or some row cannot be told apart from the best. */
const oz_row *oz_ranking_winner(const oz_ranking *r);

/* comparison_methods.c */
extern const char *const oz_default_methods[];
extern const size_t oz_default_methods_count;
/* The method replaces weights by something that is normally trained: a hashed term, or low rank alone. */
bool oz_method_untrained(const char *method);
bool oz_method_random(const char *method);

/* "dense f32", or "as given" where the base was compressed before. */
const char *oz_base_label(const oz_base_result *base);

/* machine.c */
void oz_machine_describe(oz_machine *m, const char *isa, int threads);

#endif

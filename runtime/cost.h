/* cost.h - what a kernel is expected to take.
 *
 * On one thread a leaf costs a sum of amounts (ounce.h, oz_cost), each times a number of nanoseconds:
 *
 *     t = calls c0 + sums c1 + weights c2 + stored c3 + products c4 + streamed c5 + fetched c6
 *         + gathered c7 + scattered c8 + c9 + places c10
 *
 * A pass over the leaf begins (calls), goes through its weights, decoding them where a decoder does it, the
 * time for which follows all places (weights: masks, plain codes) or those that are not zero (stored), and
 * multiplies. What that takes follows the products that are there (products) where zeros are skipped, all
 * (places) where they are not, and, for loading and storing what is summed, the sums of a row, a column and a
 * block of 128 inputs (sums). Kernels work on panels of 16 rows, so rows that fill the last one count as
 * well, but where they have no nonzeros. Rows that are read as they lie take a pass for every four, and 64
 * share what is streamed. Columns take a call for each tile of 64 columns, all of whose columns are
 * multiplied, padding too, and a pass for each group of tiles that share what is decoded; a leaf that does
 * not fit the cache of one core, or only in part, is read anew from beyond by each pass (streamed), and what
 * does not fit the one that cores share, from memory (streamed and fetched); a number that weights share is
 * read for each of them. Rows that are quantised, or become columns, cost by their inputs (gathered), and
 * columns that become rows again, or rows that are added to, by their outputs (scattered); many columns of
 * floats are multiplied where they lie, cost neither, and are a way of their own (direct), as are tiles of
 * few columns (narrow), whose kernels have other loops. To begin and end takes as long whatever the size
 * (once). In a dense leaf some amounts are multiples of others, of which one is fitted. No coefficient is
 * negative.
 *
 * The coefficients are fitted to measured times, kernel by kernel, by `ounce bench fit`, for one kind of
 * CPU and one instruction set at a time; runtime/costs/ has what it wrote. */
#ifndef OZ_RUNTIME_COST_H
#define OZ_RUNTIME_COST_H

#include "runtime/plan.h"

/* One kernel, on leaves of one format and codec; `kernel` is without the suffix of its instruction set. Where
 * `format` is "", a whole family, named as its kernel: for kernels that have no line of their own. */
typedef struct oz_cost_line {
    const char *way, *format, *codec, *kernel;
    double ns[OZ_COST_TERMS];
} oz_cost_line;

typedef struct oz_cost_class {
    const char *name; /* "zen5-avx2" */
    oz_isa isa;
    const char *vendor; /* as CPUID has it; models from first to last */
    unsigned family, first_model, last_model;
    double cache_bytes;   /* of one core */
    double shared_bytes;  /* of the cache that cores share: what others left of it when it was measured */
    double awake, asleep; /* ns that one more thread costs: called while it looks for work, or sleeps */
    const oz_cost_line *lines;
    size_t n_lines;
} oz_cost_class;

/* The class of that CPU and instruction set; of an unknown CPU, the first of that instruction set by its
 * maker, or by anybody. */
const oz_cost_class *oz_cost_class_for(const oz_cpu_id *cpu, oz_isa isa);
/* All of them; ends with a NULL name. */
extern const oz_cost_class oz_cost_classes[];

/* What `choice` has to do for so many columns. */
void oz_cost_of(const oz_cost_class *costs, const oz_leaf_plan *leaf, const oz_choice *choice,
                uint64_t columns, oz_cost *out);
/* The line of a kernel, of its family, or of what is not known at all, where a kernel's in tiles is nearer to
 * its narrow or direct way than the family's; and nanoseconds by it, on one thread. */
const oz_cost_line *oz_cost_line_for(const oz_cost_class *costs, const char *kernel, const oz_cost *cost);
double oz_cost_by(const oz_cost_line *line, const oz_cost *cost);
/* Both at once. */
double oz_cost_ns(const oz_cost_class *costs, const char *kernel, const oz_cost *cost);
/* Below how many nanoseconds a layer is not shared out: what `width` threads save, t (1 - 1 / width), would
 * be less than calling the others costs. They are called at most once for nothing before they look for work
 * again, so a layer must save what both cost: the call when they sleep and the call when they do not. */
double oz_cost_serial_ns(const oz_cost_class *costs, int width);
/* The same where they look for work already: it must save twice what calling them costs. */
double oz_cost_serial_awake_ns(const oz_cost_class *costs, int width);
/* What takes `ns` on one thread, on the plan's as they look for work, if it can be cut into equal `pieces`,
 * but for `each_ns`, which every thread takes. */
double oz_cost_shared_ns(const oz_plan *plan, double ns, double each_ns, uint64_t pieces);

/* Predicted for a layer, on one thread. */
double oz_cost_layer_ns(const oz_layer_plan *lp, size_t columns);

#endif

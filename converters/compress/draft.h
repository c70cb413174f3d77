/* draft.h - a whole model in the making: which method each layer has, fitted, and as contents of a file.
 *
 * A level sets the open knobs of one layer's method. Layers that were fitted before with the same setting are
 * found again, also by later runs of the same compressor. */
#ifndef OZ_CONVERTERS_DRAFT_H
#define OZ_CONVERTERS_DRAFT_H

#include "converters/compress/fit.h"
#include "converters/compress/recipe.h"

/* Of the open codec, and of the other open knob: a share (sparsity, ratio) or a whole number (n, rank). */
typedef struct oz_level {
    oz_codec_kind codec;
    double value;
} oz_level;

/* What a correction does to a layer's output: y becomes ratio * (y - before) + after, per channel. */
typedef struct oz_change {
    double *ratio, *before, *after; /* [rows]; all NULL: nothing */
} oz_change;

typedef struct oz_run_state {
    oz_compressor *c;
    const oz_compress_options *opt;
    oz_recipe recipe;
    size_t *line; /* [layers] of the recipe; n_lines: the layer stays as it is */
    oz_arena arena;
    oz_meta meta[8];
    size_t n_meta;
    oz_knob knob;    /* that is open in some line, besides codecs */
    bool codec_open; /* in some line */
    uint32_t tried;
    oz_error *err;
} oz_run_state;

/* Which layers' outputs will be corrected, and how. */
oz_correction oz_run_correction(const oz_run_state *run, size_t layer);

/* fitted[i] of all layers, each at its own level. With `sizes` low-rank factors have no data. */
oz_status oz_draft_fit(oz_run_state *run, const oz_level *levels, bool sizes, oz_fitted **fitted);
/* The file's contents in the arena; `changes` (NULL, or one a layer) are absorbed in scales and biases, whose
 * bytes are there in any case. Errors: MEMORY, NUMBER (a bias does not fit its type). */
oz_status oz_draft_contents(oz_run_state *run, oz_fitted *const *fitted, const oz_change *changes,
                            oz_arena *arena, oz_contents *out);
/* The exact size of that file. */
oz_status oz_draft_size(oz_run_state *run, oz_fitted *const *fitted, uint64_t *bytes);
/* Sum over layers of |W - W'|^2 / |W|^2. */
double oz_draft_error(const oz_run_state *run, oz_fitted *const *fitted);

/* The compressor's store of fitted layers. */
oz_fitted *oz_store_find(oz_compressor *c, const oz_fitted *like);
oz_status oz_store_add(oz_compressor *c, oz_fitted *f, oz_error *err);
/* Frees what no later run will want, or everything. */
void oz_store_clean(oz_compressor *c, bool all);

#endif

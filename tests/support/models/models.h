/* models.h - small models whose bytes are always the same, of every format.
 *
 * Which leaves there are is asked of the formats themselves, so a new format gets its tests from its line in
 * formats.def: it must accept one of a few usual arguments. */
#ifndef OZ_TESTS_MODELS_H
#define OZ_TESTS_MODELS_H

#include "formats/container/contents.h"
#include "formats/container/image.h"

enum { MODEL_TEXT = 160 };

/* The i-th leaf text of all: every format with every codec that it takes, then options worth a file. */
bool model_leaf_text(size_t i, char text[MODEL_TEXT]);
/* The first text of format i, with the codec if the format takes it, else its first; false past the last. */
bool model_format_text(size_t i, oz_codec_kind codec, char text[MODEL_TEXT]);

typedef struct model {
    oz_arena arena;
    oz_contents contents;
    oz_error err;
} model;

/* One weight "w" of one leaf, with a row scale, and the vector "w.bias". */
oz_status model_make_plain(model *m, const char *text, uint64_t rows, uint64_t cols);
/* More of everything: the weight "a" = 0.5 * leaf + product, "b" that shares a's leaf, vectors, a graph and
 * free text with all that JSON must escape. */
oz_status model_make_rich(model *m, const char *text, uint64_t rows, uint64_t cols);
void model_free(model *m);

/* [rows][cols], about a third of them zero, always the same for a seed. */
void model_weights(float *out, uint64_t n, uint64_t seed);
oz_status model_pack(oz_leaf *leaf, const char *text, uint64_t rows, uint64_t cols, uint64_t seed,
                     oz_arena *arena, oz_error *err);
/* The parts' bytes are those of `b`, and every number is the same. */
bool model_leaves_equal(const oz_leaf *a, const oz_leaf *b);

#endif

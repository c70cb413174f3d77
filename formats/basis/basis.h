/* basis.h - what the files of the format `basis` share (README.md is the norm).
 *
 * The leaf is a weighted sum of k random matrices whose numbers are one long stream, drawn from a
 * seed: only the k coefficients are stored. The stream is read forwards, matrix after matrix. */
#ifndef OZ_FORMATS_BASIS_H
#define OZ_FORMATS_BASIS_H

#include "base/random.h"
#include "formats/format.h"

enum {
    OZ_BASIS_K,
    OZ_BASIS_SEED,
    OZ_BASIS_GENERATOR,
    OZ_BASIS_ORDER,
    OZ_BASIS_FAN,
    OZ_BASIS_SKIP,
    OZ_BASIS_PARAMS
};

enum { OZ_BASIS_STREAM, OZ_BASIS_TORCH };
enum { OZ_BASIS_BY_ROWS, OZ_BASIS_BY_COLS };

/* Numbers that one leaf may draw: k * rows * cols, and `skip`. A few seconds of work. */
#define OZ_BASIS_MOST (UINT64_C(1) << 30)

typedef struct oz_basis_stream {
    const oz_leaf *leaf;
    float bound;
    uint64_t next; /* index of the number that is drawn next, skipped ones not counted */
    oz_mt19937 torch;
} oz_basis_stream;

void oz_basis_start(oz_basis_stream *s, const oz_leaf *leaf);
/* Goes on to number `index`, which is not behind `next`. */
void oz_basis_seek(oz_basis_stream *s, uint64_t index);
void oz_basis_draw(oz_basis_stream *s, float *out, size_t n);

/* How the numbers of one matrix lie in the leaf: number line * length + j is weight
 * line * line_step + j * step. */
typedef struct oz_basis_order {
    uint64_t lines, length, line_step, step;
} oz_basis_order;

oz_basis_order oz_basis_order_of(const oz_leaf *leaf);

oz_status oz_basis_pack(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err);

#endif

/* unpack.c - a whole weight as dense f32, the truth that running it is held against.
 *
 * Row by row: a row of the first factor times the dense second factor, that times the third, and so on; sums
 * are double from the first product to the row scale, and rounded once. */
#include "formats/container/contents.h"

#include "base/arith.h"

#include <string.h>

typedef struct unpacker {
    const oz_weight *weight;
    oz_arena scratch;
    float ***dense;     /* [term][factor]: the unpacked leaf; NULL if rows are taken from the leaf itself */
    float *row;         /* of a first factor */
    double *product[2]; /* of a row with the factors so far, and with one more */
    double *sum;        /* of the terms */
} unpacker;

/* The first factor is read once, row by row; unless that would generate all of it for each row. */
static bool is_generated(const oz_leaf *leaf) {
    return leaf->format->materialises && leaf->format->materialises(leaf);
}

static float *unpack_leaf(unpacker *u, const oz_leaf *leaf) {
    uint64_t count;
    if (!oz_mul(leaf->rows, leaf->cols, &count) || count > SIZE_MAX) return NULL;
    float *out = oz_arena_array(&u->scratch, (size_t)count, sizeof *out);
    if (out && is_generated(leaf))
        leaf->format->materialise(leaf, out);
    else if (out)
        oz_leaf_unpack(leaf, out);
    return out;
}

static bool unpack_factors(unpacker *u) {
    const oz_weight *w = u->weight;
    u->dense = oz_arena_array(&u->scratch, w->n_terms, sizeof *u->dense);
    for (size_t t = 0; u->dense && t < w->n_terms; t++) {
        const oz_term *term = &w->terms[t];
        u->dense[t] = oz_arena_array(&u->scratch, term->n_factors, sizeof **u->dense);
        if (!u->dense[t]) return false;
        for (size_t f = 0; f < term->n_factors; f++) {
            if (f == 0 && !is_generated(&term->factors[f])) continue;
            u->dense[t][f] = unpack_leaf(u, &term->factors[f]);
            if (!u->dense[t][f]) return false;
        }
    }
    return u->dense != NULL;
}

static bool prepare(unpacker *u) {
    const oz_weight *w = u->weight;
    uint64_t widest = w->cols;
    for (size_t t = 0; t < w->n_terms; t++)
        for (size_t f = 0; f < w->terms[t].n_factors; f++)
            widest = oz_max(widest, w->terms[t].factors[f].cols);
    u->row = oz_arena_array(&u->scratch, widest, sizeof *u->row);
    u->product[0] = oz_arena_array(&u->scratch, widest, sizeof *u->product[0]);
    u->product[1] = oz_arena_array(&u->scratch, widest, sizeof *u->product[1]);
    u->sum = oz_arena_array(&u->scratch, w->cols, sizeof *u->sum);
    return u->row && u->product[0] && u->product[1] && u->sum && unpack_factors(u);
}

/* out = row * matrix[n][cols] */
static void multiply(const double *row, const float *matrix, uint64_t n, uint64_t cols, double *out) {
    memset(out, 0, cols * sizeof *out);
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j < cols; j++) out[j] += row[i] * (double)matrix[i * cols + j];
}

static void add_term(unpacker *u, size_t t, uint64_t row) {
    const oz_term *term = &u->weight->terms[t];
    const oz_leaf *first = &term->factors[0];
    const float *values = u->row;
    if (u->dense[t][0])
        values = u->dense[t][0] + row * first->cols;
    else
        first->format->row(first, row, 0, first->cols, u->row);
    double *now = u->product[0], *next = u->product[1];
    for (uint64_t j = 0; j < first->cols; j++) now[j] = (double)values[j];
    for (size_t f = 1; f < term->n_factors; f++) {
        const oz_leaf *leaf = &term->factors[f];
        multiply(now, u->dense[t][f], leaf->rows, leaf->cols, next);
        double *swap = now;
        now = next;
        next = swap;
    }
    for (uint64_t j = 0; j < u->weight->cols; j++) u->sum[j] += (double)term->scale * now[j];
}

static void unpack_rows(unpacker *u, float *out) {
    const oz_weight *w = u->weight;
    for (uint64_t i = 0; i < w->rows; i++) {
        memset(u->sum, 0, w->cols * sizeof *u->sum);
        for (size_t t = 0; t < w->n_terms; t++) add_term(u, t, i);
        double scale = w->row_scale.data ? (double)oz_vector_get(&w->row_scale, i) : 1;
        for (uint64_t j = 0; j < w->cols; j++) out[i * w->cols + j] = (float)(scale * u->sum[j]);
    }
}

oz_status oz_weight_unpack(const oz_weight *w, float *out, oz_arena *arena, oz_error *err) {
    unpacker u = {.weight = w, .scratch = oz_arena_scratch(arena)};
    oz_status status = OZ_OK;
    if (prepare(&u))
        unpack_rows(&u, out);
    else
        status = oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, w->name, "no memory to unpack the weight");
    oz_arena_free(&u.scratch);
    return status;
}

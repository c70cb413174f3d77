/* pack.c - the coefficients that come nearest to a given matrix.
 *
 * With A the rows * cols x k matrix of all basis numbers, min |A c - W|^2 is solved by conjugate gradients
 * on the normal equations (CGLS). A is never held: each step draws it twice. Random matrices are nearly
 * orthogonal, so a few steps suffice unless k comes near rows * cols. */
#include "formats/basis/basis.h"

#include "formats/parts.h"

#include <math.h>
#include <string.h>

#define MOST_STEPS 200
#define ENOUGH 1e-9 /* |A' residual| against |A' W| */

typedef struct solver {
    const oz_leaf *leaf;
    uint64_t k, size;
    double *coefficients, *direction, *gradient; /* [k] */
    double *residual, *image;                    /* [size], in the order of the stream */
} solver;

/* image = A * direction */
static void forward(solver *s) {
    float drawn[256];
    oz_basis_stream stream;
    oz_basis_start(&stream, s->leaf);
    memset(s->image, 0, s->size * sizeof *s->image);
    for (uint64_t i = 0; i < s->k; i++) {
        for (uint64_t done = 0; done < s->size; done += 256) {
            size_t some = oz_min(s->size - done, 256);
            oz_basis_draw(&stream, drawn, some);
            for (size_t j = 0; j < some; j++) s->image[done + j] += s->direction[i] * (double)drawn[j];
        }
    }
}

/* gradient = A' * residual */
static void backward(solver *s) {
    float drawn[256];
    oz_basis_stream stream;
    oz_basis_start(&stream, s->leaf);
    for (uint64_t i = 0; i < s->k; i++) {
        double sum = 0;
        for (uint64_t done = 0; done < s->size; done += 256) {
            size_t some = oz_min(s->size - done, 256);
            oz_basis_draw(&stream, drawn, some);
            for (size_t j = 0; j < some; j++) sum += s->residual[done + j] * (double)drawn[j];
        }
        s->gradient[i] = sum;
    }
}

static double squared(const double *v, uint64_t n) {
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) sum += v[i] * v[i];
    return sum;
}

static void solve(solver *s) {
    backward(s);
    memcpy(s->direction, s->gradient, s->k * sizeof *s->direction);
    double gamma = squared(s->gradient, s->k), enough = gamma * ENOUGH * ENOUGH;
    for (int step = 0; step < MOST_STEPS && gamma > enough; step++) {
        forward(s);
        double length = squared(s->image, s->size);
        if (length == 0) return;
        double alpha = gamma / length;
        for (uint64_t i = 0; i < s->k; i++) s->coefficients[i] += alpha * s->direction[i];
        for (uint64_t e = 0; e < s->size; e++) s->residual[e] -= alpha * s->image[e];
        backward(s);
        double next = squared(s->gradient, s->k);
        for (uint64_t i = 0; i < s->k; i++) s->direction[i] = s->gradient[i] + next / gamma * s->direction[i];
        gamma = next;
    }
}

static oz_status prepare(solver *s, const float *weights, oz_arena *arena, oz_error *err) {
    s->coefficients = oz_arena_array(arena, s->k, sizeof(double));
    s->direction = oz_arena_array(arena, s->k, sizeof(double));
    s->gradient = oz_arena_array(arena, s->k, sizeof(double));
    s->residual = oz_arena_array(arena, s->size, sizeof(double));
    s->image = oz_arena_array(arena, s->size, sizeof(double));
    if (!s->coefficients || !s->direction || !s->gradient || !s->residual || !s->image)
        return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, oz_leaf_where(s->leaf), "no memory to fit a basis");
    oz_basis_order order = oz_basis_order_of(s->leaf);
    for (uint64_t line = 0; line < order.lines; line++) {
        for (uint64_t j = 0; j < order.length; j++)
            s->residual[line * order.length + j] = (double)weights[line * order.line_step + j * order.step];
    }
    return OZ_OK;
}

oz_status oz_basis_pack(oz_leaf *leaf, const float *weights, oz_arena *arena, oz_error *err) {
    OZ_TRY(oz_parts_alloc(leaf, arena, err));
    oz_arena scratch = {.allocator = arena->allocator};
    solver s = {.leaf = leaf, .k = leaf->param[OZ_BASIS_K], .size = leaf->rows * leaf->cols};
    oz_status status = prepare(&s, weights, &scratch, err);
    if (status == OZ_OK) solve(&s);
    for (uint64_t i = 0; status == OZ_OK && i < s.k; i++) {
        float c = (float)s.coefficients[i];
        if (!oz_float_fits(leaf->codec.kind, c)) {
            status = oz_fail(err, OZ_ERR_NUMBER, OZ_NO_OFFSET, oz_leaf_where(leaf),
                             "a coefficient of %g is too large for %s: use bf16 or f32", (double)c,
                             oz_codec_name(leaf->codec.kind));
        } else {
            oz_float_put(leaf->codec.kind, oz_part_write(leaf, 0), i, c);
        }
    }
    oz_arena_free(&scratch);
    return status;
}

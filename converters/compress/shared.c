/* shared.c - terms of many layers that read one array.
 *
 * Layers differ in scale, a shared number does not: each layer's term has the root mean square of its weights
 * as its scale, and the array is fitted to the weights divided by it, so that every layer counts alike. */
#include "converters/compress/fit.h"

#include "base/arith.h"

#include <math.h>

/* Three decimal digits are enough for a scale and short in the file. */
static float rounded(double x) {
    if (!(x > 0)) return 1;
    double unit = pow(10, floor(log10(x)) - 2);
    return (float)(floor(x / unit + 0.5) * unit);
}

typedef struct group {
    oz_fitted *const *layers;
    size_t n, t;
    oz_leaf *leaves;
    oz_arena *arena; /* of the first layer's term: lives as long as any of them */
} group;

static void prepare(const group *g) {
    uint64_t start = 0;
    for (size_t i = 0; i < g->n; i++) {
        oz_fitted *f = g->layers[i];
        oz_leaf *leaf = &g->leaves[i];
        double count = (double)(f->base->rows * f->base->cols);
        *leaf = f->method.term[g->t].leaf;
        leaf->name = f->base->name;
        leaf->rows = f->base->rows;
        leaf->cols = f->base->cols;
        oz_method_set(leaf, "start", start);
        start = oz_round_up(start + leaf->rows * leaf->cols, oz_leaf_param(leaf, "align"));
        f->term[g->t] =
            (oz_term){.scale = rounded(sqrt(f->base->energy / count)), .factors = leaf, .n_factors = 1};
    }
}

static oz_status add(oz_packer *p, const group *g, size_t i, oz_arena *memory, oz_error *err) {
    const oz_base_layer *base = g->layers[i]->base;
    uint64_t count = base->rows * base->cols;
    float *scaled = oz_arena_array(memory, count, sizeof *scaled);
    if (!scaled) return oz_no_memory(base->name, err);
    for (uint64_t k = 0; k < count; k++) scaled[k] = base->values[k] / g->layers[i]->term[g->t].scale;
    return oz_pack_add(p, i, scaled, err);
}

static oz_status fit(const group *g, oz_arena *memory, oz_error *err) {
    oz_packer p;
    prepare(g);
    OZ_TRY(oz_pack_begin(&p, g->leaves, g->n, g->arena, err));
    for (size_t i = 0; i < g->n; i++) OZ_TRY(add(&p, g, i, memory, err));
    return oz_pack_finish(&p, err);
}

oz_status oz_fit_shared(oz_fitted *const *layers, size_t n, size_t t, oz_error *err) {
    group g = {.layers = layers, .n = n, .t = t, .arena = &layers[0]->arena[t]};
    g.leaves = oz_arena_array(g.arena, n, sizeof *g.leaves);
    if (!g.leaves) return oz_no_memory("", err);
    oz_arena memory = {0}; /* the format may look at the weights until it is finished */
    oz_status status = fit(&g, &memory, err);
    oz_arena_free(&memory);
    return status;
}

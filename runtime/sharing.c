/* sharing.c - with which leaf the bytes of a part are counted.
 *
 * Parts that lie at one place belong to the first leaf that has them. Sorted by place, then by the order of
 * the leaves, those that share stand next to each other. */
#include <stdlib.h>

#include "runtime/model.h"

typedef struct use {
    const uint8_t *data;
    uint64_t bytes;
    oz_part_kind kind;
    size_t leaf; /* number of the leaf in the model */
    oz_held *held;
} use;

static int compare_uses(const void *a, const void *b) {
    const use *x = a, *y = b;
    if (x->data != y->data) return (uintptr_t)x->data < (uintptr_t)y->data ? -1 : 1;
    return x->leaf < y->leaf ? -1 : x->leaf > y->leaf;
}

static void list_uses(const oz_leaf *leaf, size_t number, oz_held *held, use *list, size_t *n) {
    for (size_t p = 0; p < leaf->format->n_parts; p++) {
        if (leaf->part[p].bytes == 0) continue;
        list[(*n)++] = (use){.data = leaf->part[p].data,
                             .bytes = leaf->part[p].bytes,
                             .kind = leaf->format->parts[p].kind,
                             .leaf = number,
                             .held = held};
    }
}

static void count(const use *u) {
    oz_bytes *b = &u->held->bytes;
    uint64_t *const kinds[] = {&b->values, &b->index, &b->scales};
    *kinds[u->kind] += u->bytes;
    b->total += u->bytes;
}

static void share(use *list, size_t n) {
    qsort(list, n, sizeof *list, compare_uses);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && list[end].data == list[i].data;) end++;
        bool shared = list[end - 1].leaf != list[i].leaf;
        for (size_t k = i; k < end; k++) {
            list[k].held->shared |= shared;
            if (list[k].leaf == list[i].leaf) count(&list[k]);
        }
    }
}

static size_t count_uses(const oz_model *m) {
    size_t n = 0;
    for (size_t i = 0; i < m->contents.n_weights; i++) {
        const oz_weight *w = &m->contents.weights[i];
        for (size_t t = 0; t < w->n_terms; t++) {
            for (size_t f = 0; f < w->terms[t].n_factors; f++) {
                const oz_leaf *leaf = &w->terms[t].factors[f];
                for (size_t p = 0; p < leaf->format->n_parts; p++) n += leaf->part[p].bytes > 0;
            }
        }
    }
    return n;
}

static oz_status list_all(oz_model *m, use *list, size_t *n, oz_error *err) {
    size_t number = 0;
    for (size_t i = 0; i < m->contents.n_weights; i++) {
        const oz_weight *w = &m->contents.weights[i];
        oz_layer *layer = &m->layers[i];
        layer->held = oz_arena_array(&m->arena, w->n_terms, sizeof *layer->held);
        if (!layer->held) return oz_out_of_memory(&m->arena, w->n_terms * sizeof *layer->held, err);
        for (size_t t = 0; t < w->n_terms; t++) {
            const oz_term *term = &w->terms[t];
            oz_held *held = oz_arena_array(&m->arena, term->n_factors, sizeof *held);
            if (!held) return oz_out_of_memory(&m->arena, term->n_factors * sizeof *held, err);
            layer->held[t] = held;
            for (size_t f = 0; f < term->n_factors; f++)
                list_uses(&term->factors[f], number++, &held[f], list, n);
        }
    }
    return OZ_OK;
}

oz_status oz_model_share(oz_model *m, oz_error *err) {
    oz_arena scratch = oz_arena_scratch(&m->arena);
    size_t most = count_uses(m), n = 0;
    use *list = oz_arena_array(&scratch, most, sizeof *list);
    oz_status status = list ? OZ_OK : oz_out_of_memory(&scratch, most * sizeof *list, err);
    if (status == OZ_OK) status = list_all(m, list, &n, err);
    if (status == OZ_OK) share(list, n);
    oz_arena_free(&scratch);
    return status;
}

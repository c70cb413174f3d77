/* placement.c - from contents to items, owners, tensors and offsets.
 *
 * Tensors whose bytes are padded, or happen to be multiples of 64, come first, so that each starts where a
 * cache line does; then `small`; then matrices of floats of other lengths, with a filler between two of them,
 * because safetensors allows no holes. Most files need no filler. */
#include "formats/container/placement.h"

#include "formats/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- items ------------------------------------------------------------------------ */

static oz_status count_items(const oz_contents *c, size_t *out, oz_error *err) {
    size_t n = c->n_vectors;
    for (size_t i = 0; i < c->n_weights; i++) {
        const oz_weight *w = &c->weights[i];
        OZ_TRY(oz_weight_check(w, err));
        n += w->row_scale.data != NULL;
        for (size_t t = 0; t < w->n_terms; t++)
            for (size_t f = 0; f < w->terms[t].n_factors; f++) n += w->terms[t].factors[f].format->n_parts;
    }
    *out = n;
    return OZ_OK;
}

static oz_status add_leaf(oz_placement *p, const oz_weight *w, size_t term, size_t factor, oz_error *err) {
    const oz_leaf *leaf = &w->terms[term].factors[factor];
    uint64_t bytes[OZ_MAX_PARTS] = {0};
    OZ_TRY(oz_leaf_check_shape(leaf, err));
    OZ_TRY(leaf->format->layout(leaf, bytes, err));
    for (size_t i = 0; i < leaf->format->n_parts; i++) {
        if (leaf->part[i].data && leaf->part[i].bytes < bytes[i])
            return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, leaf->name,
                           "part %s has %" PRIu64 " bytes; its leaf needs %" PRIu64,
                           leaf->format->parts[i].name, leaf->part[i].bytes, bytes[i]);
        p->items[p->n_items++] = (oz_item){.data = bytes[i] ? leaf->part[i].data : NULL,
                                           .bytes = bytes[i],
                                           .weight = w,
                                           .leaf = leaf,
                                           .term = term,
                                           .factor = factor,
                                           .part = i,
                                           .type = oz_part_type(leaf, i),
                                           .in_small = bytes[i] < OZ_SMALL_PART};
    }
    return OZ_OK;
}

static void add_vector(oz_placement *p, const oz_vector *v) {
    p->items[p->n_items++] = (oz_item){
        .data = v->data, .bytes = v->count * oz_float_bytes(v->kind), .type = OZ_STORED_U8, .in_small = true};
}

static oz_status add_items(oz_placement *p, const oz_contents *c, oz_arena *arena, oz_error *err) {
    size_t count;
    OZ_TRY(count_items(c, &count, err));
    p->items = oz_arena_array(arena, count, sizeof *p->items);
    if (!p->items) return oz_out_of_memory(arena, count * sizeof *p->items, err);
    for (size_t i = 0; i < c->n_weights; i++) {
        const oz_weight *w = &c->weights[i];
        for (size_t t = 0; t < w->n_terms; t++)
            for (size_t f = 0; f < w->terms[t].n_factors; f++) OZ_TRY(add_leaf(p, w, t, f, err));
        if (w->row_scale.data) add_vector(p, &w->row_scale);
    }
    for (size_t i = 0; i < c->n_vectors; i++) add_vector(p, &c->vectors[i]);
    return OZ_OK;
}

/* ---- owners ----------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b) {
    return a < b ? -1 : a > b;
}

/* 0 for items that can be stored as one. */
static int compare_content(const oz_item *x, const oz_item *y) {
    int order = compare_numbers((uintptr_t)x->data, (uintptr_t)y->data);
    if (order == 0) order = compare_numbers(x->bytes, y->bytes);
    if (order == 0) order = compare_numbers(x->type, y->type);
    return order ? order : compare_numbers(x->in_small, y->in_small);
}

static int compare_items(const void *a, const void *b) {
    const oz_item *x = *(oz_item *const *)a, *y = *(oz_item *const *)b;
    int order = compare_content(x, y);
    return order ? order : (x < y ? -1 : x > y);
}

/* The order of addresses groups items and nothing else: which of a group owns is the order of the items. */
static oz_status find_owners(oz_placement *p, oz_arena *arena, oz_error *err) {
    oz_item **sorted = oz_arena_array(arena, p->n_items, sizeof(oz_item *));
    if (!sorted) return oz_out_of_memory(arena, p->n_items * sizeof(oz_item *), err);
    for (size_t i = 0; i < p->n_items; i++) sorted[i] = &p->items[i];
    qsort(sorted, p->n_items, sizeof *sorted, compare_items);
    size_t owner = 0;
    for (size_t i = 0; i < p->n_items; i++) {
        bool same = i > 0 && sorted[i]->data && compare_content(sorted[i - 1], sorted[i]) == 0;
        if (!same) owner = (size_t)(sorted[i] - p->items);
        sorted[i]->owner = owner;
    }
    return OZ_OK;
}

/* ---- tensors ---------------------------------------------------------------------- */

static bool is_owner(const oz_placement *p, size_t i) {
    return p->items[i].owner == i && p->items[i].bytes > 0;
}

/* A typed tensor is as long as its shape says; all others are padded. */
static bool is_ragged(const oz_item *item) {
    return item->type != OZ_STORED_U8 && item->bytes % OZ_TENSOR_ALIGN;
}

static void add_tensor(oz_placement *p, oz_placed t) {
    t.begin = p->data_bytes;
    p->data_bytes += t.bytes;
    p->tensors[p->n_tensors++] = t;
}

static void add_item_tensor(oz_placement *p, oz_item *item) {
    item->tensor = p->n_tensors;
    uint64_t bytes = is_ragged(item) ? item->bytes : oz_round_up(item->bytes, OZ_TENSOR_ALIGN);
    add_tensor(p, (oz_placed){.item = item, .bytes = bytes});
}

static void add_small(oz_placement *p) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < p->n_items; i++) {
        oz_item *item = &p->items[i];
        if (!is_owner(p, i) || !item->in_small) continue;
        item->tensor = OZ_NO_TENSOR;
        item->offset = bytes;
        bytes += oz_round_up(item->bytes, OZ_SMALL_ALIGN);
    }
    if (bytes) add_tensor(p, (oz_placed){.bytes = oz_round_up(bytes, OZ_TENSOR_ALIGN)});
}

static void add_ragged(oz_placement *p) {
    size_t fillers = 0;
    for (size_t i = 0; i < p->n_items; i++) {
        if (!is_owner(p, i) || p->items[i].in_small || !is_ragged(&p->items[i])) continue;
        uint64_t past = p->data_bytes % OZ_TENSOR_ALIGN;
        if (past) add_tensor(p, (oz_placed){.filler = ++fillers, .bytes = OZ_TENSOR_ALIGN - past});
        add_item_tensor(p, &p->items[i]);
    }
}

oz_status oz_placement_make(oz_placement *out, const oz_contents *c, oz_arena *arena, oz_error *err) {
    *out = (oz_placement){0};
    OZ_TRY(add_items(out, c, arena, err));
    OZ_TRY(find_owners(out, arena, err));
    size_t most = 2 * out->n_items + 1; /* each item a tensor with a filler, and small */
    out->tensors = oz_arena_array(arena, most, sizeof *out->tensors);
    if (!out->tensors) return oz_out_of_memory(arena, most * sizeof *out->tensors, err);
    for (size_t i = 0; i < out->n_items; i++)
        if (is_owner(out, i) && !out->items[i].in_small && !is_ragged(&out->items[i]))
            add_item_tensor(out, &out->items[i]);
    add_small(out);
    add_ragged(out);
    return OZ_OK;
}

/* bytes.c - what the bytes of a file hold.
 *
 * Everything that the metadata names is a range of the file. One sweep from the file's start gives each byte
 * to the first range that has it, so shared parts count once (with the first weight), and even a file whose
 * ranges overlap in part adds up; what no range has is padding. */
#include "formats/container/contents.h"

#include "base/arith.h"
#include "formats/container/reading.h"

#include <stdlib.h>
#include <string.h>

typedef enum range_kind { RANGE_VALUES, RANGE_INDEX, RANGE_SCALES, RANGE_VECTOR } range_kind;

typedef struct range {
    uint64_t begin, end; /* in the file */
    size_t order;        /* of the metadata */
    size_t weight;       /* index + 1; 0 = of no weight */
    range_kind kind;
} range;

typedef struct ranges {
    const oz_safetensors *file;
    range *list;
    size_t count;
} ranges;

static void add_range(ranges *r, const uint8_t *data, uint64_t bytes, range_kind kind, size_t weight) {
    if (!data || bytes == 0) return;
    uint64_t begin = (uint64_t)((uintptr_t)data - (uintptr_t)r->file->data);
    r->list[r->count] =
        (range){.begin = begin, .end = begin + bytes, .order = r->count, .weight = weight, .kind = kind};
    r->count++;
}

static range_kind kind_of_part(oz_part_kind kind) {
    return kind == OZ_PART_VALUES ? RANGE_VALUES : kind == OZ_PART_INDEX ? RANGE_INDEX : RANGE_SCALES;
}

static void add_weight(ranges *r, const oz_weight *w, size_t weight) {
    for (size_t t = 0; t < w->n_terms; t++)
        for (size_t f = 0; f < w->terms[t].n_factors; f++) {
            const oz_leaf *leaf = &w->terms[t].factors[f];
            for (size_t i = 0; i < leaf->format->n_parts; i++)
                add_range(r, leaf->part[i].data, leaf->part[i].bytes,
                          kind_of_part(leaf->format->parts[i].kind), weight);
        }
    const oz_vector *rows = &w->row_scale;
    add_range(r, rows->data, rows->count * oz_float_bytes(rows->kind), RANGE_SCALES, weight);
}

/* ---- biases ----------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
    return strcmp((*(const oz_weight *const *)a)->name, (*(const oz_weight *const *)b)->name);
}

/* A vector NAME.bias belongs to the weight NAME: its index + 1, or 0. */
static size_t owner_of_vector(const oz_contents *c, const oz_weight **by_name, const char *name) {
    static const char suffix[] = ".bias";
    size_t bytes = strlen(name), low = 0, high = c->n_weights;
    if (bytes < sizeof suffix || strcmp(name + bytes - (sizeof suffix - 1), suffix) != 0) return 0;
    size_t stem = bytes - (sizeof suffix - 1);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *other = by_name[middle]->name;
        int order = strncmp(name, other, stem);
        if (order == 0 && other[stem] == 0) return (size_t)(by_name[middle] - c->weights) + 1;
        if (order <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return 0;
}

static void add_vectors(ranges *r, const oz_contents *c, const oz_weight **by_name) {
    for (size_t i = 0; i < c->n_weights; i++) by_name[i] = &c->weights[i];
    qsort(by_name, c->n_weights, sizeof *by_name, compare_names);
    for (size_t i = 0; i < c->n_vectors; i++) {
        const oz_vector *v = &c->vectors[i];
        add_range(r, v->data, v->count * oz_float_bytes(v->kind), RANGE_VECTOR,
                  owner_of_vector(c, by_name, v->name));
    }
}

/* ---- the sweep -------------------------------------------------------------------- */

static int compare_ranges(const void *a, const void *b) {
    const range *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void count(oz_bytes *b, range_kind kind, uint64_t bytes) {
    uint64_t *const slot[] = {[RANGE_VALUES] = &b->values,
                              [RANGE_INDEX] = &b->index,
                              [RANGE_SCALES] = &b->scales,
                              [RANGE_VECTOR] = &b->vectors};
    *slot[kind] += bytes;
    b->total += bytes;
}

static void sweep(const ranges *r, oz_bytes *total, oz_bytes *weights) {
    uint64_t reached = r->file->header_bytes;
    qsort(r->list, r->count, sizeof *r->list, compare_ranges);
    for (size_t i = 0; i < r->count; i++) {
        const range *now = &r->list[i];
        uint64_t begin = now->begin > reached ? now->begin : reached;
        if (now->end <= begin) continue;
        count(total, now->kind, now->end - begin);
        if (weights && now->weight) count(&weights[now->weight - 1], now->kind, now->end - begin);
        reached = now->end;
    }
    total->header = r->file->header_bytes;
    total->padding = r->file->bytes - total->header - total->total;
    total->total = r->file->bytes;
}

static size_t count_ranges(const oz_contents *c, const oz_safetensors *file) {
    size_t n = c->n_vectors + file->count;
    for (size_t i = 0; i < c->n_weights; i++) {
        n++;
        for (size_t t = 0; t < c->weights[i].n_terms; t++)
            n += c->weights[i].terms[t].n_factors * OZ_MAX_PARTS;
    }
    return n;
}

oz_status oz_contents_bytes(const oz_contents *c, const oz_safetensors *file, oz_bytes *total,
                            oz_bytes *weights, oz_arena *arena, oz_error *err) {
    *total = (oz_bytes){0};
    for (size_t i = 0; weights && i < c->n_weights; i++) weights[i] = (oz_bytes){0};
    oz_arena scratch = oz_arena_scratch(arena);
    size_t most = count_ranges(c, file);
    ranges r = {.file = file, .list = oz_arena_array(&scratch, most, sizeof(range))};
    const oz_weight **by_name = oz_arena_array(&scratch, c->n_weights, sizeof *by_name);
    oz_status status = OZ_OK;
    if (r.list && by_name) {
        for (size_t i = 0; i < c->n_weights; i++) add_weight(&r, &c->weights[i], i + 1);
        add_vectors(&r, c, by_name);
        /* Tensors of a foreign file that are neither matrices nor vectors. */
        for (size_t i = 0; !oz_is_own_file(file) && i < file->count; i++)
            add_range(&r, file->tensors[i].data, file->tensors[i].bytes, RANGE_VECTOR, 0);
        sweep(&r, total, weights);
    } else {
        status = oz_out_of_memory(&scratch, most * sizeof(range), err);
    }
    oz_arena_free(&scratch);
    return status;
}

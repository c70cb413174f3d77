/* contents.c - the metadata of a file, from its version to its weights.
 *
 * The order is that of trust: the format decides who wrote the file, the version how it is to be read, and
 * each part of the rest is parsed only when what it refers to has been proved. */
#include "formats/container/contents.h"

#include "formats/container/reading.h"

#include <stdlib.h>
#include <string.h>

/* Keys that say what the file is; all others are free text. */
static const char *const own_keys[] = {"format", "version", "graph", "weights", "vectors", "hashes"};
enum { OWN_KEYS = sizeof own_keys / sizeof own_keys[0] };

bool oz_is_own_key(const char *key) {
    for (size_t i = 0; i < OWN_KEYS; i++)
        if (strcmp(own_keys[i], key) == 0) return true;
    return false;
}

bool oz_is_own_file(const oz_safetensors *file) {
    const oz_meta *format = oz_safetensors_meta(file, "format");
    return format && strcmp(format->value, "ounce") == 0;
}

static oz_status check_version(const oz_reading *r) {
    const oz_meta *version = oz_safetensors_meta(r->file, "version");
    if (!version)
        return oz_fail(r->err, OZ_ERR_FORMAT, OZ_NO_OFFSET, "version", "the metadata has no version");
    if (strcmp(version->value, "1") == 0) return OZ_OK;
    size_t digits = strspn(version->value, "0123456789");
    if (digits == 0 || version->value[digits] || version->value[0] == '0')
        return oz_fail(r->err, OZ_ERR_FORMAT, version->offset, "version", "must be a number from 1 on");
    return oz_fail(r->err, OZ_ERR_VERSION, version->offset, "version",
                   "the file has version %.20s; this library reads version 1", version->value);
}

/* Parses one metadata value as JSON and reads it; nothing of the JSON stays. */
static oz_status read_json(oz_reading *r, const oz_meta *m, oz_status (*read)(oz_reading *r)) {
    r->scratch = oz_arena_scratch(r->arena);
    r->text = m->offset;
    oz_status status = oz_json_parse(&r->json, m->value, strlen(m->value), 0, &r->scratch, r->err);
    status = oz_reading_relocate(r, status);
    if (status != OZ_OK && r->err && !r->err->where[0])
        oz_fail(r->err, status, r->err->offset, m->key, "%s", r->err->message);
    uint64_t held = r->scratch.used; /* counts against the limit while it is there */
    r->arena->used += held;
    if (status == OZ_OK) status = read(r);
    r->arena->used -= held;
    oz_arena_free(&r->scratch);
    return status;
}

static oz_status read_own(oz_reading *r) {
    OZ_TRY(check_version(r));
    r->small = oz_safetensors_find(r->file, OZ_SMALL_NAME);
    if (r->small && r->small->offset % OZ_TENSOR_ALIGN)
        return oz_fail(r->err, OZ_ERR_FORMAT, r->small->offset, OZ_SMALL_NAME,
                       "does not start at a multiple of %d of the file", OZ_TENSOR_ALIGN);
    const oz_meta *graph = oz_safetensors_meta(r->file, "graph");
    const oz_meta *weights = oz_safetensors_meta(r->file, "weights");
    const oz_meta *vectors = oz_safetensors_meta(r->file, "vectors");
    if (graph) {
        r->out->graph = graph->value;
        r->out->graph_offset = graph->offset;
    }
    if (!weights)
        return oz_fail(r->err, OZ_ERR_FORMAT, OZ_NO_OFFSET, "weights", "the metadata has no weights");
    OZ_TRY(read_json(r, weights, oz_read_weights));
    return vectors ? read_json(r, vectors, oz_read_vectors) : OZ_OK;
}

static oz_status read_free_text(oz_reading *r) {
    oz_status status;
    r->out->meta = oz_reading_array(r, r->file->n_meta, sizeof *r->out->meta, &status);
    OZ_TRY(status);
    for (size_t i = 0; i < r->file->n_meta; i++)
        if (!oz_is_own_key(r->file->meta[i].key)) r->out->meta[r->out->n_meta++] = r->file->meta[i];
    return OZ_OK;
}

/* ---- names ------------------------------------------------------------------------ */

static int compare_weights(const void *a, const void *b) {
    return strcmp((*(const oz_weight *const *)a)->name, (*(const oz_weight *const *)b)->name);
}

static int compare_vectors(const void *a, const void *b) {
    return strcmp((*(const oz_vector *const *)a)->name, (*(const oz_vector *const *)b)->name);
}

static oz_status sort_names(oz_reading *r) {
    oz_contents *c = r->out;
    oz_status status;
    c->weights_by_name = oz_reading_array(r, c->n_weights, sizeof *c->weights_by_name, &status);
    OZ_TRY(status);
    c->vectors_by_name = oz_reading_array(r, c->n_vectors, sizeof *c->vectors_by_name, &status);
    OZ_TRY(status);
    for (size_t i = 0; i < c->n_weights; i++) c->weights_by_name[i] = &c->weights[i];
    for (size_t i = 0; i < c->n_vectors; i++) c->vectors_by_name[i] = &c->vectors[i];
    qsort(c->weights_by_name, c->n_weights, sizeof *c->weights_by_name, compare_weights);
    qsort(c->vectors_by_name, c->n_vectors, sizeof *c->vectors_by_name, compare_vectors);
    return OZ_OK;
}

oz_status oz_contents_read(oz_contents *out, const oz_safetensors *file, const oz_limits *limits,
                           oz_arena *arena, oz_error *err) {
    *out = (oz_contents){0};
    oz_reading r = {.out = out, .file = file, .arena = arena, .err = err};
    oz_status status = oz_limits_resolve(limits, file->bytes, &r.limits, err);
    if (status == OZ_OK) status = read_free_text(&r);
    if (status == OZ_OK) status = oz_is_own_file(file) ? read_own(&r) : oz_read_foreign(&r);
    if (status == OZ_OK) status = sort_names(&r);
    if (status != OZ_OK) *out = (oz_contents){0};
    return status;
}

/* ---- access ----------------------------------------------------------------------- */

const oz_weight *oz_contents_weight(const oz_contents *c, const char *name) {
    if (c->weights_by_name) {
        const oz_weight key = {.name = name}, *at = &key, **found;
        found = bsearch(&at, c->weights_by_name, c->n_weights, sizeof *found, compare_weights);
        return found ? *found : NULL;
    }
    for (size_t i = 0; i < c->n_weights; i++)
        if (strcmp(c->weights[i].name, name) == 0) return &c->weights[i];
    return NULL;
}

const oz_vector *oz_contents_vector(const oz_contents *c, const char *name) {
    if (c->vectors_by_name) {
        const oz_vector key = {.name = name}, *at = &key, **found;
        found = bsearch(&at, c->vectors_by_name, c->n_vectors, sizeof *found, compare_vectors);
        return found ? *found : NULL;
    }
    for (size_t i = 0; i < c->n_vectors; i++)
        if (strcmp(c->vectors[i].name, name) == 0) return &c->vectors[i];
    return NULL;
}

float oz_vector_get(const oz_vector *v, uint64_t i) {
    return oz_float_get(v->kind, v->data, i);
}

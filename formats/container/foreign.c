/* foreign.c - a safetensors file of somebody else: every matrix of floats is a dense weight, every vector of
 * floats a vector, and other tensors are left alone. A kernel [out][in][ky][kx] is the matrix
 * [out][in * ky * kx], in the file's own order; of three dimensions a first one of 1 does not count
 * (embeddings of positions, [1][positions][size]).
 *
 * A weight is called as its layer is, without the ".weight", unless another matrix has that name already. */
#include "formats/container/reading.h"

#include <stdio.h>
#include <string.h>

static const char suffix[] = ".weight";
enum { SUFFIX_BYTES = sizeof suffix - 1 };

static bool float_kind(oz_stored_type type, oz_codec_kind *out) {
    *out = type == OZ_STORED_F32 ? OZ_CODEC_F32 : type == OZ_STORED_F16 ? OZ_CODEC_F16 : OZ_CODEC_BF16;
    return type == OZ_STORED_F32 || type == OZ_STORED_F16 || type == OZ_STORED_BF16;
}

/* The dimension that counts rows. */
static uint32_t rows_at(const oz_stored *t) {
    return t->rank == 3 && t->dim[0] == 1 ? (t->dim[1] == 1 ? 2 : 1) : 0;
}

static bool is_weight(const oz_stored *t) {
    oz_codec_kind kind;
    return t && t->rank >= rows_at(t) + 2 && t->rank <= 5 && t->bytes > 0 && float_kind(t->type, &kind);
}

/* Numbers that one output reads. The product fits: the tensor is not empty and its bytes are in the file. */
static uint64_t columns(const oz_stored *t) {
    uint64_t n = 1;
    for (uint32_t d = rows_at(t) + 1; d < t->rank; d++) n *= t->dim[d];
    return n;
}

static bool is_vector(const oz_stored *t) {
    oz_codec_kind kind;
    return t->rank == rows_at(t) + 1 && t->bytes > 0 && float_kind(t->type, &kind);
}

static oz_status name_weight(oz_reading *r, const oz_stored *t, const char **out) {
    size_t bytes = strlen(t->name);
    *out = t->name;
    if (bytes <= SUFFIX_BYTES || strcmp(t->name + bytes - SUFFIX_BYTES, suffix) != 0) return OZ_OK;
    const char *layer = oz_arena_text(r->arena, t->name, bytes - SUFFIX_BYTES);
    if (!layer) return oz_out_of_memory(r->arena, bytes, r->err);
    if (!is_weight(oz_safetensors_find(r->file, layer))) *out = layer;
    return OZ_OK;
}

static oz_status open_leaf(oz_reading *r, const oz_stored *t, const char *name, oz_leaf *leaf) {
    char text[32];
    oz_codec_kind kind;
    float_kind(t->type, &kind);
    size_t text_bytes = (size_t)snprintf(text, sizeof text, "dense,codec=%s", oz_codec_name(kind));
    OZ_TRY(oz_leaf_parse(leaf, text, text_bytes, true, r->err));
    size_t bytes = strlen(name) + sizeof "/0.0";
    char *leaf_name = oz_arena_alloc(r->arena, bytes, 1);
    if (!leaf_name) return oz_out_of_memory(r->arena, bytes, r->err);
    snprintf(leaf_name, bytes, "%s/0.0", name);
    leaf->name = leaf_name;
    leaf->rows = t->dim[rows_at(t)];
    leaf->cols = columns(t);
    for (size_t i = 0; i < leaf->format->n_parts; i++)
        if (oz_part_type(leaf, i) != OZ_STORED_U8)
            leaf->part[i] = (oz_part){.data = t->data, .bytes = t->bytes, .offset = t->offset};
    return oz_leaf_check(leaf, r->err);
}

static oz_status read_weight(oz_reading *r, const oz_stored *t, oz_weight *w) {
    oz_status status;
    if (t->dim[rows_at(t)] > INT32_MAX || columns(t) > INT32_MAX)
        return oz_fail(r->err, OZ_ERR_SUPPORT, t->offset, t->name,
                       "matrices have at most 2147483647 rows and columns");
    OZ_TRY(name_weight(r, t, &w->name));
    w->rows = t->dim[rows_at(t)];
    w->cols = columns(t);
    w->terms = oz_reading_array(r, 1, sizeof *w->terms, &status);
    OZ_TRY(status);
    w->n_terms = 1;
    w->terms->scale = 1;
    w->terms->factors = oz_reading_array(r, 1, sizeof *w->terms->factors, &status);
    OZ_TRY(status);
    w->terms->n_factors = 1;
    return open_leaf(r, t, w->name, w->terms->factors);
}

oz_status oz_read_foreign(oz_reading *r) {
    oz_contents *out = r->out;
    size_t weights = 0, vectors = 0;
    for (size_t i = 0; i < r->file->count; i++) {
        weights += is_weight(&r->file->tensors[i]);
        vectors += is_vector(&r->file->tensors[i]);
    }
    if (weights > r->limits.max_layers)
        return oz_fail(r->err, OZ_ERR_LIMIT, OZ_NO_OFFSET, "max_layers",
                       "%zu weights, more than the %u allowed", weights, r->limits.max_layers);
    oz_status status;
    out->weights = oz_reading_array(r, weights, sizeof *out->weights, &status);
    OZ_TRY(status);
    out->vectors = oz_reading_array(r, vectors, sizeof *out->vectors, &status);
    OZ_TRY(status);
    for (size_t i = 0; i < r->file->count; i++) {
        const oz_stored *t = &r->file->tensors[i];
        if (is_weight(t)) {
            OZ_TRY(read_weight(r, t, &out->weights[out->n_weights]));
            out->n_weights++;
        } else if (is_vector(t)) {
            oz_vector *v = &out->vectors[out->n_vectors++];
            *v = (oz_vector){.name = t->name, .count = t->dim[rows_at(t)], .data = t->data};
            float_kind(t->type, &v->kind);
        } else {
            if (out->n_ignored++ == 0) out->first_ignored = t->name;
            out->ignored_bytes += t->bytes;
        }
    }
    return OZ_OK;
}

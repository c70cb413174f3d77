/* leaves.c - one leaf of the metadata: its text, then a place for each of its parts.
 *
 * How many bytes a part has follows from the leaf's text and shape alone (the format's `layout`); the file
 * only says where they lie. So a part can be missing, too short or badly placed, but never have a length of
 * its own. */
#include "formats/container/reading.h"

#include "formats/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

oz_stored_type oz_part_type(const oz_leaf *leaf, size_t part) {
    if (strcmp(leaf->format->name, "dense") != 0 || strcmp(leaf->format->parts[part].name, "values") != 0)
        return OZ_STORED_U8;
    switch (leaf->codec.kind) {
    case OZ_CODEC_F32:
        return OZ_STORED_F32;
    case OZ_CODEC_F16:
        return OZ_STORED_F16;
    case OZ_CODEC_BF16:
        return OZ_STORED_BF16;
    default:
        return OZ_STORED_U8;
    }
}

/* A matrix of floats may have any offset, as in other people's files; everything else is read by lines. */
static oz_status check_tensor(const oz_reading *r, oz_value v, const oz_leaf *leaf, size_t part,
                              const oz_stored *t, uint64_t bytes) {
    oz_stored_type plain = oz_part_type(leaf, part);
    if (t->type != OZ_STORED_U8 && t->type != plain)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, leaf->name, "tensor %s has dtype %s instead of %s",
                               t->name, oz_stored_type_name(t->type), oz_stored_type_name(plain));
    if (t->bytes < bytes)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, leaf->name,
                               "part %s needs %" PRIu64 " bytes; tensor %s has %" PRIu64,
                               leaf->format->parts[part].name, bytes, t->name, t->bytes);
    if (plain == OZ_STORED_U8 && t->offset % OZ_TENSOR_ALIGN)
        return oz_fail(r->err, OZ_ERR_FORMAT, t->offset, leaf->name,
                       "tensor %s does not start at a multiple of %d of the file", t->name, OZ_TENSOR_ALIGN);
    return OZ_OK;
}

/* The name that null stands for. */
static oz_status default_name(oz_reading *r, const oz_leaf *leaf, size_t part, const char **out) {
    const char *name = leaf->format->parts[part].name;
    size_t bytes = strlen(leaf->name) + strlen(name) + 2;
    char *text = oz_arena_alloc(&r->scratch, bytes, 1);
    if (!text) return oz_out_of_memory(&r->scratch, bytes, r->err);
    snprintf(text, bytes, "%s/%s", leaf->name, name);
    *out = text;
    return OZ_OK;
}

static oz_status find_tensor(oz_reading *r, oz_value v, const oz_leaf *leaf, size_t part,
                             const oz_stored **out) {
    const char *name;
    if (oz_json_type_of(&r->json, v) == OZ_JSON_STRING)
        OZ_TRY(oz_reading_text(r, v, leaf->name, &name));
    else
        OZ_TRY(default_name(r, leaf, part, &name));
    *out = oz_safetensors_find(r->file, name);
    if (!*out)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, leaf->name, "part %s: the file has no tensor %s",
                               leaf->format->parts[part].name, name);
    return OZ_OK;
}

static oz_status read_part(oz_reading *r, oz_value v, oz_leaf *leaf, size_t part, uint64_t bytes) {
    uint64_t zero;
    if (bytes == 0) {
        if (oz_json_u64(&r->json, v, &zero) && zero == 0) return OZ_OK;
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, leaf->name, "part %s has no bytes: 0 must stand here",
                               leaf->format->parts[part].name);
    }
    oz_json_type type = oz_json_type_of(&r->json, v);
    if (type == OZ_JSON_NUMBER) return oz_read_small(r, v, leaf->name, bytes, &leaf->part[part]);
    if (type != OZ_JSON_STRING && type != OZ_JSON_NULL)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, leaf->name,
                               "part %s: an offset in small, the name of a tensor or null must stand here",
                               leaf->format->parts[part].name);
    const oz_stored *t;
    OZ_TRY(find_tensor(r, v, leaf, part, &t));
    OZ_TRY(check_tensor(r, v, leaf, part, t, bytes));
    leaf->part[part] = (oz_part){.data = t->data, .bytes = bytes, .offset = t->offset};
    return OZ_OK;
}

static oz_status read_parts(oz_reading *r, oz_value leaf_value, oz_value v, oz_leaf *leaf) {
    uint64_t bytes[OZ_MAX_PARTS] = {0};
    oz_status status = oz_leaf_check_shape(leaf, r->err);
    if (status == OZ_OK) status = leaf->format->layout(leaf, bytes, r->err);
    OZ_TRY(oz_reading_attribute(r, status, leaf_value, leaf->name));
    for (size_t i = 0; i < leaf->format->n_parts; i++, v = oz_json_next(&r->json, v)) {
        if (v == OZ_NO_VALUE)
            return oz_reading_fail(r, OZ_ERR_FORMAT, leaf_value, leaf->name, "%zu parts must stand here",
                                   leaf->format->n_parts);
        OZ_TRY(read_part(r, v, leaf, i, bytes[i]));
    }
    if (v != OZ_NO_VALUE)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, leaf->name, "the leaf has only %zu parts",
                               leaf->format->n_parts);
    return oz_reading_attribute(r, oz_leaf_check(leaf, r->err), leaf_value, leaf->name);
}

static oz_status name_leaf(oz_reading *r, const char *weight, const char *id, oz_leaf *leaf) {
    size_t bytes = strlen(weight) + strlen(id) + 2;
    char *name = oz_arena_alloc(r->arena, bytes, 1);
    if (!name) return oz_out_of_memory(r->arena, bytes, r->err);
    snprintf(name, bytes, "%s/%s", weight, id);
    leaf->name = name;
    return OZ_OK;
}

oz_status oz_read_leaf(oz_reading *r, oz_value v, const oz_weight *w, const char *id, bool shaped,
                       oz_leaf *out) {
    const oz_json *j = &r->json;
    OZ_TRY(name_leaf(r, w->name, id, out));
    oz_value at = oz_json_type_of(j, v) == OZ_JSON_ARRAY ? oz_json_first(j, v) : OZ_NO_VALUE;
    if (at == OZ_NO_VALUE || oz_json_type_of(j, at) != OZ_JSON_STRING)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, out->name, "a leaf must be [text, ... parts]");
    const char *text;
    OZ_TRY(oz_reading_text(r, at, out->name, &text));
    oz_status status = oz_leaf_parse(out, text, strlen(text), true, r->err);
    OZ_TRY(oz_reading_attribute(r, status, at, out->name));
    at = oz_json_next(j, at);
    out->rows = w->rows;
    out->cols = w->cols;
    if (shaped) {
        OZ_TRY(oz_read_matrix_shape(r, at, out->name, &out->rows, &out->cols));
        at = oz_json_next(j, at);
    }
    return read_parts(r, v, at, out);
}

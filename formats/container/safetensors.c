/* safetensors.c - reads the header of a safetensors file and proves all that it claims.
 *
 * The layout is https://github.com/huggingface/safetensors: 8 bytes of length, JSON, data. Sorted by their
 * offsets, the tensors must follow each other from the first byte of the data to the last: that is one loop,
 * and nothing can overlap, hide in a hole or lie past the end. Sorting keeps the header's order among tensors
 * without bytes. */
#include "formats/container/safetensors.h"

#include "base/arith.h"
#include "base/json.h"
#include "base/json_text.h"
#include "formats/container/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8 };

typedef struct reader {
    oz_safetensors *file;
    oz_arena *arena;
    oz_arena scratch; /* the JSON's tokens and the tensors in the header's order */
    oz_limits limits;
    oz_json json;
    oz_stored *parsed;
    oz_error *err;
} reader;

/* ---- types ------------------------------------------------------------------------ */

static const struct {
    const char *name;
    uint32_t bytes;
} types[] = {
    [OZ_STORED_BOOL] = {"BOOL", 1},       [OZ_STORED_U8] = {"U8", 1},
    [OZ_STORED_I8] = {"I8", 1},           [OZ_STORED_I16] = {"I16", 2},
    [OZ_STORED_U16] = {"U16", 2},         [OZ_STORED_F16] = {"F16", 2},
    [OZ_STORED_BF16] = {"BF16", 2},       [OZ_STORED_I32] = {"I32", 4},
    [OZ_STORED_U32] = {"U32", 4},         [OZ_STORED_F32] = {"F32", 4},
    [OZ_STORED_F64] = {"F64", 8},         [OZ_STORED_I64] = {"I64", 8},
    [OZ_STORED_U64] = {"U64", 8},         [OZ_STORED_F8_E4M3] = {"F8_E4M3", 1},
    [OZ_STORED_F8_E5M2] = {"F8_E5M2", 1},
};
enum { TYPES = sizeof types / sizeof types[0] };

const char *oz_stored_type_name(oz_stored_type t) {
    return types[t].name;
}

uint32_t oz_stored_type_bytes(oz_stored_type t) {
    return types[t].bytes;
}

/* ---- one tensor ------------------------------------------------------------------- */

static oz_status wrong(const reader *r, oz_value v, const char *where, const char *why) {
    return oz_fail(r->err, OZ_ERR_FORMAT, oz_json_offset(&r->json, v), where, "%s", why);
}

static oz_status read_type(const reader *r, oz_value v, oz_stored *t) {
    size_t i = 0;
    while (i < TYPES && !oz_json_equals(&r->json, v, types[i].name)) i++;
    if (i == TYPES) return wrong(r, v, t->name, "dtype is none of F32, F16, BF16, F64, I8 ... U64, BOOL, F8");
    t->type = (oz_stored_type)i;
    return OZ_OK;
}

static oz_status read_shape(const reader *r, oz_value v, oz_stored *t, uint64_t *bytes) {
    if (v == OZ_NO_VALUE || oz_json_type_of(&r->json, v) != OZ_JSON_ARRAY)
        return wrong(r, v, t->name, "shape must be an array");
    if (oz_json_size(&r->json, v) > OZ_STORED_RANK)
        return oz_fail(r->err, OZ_ERR_LIMIT, oz_json_offset(&r->json, v), t->name,
                       "shape has %u dimensions; at most %d are read", oz_json_size(&r->json, v),
                       OZ_STORED_RANK);
    *bytes = types[t->type].bytes;
    for (oz_value d = oz_json_first(&r->json, v); d != OZ_NO_VALUE; d = oz_json_next(&r->json, d)) {
        uint64_t size;
        if (!oz_json_u64(&r->json, d, &size)) return wrong(r, d, t->name, "shape must be of whole numbers");
        t->dim[t->rank++] = size;
        if (!oz_mul(*bytes, size, bytes)) return wrong(r, v, t->name, "shape is larger than any file");
    }
    return OZ_OK;
}

static oz_status read_offsets(const reader *r, oz_value v, oz_stored *t, uint64_t bytes) {
    const oz_json *j = &r->json;
    uint64_t begin, end;
    if (v == OZ_NO_VALUE || oz_json_type_of(j, v) != OZ_JSON_ARRAY || oz_json_size(j, v) != 2 ||
        !oz_json_u64(j, oz_json_first(j, v), &begin) ||
        !oz_json_u64(j, oz_json_next(j, oz_json_first(j, v)), &end))
        return wrong(r, v, t->name, "data_offsets must be two whole numbers");
    uint64_t room = r->file->bytes - r->file->header_bytes;
    if (begin > end || end > room)
        return oz_fail(r->err, OZ_ERR_FORMAT, oz_json_offset(j, v), t->name,
                       "data_offsets %" PRIu64 " to %" PRIu64 " do not lie in the file's %" PRIu64
                       " bytes of data",
                       begin, end, room);
    if (end - begin != bytes)
        return oz_fail(r->err, OZ_ERR_FORMAT, oz_json_offset(j, v), t->name,
                       "shape and dtype need %" PRIu64 " bytes, data_offsets give %" PRIu64, bytes,
                       end - begin);
    t->bytes = bytes;
    t->offset = r->file->header_bytes + begin;
    t->data = r->file->data + t->offset;
    return OZ_OK;
}

static oz_status read_tensor(reader *r, oz_value key, oz_value v) {
    oz_stored *t = &r->parsed[r->file->count];
    OZ_TRY(oz_read_name(&r->json, key, r->limits.max_name_bytes, r->arena, &t->name, r->err));
    if (oz_json_type_of(&r->json, v) != OZ_JSON_OBJECT)
        return wrong(r, v, t->name, "a tensor must be an object with dtype, shape and data_offsets");
    oz_value type = oz_json_find(&r->json, v, "dtype");
    if (type == OZ_NO_VALUE) return wrong(r, v, t->name, "the tensor has no dtype");
    uint64_t bytes = 0;
    OZ_TRY(read_type(r, type, t));
    OZ_TRY(read_shape(r, oz_json_find(&r->json, v, "shape"), t, &bytes));
    OZ_TRY(read_offsets(r, oz_json_find(&r->json, v, "data_offsets"), t, bytes));
    r->file->count++;
    return OZ_OK;
}

/* ---- the header ------------------------------------------------------------------- */

static oz_status read_metadata(reader *r, oz_value object) {
    oz_safetensors *file = r->file;
    if (oz_json_type_of(&r->json, object) != OZ_JSON_OBJECT)
        return wrong(r, object, "__metadata__", "must be an object of strings");
    size_t count = oz_json_size(&r->json, object);
    file->meta = oz_arena_array(r->arena, count, sizeof *file->meta);
    if (!file->meta) return oz_out_of_memory(r->arena, count * sizeof *file->meta, r->err);
    for (oz_value k = oz_json_first(&r->json, object); k != OZ_NO_VALUE; k = oz_json_next(&r->json, k)) {
        oz_meta *m = &file->meta[file->n_meta];
        oz_value v = oz_json_of_key(&r->json, k);
        OZ_TRY(oz_read_text(&r->json, k, r->arena, &m->key, r->err));
        if (oz_json_type_of(&r->json, v) != OZ_JSON_STRING)
            return wrong(r, v, m->key, "metadata must be strings");
        OZ_TRY(oz_read_text(&r->json, v, r->arena, &m->value, r->err));
        m->offset = oz_json_offset(&r->json, v) + 1;
        file->n_meta++;
    }
    return OZ_OK;
}

static oz_status read_entries(reader *r) {
    for (oz_value k = oz_json_first(&r->json, 0); k != OZ_NO_VALUE; k = oz_json_next(&r->json, k)) {
        oz_value v = oz_json_of_key(&r->json, k);
        if (oz_json_equals(&r->json, k, "__metadata__"))
            OZ_TRY(read_metadata(r, v));
        else
            OZ_TRY(read_tensor(r, k, v));
    }
    return OZ_OK;
}

static oz_status parse_header(reader *r, size_t header_bytes) {
    const char *text = (const char *)r->file->data + LENGTH_BYTES;
    if (*text != '{')
        return oz_fail(r->err, OZ_ERR_FORMAT, LENGTH_BYTES, "", "the header must start with '{'");
    OZ_TRY(oz_json_parse(&r->json, text, header_bytes, LENGTH_BYTES, &r->scratch, r->err));
    size_t most = oz_json_size(&r->json, 0);
    r->parsed = oz_arena_array(&r->scratch, most, sizeof *r->parsed);
    if (!r->parsed) return oz_out_of_memory(&r->scratch, most * sizeof *r->parsed, r->err);
    return OZ_OK;
}

/* ---- order ------------------------------------------------------------------------ */

static int compare_offsets(const void *a, const void *b) {
    const oz_stored *x = *(oz_stored *const *)a, *y = *(oz_stored *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int compare_names(const void *a, const void *b) {
    return strcmp((*(oz_stored *const *)a)->name, (*(oz_stored *const *)b)->name);
}

/* tensors in the order of their data; by_name first serves to sort them. */
static oz_status sort_tensors(reader *r) {
    oz_safetensors *file = r->file;
    file->tensors = oz_arena_array(r->arena, file->count, sizeof *file->tensors);
    file->by_name = oz_arena_array(r->arena, file->count, sizeof *file->by_name);
    if (!file->tensors || !file->by_name)
        return oz_out_of_memory(r->arena, file->count * sizeof *file->tensors, r->err);
    for (size_t i = 0; i < file->count; i++) file->by_name[i] = &r->parsed[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, compare_offsets);
    for (size_t i = 0; i < file->count; i++) file->tensors[i] = *file->by_name[i];
    for (size_t i = 0; i < file->count; i++) file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, compare_names);
    return OZ_OK;
}

static oz_status check_cover(const reader *r) {
    const oz_safetensors *file = r->file;
    uint64_t end = file->header_bytes;
    for (size_t i = 0; i < file->count; i++) {
        const oz_stored *t = &file->tensors[i];
        if (t->offset != end)
            return oz_fail(r->err, OZ_ERR_FORMAT, t->offset, t->name,
                           "its data %s: the tensors before it end at %" PRIu64,
                           t->offset < end ? "overlaps another tensor's" : "leaves a hole", end);
        end += t->bytes;
    }
    if (end != file->bytes)
        return oz_fail(r->err, OZ_ERR_FORMAT, end, "", "%" PRIu64 " bytes after the last tensor",
                       file->bytes - end);
    return OZ_OK;
}

/* ---- the file --------------------------------------------------------------------- */

static oz_status read_length(reader *r, size_t *header_bytes) {
    const oz_safetensors *file = r->file;
    if (file->bytes > r->limits.max_file_bytes)
        return oz_fail(r->err, OZ_ERR_LIMIT, OZ_NO_OFFSET, "max_file_bytes",
                       "the file has %" PRIu64 " bytes, more than the %" PRIu64 " allowed", file->bytes,
                       r->limits.max_file_bytes);
    if (file->bytes < LENGTH_BYTES)
        return oz_fail(r->err, OZ_ERR_FORMAT, 0, "", "too short to be a safetensors file: %" PRIu64 " bytes",
                       file->bytes);
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) length = length << 8 | file->data[i];
    if (length == 0 || length > file->bytes - LENGTH_BYTES)
        return oz_fail(r->err, OZ_ERR_FORMAT, 0, "",
                       "not a safetensors file: a header of %" PRIu64 " bytes in a file of %" PRIu64, length,
                       file->bytes);
    if (length > r->limits.max_header_bytes)
        return oz_fail(r->err, OZ_ERR_LIMIT, 0, "max_header_bytes",
                       "the header has %" PRIu64 " bytes, more than the %" PRIu64 " allowed", length,
                       r->limits.max_header_bytes);
    *header_bytes = (size_t)length;
    return OZ_OK;
}

static oz_status read_file(reader *r) {
    size_t header_bytes = 0;
    OZ_TRY(read_length(r, &header_bytes));
    r->file->header_bytes = LENGTH_BYTES + header_bytes;
    OZ_TRY(parse_header(r, header_bytes));
    uint64_t held = r->scratch.used; /* counts against the limit while it is there */
    r->arena->used += held;
    oz_status status = read_entries(r);
    if (status == OZ_OK) status = sort_tensors(r);
    r->arena->used -= held;
    return status == OZ_OK ? check_cover(r) : status;
}

oz_status oz_safetensors_read(oz_safetensors *out, const void *data, size_t bytes, const oz_limits *limits,
                              oz_arena *arena, oz_error *err) {
    *out = (oz_safetensors){.data = data, .bytes = bytes};
    reader r = {.file = out, .arena = arena, .scratch = oz_arena_scratch(arena), .err = err};
    oz_status status = oz_limits_resolve(limits, bytes, &r.limits, err);
    if (status == OZ_OK) status = read_file(&r);
    oz_arena_free(&r.scratch);
    if (status != OZ_OK) *out = (oz_safetensors){0};
    return status;
}

const oz_stored *oz_safetensors_find(const oz_safetensors *s, const char *name) {
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, s->by_name[middle]->name);
        if (order == 0) return s->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const oz_meta *oz_safetensors_meta(const oz_safetensors *s, const char *key) {
    for (size_t i = 0; i < s->n_meta; i++)
        if (strcmp(s->meta[i].key, key) == 0) return &s->meta[i];
    return NULL;
}

uint64_t oz_safetensors_locate(const oz_safetensors *s, uint64_t text, uint64_t at) {
    const char *start = (const char *)s->data + text;
    oz_json_reader r = {.at = start, .end = (const char *)s->data + s->header_bytes};
    for (uint64_t i = 0; i < at; i++)
        if (oz_json_read_byte(&r) < 0) break;
    return text + (uint64_t)(r.at - start);
}

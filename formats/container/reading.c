/* reading.c - the small things that metadata is made of: shapes, places, vectors, and errors that say where.
 */
#include "formats/container/reading.h"

#include "base/arith.h"
#include "formats/container/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- errors ----------------------------------------------------------------------- */

static uint64_t offset_of(const oz_reading *r, oz_value v) {
    return oz_safetensors_locate(r->file, r->text, oz_json_offset(&r->json, v));
}

oz_status oz_reading_fail(const oz_reading *r, oz_status status, oz_value v, const char *where,
                          const char *format, ...) {
    char message[sizeof r->err->message];
    va_list args;
    va_start(args, format);
    if (vsnprintf(message, sizeof message, format, args) < 0) message[0] = 0;
    va_end(args);
    return oz_fail(r->err, status, offset_of(r, v), where, "%s", message);
}

oz_status oz_reading_relocate(const oz_reading *r, oz_status status) {
    if (status != OZ_OK && r->err && r->err->offset != OZ_NO_OFFSET)
        r->err->offset = oz_safetensors_locate(r->file, r->text, r->err->offset);
    return status;
}

oz_status oz_reading_attribute(const oz_reading *r, oz_status status, oz_value v, const char *where) {
    if (status == OZ_OK || !r->err) return status;
    uint64_t offset = r->err->offset == OZ_NO_OFFSET ? offset_of(r, v) : r->err->offset;
    return oz_fail(r->err, status, offset, r->err->where[0] ? r->err->where : where, "%s", r->err->message);
}

oz_status oz_reading_text(oz_reading *r, oz_value v, const char *where, const char **out) {
    oz_status status = oz_read_text(&r->json, v, &r->scratch, out, r->err);
    return oz_reading_attribute(r, oz_reading_relocate(r, status), v, where);
}

void *oz_reading_array(oz_reading *r, size_t count, size_t size, oz_status *status) {
    void *p = oz_arena_array(r->arena, count, size);
    *status = p ? OZ_OK : oz_out_of_memory(r->arena, count * size, r->err);
    return p;
}

/* ---- values ----------------------------------------------------------------------- */

static bool is_array(const oz_reading *r, oz_value v, uint32_t size) {
    return v != OZ_NO_VALUE && oz_json_type_of(&r->json, v) == OZ_JSON_ARRAY &&
           oz_json_size(&r->json, v) == size;
}

oz_status oz_read_matrix_shape(const oz_reading *r, oz_value v, const char *where, uint64_t *rows,
                               uint64_t *cols) {
    const oz_json *j = &r->json;
    if (!is_array(r, v, 2) || !oz_json_u64(j, oz_json_first(j, v), rows) ||
        !oz_json_u64(j, oz_json_next(j, oz_json_first(j, v)), cols) || !*rows || !*cols ||
        *rows > INT32_MAX || *cols > INT32_MAX)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, where,
                               "a shape [rows, cols] must stand here, both from 1 to 2147483647");
    return OZ_OK;
}

oz_status oz_read_small(const oz_reading *r, oz_value v, const char *where, uint64_t bytes, oz_part *out) {
    uint64_t offset, end;
    if (v == OZ_NO_VALUE || !oz_json_u64(&r->json, v, &offset))
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, where, "an offset in the tensor small must stand here");
    if (!r->small) return oz_reading_fail(r, OZ_ERR_FORMAT, v, where, "the file has no tensor small");
    if (offset % OZ_SMALL_ALIGN)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, where, "offset %" PRIu64 " in small is no multiple of %d",
                               offset, OZ_SMALL_ALIGN);
    if (!oz_add(offset, bytes, &end) || end > r->small->bytes)
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, where,
                               "%" PRIu64 " bytes at %" PRIu64 " do not lie in small, which has %" PRIu64,
                               bytes, offset, r->small->bytes);
    *out = (oz_part){.data = r->small->data + offset, .bytes = bytes, .offset = r->small->offset + offset};
    return OZ_OK;
}

static oz_status read_type(const oz_reading *r, oz_value v, const char *where, oz_codec_kind *out) {
    size_t bytes = 0;
    const char *name = v == OZ_NO_VALUE ? NULL : oz_json_raw(&r->json, v, &bytes);
    int kind = name ? oz_codec_find(name, bytes) : -1;
    if (kind < 0 || !(OZ_CODEC_BIT(kind) & OZ_CODECS_FLOAT))
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, where, "\"f32\", \"f16\" or \"bf16\" must stand here");
    *out = (oz_codec_kind)kind;
    return OZ_OK;
}

oz_status oz_read_vector(const oz_reading *r, oz_value v, const char *where, bool counted, oz_vector *out) {
    const oz_json *j = &r->json;
    if (!is_array(r, v, counted ? 3 : 2))
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, where, "[type%s, offset] must stand here",
                               counted ? ", count" : "");
    oz_value at = oz_json_first(j, v);
    OZ_TRY(read_type(r, at, where, &out->kind));
    at = oz_json_next(j, at);
    if (counted) {
        if (!oz_json_u64(j, at, &out->count) || out->count == 0)
            return oz_reading_fail(r, OZ_ERR_FORMAT, at, where, "the count must be a whole number above 0");
        at = oz_json_next(j, at);
    }
    uint64_t bytes;
    if (!oz_mul(out->count, oz_float_bytes(out->kind), &bytes))
        return oz_reading_fail(r, OZ_ERR_FORMAT, v, where, "the vector is larger than any file");
    oz_part place;
    OZ_TRY(oz_read_small(r, at, where, bytes, &place));
    out->name = where;
    out->data = place.data;
    return OZ_OK;
}

oz_status oz_read_vectors(oz_reading *r) {
    oz_status status;
    const oz_json *j = &r->json;
    if (oz_json_type_of(j, 0) != OZ_JSON_OBJECT)
        return oz_reading_fail(r, OZ_ERR_FORMAT, 0, "vectors", "must be an object");
    oz_vector *vectors = oz_reading_array(r, oz_json_size(j, 0), sizeof *vectors, &status);
    OZ_TRY(status);
    r->out->vectors = vectors;
    for (oz_value k = oz_json_first(j, 0); k != OZ_NO_VALUE; k = oz_json_next(j, k)) {
        const char *name;
        OZ_TRY(oz_reading_relocate(r, oz_read_name(j, k, r->limits.max_name_bytes, r->arena, &name, r->err)));
        OZ_TRY(oz_read_vector(r, oz_json_of_key(j, k), name, true, &vectors[r->out->n_vectors]));
        r->out->n_vectors++;
    }
    return OZ_OK;
}

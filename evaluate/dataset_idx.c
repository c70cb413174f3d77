/* dataset_idx.c - IDX files (MNIST and its relatives): a type, a rank, big-endian sizes, values.
 *
 * Often gzipped; then the header is inflated first, and the data only once its size is known to be one the
 * file can hold. */
#include "evaluate/dataset.h"

#include "evaluate/inflate.h"

#include <inttypes.h>
#include <string.h>

enum { MAGIC = 4, SIZE = 4 };

static bool is_gzip(const oz_source *s) {
    return s->bytes >= 18 && s->data[0] == 0x1f && s->data[1] == 0x8b;
}

static bool type_of(uint8_t code, oz_stored_type *out) {
    static const struct {
        uint8_t code;
        oz_stored_type type;
    } known[] = {{0x08, OZ_STORED_U8},  {0x09, OZ_STORED_I8},  {0x0b, OZ_STORED_I16},
                 {0x0c, OZ_STORED_I32}, {0x0d, OZ_STORED_F32}, {0x0e, OZ_STORED_F64}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].code != code) continue;
        *out = known[i].type;
        return true;
    }
    return false;
}

static bool magic_is_idx(const uint8_t *m) {
    oz_stored_type type;
    return m[0] == 0 && m[1] == 0 && type_of(m[2], &type) && m[3] >= 1 && m[3] <= OZ_STORED_RANK;
}

/* The first `bytes` of the file's content. */
static oz_status content(const oz_source *s, uint8_t *out, size_t bytes, bool whole, oz_error *err) {
    if (is_gzip(s)) return oz_inflate(OZ_DEFLATE_GZIP, s->data, s->bytes, out, bytes, whole, err);
    if (bytes > s->bytes)
        return oz_fail(err, OZ_ERR_FORMAT, s->bytes, s->path,
                       "IDX file ends too early: %zu bytes are missing", bytes - s->bytes);
    if (whole && bytes < s->bytes)
        return oz_fail(err, OZ_ERR_FORMAT, bytes, s->path,
                       "IDX file has %zu bytes more than its header declares", s->bytes - bytes);
    memcpy(out, s->data, bytes);
    return OZ_OK;
}

bool oz_idx_is(const oz_source *s) {
    uint8_t magic[MAGIC];
    return s->bytes > MAGIC && content(s, magic, MAGIC, false, NULL) == OZ_OK && magic_is_idx(magic);
}

static oz_status read_header(const oz_source *s, oz_stored *out, size_t *header, oz_error *err) {
    uint8_t bytes[MAGIC + SIZE * OZ_STORED_RANK];
    OZ_TRY(content(s, bytes, MAGIC, false, err));
    if (!magic_is_idx(bytes)) return oz_fail(err, OZ_ERR_FORMAT, 0, s->path, "is not an IDX file");
    *out = (oz_stored){.name = "x", .rank = bytes[3]};
    type_of(bytes[2], &out->type);
    *header = MAGIC + (size_t)SIZE * out->rank;
    OZ_TRY(content(s, bytes, *header, false, err));
    for (uint32_t i = 0; i < out->rank; i++) {
        const uint8_t *b = bytes + MAGIC + (size_t)SIZE * i;
        out->dim[i] = (uint64_t)b[0] << 24 | (uint64_t)b[1] << 16 | (uint64_t)b[2] << 8 | b[3];
    }
    return OZ_OK;
}

oz_status oz_idx_read(const oz_source *s, oz_stored *out, oz_error *err) {
    size_t header = 0;
    OZ_TRY(read_header(s, out, &header, err));
    bool whole = !s->limit || s->limit >= out->dim[0];
    if (!whole) out->dim[0] = s->limit;
    uint64_t most = is_gzip(s) ? (uint64_t)s->bytes * OZ_INFLATE_RATIO : s->bytes;
    if (!oz_stored_size(out->type, out->rank, out->dim, &out->bytes) || out->bytes > most)
        return oz_fail(err, OZ_ERR_FORMAT, MAGIC, s->path,
                       "IDX header declares more values than the file can hold");
    uint8_t *data = oz_arena_alloc(s->arena, header + (size_t)out->bytes, 64);
    if (!data) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, s->path, "no memory for the data");
    OZ_TRY(content(s, data, header + (size_t)out->bytes, whole, err));
    oz_swap_values(data + header, out->bytes, oz_stored_type_bytes(out->type));
    out->data = data + header;
    out->offset = header;
    return OZ_OK;
}

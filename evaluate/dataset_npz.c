/* dataset_npz.c - NumPy's .npz: a zip file whose members x.npy and y.npy are arrays.
 *
 * Members are found through the central directory, which alone is sure to know their sizes; each is then
 * proved to lie in the file before it. Stored members are read in place. */
#include "evaluate/dataset.h"

#include "evaluate/inflate.h"

#include <string.h>

enum { END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30, STORED = 0, DEFLATED = 8, MAX_COMMENT = 65535 };

typedef struct member {
    uint32_t method, flags, crc;
    uint64_t packed, bytes, local; /* sizes, offset of the local header */
} member;

static uint32_t u16(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p) {
    return u16(p) | u16(p + 2) << 16;
}

bool oz_npz_is(const oz_source *s) {
    return s->bytes >= END_BYTES && (memcmp(s->data, "PK\3\4", 4) == 0 || memcmp(s->data, "PK\5\6", 4) == 0);
}

static oz_status damaged(const oz_source *s, uint64_t at, oz_error *err) {
    return oz_fail(err, OZ_ERR_FORMAT, at, s->path, "is a damaged zip file");
}

/* The directory's place, from the record at the file's end (a comment may follow it). */
static oz_status find_directory(const oz_source *s, uint64_t *at, uint32_t *entries, oz_error *err) {
    size_t last = s->bytes - END_BYTES;
    for (size_t back = 0; back <= last && back <= MAX_COMMENT; back++) {
        const uint8_t *p = s->data + last - back;
        if (memcmp(p, "PK\5\6", 4) != 0 || u16(p + 20) != back) continue;
        uint64_t bytes = u32(p + 12);
        *at = u32(p + 16);
        *entries = u16(p + 10);
        if (*at == UINT32_MAX || *entries == 0xffff)
            return oz_fail(err, OZ_ERR_SUPPORT, last - back, s->path,
                           "is larger than 4 GiB; save x and y as safetensors");
        if (*at + bytes > last - back) return damaged(s, last - back, err);
        return OZ_OK;
    }
    return damaged(s, last, err);
}

/* Reads the entry at *at and moves on; *named tells whether it is called `name`. */
static oz_status read_entry(const oz_source *s, uint64_t *at, const char *name, bool *named, member *out,
                            oz_error *err) {
    if (*at + ENTRY_BYTES > s->bytes) return damaged(s, *at, err);
    const uint8_t *p = s->data + *at;
    uint64_t length = u16(p + 28), size = ENTRY_BYTES + length + u16(p + 30) + u16(p + 32);
    if (memcmp(p, "PK\1\2", 4) != 0 || *at + size > s->bytes) return damaged(s, *at, err);
    *named = length == strlen(name) && memcmp(p + ENTRY_BYTES, name, (size_t)length) == 0;
    *out = (member){u16(p + 10), u16(p + 8), u32(p + 16), u32(p + 20), u32(p + 24), u32(p + 42)};
    *at += size;
    return OZ_OK;
}

static oz_status find_member(const oz_source *s, const char *name, bool *found, member *out, oz_error *err) {
    uint64_t at = 0;
    uint32_t entries = 0;
    *found = false;
    OZ_TRY(find_directory(s, &at, &entries, err));
    for (uint32_t i = 0; i < entries && !*found; i++) OZ_TRY(read_entry(s, &at, name, found, out, err));
    return OZ_OK;
}

/* The member's bytes: in place, or inflated into the arena. */
static oz_status unpack(const oz_source *s, const member *m, const uint8_t **out, oz_error *err) {
    const uint8_t *local = s->data + m->local;
    if (m->local + LOCAL_BYTES > s->bytes || memcmp(local, "PK\3\4", 4) != 0)
        return damaged(s, m->local, err);
    uint64_t start = m->local + LOCAL_BYTES + u16(local + 26) + u16(local + 28);
    if (start > s->bytes || m->packed > s->bytes - start) return damaged(s, m->local, err);
    if ((m->flags & 1) || (m->method != STORED && m->method != DEFLATED))
        return oz_fail(err, OZ_ERR_SUPPORT, m->local, s->path,
                       "is encrypted or packed in an unknown way; save it with numpy.savez_compressed");
    *out = s->data + start;
    if (m->method == STORED && m->packed != m->bytes) return damaged(s, m->local, err);
    if (m->method == STORED) return OZ_OK;
    if (m->bytes > m->packed * OZ_INFLATE_RATIO) return damaged(s, m->local, err);
    uint8_t *copy = oz_arena_alloc(s->arena, (size_t)m->bytes, 64);
    if (!copy) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, s->path, "no memory for the data");
    OZ_TRY(oz_inflate(OZ_DEFLATE_RAW, *out, (size_t)m->packed, copy, (size_t)m->bytes, true, err));
    *out = copy;
    return OZ_OK;
}

static oz_status read_array(const oz_source *s, const member *m, const char *name, oz_stored *out,
                            oz_error *err) {
    const uint8_t *data = NULL;
    OZ_TRY(unpack(s, m, &data, err));
    if (oz_crc32(data, (size_t)m->bytes) != m->crc)
        return oz_fail(err, OZ_ERR_CHECKSUM, m->local, s->path, "checksum of %s.npy does not agree", name);
    oz_source part = *s;
    part.data = data;
    part.bytes = (size_t)m->bytes;
    OZ_TRY(oz_npy_read(&part, out, err));
    out->name = name;
    return OZ_OK;
}

oz_status oz_npz_read(const oz_source *s, oz_stored *x, oz_stored *y, oz_error *err) {
    member m;
    bool found;
    OZ_TRY(find_member(s, "x.npy", &found, &m, err));
    if (!found)
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, s->path,
                       "has no array `x`; save it with numpy.savez(path, x=x, y=y)");
    OZ_TRY(read_array(s, &m, "x", x, err));
    OZ_TRY(find_member(s, "y.npy", &found, &m, err));
    return found ? read_array(s, &m, "y", y, err) : OZ_OK;
}

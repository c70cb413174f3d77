/* inflate.c - the one place that knows zlib.
 *
 * zlib counts in 32 bits, so both sides are fed in slices. */
#include "evaluate/inflate.h"

#include "base/arith.h"

#include <zlib.h>

enum { SLICE = 1 << 30 };

typedef struct stream {
    z_stream z;
    const uint8_t *in;
    size_t in_left;
    uint8_t *out;
    size_t out_left;
} stream;

/* One call of zlib's inflate on the next slices. */
static int step(stream *s) {
    size_t in = oz_min(s->in_left, SLICE), out = oz_min(s->out_left, SLICE);
    s->z.next_in = (z_const Bytef *)(uintptr_t)s->in;
    s->z.avail_in = (uInt)in;
    s->z.next_out = s->out;
    s->z.avail_out = (uInt)out;
    int code = inflate(&s->z, Z_NO_FLUSH);
    in -= s->z.avail_in;
    out -= s->z.avail_out;
    s->in += in;
    s->in_left -= in;
    s->out += out;
    s->out_left -= out;
    return code == Z_OK && in == 0 && out == 0 ? Z_BUF_ERROR : code;
}

static oz_status fail(oz_error *err, const stream *s, const uint8_t *start, const char *what) {
    return oz_fail(err, OZ_ERR_FORMAT, (uint64_t)(s->in - start), "", "compressed data %s", what);
}

/* After out is full: the stream must end without giving a byte more. */
static oz_status finish(stream *s, int code, const uint8_t *start, oz_error *err) {
    uint8_t more;
    while (code == Z_OK) {
        s->out = &more;
        s->out_left = 1;
        code = step(s);
        if (s->out_left == 0) return fail(err, s, start, "holds more than its header declares");
    }
    if (code == Z_BUF_ERROR) return fail(err, s, start, "ends too early");
    if (code != Z_STREAM_END) return fail(err, s, start, "is damaged");
    return s->in_left ? fail(err, s, start, "is followed by something else") : OZ_OK;
}

static oz_status run(stream *s, bool whole, const uint8_t *start, oz_error *err) {
    int code = Z_OK;
    while (s->out_left > 0 && code == Z_OK) code = step(s);
    if (code == Z_MEM_ERROR)
        return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "no memory to decompress the data");
    if (s->out_left > 0)
        return fail(err, s, start,
                    code == Z_STREAM_END || code == Z_BUF_ERROR ? "ends too early" : "is damaged");
    return whole ? finish(s, code, start, err) : OZ_OK;
}

oz_status oz_inflate(oz_deflated kind, const uint8_t *in, size_t in_bytes, void *out, size_t out_bytes,
                     bool whole, oz_error *err) {
    stream s = {.in = in, .in_left = in_bytes, .out = out, .out_left = out_bytes};
    int window = kind == OZ_DEFLATE_GZIP ? MAX_WBITS + 16 : -MAX_WBITS;
    if (inflateInit2(&s.z, window) != Z_OK)
        return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "no memory to decompress the data");
    oz_status status = run(&s, whole, in, err);
    inflateEnd(&s.z);
    return status;
}

uint32_t oz_crc32(const void *data, size_t bytes) {
    return (uint32_t)crc32_z(crc32_z(0, Z_NULL, 0), data, bytes);
}

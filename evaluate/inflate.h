/* inflate.h - gzip and zip members of known size.
 *
 * The caller says how many bytes it expects, so a small hostile file cannot make us take much memory: no
 * deflate stream grows by more than OZ_INFLATE_RATIO. */
#ifndef OZ_EVALUATE_INFLATE_H
#define OZ_EVALUATE_INFLATE_H

#include "base/error.h"

#define OZ_INFLATE_RATIO 1032

typedef enum oz_deflated { OZ_DEFLATE_RAW, OZ_DEFLATE_GZIP } oz_deflated;

/* Writes exactly out_bytes. `whole`: the stream must end there and its checksum, if it has one, agree;
 * otherwise the rest of it is not looked at. Errors: FORMAT, MEMORY. */
oz_status oz_inflate(oz_deflated kind, const uint8_t *in, size_t in_bytes, void *out, size_t out_bytes,
                     bool whole, oz_error *err);
uint32_t oz_crc32(const void *data, size_t bytes);

#endif

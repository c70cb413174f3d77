/* verify.c - compares every tensor's bytes, and the header, with the hashes that the file carries.
 *
 * A tensor's digits are its hash combined with that of the header around the digits. So one wrong tensor has
 * other digits than it should, and a wrong header makes all of them wrong, at no further byte. */
#include "formats/container/contents.h"

#include "base/hash.h"
#include "formats/container/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t oz_header_hash(const uint8_t *file, uint64_t header_bytes, uint64_t at, uint64_t digits) {
    uint64_t before = oz_hash(file, (size_t)at);
    uint64_t after = oz_hash(file + at + digits, (size_t)(header_bytes - at - digits));
    return oz_hash_u64(after, before);
}

/* The digits of the i-th tensor as they should be. */
static void expected_digits(const oz_stored *t, uint64_t header, char out[OZ_HASH_DIGITS + 1]) {
    snprintf(out, OZ_HASH_DIGITS + 1, "%016" PRIx64, oz_hash(t->data, (size_t)t->bytes) ^ header);
}

static oz_status report(const oz_safetensors *file, const oz_meta *hashes, size_t first, size_t wrong,
                        oz_error *err) {
    if (wrong == 0) return OZ_OK;
    if (wrong == file->count && wrong > 1)
        return oz_fail(err, OZ_ERR_CHECKSUM, OZ_NO_OFFSET, "header",
                       "does not fit the file's hashes: it was changed, or the file is damaged");
    return oz_fail(err, OZ_ERR_CHECKSUM, file->tensors[first].offset, file->tensors[first].name,
                   "its bytes%s do not fit the hash %.16s: the file is damaged",
                   file->count == 1 ? " or the header" : "", hashes->value + first * OZ_HASH_DIGITS);
}

oz_status oz_contents_verify(const oz_safetensors *file, oz_error *err) {
    const oz_meta *hashes = oz_safetensors_meta(file, "hashes");
    if (!hashes || !oz_is_own_file(file)) return OZ_OK;
    size_t digits = strlen(hashes->value), first = 0, wrong = 0;
    if (digits / OZ_HASH_DIGITS != file->count || digits % OZ_HASH_DIGITS)
        return oz_fail(err, OZ_ERR_CHECKSUM, hashes->offset, "hashes", "%zu digits; %zu tensors have %d each",
                       digits, file->count, OZ_HASH_DIGITS);
    if (memcmp(file->data + hashes->offset, hashes->value, digits) != 0)
        return oz_fail(err, OZ_ERR_CHECKSUM, hashes->offset, "hashes", "must be digits without escapes");
    uint64_t header = oz_header_hash(file->data, file->header_bytes, hashes->offset, digits);
    for (size_t i = file->count; i-- > 0;) {
        char should[OZ_HASH_DIGITS + 1];
        expected_digits(&file->tensors[i], header, should);
        if (memcmp(hashes->value + i * OZ_HASH_DIGITS, should, OZ_HASH_DIGITS) == 0) continue;
        first = i;
        wrong++;
    }
    return report(file, hashes, first, wrong, err);
}

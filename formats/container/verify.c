/* verify.c - compares every tensor's bytes with the hash that the file carries for it. */
#include "formats/container/contents.h"

#include "base/hash.h"
#include "formats/container/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

oz_status oz_contents_verify(const oz_safetensors *file, oz_arena *arena, oz_error *err) {
    (void)arena;
    const oz_meta *hashes = oz_safetensors_meta(file, "hashes");
    if (!hashes || !oz_is_own_file(file)) return OZ_OK;
    if (strlen(hashes->value) / OZ_HASH_DIGITS != file->count || strlen(hashes->value) % OZ_HASH_DIGITS)
        return oz_fail(err, OZ_ERR_CHECKSUM, hashes->offset, "hashes", "%zu digits; %zu tensors have %d each",
                       strlen(hashes->value), file->count, OZ_HASH_DIGITS);
    for (size_t i = 0; i < file->count; i++) {
        const oz_stored *t = &file->tensors[i];
        char found[OZ_HASH_DIGITS + 1];
        snprintf(found, sizeof found, "%016" PRIx64, oz_hash(t->data, (size_t)t->bytes));
        const char *claimed = hashes->value + i * OZ_HASH_DIGITS;
        if (memcmp(claimed, found, OZ_HASH_DIGITS) != 0)
            return oz_fail(err, OZ_ERR_CHECKSUM, t->offset, t->name,
                           "its bytes have the hash %s instead of %.16s: the file is damaged", found,
                           claimed);
    }
    return OZ_OK;
}

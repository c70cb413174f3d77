/* image.c - contents -> one image of a file.
 *
 * First the header with zeros for hashes, whose length fixes where the data starts; then the data; then the
 * hashes over their zeros. */
#include "formats/container/image.h"

#include "base/arith.h"
#include "base/hash.h"
#include "formats/container/placement.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LENGTH_BYTES = 8 };

/* The header with its length field, padded so that the data starts on a line. */
static uint64_t padded_header(const oz_text *header) {
    return oz_round_up(LENGTH_BYTES + header->bytes, OZ_TENSOR_ALIGN);
}

static void write_header(const oz_text *header, uint64_t padded, uint8_t *out) {
    uint64_t length = padded - LENGTH_BYTES;
    for (int i = 0; i < LENGTH_BYTES; i++) out[i] = (uint8_t)(length >> 8 * i);
    memcpy(out + LENGTH_BYTES, header->data, header->bytes);
    memset(out + LENGTH_BYTES + header->bytes, ' ', length - header->bytes);
}

static oz_status write_items(const oz_placement *p, uint8_t *data, oz_error *err) {
    uint64_t small = 0;
    for (size_t i = 0; i < p->n_tensors; i++)
        if (!p->tensors[i].item && !p->tensors[i].filler) small = p->tensors[i].begin;
    for (size_t i = 0; i < p->n_items; i++) {
        const oz_item *item = &p->items[i];
        if (item->owner != i || item->bytes == 0) continue;
        if (!item->data)
            return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, item->leaf ? item->leaf->name : "vector",
                           "has no data: pack it before the file is written");
        uint64_t at = item->in_small ? small + item->offset : p->tensors[item->tensor].begin;
        memcpy(data + at, item->data, (size_t)item->bytes);
    }
    return OZ_OK;
}

static void write_hashes(const oz_placement *p, uint8_t *image, uint64_t start, size_t at) {
    uint64_t header = oz_header_hash(image, start, at, p->n_tensors * OZ_HASH_DIGITS);
    for (size_t i = 0; i < p->n_tensors; i++) {
        char hash[OZ_HASH_DIGITS + 1];
        const oz_placed *t = &p->tensors[i];
        snprintf(hash, sizeof hash, "%016" PRIx64,
                 oz_hash(image + start + t->begin, (size_t)t->bytes) ^ header);
        memcpy(image + at + i * OZ_HASH_DIGITS, hash, OZ_HASH_DIGITS);
    }
}

static oz_status write_image(const oz_placement *p, const oz_text *header, size_t hashes_at, oz_image *out,
                             oz_arena *arena, oz_error *err) {
    uint64_t start = padded_header(header), bytes;
    if (!oz_add(start, p->data_bytes, &bytes) || bytes > PTRDIFF_MAX)
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, "", "the file is larger than memory can be");
    uint8_t *image = oz_arena_alloc(arena, (size_t)bytes, OZ_TENSOR_ALIGN);
    if (!image) return oz_out_of_memory(arena, bytes, err);
    write_header(header, start, image);
    OZ_TRY(write_items(p, image + start, err));
    write_hashes(p, image, start, LENGTH_BYTES + hashes_at);
    *out = (oz_image){.data = image, .bytes = (size_t)bytes};
    return OZ_OK;
}

/* Places and describes, then builds if `image`, and tells the size. */
static oz_status place_and_write(const oz_contents *c, oz_image *image, uint64_t *bytes, oz_arena *arena,
                                 oz_error *err) {
    oz_arena scratch = oz_arena_scratch(arena);
    oz_placement placement;
    oz_text header = {.allocator = arena->allocator};
    size_t hashes_at;
    oz_status status = oz_placement_make(&placement, c, &scratch, err);
    if (status == OZ_OK) status = oz_header_write(c, &placement, &header, &hashes_at, err);
    if (status == OZ_OK) *bytes = padded_header(&header) + placement.data_bytes;
    if (status == OZ_OK && image) status = write_image(&placement, &header, hashes_at, image, arena, err);
    oz_text_free(&header);
    oz_arena_free(&scratch);
    return status;
}

oz_status oz_image_build(const oz_contents *c, oz_image *out, oz_arena *arena, oz_error *err) {
    uint64_t bytes;
    *out = (oz_image){0};
    return place_and_write(c, out, &bytes, arena, err);
}

oz_status oz_image_size(const oz_contents *c, uint64_t *bytes, oz_arena *arena, oz_error *err) {
    *bytes = 0;
    return place_and_write(c, NULL, bytes, arena, err);
}

/* image.h - contents -> the bytes of a file.
 *
 * Placement is a pure function of the contents, so that the size of a file is known, to the byte,
 * without writing it: budgets rely on that. */
#ifndef OZ_CONTAINER_IMAGE_H
#define OZ_CONTAINER_IMAGE_H

#include "formats/container/contents.h"

typedef struct oz_image {
    uint8_t *data; /* 64-byte aligned, in the arena */
    size_t bytes;
} oz_image;

/* Leaves must be packed (parts in memory); parts with the same data pointer are stored once. Offsets of
 * `c` are not changed. Errors: MEMORY, LIMIT, FORMAT (a name that safetensors cannot hold). */
oz_status oz_image_build(const oz_contents *c, oz_image *out, oz_arena *arena, oz_error *err);
/* The size that oz_image_build would give. */
oz_status oz_image_size(const oz_contents *c, uint64_t *bytes, oz_arena *arena, oz_error *err);

#endif

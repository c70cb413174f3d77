/* placement.h - where in a file each run of bytes goes, decided before any byte is written.
 *
 * Items stand in the order in which the metadata names them: for each weight its leaves' parts (all of the
 * format's, also those without bytes), then its row scale if it has one; after all weights the vectors. */
#ifndef OZ_CONTAINER_PLACEMENT_H
#define OZ_CONTAINER_PLACEMENT_H

#include "formats/container/reading.h"

#define OZ_NO_TENSOR SIZE_MAX

typedef struct oz_item {
    const uint8_t *data; /* NULL: not packed yet, counts but is never shared */
    uint64_t bytes;
    const oz_weight *weight; /* of a part; NULL for row scales and vectors */
    const oz_leaf *leaf;
    size_t term, factor, part;
    oz_stored_type type;
    bool in_small;
    size_t owner;    /* the first item with the same bytes: it is stored for both */
    size_t tensor;   /* of an owner: index in tensors; in_small: OZ_NO_TENSOR */
    uint64_t offset; /* of an owner in small */
} oz_item;

typedef struct oz_placed {
    const oz_item *item;   /* NULL: small, or a filler */
    size_t filler;         /* 1, 2, ... of a filler */
    uint64_t begin, bytes; /* in the data, padding included */
} oz_placed;

typedef struct oz_placement {
    oz_item *items;
    size_t n_items;
    oz_placed *tensors; /* in the order of the data */
    size_t n_tensors;
    uint64_t data_bytes;
} oz_placement;

/* Errors: FORMAT, LIMIT, MEMORY. */
oz_status oz_placement_make(oz_placement *out, const oz_contents *c, oz_arena *arena, oz_error *err);

/* The whole header as text, without the length field and the padding; hashes are zeros that start at
 * *hashes_at. The caller frees `out`, also after a failure. */
oz_status oz_header_write(const oz_contents *c, const oz_placement *p, oz_text *out, size_t *hashes_at,
                          oz_error *err);
/* The name of a stored tensor. */
void oz_placed_name(const oz_placed *t, oz_text *out);

#endif

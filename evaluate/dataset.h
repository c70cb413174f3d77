/* dataset.h - the inside of a data set: one array of records as stored, labels, and the readers.
 *
 * A reader only finds and proves the arrays `x` and `y` in its file; what all kinds have in common (limits,
 * labels, finite values, hash) is done once, in dataset.c. */
#ifndef OZ_EVALUATE_DATASET_H
#define OZ_EVALUATE_DATASET_H

#include "base/file.h"
#include "formats/container/safetensors.h"

#include <ounce/tools.h>

struct oz_dataset {
    const oz_allocator *allocator;
    oz_arena arena;
    oz_file file;
    oz_stored x, y; /* data little endian, contiguous, at any alignment; y.data NULL = no labels */
    int64_t dim[OZ_MAX_RANK];
    uint32_t rank;
    size_t count, values; /* records, values per record */
    int64_t *labels;
    uint64_t hash;
};

/* What a reader needs: the file's bytes, where copies live, and how many records are wanted. */
typedef struct oz_source {
    const char *path;
    const uint8_t *data;
    size_t bytes;
    uint64_t limit; /* 0 = all */
    oz_arena *arena;
} oz_source;

/* Whether the file is of this kind, by its first bytes. */
bool oz_npy_is(const oz_source *s);
bool oz_npz_is(const oz_source *s);
bool oz_idx_is(const oz_source *s); /* plain or gzip */
bool oz_cifar_is(const oz_source *s);
bool oz_safetensors_is(const oz_source *s);

/* Each proves that x (and y) lie in the file or are copied into the arena. */
oz_status oz_npy_read(const oz_source *s, oz_stored *x, oz_error *err);
oz_status oz_npz_read(const oz_source *s, oz_stored *x, oz_stored *y, oz_error *err);
oz_status oz_idx_read(const oz_source *s, oz_stored *out, oz_error *err);
oz_status oz_cifar_read(const oz_source *s, oz_stored *x, oz_stored *y, oz_error *err);
oz_status oz_xy_read(const oz_source *s, oz_stored *x, oz_stored *y, oz_error *err);

/* Bytes of a shape and type; false where they do not fit 64 bits (or PTRDIFF_MAX). */
bool oz_stored_size(oz_stored_type type, uint32_t rank, const uint64_t *dim, uint64_t *bytes);
/* Reverses the bytes of each value, for files written big endian. */
void oz_swap_values(uint8_t *data, uint64_t bytes, uint32_t width);

#endif

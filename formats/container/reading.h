/* reading.h - what the readers of an Ounce file's metadata share.
 *
 * JSON that lies inside of a metadata string is parsed with origin 0: its offsets are positions in the value,
 * which oz_reading_fail turns into offsets in the file. */
#ifndef OZ_CONTAINER_READING_H
#define OZ_CONTAINER_READING_H

#include "base/json.h"
#include "formats/container/contents.h"

/* The tensor of vectors and small parts, and how what lies in it is aligned. */
#define OZ_SMALL_NAME "small"
enum { OZ_SMALL_ALIGN = 16, OZ_TENSOR_ALIGN = 64, OZ_HASH_DIGITS = 16 };

typedef struct oz_reading {
    oz_contents *out;
    const oz_safetensors *file;
    const oz_stored *small; /* NULL if there is none */
    oz_limits limits;
    oz_arena *arena;
    oz_arena scratch; /* tokens */
    oz_error *err;
    oz_json json;  /* of the metadata value that is being read */
    uint64_t text; /* its offset in the file */
} oz_reading;

/* Fails at a value of r->json. */
oz_status oz_reading_fail(const oz_reading *r, oz_status status, oz_value v, const char *where,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Of a failed call that filled r->err: offsets from r->json become the file's. */
oz_status oz_reading_relocate(const oz_reading *r, oz_status status);
/* Of a failed call that knew neither offset nor name: it was about `v`, which belongs to `where`. */
oz_status oz_reading_attribute(const oz_reading *r, oz_status status, oz_value v, const char *where);

/* A JSON string, in r->scratch. */
oz_status oz_reading_text(oz_reading *r, oz_value v, const char *where, const char **out);
void *oz_reading_array(oz_reading *r, size_t count, size_t size, oz_status *status);

/* [rows, cols], both 1 to 2^31 - 1. */
oz_status oz_read_matrix_shape(const oz_reading *r, oz_value v, const char *where, uint64_t *rows,
                               uint64_t *cols);
/* [offset in small] -> `bytes` bytes there. */
oz_status oz_read_small(const oz_reading *r, oz_value v, const char *where, uint64_t bytes, oz_part *out);
/* A leaf: [SPEC, shape if `shaped`, PART...]; `id` is "term.factor". */
oz_status oz_read_leaf(oz_reading *r, oz_value v, const oz_weight *w, const char *id, bool shaped,
                       oz_leaf *out);
/* [TYPE, offset] for a row scale, [TYPE, count, offset] for a vector: out->count is set or read. */
oz_status oz_read_vector(const oz_reading *r, oz_value v, const char *where, bool counted, oz_vector *out);

oz_status oz_read_weights(oz_reading *r);
oz_status oz_read_vectors(oz_reading *r);
oz_status oz_read_foreign(oz_reading *r);

/* ---- what other parts of the container need to know as well ------------------------------------------- */

/* Factors chain, the ends are the weight's shape, scales are finite. Errors: FORMAT, at no offset. */
oz_status oz_weight_check(const oz_weight *w, oz_error *err);
/* The tensor type of a part that is a plain matrix of floats, which other programs can read too; U8 for all
 * others. */
oz_stored_type oz_part_type(const oz_leaf *leaf, size_t part);
/* The hash of all before the data but the `digits` bytes at `at`, which are the tensors' hashes. */
uint64_t oz_header_hash(const uint8_t *file, uint64_t header_bytes, uint64_t at, uint64_t digits);
bool oz_is_own_key(const char *key); /* of the metadata: not free text */
bool oz_is_own_file(const oz_safetensors *file);

#endif

/* safetensors.h - the file that holds everything: a length, a JSON header, bytes.
 *
 * Reading proves: the header's length and JSON, unique names, known types, shapes whose bytes do
 * not wrap and equal the offsets' difference, tensors that follow each other without hole or overlap
 * and end with the file, `__metadata__` of strings. Nothing is copied but names and metadata. */
#ifndef OZ_CONTAINER_SAFETENSORS_H
#define OZ_CONTAINER_SAFETENSORS_H

#include "base/memory.h"

typedef enum oz_stored_type {
    OZ_STORED_BOOL,
    OZ_STORED_U8,
    OZ_STORED_I8,
    OZ_STORED_I16,
    OZ_STORED_U16,
    OZ_STORED_F16,
    OZ_STORED_BF16,
    OZ_STORED_I32,
    OZ_STORED_U32,
    OZ_STORED_F32,
    OZ_STORED_F64,
    OZ_STORED_I64,
    OZ_STORED_U64,
    OZ_STORED_F8_E4M3,
    OZ_STORED_F8_E5M2
} oz_stored_type;

#define OZ_STORED_RANK 8

typedef struct oz_stored {
    const char *name;
    oz_stored_type type;
    uint32_t rank;
    uint64_t dim[OZ_STORED_RANK];
    const uint8_t *data;
    uint64_t bytes;
    uint64_t offset; /* of data in the file */
} oz_stored;

typedef struct oz_meta {
    const char *key, *value; /* escapes undone */
    uint64_t offset;         /* of the value's text in the file */
} oz_meta;

typedef struct oz_safetensors {
    const uint8_t *data;
    uint64_t bytes, header_bytes; /* header: length field included, so data starts there */
    oz_stored *tensors;           /* in the order of their offsets */
    size_t count;
    oz_meta *meta;
    size_t n_meta;
    oz_stored **by_name; /* sorted, for oz_safetensors_find */
} oz_safetensors;

/* Errors: FORMAT, LIMIT (of opt->limits; NULL = defaults), MEMORY. */
oz_status oz_safetensors_read(oz_safetensors *out, const void *data, size_t bytes, const oz_limits *limits,
                              oz_arena *arena, oz_error *err);
const oz_stored *oz_safetensors_find(const oz_safetensors *s, const char *name); /* NULL if absent */
const oz_meta *oz_safetensors_meta(const oz_safetensors *s, const char *key);
const char *oz_stored_type_name(oz_stored_type t); /* "F32" */
uint32_t oz_stored_type_bytes(oz_stored_type t);
/* Where in the file byte `at` of a metadata value lies; `text` is the value's oz_meta.offset. Escapes make
 * the two run apart, so errors in JSON inside of metadata go through here. */
uint64_t oz_safetensors_locate(const oz_safetensors *s, uint64_t text, uint64_t at);

/* `given` (NULL = none) with defaults in place of zeros and of what an older caller does not know.
 * Errors: ARGUMENT, VERSION (a struct of a newer version). */
oz_status oz_limits_resolve(const oz_limits *given, uint64_t file_bytes, oz_limits *out, oz_error *err);
/* After an arena refused `asked` bytes: LIMIT if they are past its limit, else MEMORY. */
oz_status oz_out_of_memory(const oz_arena *arena, uint64_t asked, oz_error *err);
/* An arena for what does not stay, within what is left to `arena`; the caller frees it. */
oz_arena oz_arena_scratch(const oz_arena *arena);

#endif

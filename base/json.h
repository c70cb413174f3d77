/* json.h - reading JSON from untrusted text, with the byte offset of everything.
 *
 * Tokens come from jsmn; what its strict mode lets pass is refused here: trailing text, keys
 * that are not strings, bad numbers and literals, bad UTF-8 and escapes, duplicate keys, more
 * nesting than OZ_JSON_DEPTH.  After a successful parse the accessors need no more checks than
 * the type of the value.  A value is an index into the token array; 0 is the root, an object or an array.
 * Every accessor takes OZ_NO_VALUE too and answers as for a value of the wrong type. */
#ifndef OZ_BASE_JSON_H
#define OZ_BASE_JSON_H

#include "base/memory.h"

#define OZ_JSON_DEPTH 32

typedef struct oz_json {
    const char *text;
    size_t bytes;
    uint64_t origin; /* the text's offset in the file; added to every reported offset */
    void *tokens;
    uint32_t count;
} oz_json;

typedef uint32_t oz_value;
#define OZ_NO_VALUE UINT32_MAX

typedef enum oz_json_type {
    OZ_JSON_OBJECT,
    OZ_JSON_ARRAY,
    OZ_JSON_STRING,
    OZ_JSON_NUMBER,
    OZ_JSON_BOOL,
    OZ_JSON_NULL
} oz_json_type;

/* Parses; tokens live in the arena, strings stay in `text`, which must outlive *out.
 * Errors, each with its offset: FORMAT, LIMIT (nesting, 2 GiB of text, the arena's limit), MEMORY. */
oz_status oz_json_parse(oz_json *out, const char *text, size_t bytes, uint64_t origin, oz_arena *arena,
                        oz_error *err);
oz_json_type oz_json_type_of(const oz_json *j, oz_value v);
uint64_t oz_json_offset(const oz_json *j, oz_value v); /* in the file */
uint32_t oz_json_size(const oz_json *j, oz_value v);   /* members or elements, else 0 */

/* Iteration: first child (a key in an object), then next sibling; OZ_NO_VALUE at the end. */
oz_value oz_json_first(const oz_json *j, oz_value v);
oz_value oz_json_next(const oz_json *j, oz_value v);
oz_value oz_json_of_key(const oz_json *j, oz_value key);                   /* the key's value */
oz_value oz_json_find(const oz_json *j, oz_value object, const char *key); /* or OZ_NO_VALUE */

/* The string's raw bytes between the quotes (escapes not undone). */
const char *oz_json_raw(const oz_json *j, oz_value v, size_t *bytes);
bool oz_json_equals(const oz_json *j, oz_value v, const char *text);
/* The string with escapes undone, NUL-terminated, in the arena; NULL out of memory or when the
 * string holds U+0000. */
char *oz_json_string(const oz_json *j, oz_value v, oz_arena *arena);
bool oz_json_u64(const oz_json *j, oz_value v,
                 uint64_t *out); /* a whole number without sign, point, exponent */
bool oz_json_i64(const oz_json *j, oz_value v, int64_t *out);
bool oz_json_double(const oz_json *j, oz_value v, double *out); /* finite */
bool oz_json_bool(const oz_json *j, oz_value v, bool *out);

#endif

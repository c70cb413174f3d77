/* names.h - which texts may be names, for the reader and the writer alike. */
#ifndef OZ_CONTAINER_NAMES_H
#define OZ_CONTAINER_NAMES_H

#include "base/json.h"

/* A JSON string that becomes a C string in the arena. Errors: FORMAT (U+0000, at the value), LIMIT, MEMORY.
 */
oz_status oz_read_text(const oz_json *j, oz_value v, oz_arena *arena, const char **out, oz_error *err);
/* The same for a name: at most max_bytes, none of them a control. */
oz_status oz_read_name(const oz_json *j, oz_value v, uint64_t max_bytes, oz_arena *arena, const char **out,
                       oz_error *err);
/* FORMAT or LIMIT unless safetensors and every reader can hold the name. */
oz_status oz_name_check(const char *name, uint64_t max_bytes, oz_error *err);

#endif

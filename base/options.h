/* options.h - reading the structs that callers fill, which may be those of another version of the header.
 *
 * Each starts with its own size. A caller built with an older header gives a shorter struct, and what it does
 * not know keeps its default; a longer one may ask for something that this library cannot do. */
#ifndef OZ_BASE_OPTIONS_H
#define OZ_BASE_OPTIONS_H

#include "base/error.h"

/* `out` is a struct of `size` bytes that holds the defaults; `given` (may be NULL) goes over them. `name` is
 * for errors: ARGUMENT if the size is not set, VERSION if it is larger than ours. */
oz_status oz_options_take(void *out, size_t size, const void *given, const char *name, oz_error *err);

#endif

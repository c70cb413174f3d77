/* options.c - see options.h. */
#include "base/options.h"

#include <string.h>

oz_status oz_options_take(void *out, size_t size, const void *given, const char *name, oz_error *err) {
    size_t given_size;
    if (!given) return OZ_OK;
    memcpy(&given_size, given, sizeof given_size);
    if (given_size < sizeof given_size)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, name,
                       "size is not set: initialise the struct with its _INIT macro");
    if (given_size > size)
        return oz_fail(err, OZ_ERR_VERSION, OZ_NO_OFFSET, name,
                       "the struct is from a newer version of the library");
    memcpy(out, given, given_size);
    memcpy(out, &size, sizeof size);
    return OZ_OK;
}

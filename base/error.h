/* error.h - filling an oz_error, and leaving a function when something failed. */
#ifndef OZ_BASE_ERROR_H
#define OZ_BASE_ERROR_H

#include <ounce/ounce.h>

/* Fills *err (if there is one) and returns `status`, so that a failing check is one line.
 * Text that came from a file is made printable: control bytes become '?'. */
oz_status oz_fail(oz_error *err, oz_status status, uint64_t offset, const char *where, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));

#define OZ_TRY(call)                                                                                         \
    do {                                                                                                     \
        oz_status oz_try_status_ = (call);                                                                   \
        if (oz_try_status_ != OZ_OK) return oz_try_status_;                                                  \
    } while (0)

#endif

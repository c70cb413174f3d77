/* error.c - filling an oz_error, and the names of statuses.
 *
 * A message ends on a terminal, in a log or in JSON, and may quote names out of a hostile file.  So
 * everything is filtered once, here: what leaves is one line of well-formed UTF-8 without control characters,
 * cut between two characters. */
#include "base/error.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_OF_NUMBER(x) #x
#define TEXT_OF(x) TEXT_OF_NUMBER(x)

unsigned oz_version(void) {
    return OZ_VERSION;
}

const char *oz_version_string(void) {
    return TEXT_OF(OZ_VERSION_MAJOR) "." TEXT_OF(OZ_VERSION_MINOR) "." TEXT_OF(OZ_VERSION_PATCH);
}

const char *oz_status_name(oz_status s) {
    switch (s) {
#define X(name, value, text)                                                                                 \
    case OZ_##name:                                                                                          \
        return "OZ_" #name;
        OZ_STATUS_MAP(X)
#undef X
    }
    return "OZ_ERR_UNKNOWN";
}

const char *oz_status_text(oz_status s) {
    switch (s) {
#define X(name, value, text)                                                                                 \
    case OZ_##name:                                                                                          \
        return text;
        OZ_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

/* C0 controls, DEL, and the C1 controls (U+0080 to U+009F), which terminals obey as well. */
static bool is_control(const char *c, size_t length) {
    uint8_t first = (uint8_t)c[0];
    return (length == 1 && (first < 0x20 || first == 0x7f)) ||
           (length == 2 && first == 0xc2 && (uint8_t)c[1] < 0xa0);
}

/* Copies as many whole characters as fit; what is not printable becomes '?'. */
static void copy_printable(char *out, size_t room, const char *text) {
    size_t bytes = strlen(text), used = 0;
    for (size_t i = 0; i < bytes;) {
        size_t length = oz_utf8_length(text + i, bytes - i);
        bool good = length > 0 && !is_control(text + i, length);
        size_t written = good ? length : 1;
        if (used + written >= room) break;
        if (good)
            memcpy(out + used, text + i, length);
        else
            out[used] = '?';
        used += written;
        i += length > 0 ? length : 1;
    }
    out[used] = 0;
}

oz_status oz_fail(oz_error *err, oz_status status, uint64_t offset, const char *where, const char *format,
                  ...) {
    if (!err) return status;
    /* Filled aside: an outer layer may pass parts of *err as arguments. */
    oz_error filled = {.status = status, .offset = offset};
    char message[sizeof filled.message * 2];
    int saved = errno;
    va_list args;
    va_start(args, format);
    if (vsnprintf(message, sizeof message, format, args) < 0) message[0] = 0;
    va_end(args);
    errno = saved;
    copy_printable(filled.message, sizeof filled.message, message);
    copy_printable(filled.where, sizeof filled.where, where ? where : "");
    *err = filled;
    return status;
}

/* text.h - a growing string, for headers and names that the library writes. */
#ifndef OZ_BASE_TEXT_H
#define OZ_BASE_TEXT_H

#include "base/memory.h"

typedef struct oz_text {
    const oz_allocator *allocator;
    char *data;   /* NUL-terminated once anything was added */
    size_t bytes; /* without the NUL */
    size_t room;
    bool failed; /* an allocation failed: checked once, at the end */
} oz_text;

void oz_text_add(oz_text *t, const char *text, size_t bytes);
void oz_text_format(oz_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The shortest decimal that reads back as `value`, with a full stop in any locale (oz_text_format's %g would
 * use the host's decimal point); "null" if it is not finite. */
void oz_text_number(oz_text *t, double value);
void oz_text_json(oz_text *t, const char *text,
                  size_t bytes); /* quoted and escaped; bytes that are not UTF-8 become U+FFFD */
void oz_text_free(oz_text *t);

#endif

/* text.c - a string that grows by doubling.
 *
 * A failed allocation makes the text stay as it is and sets `failed`, so a writer adds piece after piece and
 * checks once. */
#include "base/text.h"

#include "base/arith.h"
#include "base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the NUL. */
static bool reserve(oz_text *t, size_t more) {
    if (t->failed) return false;
    if (more >= PTRDIFF_MAX / 4 || t->bytes >= PTRDIFF_MAX / 4) {
        t->failed = true;
        return false;
    }
    size_t need = t->bytes + more + 1;
    if (need <= t->room) return true;
    size_t room = oz_max(oz_max(2 * t->room, need), 64);
    char *data = oz_alloc(t->allocator, room, 1);
    if (!data) {
        t->failed = true;
        return false;
    }
    if (t->data) memcpy(data, t->data, t->bytes);
    oz_release(t->allocator, t->data, t->room);
    t->data = data;
    t->room = room;
    return true;
}

void oz_text_add(oz_text *t, const char *text, size_t bytes) {
    if (!reserve(t, bytes)) return;
    if (bytes) memcpy(t->data + t->bytes, text, bytes);
    t->bytes += bytes;
    t->data[t->bytes] = 0;
}

static void format_into(oz_text *t, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int bytes = vsnprintf(NULL, 0, format, args);
    if (bytes < 0)
        t->failed = true;
    else if (reserve(t, (size_t)bytes)) {
        vsnprintf(t->data + t->bytes, (size_t)bytes + 1, format, again);
        t->bytes += (size_t)bytes;
    }
    va_end(again);
}

void oz_text_format(oz_text *t, const char *format, ...) {
    int saved = errno;
    va_list args;
    va_start(args, format);
    format_into(t, format, args);
    va_end(args);
    errno = saved;
}

/* printf writes the host locale's decimal point, which may be several bytes: whatever is not part of a number
 * in C is that point. */
static size_t use_full_stop(char *number) {
    size_t used = 0;
    bool in_point = false;
    for (const char *c = number; *c; c++) {
        bool of_point = !strchr("0123456789+-e", *c);
        if (!of_point)
            number[used++] = *c;
        else if (!in_point)
            number[used++] = '.';
        in_point = of_point;
    }
    number[used] = 0;
    return used;
}

void oz_text_number(oz_text *t, double value) {
    if (!isfinite(value)) {
        oz_text_add(t, "null", 4);
        return;
    }
    int saved = errno;
    char number[64];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(number, sizeof number, "%.*g", digits, value);
        if (strtod(number, NULL) == value) break; /* before the point is changed: same locale both ways */
    }
    errno = saved;
    oz_text_add(t, number, use_full_stop(number));
}

static void add_escape(oz_text *t, char c) {
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;
    if (found)
        oz_text_format(t, "\\%c", to[found - from]);
    else
        oz_text_format(t, "\\u%04x", (unsigned)(unsigned char)c);
}

void oz_text_json(oz_text *t, const char *text, size_t bytes) {
    oz_text_add(t, "\"", 1);
    for (size_t i = 0; i < bytes;) {
        size_t length = oz_utf8_length(text + i, bytes - i);
        char c = text[i];
        if (length == 0)
            oz_text_add(t, "\xef\xbf\xbd", 3); /* U+FFFD, the replacement character */
        else if (length == 1 && ((unsigned char)c < 0x20 || c == '"' || c == '\\'))
            add_escape(t, c);
        else
            oz_text_add(t, text + i, length);
        i += oz_max(length, 1);
    }
    oz_text_add(t, "\"", 1);
}

void oz_text_free(oz_text *t) {
    oz_release(t->allocator, t->data, t->room);
    *t = (oz_text){.allocator = t->allocator};
}

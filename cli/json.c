/* json.c - see json.h. */
#include "cli/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verb.h"

json_t *oz_json_bytes(const oz_bytes *b) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "values", (json_int_t)b->values, "index",
                     (json_int_t)b->index, "scales", (json_int_t)b->scales, "vectors", (json_int_t)b->vectors,
                     "padding", (json_int_t)b->padding, "header", (json_int_t)b->header, "total",
                     (json_int_t)b->total);
}

json_t *oz_json_text(const char *text) {
    json_t *value = json_string(text);
    if (value || !text) return value ? value : json_null();
    char *copy = malloc(strlen(text) + 1);
    if (!copy) return json_null();
    size_t n = 0;
    for (; text[n]; n++) copy[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
    copy[n] = '\0';
    value = json_string(copy);
    free(copy);
    return value;
}

int oz_json_print(json_t *value) {
    if (!value) return oz_memory_error();
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(value);
    return EXIT_DONE;
}

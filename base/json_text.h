/* json_text.h - strings and numbers as they stand in checked JSON text. */
#ifndef OZ_BASE_JSON_TEXT_H
#define OZ_BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a string's bytes with escapes undone; `at` to `end` lies between the quotes of checked text. */
typedef struct oz_json_reader {
    const char *at, *end;
    char escaped[4]; /* what is left of an escape, as UTF-8 */
    uint8_t left;
} oz_json_reader;

int oz_json_read_byte(oz_json_reader *r); /* -1 at the end */

/* Order of two strings with escapes undone: negative, 0 or positive. */
int oz_json_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes);

/* A number of checked text, whatever the locale; false if it is past the largest double. */
bool oz_json_number(const char *text, size_t bytes, double *out);

#endif

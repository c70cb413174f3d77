/* utf8.h - one well-formed UTF-8 sequence at a time, for text that came from a file. */
#ifndef OZ_BASE_UTF8_H
#define OZ_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed sequence (1 to 4) that `text` starts with; 0 if there is none: overlong forms,
 * surrogates, values past U+10FFFF, cut sequences, no bytes at all. */
size_t oz_utf8_length(const char *text, size_t bytes);

/* Writes the sequence of `code`, a Unicode scalar value, and returns its bytes. */
size_t oz_utf8_encode(uint32_t code, char out[4]);

#endif

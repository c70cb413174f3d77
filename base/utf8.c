/* utf8.c - well-formed UTF-8 after table 3-7 of the Unicode standard.
 *
 * All the sequences that decode but must not be accepted differ from good ones in the second byte only, so a
 * sequence is judged by its length and the range allowed to that byte. */
#include "base/utf8.h"

#include <stdbool.h>

static size_t sequence_of_lead(uint8_t lead, uint8_t *lowest, uint8_t *highest) {
    *lowest = 0x80;
    *highest = 0xbf;
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0;
    if (lead < 0xe0) return 2;
    if (lead < 0xf0) {
        if (lead == 0xe0) *lowest = 0xa0;  /* overlong below */
        if (lead == 0xed) *highest = 0x9f; /* surrogates above */
        return 3;
    }
    if (lead > 0xf4) return 0;
    if (lead == 0xf0) *lowest = 0x90;
    if (lead == 0xf4) *highest = 0x8f; /* U+10FFFF */
    return 4;
}

size_t oz_utf8_length(const char *text, size_t bytes) {
    if (bytes == 0) return 0;
    uint8_t lowest, highest;
    size_t length = sequence_of_lead((uint8_t)text[0], &lowest, &highest);
    if (length > bytes) return 0;
    for (size_t i = 1; i < length; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c < lowest || c > highest) return 0;
        lowest = 0x80;
        highest = 0xbf;
    }
    return length;
}

size_t oz_utf8_encode(uint32_t code, char out[4]) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)(lead[length] | code);
    return length;
}

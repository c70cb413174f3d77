/* spelling.h - what somebody meant who typed a word that is not known. */
#ifndef OZ_CLI_SPELLING_H
#define OZ_CLI_SPELLING_H

#include <stddef.h>

typedef struct oz_spelling {
    const char *wrong; /* the word, `length` bytes */
    size_t length;
    const char *best; /* of the words tried, the nearest; NULL if none is near */
    size_t distance;
} oz_spelling;

void oz_spelling_try(oz_spelling *s, const char *known);

#endif

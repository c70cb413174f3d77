/* spelling.c - see spelling.h. Near is Levenshtein's distance: the letters to add, drop or change. */
#include "cli/spelling.h"

#include <string.h>

enum { MAX_LETTERS = 31 };

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* row[j] = distance between the letters of `a` seen so far and the first j letters of `b`. */
static size_t distance(const char *a, size_t n, const char *b, size_t m) {
    size_t row[MAX_LETTERS + 1];
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 0; i < n; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < m; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = smaller(change, 1 + smaller(row[j], row[j + 1]));
        }
    }
    return row[m];
}

void oz_spelling_try(oz_spelling *s, const char *known) {
    size_t length = strlen(known);
    if (s->length > MAX_LETTERS || length > MAX_LETTERS) return;
    size_t away = distance(s->wrong, s->length, known, length);
    if (away > 1 + s->length / 4 || (s->best && away >= s->distance)) return;
    s->best = known;
    s->distance = away;
}

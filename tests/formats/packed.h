/* packed.h - leaves for tests: from text and weights to packed parts, and matrices to pack. */
#ifndef OZ_TESTS_FORMATS_PACKED_H
#define OZ_TESTS_FORMATS_PACKED_H

#include "formats/parts.h"
#include "tests/support/chance.h"

/* Asserts that the text is a leaf. */
oz_leaf parsed(const char *text, uint64_t rows, uint64_t cols);
/* Packs and checks; asserts that both succeed. */
oz_leaf packed(const char *text, uint64_t rows, uint64_t cols, const float *weights, oz_arena *arena);
/* The same part with bytes of its own that a test may change. */
uint8_t *writable(oz_leaf *leaf, const char *part);
/* The check fails with `status` and a message that contains `what`. */
void expect_refused(const oz_leaf *leaf, oz_status status, const char *what);

/* [rows][cols] from malloc: about `density` of them are not 0, normally distributed. */
float *random_matrix(chance *c, uint64_t rows, uint64_t cols, double density);
double squared_distance(const float *a, const float *b, uint64_t n);

#endif

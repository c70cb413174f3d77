/* check.h - the parts of the kernel checks: products by a leaf, and the primitives around them. */
#ifndef OZ_TESTS_CHECK_CHECK_H
#define OZ_TESTS_CHECK_CHECK_H

#include "tests/check/truth.h"

/* Every kernel of the instruction set that takes the leaf: mv with 1 to 4 rows of `t`, mm with all its
 * columns. `turn` alternates what is not tried in full. */
void check_products(oz_isa isa, const sample *s, const truth *t, size_t turn);
/* `rounds` random cases of every primitive. */
void check_primitives(oz_isa isa, size_t rounds, uint64_t seed);
void check_vectors(oz_isa isa, size_t rounds, uint64_t seed);
void check_gathering(oz_isa isa, size_t rounds, uint64_t seed);
void check_winograd(oz_isa isa, size_t rounds, uint64_t seed);

#endif

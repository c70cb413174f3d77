/* use.h - opens bytes as a model and, if they are accepted, uses all of it.
 *
 * Everything that a file can make us run belongs here: what is added to use_model meets every file that the
 * tests of this folder make. */
#ifndef OZ_TESTS_USE_H
#define OZ_TESTS_USE_H

#include <ounce/ounce.h>

typedef struct usage {
    uint64_t opened, accepted;
    uint64_t verified;  /* accepted, with the right hashes */
    uint64_t ran;       /* accepted, with a graph that ran */
    uint64_t too_large; /* accepted, but so large that only a part of it was run */
} usage;

/* `data` at a multiple of 64. Returns the status of opening; fails the test if an error has no words. */
oz_status use_model(const void *data, size_t bytes, usage *u);
/* Writes hashes that fit the data, where the file still has a place for them; false if it has none. */
bool fix_hashes(void *data, size_t bytes);

#endif

/* hash.h - XXH3, for file integrity and for everything that a file derives from a seed. */
#ifndef OZ_BASE_HASH_H
#define OZ_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t oz_hash(const void *data, size_t bytes);
/* XXH3_64bits_withSeed of the 8 little-endian bytes of `value`. */
uint64_t oz_hash_u64(uint64_t value, uint64_t seed);

#endif

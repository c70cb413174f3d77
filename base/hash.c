/* hash.c - XXH3 from the xxHash library; its output is frozen since version 0.8.0. */
#include "base/hash.h"

#include <xxhash.h>

uint64_t oz_hash(const void *data, size_t bytes) {
    return XXH3_64bits(data, bytes);
}

uint64_t oz_hash_u64(uint64_t value, uint64_t seed) {
    uint8_t little[8];
    for (int i = 0; i < 8; i++) little[i] = (uint8_t)(value >> (8 * i));
    return XXH3_64bits_withSeed(little, sizeof little, seed);
}

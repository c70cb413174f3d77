/* tables.h - constant tables that the vocabularies look things up in. */
#ifndef OZ_KERNELS_SIMD_TABLES_H
#define OZ_KERNELS_SIMD_TABLES_H

#include <stdint.h>
#include <string.h>

/* oz_expand_index[mask][i] = how many bits of the mask are set below bit i; 0x80 where bit i is not set. */
extern const int8_t oz_expand_index[256][8];
/* The same for the second half of 16 bytes: 8 more. */
extern const int8_t oz_expand_index8[256][8];
/* 8 more, too, and 0 where bit i is not set: to vpermps the same, and a sign that keeps or clears. */
extern const int8_t oz_expand_lane[256][8];
/* The places of the bits that are set, lowest first, then zeros. */
extern const uint8_t oz_set_bits[256][8];
/* All bits set, OZ_MOST_FIRST times, then none: from n before the end of those on, the first n lanes are set.
 */
#define OZ_MOST_FIRST 256
extern const int32_t oz_first_lanes[2 * OZ_MOST_FIRST + 16];

/* vb_list_bits where bytes cannot be compressed: eight bits at a time. */
static inline size_t s_list_bits(uint64_t bits, uint8_t first, uint8_t *out) {
    uint8_t *to = out;
    for (uint64_t places = first * UINT64_C(0x0101010101010101), i = 0; i < 64;
         i += 8, places += UINT64_C(0x0808080808080808)) {
        uint64_t eight;
        memcpy(&eight, oz_set_bits[bits >> i & 255], sizeof eight);
        eight += places;
        memcpy(to, &eight, sizeof eight);
        to += __builtin_popcountll(bits >> i & 255);
    }
    return (size_t)(to - out);
}

#endif

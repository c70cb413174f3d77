/* tables.h - constant tables that the vocabularies look things up in. */
#ifndef OZ_KERNELS_SIMD_TABLES_H
#define OZ_KERNELS_SIMD_TABLES_H

#include <stdint.h>

/* oz_expand_index[mask][i] = how many bits of the mask are set below bit i; 0x80 where bit i is not set. */
extern const int8_t oz_expand_index[256][8];
/* The places of the bits that are set, lowest first, then zeros. */
extern const uint8_t oz_set_bits[256][8];

#endif

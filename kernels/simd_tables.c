/* simd_tables.c - the tables of kernels/simd/tables.h, computed by the preprocessor. */
#include "kernels/simd/tables.h"

#define BIT(m, i) (((m) >> (i)) & 1)
#define BELOW(m, i)                                                                                          \
    ((BIT(m, 0) && (i) > 0) + (BIT(m, 1) && (i) > 1) + (BIT(m, 2) && (i) > 2) + (BIT(m, 3) && (i) > 3) +     \
     (BIT(m, 4) && (i) > 4) + (BIT(m, 5) && (i) > 5) + (BIT(m, 6) && (i) > 6))
#define INDEX(m, i) (BIT(m, i) ? BELOW(m, i) : -128)
#define ROW(m)                                                                                               \
    { INDEX(m, 0), INDEX(m, 1), INDEX(m, 2), INDEX(m, 3), INDEX(m, 4), INDEX(m, 5), INDEX(m, 6), INDEX(m, 7) }
#define ROWS4(m) ROW(m), ROW((m) + 1), ROW((m) + 2), ROW((m) + 3)
#define ROWS16(m) ROWS4(m), ROWS4((m) + 4), ROWS4((m) + 8), ROWS4((m) + 12)
#define ROWS64(m) ROWS16(m), ROWS16((m) + 16), ROWS16((m) + 32), ROWS16((m) + 48)

const int8_t oz_expand_index[256][8] = {ROWS64(0), ROWS64(64), ROWS64(128), ROWS64(192)};

#undef INDEX
#define INDEX(m, i) (BIT(m, i) ? 8 + BELOW(m, i) : -128)

const int8_t oz_expand_index8[256][8] = {ROWS64(0), ROWS64(64), ROWS64(128), ROWS64(192)};

#undef INDEX
#define INDEX(m, i) (BIT(m, i) ? 8 + BELOW(m, i) : 0)

const int8_t oz_expand_lane[256][8] = {ROWS64(0), ROWS64(64), ROWS64(128), ROWS64(192)};

/* The place of bit n of those that are set: at most one term is not 0. */
#define IS_NTH(m, i, n) (BIT(m, i) && BELOW(m, i) == (n) ? (i) : 0)
#define NTH(m, n)                                                                                            \
    (IS_NTH(m, 1, n) + IS_NTH(m, 2, n) + IS_NTH(m, 3, n) + IS_NTH(m, 4, n) + IS_NTH(m, 5, n) +               \
     IS_NTH(m, 6, n) + IS_NTH(m, 7, n))
#undef ROW
#define ROW(m)                                                                                               \
    { NTH(m, 0), NTH(m, 1), NTH(m, 2), NTH(m, 3), NTH(m, 4), NTH(m, 5), NTH(m, 6), NTH(m, 7) }

const uint8_t oz_set_bits[256][8] = {ROWS64(0), ROWS64(64), ROWS64(128), ROWS64(192)};

#define ONES4 -1, -1, -1, -1
#define ONES16 ONES4, ONES4, ONES4, ONES4
#define ONES64 ONES16, ONES16, ONES16, ONES16

const int32_t oz_first_lanes[2 * OZ_MOST_FIRST + 16] = {ONES64, ONES64, ONES64, ONES64};

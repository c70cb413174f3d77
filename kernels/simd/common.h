/* common.h - what the vocabularies of all instruction sets share.
 *
 * A kernel body is written once over logical vectors of 16 floats, 16 int32 or 64 bytes and compiled once per
 * instruction set; a body includes no header of this folder itself, its three-line files do (see
 * README.md for the list of operations). */
#ifndef OZ_KERNELS_SIMD_COMMON_H
#define OZ_KERNELS_SIMD_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OZ_LANES 16

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OZ_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define OZ_SANITIZED 1
#endif

/* Bodies take codec kinds, batch sizes and row counts as arguments and rely on their being constants
 * once the call is inlined. OZ_UNROLL stands before a loop of constant length over an array that is to live
 * in registers, OZ_ROLL before one that is to stay a loop, OZ_UNROLL_4 before one of any length, four of
 * whose steps are to be one. Where speed does not count (the scalar instance, whose vectors are arrays
 * anyway, and sanitized or unoptimised builds, whose compile time would explode) all are left to the
 * compiler. */
#if defined(OZ_SIMD_SCALAR) || defined(OZ_SANITIZED) || !defined(__OPTIMIZE__)
#define OZ_INLINE static inline
#define OZ_UNROLL
#define OZ_UNROLL_4
#define OZ_ROLL
#elif defined(__clang__)
#define OZ_INLINE static inline __attribute__((always_inline))
#define OZ_UNROLL _Pragma("clang loop unroll(full)")
#define OZ_UNROLL_4 _Pragma("clang loop unroll_count(4)")
#define OZ_ROLL _Pragma("clang loop unroll(disable)")
#else
#define OZ_INLINE static inline __attribute__((always_inline))
#define OZ_UNROLL _Pragma("GCC unroll 16")
#define OZ_UNROLL_4 _Pragma("GCC unroll 4")
#define OZ_ROLL _Pragma("GCC unroll 1")
#endif

/* Asks memory for what a stream brings OZ_AHEAD bytes after [p, p + bytes), be it past the stream's end:
 * hardware starts anew at each page and late, which costs a kernel that mostly waits for memory a tenth. */
#define OZ_AHEAD 2048
OZ_INLINE void oz_ask_ahead(const uint8_t *p, size_t bytes) {
    OZ_UNROLL
    for (size_t line = 0; line < bytes; line += 64) __builtin_prefetch(p + OZ_AHEAD + line);
}

/* The statement, with M the number of activation rows of a fused product, 1 to OZ_MV_BATCH, as a constant. */
#define OZ_WITH_ROWS_(m, statement)                                                                          \
    {                                                                                                        \
        enum { M = m };                                                                                      \
        statement;                                                                                           \
        break;                                                                                               \
    }
#define OZ_WITH_ROWS(rows, statement)                                                                        \
    do {                                                                                                     \
        switch (rows) {                                                                                      \
        case 1:                                                                                              \
            OZ_WITH_ROWS_(1, statement)                                                                      \
        case 2:                                                                                              \
            OZ_WITH_ROWS_(2, statement)                                                                      \
        case 3:                                                                                              \
            OZ_WITH_ROWS_(3, statement)                                                                      \
        default:                                                                                             \
            OZ_WITH_ROWS_(4, statement)                                                                      \
        }                                                                                                    \
    } while (0)

/* The statement, with LANES the columns of an activation panel, 16, 32 or 64, as a constant; of products with
 * nonzeros 8, too. */
#define OZ_WITH_LANES_(n, statement)                                                                         \
    {                                                                                                        \
        enum { LANES = n };                                                                                  \
        statement;                                                                                           \
        break;                                                                                               \
    }
#define OZ_WITH_LANES(lanes, statement)                                                                      \
    do {                                                                                                     \
        switch (lanes) {                                                                                     \
        case 16:                                                                                             \
            OZ_WITH_LANES_(16, statement)                                                                    \
        case 32:                                                                                             \
            OZ_WITH_LANES_(32, statement)                                                                    \
        default:                                                                                             \
            OZ_WITH_LANES_(64, statement)                                                                    \
        }                                                                                                    \
    } while (0)

/* Where n lanes are one more case. */
#define OZ_WITH_LANES_OR(n, lanes, statement)                                                                \
    do {                                                                                                     \
        switch (lanes) {                                                                                     \
        case n:                                                                                              \
            OZ_WITH_LANES_(n, statement)                                                                     \
        default:                                                                                             \
            OZ_WITH_LANES(lanes, statement);                                                                 \
        }                                                                                                    \
    } while (0)

#define OZ_JOIN_(a, b) a##__##b
#define OZ_JOIN(a, b) OZ_JOIN_(a, b)
/* name -> name__avx2: the symbol of this instruction set's copy. */
#define OZ_NAME(name) OZ_JOIN(name, OZ_ISA_SUFFIX)
#define OZ_TEXT_(x) #x
#define OZ_TEXT(x) OZ_TEXT_(x)
/* "dense_mv_int4" -> "dense_mv_int4__avx2": the name in the tables. */
#define OZ_NAME_TEXT(text) text "__" OZ_TEXT(OZ_ISA_SUFFIX)

#endif

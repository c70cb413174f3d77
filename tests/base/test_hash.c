/* test_hash.c - XXH3 against values of an independent build of xxHash. */
#include "base/hash.h"

#include <criterion/criterion.h>

Test(hash, of_bytes) {
    uint8_t counting[1280];
    for (size_t i = 0; i < sizeof counting; i++) counting[i] = (uint8_t)i;
    cr_assert_eq(oz_hash("", 0), UINT64_C(0x2d06800538d394c2));
    cr_assert_eq(oz_hash("ounce", 5), UINT64_C(0xd863a64b2667d205));
    cr_assert_eq(oz_hash(counting, sizeof counting), UINT64_C(0x4844b009e164352e));
}

Test(hash, of_a_number_with_a_seed) {
    cr_assert_eq(oz_hash_u64(0, 0), UINT64_C(0xc77b3abb6f87acd9));
    cr_assert_eq(oz_hash_u64(1, 0), UINT64_C(0x2fbc593564db792e));
    cr_assert_eq(oz_hash_u64(0, 1), UINT64_C(0x9e51ad6d2f3e695c));
    cr_assert_eq(oz_hash_u64(UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210)),
                 UINT64_C(0xa18be6cb2d16bcca));
}

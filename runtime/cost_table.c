/* cost_table.c - the kinds of CPU that have been measured, and what kernels take there.
 *
 * A new one is a file for each of its instruction sets in runtime/costs/, written by scripts/fit on such a
 * machine, and a line for each here. */
#include "runtime/cost.h"

#include "runtime/costs/goldencove-avx2.inc"
#include "runtime/costs/goldencove-avx512.inc"
#include "runtime/costs/goldencove-avx512vnni.inc"
#include "runtime/costs/goldencove-scalar.inc"
#include "runtime/costs/zen3-avx2.inc"
#include "runtime/costs/zen3-scalar.inc"
#include "runtime/costs/zen5-avx2.inc"
#include "runtime/costs/zen5-avx512.inc"
#include "runtime/costs/zen5-avx512vnni.inc"
#include "runtime/costs/zen5-scalar.inc"

#define CLASS(text, data, level, maker, of_family, first, last)                                              \
    {                                                                                                        \
        .name = text, .isa = level, .vendor = maker, .family = of_family, .first_model = first,              \
        .last_model = last, .cache_bytes = data##_cache_bytes, .shared_bytes = data##_shared_bytes,          \
        .awake = data##_awake_ns, .asleep = data##_asleep_ns, .lines = data##_lines,                         \
        .n_lines = sizeof data##_lines / sizeof *data##_lines                                                \
    }

/* The first of an instruction set and maker also serves the maker's other CPUs, and the first of an
 * instruction set those of other makers. */
const oz_cost_class oz_cost_classes[] = {
    CLASS("zen5-avx512vnni", zen5_avx512vnni, OZ_ISA_AVX512VNNI, "AuthenticAMD", 26, 0, 255),
    CLASS("zen5-avx512", zen5_avx512, OZ_ISA_AVX512, "AuthenticAMD", 26, 0, 255),
    CLASS("zen5-avx2", zen5_avx2, OZ_ISA_AVX2, "AuthenticAMD", 26, 0, 255),
    CLASS("zen5-scalar", zen5_scalar, OZ_ISA_SCALAR, "AuthenticAMD", 26, 0, 255),
    CLASS("zen3-avx2", zen3_avx2, OZ_ISA_AVX2, "AuthenticAMD", 25, 0, 15),
    CLASS("zen3-scalar", zen3_scalar, OZ_ISA_SCALAR, "AuthenticAMD", 25, 0, 15),
    CLASS("goldencove-avx512vnni", goldencove_avx512vnni, OZ_ISA_AVX512VNNI, "GenuineIntel", 6, 207, 207),
    CLASS("goldencove-avx512", goldencove_avx512, OZ_ISA_AVX512, "GenuineIntel", 6, 207, 207),
    CLASS("goldencove-avx2", goldencove_avx2, OZ_ISA_AVX2, "GenuineIntel", 6, 207, 207),
    CLASS("goldencove-scalar", goldencove_scalar, OZ_ISA_SCALAR, "GenuineIntel", 6, 207, 207),
    {0}};

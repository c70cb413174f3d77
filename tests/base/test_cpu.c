/* test_cpu.c - names of the levels, and the level of this machine by the compiler's own detection. */
#include "base/clock.h"
#include "base/cpu.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(cpu, names) {
    for (int i = 0; i < OZ_ISA_COUNT; i++) cr_assert_eq(oz_isa_parse(oz_isa_text((oz_isa)i)), i);
    cr_assert_str_eq(oz_isa_text(OZ_ISA_AVX512VNNI), "avx512vnni");
    cr_assert_eq(oz_isa_parse("avx"), -1);
    cr_assert_eq(oz_isa_parse(""), -1);
    cr_assert_str_eq(oz_isa_text(OZ_ISA_COUNT), "unknown");
}

Test(cpu, level) {
    oz_isa want = OZ_ISA_SCALAR;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        want = OZ_ISA_AVX2;
    if (want == OZ_ISA_AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        want = OZ_ISA_AVX512;
    if (want == OZ_ISA_AVX512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi"))
        want = OZ_ISA_AVX512VNNI;
#endif
    cr_assert_eq(oz_cpu_isa(), want);
    cr_assert_eq(oz_cpu_isa(), want, "the second answer is the first");
}

/* The system's own words, where it has them. */
Test(cpu, identity) {
    oz_cpu_id id;
    char line[256], vendor[64] = "";
    unsigned family = 0, model = 0;
    oz_cpu_identify(&id);
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file) && line[0] != '\n') {
        sscanf(line, "vendor_id : %63s", vendor);
        sscanf(line, "cpu family : %u", &family);
        sscanf(line, "model : %u", &model);
    }
    if (file) fclose(file);
    if (!vendor[0]) cr_skip_test("the system does not say");
    cr_assert_str_eq(id.vendor, vendor);
    cr_assert_eq(id.family, family);
    cr_assert_eq(id.model, model);
}

Test(clock, does_not_run_backwards) {
    uint64_t start = oz_clock_ns(), now = start;
    for (int i = 0; i < 1000000 && now == start; i++) now = oz_clock_ns();
    cr_assert_gt(now, start);
    cr_assert_lt(now - start, UINT64_C(10000000000));
}

/* cpu.c - the levels of instruction sets and the CPU's name, from CPUID and XGETBV.
 *
 * CPUID says what the CPU has, XCR0 which registers the operating system saves when it switches threads; an
 * instruction may be used only if both agree. */
#include "base/cpu.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>
#include <stdint.h>

static uint64_t saved_registers(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has_all(uint64_t have, uint64_t want) {
    return (have & want) == want;
}

static oz_isa detect(void) {
    enum { FMA = 1 << 12, OSXSAVE = 1 << 27, AVX = 1 << 28, F16C = 1 << 29 };     /* 1, ecx */
    enum { AVX2 = 1 << 5, BMI2 = 1 << 8, AVX512F = 1 << 16, AVX512DQ = 1 << 17 }; /* 7, ebx */
    const uint32_t avx512bw_vl = 1u << 30 | 1u << 31;                             /* 7, ebx */
    enum { AVX512VBMI = 1 << 1, AVX512VBMI2 = 1 << 6, AVX512VNNI = 1 << 11 };     /* 7, ecx */
    const uint64_t ymm = 0x6, zmm = 0xe6;                                         /* XCR0 */
    uint32_t a, b, c1, d, b7, c7;
    if (!__get_cpuid(1, &a, &b, &c1, &d) || !has_all(c1, FMA | OSXSAVE | AVX | F16C)) return OZ_ISA_SCALAR;
    if (!__get_cpuid_count(7, 0, &a, &b7, &c7, &d) || !has_all(b7, AVX2 | BMI2)) return OZ_ISA_SCALAR;
    uint64_t saved = saved_registers();
    if (!has_all(saved, ymm)) return OZ_ISA_SCALAR;
    if (!has_all(b7, AVX512F | AVX512DQ | avx512bw_vl) || !has_all(saved, zmm)) return OZ_ISA_AVX2;
    return has_all(c7, AVX512VBMI | AVX512VBMI2 | AVX512VNNI) ? OZ_ISA_AVX512VNNI : OZ_ISA_AVX512;
}

/* The extended family counts where the first is full; so does the extended model, which Intel also uses in
 * family 6. */
void oz_cpu_identify(oz_cpu_id *out) {
    uint32_t a, b, c, d;
    memset(out, 0, sizeof *out);
    if (!__get_cpuid(0, &a, &b, &c, &d)) return;
    memcpy(out->vendor, &b, sizeof b);
    memcpy(out->vendor + 4, &d, sizeof d);
    memcpy(out->vendor + 8, &c, sizeof c);
    if (!__get_cpuid(1, &a, &b, &c, &d)) return;
    out->family = a >> 8 & 15;
    out->model = a >> 4 & 15;
    if (out->family == 15 || out->family == 6) out->model |= a >> 12 & 0xf0;
    if (out->family == 15) out->family += a >> 20 & 0xff;
}

#else

static oz_isa detect(void) {
    return OZ_ISA_SCALAR;
}

void oz_cpu_identify(oz_cpu_id *out) {
    memset(out, 0, sizeof *out);
}

#endif

/* CPUID is slow under a hypervisor, so it is asked once.  Threads that race write the same word. */
static atomic_int known_isa_plus_one;

oz_isa oz_cpu_isa(void) {
    int known = atomic_load_explicit(&known_isa_plus_one, memory_order_relaxed);
    if (known == 0) {
        known = (int)detect() + 1;
        atomic_store_explicit(&known_isa_plus_one, known, memory_order_relaxed);
    }
    return (oz_isa)(known - 1);
}

static const char *const isa_names[OZ_ISA_COUNT] = {"scalar", "avx2", "avx512", "avx512vnni"};

const char *oz_isa_text(oz_isa isa) {
    return isa < OZ_ISA_COUNT ? isa_names[isa] : "unknown";
}

int oz_isa_parse(const char *name) {
    for (int i = 0; i < OZ_ISA_COUNT; i++)
        if (strcmp(name, isa_names[i]) == 0) return i;
    return -1;
}

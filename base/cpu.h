/* cpu.h - which instruction sets this CPU has, what it is, and how many processors there are.
 *
 * A level is a bundle of features, each including the one before: scalar; avx2 (AVX2, FMA, F16C,
 * BMI2); avx512 (F, BW, VL, DQ); avx512vnni (VNNI, VBMI, VBMI2).  The operating system's support for the
 * registers is checked too. */
#ifndef OZ_BASE_CPU_H
#define OZ_BASE_CPU_H

typedef enum oz_isa { OZ_ISA_SCALAR, OZ_ISA_AVX2, OZ_ISA_AVX512, OZ_ISA_AVX512VNNI, OZ_ISA_COUNT } oz_isa;

oz_isa oz_cpu_isa(void);             /* the highest level here */
const char *oz_isa_text(oz_isa isa); /* "avx2" */
int oz_isa_parse(const char *name);  /* -1 if unknown */

/* What CPUID says of itself: "AuthenticAMD", 26, 2. Family and model with their extensions, as the system
 * prints them; all empty on other machines. */
typedef struct oz_cpu_id {
    char vendor[13];
    unsigned family, model;
} oz_cpu_id;

void oz_cpu_identify(oz_cpu_id *out);
int oz_cpu_count(void); /* processors that this process may run on, at least 1 */

#endif

/* limits.body.h - the three limits of one instruction set: multiply-adds, dot products, reading.
 *
 * As many independent chains as the register file holds hide the latency of the sums; operands come from
 * registers, so only the arithmetic is left. */
#include "kernels/limits.h"
#include "kernels/table.h"

/* Multiply-adds of one vector of floats; of one vector of bytes there are four times as many. */
#define STEPS 32
#define ROUND_STEPS (STEPS * OZ_LIMIT_SUMS)

static void multiply_add(size_t rounds, float *sink) {
    vf16 sum[OZ_LIMIT_SUMS], a = v_load(sink);
    OZ_UNROLL
    for (int i = 0; i < OZ_LIMIT_SUMS; i++) sum[i] = v_set1((float)i);
    for (size_t r = 0; r < rounds * STEPS; r++) {
        OZ_UNROLL
        for (int i = 0; i < OZ_LIMIT_SUMS; i++) sum[i] = v_muladd(a, a, sum[i]);
    }
    OZ_UNROLL
    for (int i = 1; i < OZ_LIMIT_SUMS; i++) sum[0] = v_add(sum[0], sum[i]);
    v_store(sink, sum[0]);
}

/* Where a dot product is several instructions, compilers find out that all products are the same, unless
 * each chain has an operand of its own that may have changed. Of such a chain only the last addition waits
 * for the one before, so half as many hide it, and leave registers for what the products pass through. */
#ifdef OZ_SIMD_VNNI
#define OPERANDS_MAY_CHANGE(p)
#define DOT_SUMS OZ_LIMIT_SUMS
#else
#define OPERANDS_MAY_CHANGE(p) __asm__ volatile("" : : "r"(p) : "memory")
#define DOT_SUMS ((OZ_LIMIT_SUMS + 1) / 2)
#endif

static void dot(size_t rounds, float *sink) {
    uint8_t ones[64 * DOT_SUMS];
    memset(ones, 1, sizeof ones);
    vi16 sum[DOT_SUMS];
    const vb64 codes = vb_set1(1);
    OZ_UNROLL
    for (int i = 0; i < DOT_SUMS; i++) sum[i] = vi_zero();
    for (size_t r = 0; r < rounds * (STEPS / 4) * OZ_LIMIT_SUMS / DOT_SUMS; r++) {
        OPERANDS_MAY_CHANGE(ones);
        OZ_UNROLL
        for (int i = 0; i < DOT_SUMS; i++) sum[i] = v_dot4_u7(sum[i], codes, vb_load(ones + 64 * i));
    }
    OZ_UNROLL
    for (int i = 1; i < DOT_SUMS; i++) sum[0] = vi_add(sum[0], sum[i]);
    v_store(sink, v_from_i32(sum[0]));
}

static void read_once(const void *p, size_t bytes, float *sink) {
    const uint8_t *at = p, *end = at + bytes;
    vb64 sum[8];
    OZ_UNROLL
    for (int i = 0; i < 8; i++) sum[i] = vb_set1(0);
    for (; at < end; at += 512) {
        OZ_UNROLL
        for (int i = 0; i < 8; i++) sum[i] = vb_xor(sum[i], vb_load(at + 64 * i));
    }
    OZ_UNROLL
    for (int i = 1; i < 8; i++) sum[0] = vb_xor(sum[0], sum[i]);
    v_store(sink, v_from_i32(vi_byte(sum[0], 0)));
}

const oz_limit_kernels OZ_NAME(oz_limit_kernels) = {
    .isa = OZ_ISA_ID,
    .round_ops = (size_t)2 * OZ_LANES * ROUND_STEPS,
    .multiply_add = multiply_add,
    .dot = dot,
    .read = read_once,
};

/* ternary.body.h - sums of products of ternary codes, five of which share a byte: on whole bytes where a dot
 * product is one instruction, else on digits that are cut out of them. */
#ifndef OZ_KERNELS_DENSE_TERNARY_BODY_H
#define OZ_KERNELS_DENSE_TERNARY_BODY_H

#include "kernels/dense/quads.body.h"
#include "kernels/kernel.h"

#define DIGITS 5 /* of a byte */

#ifdef OZ_SIMD_VNNI
/* A chain for each digit, or for each of several panels: with two, each line of bytes would wait for three
 * dot products one after another. */
typedef struct ternary_sums {
    vi16 before[DIGITS], after[DIGITS];
} ternary_sums;

/* The chain of digit i of panel p. */
OZ_INLINE unsigned chain_of(size_t panels, size_t p, unsigned i) {
    return panels == 1 ? i : (unsigned)p;
}

/* Digit i of the bytes at hand, of each panel. */
OZ_INLINE void dot_digits(quad_reader *r, size_t panels, const int8_t *x, unsigned i, ternary_sums *s) {
    const vb64 in = vb_quad(x);
    OZ_UNROLL
    for (size_t p = 0; p < panels; p++) {
        const unsigned chain = chain_of(panels, p, i);
        s->before[chain] = v_dot4_u8(s->before[chain], r[p].rest, in);
        r[p].rest = vb_add(r[p].rest, vb_add(r[p].rest, r[p].rest));
        s->after[chain] = v_dot4_u8(s->after[chain], r[p].rest, in);
    }
}

OZ_INLINE void next_lines(quad_reader *r, size_t panels, size_t skip) {
    OZ_UNROLL
    for (size_t p = 0; p < panels; p++, r++) {
        oz_ask_ahead(r->next + skip, 64);
        r->rest = vb_load(r->next);
        r->next += 64;
    }
}

/* The sum of a panel from its first chain on. The shift is of a number made positive. */
OZ_INLINE vi16 sum_of_digits(const ternary_sums *s, unsigned first, unsigned chains) {
    vi16 before = s->before[first], after = s->after[first];
    OZ_UNROLL
    for (unsigned i = first + 1; i < first + chains; i++) {
        before = vi_add(before, s->before[i]);
        after = vi_add(after, s->after[i]);
    }
    vi16 sum = vi_sub(vi_mul(before, vi_set1(3)), after);
    return vi_sub(vi_shift_right(vi_add(sum, vi_set1(1 << 30)), 8), vi_set1(1 << 22));
}

/* Ternary digits need not be cut out of their bytes: with r a byte, r' = 3 r modulo 256 and d the digit,
 * 256 d = 3 r - r', so two sums of products with all of r and of r' give 256 times the sum wanted. */
OZ_INLINE void sum_ternary(quad_reader *r, size_t panels, size_t skip, const int8_t *x, size_t quads,
                           vi16 *sum) {
    ternary_sums s;
    OZ_UNROLL
    for (unsigned i = 0; i < DIGITS; i++) s.before[i] = s.after[i] = vi_zero();
    unsigned left = r->left;
    for (; left > 0 && quads > 0; left--, quads--, x += 4) dot_digits(r, panels, x, 0, &s);
    for (; quads >= DIGITS; quads -= DIGITS, x += 4 * DIGITS) {
        next_lines(r, panels, skip);
        OZ_UNROLL
        for (unsigned i = 0; i < DIGITS; i++) dot_digits(r, panels, x + 4 * i, i, &s);
    }
    if (quads > 0) {
        next_lines(r, panels, skip);
        for (left = DIGITS; quads > 0; left--, quads--, x += 4) dot_digits(r, panels, x, 0, &s);
    }
    OZ_UNROLL
    for (size_t p = 0; p < panels; p++) {
        r[p].left = left;
        sum[p] = sum_of_digits(&s, chain_of(panels, p, 0), panels == 1 ? DIGITS : 1);
    }
}
#endif

#ifdef OZ_PAIRS
/* Products of digits, summed by twos in words; or digits that are kept for later. */
typedef struct digit_sums {
    const int8_t *x;
    size_t ld;
    vb64 pairs[OZ_MV_BATCH];
} digit_sums;

OZ_INLINE void dot_digit(vb64 digit, size_t m, digit_sums *s) {
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) s->pairs[i] = vb_add_pairs(s->pairs[i], digit, vb_quad(s->x + i * s->ld));
    s->x += 4;
}

OZ_INLINE void use_digit(vb64 digit, size_t m, digit_sums *s, vb64 *kept) {
    if (kept)
        *kept = digit;
    else
        dot_digit(digit, m, s);
}

/* All digits of the next bytes. Two are what 9 * byte / 256 is, and the byte below is what is left: bytes are
 * multiplied as the low and the high halves of words, a table takes the two digits apart. */
OZ_INLINE void next_digits(quad_reader *r, size_t m, digit_sums *s, vb64 kept[DIGITS]) {
    static const uint8_t firsts[16] = {0, 0, 0, 1, 1, 1, 2, 2, 2}, seconds[16] = {0, 1, 2, 0, 1, 2, 0, 1, 2};
    const vb64 first = vb_load_repeat16(firsts), second = vb_load_repeat16(seconds);
    oz_ask_ahead(r->next, 64);
    vb64 low = vb_load(r->next), high = low;
    r->next += 64;
    OZ_UNROLL
    for (unsigned i = 0; i < 4; i += 2) {
        low = vb_times_low(low, 9);
        high = i == 0 ? vb_times_high(high, 9) : vb_times_low(high, 9);
        vb64 two = vb_tops(low, high);
        use_digit(vb_shuffle16(first, two), m, s, kept ? kept + i : NULL);
        use_digit(vb_shuffle16(second, two), m, s, kept ? kept + i + 1 : NULL);
    }
    use_digit(vb_tops(vb_times_low(low, 3), vb_times_low(high, 3)), m, s, kept ? kept + 4 : NULL);
}

/* `divided`: the digits of the byte in which a segment ends, of which r->left are the next one's. Pairs of
 * products of a whole segment, 32 times 2 * 2 * 127, fit 16 bits. */
OZ_INLINE void sum_digits(quad_reader *r, vb64 divided[DIGITS], const int8_t *x, size_t ld, size_t quads,
                          size_t m, vi16 sum[OZ_MV_BATCH]) {
    digit_sums s = {.x = x, .ld = ld};
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) s.pairs[i] = vb_set1(0);
    for (; r->left > 0 && quads > 0; r->left--, quads--) dot_digit(divided[DIGITS - r->left], m, &s);
    for (; quads >= DIGITS; quads -= DIGITS) next_digits(r, m, &s, NULL);
    if (quads > 0) {
        next_digits(r, m, &s, divided);
        for (r->left = DIGITS; quads > 0; r->left--, quads--) dot_digit(divided[DIGITS - r->left], m, &s);
    }
    OZ_UNROLL
    for (size_t i = 0; i < m; i++) sum[i] = vi_widen_pairs(s.pairs[i]);
}
#endif

#endif

/* quantise.body.h - activations to signed bytes: per activation row and block of 128 inputs
 *
 *     scale = max|x| / 127,   q = nearest even of x * (127 / max|x|)
 *
 * both divisions rounded to float, the same operations in both layouts and on every instruction set, so
 * that the bytes agree everywhere. A block whose largest magnitude is under OZ_SMALLEST, where the
 * quotient would overflow, counts as zeros. A block with a number that is not finite has codes 0 and the
 * scale NaN, so that whatever is multiplied by it is NaN. */
#include <math.h>

#define OZ_SMALLEST 0x1p-100f

typedef struct block_scale {
    vf16 inverse, scale;
} block_scale;

OZ_INLINE block_scale scale_of(vf16 largest) {
    vm16 small = v_less(largest, v_set1(OZ_SMALLEST));
    vf16 levels = v_set1(127.0f), zero = v_zero();
    vf16 divisor = v_select(small, levels, largest);
    return (block_scale){v_select(small, zero, v_div(levels, divisor)),
                         v_select(small, zero, v_div(divisor, levels))};
}

/* A sum that is 0, or NaN once a number is not finite. */
OZ_INLINE vf16 add_oddity(vf16 in, vf16 odd) {
    return v_muladd(in, v_zero(), odd);
}

/* One block of n <= 128 inputs; writes 128 bytes and 4 sums. */
static float quantise_block(const float *x, size_t n, int8_t *q, int32_t *sum) {
    vf16 in[OZ_BLOCK / 16], largest = v_zero(), odd = v_zero();
    for (size_t i = 0; i < OZ_BLOCK / 16; i++) {
        size_t at = 16 * i;
        in[i] = at + 16 <= n ? v_load(x + at) : at < n ? v_load_n(x + at, n - at) : v_zero();
        largest = v_max(v_abs(in[i]), largest);
        odd = add_oddity(in[i], odd);
    }
    if (isnan(v_sum(odd))) {
        memset(q, 0, OZ_BLOCK);
        memset(sum, 0, OZ_BLOCK / 32 * sizeof *sum);
        return NAN;
    }
    float scale[16];
    block_scale s = scale_of(v_set1(v_largest(largest)));
    for (size_t i = 0; i < OZ_BLOCK / 16; i += 2) {
        vi16 a = vi_from_f32(v_mul(in[i], s.inverse)), b = vi_from_f32(v_mul(in[i + 1], s.inverse));
        vi_store_i8(q + 16 * i, a);
        vi_store_i8(q + 16 * i + 16, b);
        sum[i / 2] = (int32_t)v_sum(v_from_i32(vi_add(a, b)));
    }
    v_store(scale, s.scale);
    return scale[0];
}

static void quantise_rows(const float *x, size_t m, size_t k, size_t ld, int8_t *q, float *scale,
                          int32_t *sum) {
    for (size_t row = 0; row < m; row++, x += ld) {
        for (size_t k0 = 0; k0 < k; k0 += OZ_BLOCK, q += OZ_BLOCK, sum += OZ_BLOCK / 32) {
            *scale++ = quantise_block(x + k0, oz_min(k - k0, OZ_BLOCK), q, sum);
        }
    }
}

OZ_INLINE vf16 input_or_zero(const float *x, size_t i, size_t n, size_t lanes) {
    return i < n ? v_load(x + i * lanes) : v_zero();
}

/* 16 columns of one block: four inputs of a column make one quad of bytes. */
static void quantise_columns16(const float *x, size_t n, size_t lanes, int8_t *q, float *scale,
                               int32_t *sum) {
    vf16 largest = v_zero(), odd = v_zero(), zero = v_zero();
    for (size_t i = 0; i < n; i++) {
        vf16 in = v_load(x + i * lanes);
        largest = v_max(v_abs(in), largest);
        odd = add_oddity(in, odd);
    }
    vm16 finite = v_less(v_abs(odd), v_set1(1.0f));
    block_scale s = scale_of(largest);
    v_store(scale, v_select(finite, s.scale, v_set1(NAN)));
    vi16 total = vi_zero(), low = vi_set1(255);
    for (size_t i = 0; i < OZ_BLOCK; i += 4) {
        vi16 quad = vi_zero();
        for (unsigned j = 0; j < 4; j++) {
            vf16 in = v_select(finite, input_or_zero(x, i + j, n, lanes), zero);
            vi16 code = vi_from_f32(v_mul(in, s.inverse));
            total = vi_add(total, code);
            quad = vi_or(quad, vi_shift_left(vi_and(code, low), 8 * j));
        }
        vi_store(q + i * lanes, quad);
        if (i % 32 == 28) {
            vi_store(sum + i / 32 * lanes, total);
            total = vi_zero();
        }
    }
}

static void quantise_columns(const float *x, size_t k, size_t lanes, int8_t *q, float *scale, int32_t *sum) {
    for (size_t k0 = 0; k0 < k; k0 += OZ_BLOCK) {
        for (size_t c = 0; c < lanes; c += 16) {
            quantise_columns16(x + k0 * lanes + c, oz_min(k - k0, OZ_BLOCK), lanes, q + k0 * lanes + 4 * c,
                               scale + k0 / OZ_BLOCK * lanes + c, sum + k0 / 32 * lanes + c);
        }
    }
}

/* Largest magnitudes of n <= 128 inputs of up to 16 rows, one a lane: NaN or infinity where a number is not
 * finite. Rows lie too far apart for hardware to look ahead: the next block is asked for. */
OZ_INLINE vf16 largest_of_rows(const float *x, size_t rows, size_t n, size_t ld) {
    vf16 row[16], largest = v_zero(), odd = v_zero();
    for (size_t r = 0; r < 16; r++) {
        vf16 most = v_zero(), strange = v_zero();
        for (size_t k = 0; r < rows && k < n; k += 16) {
            __builtin_prefetch((const char *)(x + r * ld + k) + OZ_BLOCK * sizeof(float));
            vf16 in = n - k >= 16 ? v_load(x + r * ld + k) : v_load_n(x + r * ld + k, n - k);
            most = v_max(v_abs(in), most);
            strange = add_oddity(in, strange);
        }
        row[r] = v_add(most, strange);
    }
    v_transpose(row);
    for (size_t i = 0; i < 16; i++) {
        largest = v_max(row[i], largest);
        odd = add_oddity(row[i], odd);
    }
    return v_add(largest, odd);
}

/* One block of up to 16 rows: their bytes side by side, then, as quads, across. */
static void quantise_rows16(const float *x, size_t rows, size_t n, size_t ld, size_t lanes, int8_t *q,
                            float *scale, int32_t *sum) {
    _Alignas(64) int8_t code[16][OZ_BLOCK];
    _Alignas(64) float inverse[16];
    vf16 largest = largest_of_rows(x, rows, n, ld);
    vm16 finite = v_less(largest, v_set1(INFINITY));
    block_scale s = scale_of(largest);
    v_store(scale, v_select(finite, s.scale, v_set1(NAN)));
    v_store(inverse, v_select(finite, s.inverse, v_zero()));
    unsigned live = v_mask_bits(finite) & ((1u << rows) - 1);
    for (size_t r = 0; r < 16; r++) {
        size_t inputs = live >> r & 1 ? n : 0;
        vf16 by = v_set1(inverse[r]);
        for (size_t k = 0; k < OZ_BLOCK; k += 16) {
            const float *from = x + r * ld + k;
            vf16 in = k + 16 <= inputs ? v_load(from) : k < inputs ? v_load_n(from, inputs - k) : v_zero();
            vi_store_i8(code[r] + k, vi_from_f32(v_mul(in, by)));
        }
    }
    for (size_t k = 0; k < OZ_BLOCK; k += 64) {
        vf16 quad[16];
        for (size_t r = 0; r < 16; r++) quad[r] = v_load(code[r] + k);
        v_transpose(quad);
        for (size_t i = 0; i < 16; i++) vi_store(q + (k + 4 * i) * lanes, vi_bits(quad[i]));
    }
    for (size_t k = 0; k < OZ_BLOCK; k += 32, sum += lanes) {
        vi16 total = vi_zero();
        for (size_t i = 0; i < 32; i += 4) total = v_dot4_u7(total, vb_set1(1), vb_load(q + (k + i) * lanes));
        vi_store(sum, total);
    }
}

static void quantise_panel(const float *x, size_t n, size_t k, size_t ld, size_t lanes, int8_t *q,
                           float *scale, int32_t *sum) {
    for (size_t c = 0; c < lanes; c += 16) {
        size_t rows = c < n ? oz_min(16, n - c) : 0;
        for (size_t k0 = 0; k0 < k; k0 += OZ_BLOCK) {
            quantise_rows16(rows ? x + c * ld + k0 : x, rows, oz_min(k - k0, OZ_BLOCK), ld, lanes,
                            q + k0 * lanes + 4 * c, scale + k0 / OZ_BLOCK * lanes + c,
                            sum + k0 / 32 * lanes + c);
        }
    }
}

static void widen_columns(const int8_t *q, size_t k, size_t lanes, float *x) {
    const vb64 up = vb_set1(128);
    const vi16 down = vi_set1(128);
    for (size_t k0 = 0; k0 < k; k0 += 4) {
        for (size_t c = 0; c < lanes; c += 16) {
            const vb64 quad = vb_add(vb_load(q + k0 * lanes + 4 * c), up);
            for (unsigned j = 0; j < 4 && k0 + j < k; j++)
                v_store(x + (k0 + j) * lanes + c, v_from_i32(vi_sub(vi_byte(quad, j), down)));
        }
    }
}

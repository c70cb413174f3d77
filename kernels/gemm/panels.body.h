/* panels.body.h - between rows, as callers keep activations, and panels of columns, as the
 * multiplications read and write them: squares of 16 x 16, transposed in registers. */

/* Rows lie far apart, so that no hardware looks ahead: floats from where one row's lines are asked for. */
#define AHEAD 32

static void rows_to_panel(const float *x, size_t n, size_t k, size_t ld, size_t lanes, float *panel) {
    for (size_t c = 0; c < lanes; c += 16) {
        size_t rows = c < n ? oz_min(16, n - c) : 0;
        for (size_t k0 = 0; k0 < k; k0 += 16) {
            size_t inputs = oz_min(16, k - k0);
            vf16 square[16];
            for (size_t i = 0; i < 16; i++) {
                const float *from = x + (c + i) * ld + k0;
                if (i < rows && k0 + AHEAD < k) __builtin_prefetch(from + AHEAD);
                if (i >= rows)
                    square[i] = v_zero();
                else
                    square[i] = inputs == 16 ? v_load(from) : v_load_n(from, inputs);
            }
            v_transpose(square);
            for (size_t i = 0; i < inputs; i++) {
                float *to = panel + (k0 + i) * lanes + c;
                if (lanes == 8)
                    v8_store(to, v_low(square[i]));
                else
                    v_store(to, square[i]);
            }
        }
    }
}

/* Of up to 16 columns; `ahead`: the lines of rows that follow are asked for. */
OZ_INLINE void transpose_rows(const float *y, size_t rows, size_t columns, size_t lanes, float *out,
                              size_t ld, bool ahead) {
    for (size_t r0 = 0; r0 < rows; r0 += 16) {
        size_t height = oz_min(16, rows - r0);
        vf16 square[16];
        for (size_t i = 0; i < 16; i++) {
            const float *from = y + (r0 + i) * lanes;
            if (i >= height)
                square[i] = v_zero();
            else
                square[i] = lanes == 8 ? v_widen(v8_load(from)) : v_load(from);
        }
        v_transpose(square);
        for (size_t i = 0; i < columns; i++) {
            float *to = out + i * ld + r0;
            if (ahead && r0 + AHEAD < rows) __builtin_prefetch(to + AHEAD, 1);
            if (height == 16)
                v_store(to, square[i]);
            else
                v_store_n(to, square[i], height);
        }
    }
}

/* Rows a multiple of so many floats apart share a set of the first-level cache, which holds fewer lines than
 * a square has rows. */
#define SAME_SET 1024
#define ROWS_ASIDE 128 /* of a chunk */

/* The same by way of rows that lie close, so that whole runs of lines are written. */
static void transpose_aside(const float *y, size_t rows, size_t columns, size_t lanes, float *out,
                            size_t ld) {
    float aside[16 * (ROWS_ASIDE + 16)];
    for (size_t r0 = 0; r0 < rows; r0 += ROWS_ASIDE) {
        const size_t height = oz_min(ROWS_ASIDE, rows - r0);
        transpose_rows(y + r0 * lanes, height, columns, lanes, aside, ROWS_ASIDE + 16, false);
        for (size_t i = 0; i < columns; i++) {
            const float *from = aside + i * (ROWS_ASIDE + 16);
            float *to = out + i * ld + r0;
            size_t r = 0;
            for (; r + 16 <= height; r += 16) v_store(to + r, v_load(from + r));
            if (r < height) v_store_n(to + r, v_load(from + r), height - r);
        }
    }
}

static void panel_to_rows(const float *y, size_t rows, size_t n, size_t lanes, float *out, size_t ld) {
    for (size_t c = 0; c < n; c += 16) {
        if (ld % SAME_SET == 0)
            transpose_aside(y + c, rows, oz_min(16, n - c), lanes, out + c * ld, ld);
        else
            transpose_rows(y + c, rows, oz_min(16, n - c), lanes, out + c * ld, ld, true);
    }
}

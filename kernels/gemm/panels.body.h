/* panels.body.h - between rows, as callers keep activations, and panels of columns, as the
 * multiplications read and write them: squares of 16 x 16, transposed in registers. */

/* Rows lie far apart, so that no hardware looks ahead: floats from where one row's lines are asked for. */
#define AHEAD 32

/* Inputs of `rows` rows, less than 16 of one or both, or 8 lanes. */
static void part_to_panel(const float *x, size_t rows, size_t inputs, size_t ld, size_t lanes, float *panel) {
    vf16 square[16];
    for (size_t i = 0; i < 16; i++) {
        const float *from = x + i * ld;
        if (i >= rows)
            square[i] = v_zero();
        else
            square[i] = inputs == 16 ? v_load(from) : v_load_n(from, inputs);
    }
    v_transpose(square);
    for (size_t i = 0; i < inputs; i++) {
        float *to = panel + i * lanes;
        if (lanes == 8)
            v8_store(to, v_low(square[i]));
        else
            v_store(to, square[i]);
    }
}

static void rows_to_panel(const float *x, size_t n, size_t k, size_t ld, size_t lanes, float *panel) {
    for (size_t c = 0; c < lanes; c += 16) {
        const size_t rows = c < n ? oz_min(16, n - c) : 0;
        const float *from = x + c * ld;
        float *to = panel + c;
        for (size_t k0 = 0; k0 < k; k0 += 16, from += 16, to += 16 * lanes) {
            for (size_t i = 0; i < rows && k0 + AHEAD < k; i++) __builtin_prefetch(from + i * ld + AHEAD);
            if (rows == 16 && k0 + 16 <= k)
                v_copy_transposed(from, ld * sizeof(float), to, lanes);
            else
                part_to_panel(from, rows, oz_min(16, k - k0), ld, lanes, to);
        }
    }
}

/* `height` rows of some columns, less than 16 of one or both, or 8 lanes. */
static void part_to_rows(const float *y, size_t height, size_t columns, size_t lanes, float *out, size_t ld) {
    vf16 square[16];
    for (size_t i = 0; i < 16; i++) {
        const float *from = y + i * lanes;
        if (i >= height)
            square[i] = v_zero();
        else
            square[i] = lanes == 8 ? v_widen(v8_load(from)) : v_load(from);
    }
    v_transpose(square);
    for (size_t i = 0; i < columns; i++) {
        if (height == 16)
            v_store(out + i * ld, square[i]);
        else
            v_store_n(out + i * ld, square[i], height);
    }
}

/* Of up to 16 columns; `ahead`: the lines of rows that follow are asked for. */
OZ_INLINE void transpose_rows(const float *y, size_t rows, size_t columns, size_t lanes, float *out,
                              size_t ld, bool ahead) {
    for (size_t r0 = 0; r0 < rows; r0 += 16, y += 16 * lanes, out += 16) {
        for (size_t i = 0; ahead && i < columns && r0 + AHEAD < rows; i++)
            __builtin_prefetch(out + i * ld + AHEAD, 1);
        if (columns == 16 && r0 + 16 <= rows)
            v_copy_transposed(y, lanes * sizeof(float), out, ld);
        else
            part_to_rows(y, oz_min(16, rows - r0), columns, lanes, out, ld);
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

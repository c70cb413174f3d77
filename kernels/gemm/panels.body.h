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

static void panel_to_rows(const float *y, size_t rows, size_t n, size_t lanes, float *out, size_t ld) {
    for (size_t c = 0; c < n; c += 16) {
        size_t columns = oz_min(16, n - c);
        for (size_t r0 = 0; r0 < rows; r0 += 16) {
            size_t height = oz_min(16, rows - r0);
            vf16 square[16];
            for (size_t i = 0; i < 16; i++) {
                const float *from = y + (r0 + i) * lanes + c;
                if (i >= height)
                    square[i] = v_zero();
                else
                    square[i] = lanes == 8 ? v_widen(v8_load(from)) : v_load(from);
            }
            v_transpose(square);
            for (size_t i = 0; i < columns; i++) {
                float *to = out + (c + i) * ld + r0;
                if (r0 + AHEAD < rows) __builtin_prefetch(to + AHEAD, 1);
                if (height == 16)
                    v_store(to, square[i]);
                else
                    v_store_n(to, square[i], height);
            }
        }
    }
}

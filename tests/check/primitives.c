/* primitives.c - the steps around a multiplication: quantising, panels, and the multiplications of floats on
 * made-up tiles (products.c gives them tiles of leaves). */
#include "tests/check/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "tests/check/report.h"
#include "tests/check/room.h"

typedef struct step {
    const oz_primitives *p;
    chance random;
    place at;
} step;

static room in, out, scales, sums;

static float *random_floats(step *s, room *r, size_t n) {
    float *f = room_take(r, s->at, n * sizeof *f);
    for (size_t i = 0; i < n; i++) f[i] = random_number(&s->random);
    return f;
}

/* ---- quantising ------------------------------------------------------------------- */

static void expect_row(const truth *t, size_t i, const int8_t *q, const float *scale, const int32_t *sum) {
    size_t blocks = t->kq / OZ_BLOCK;
    if (memcmp(q, t->i8 + i * t->kq, t->kq) != 0) complain("row %zu of %zu inputs: other codes", i, t->k);
    if (memcmp(scale, t->scale + i * blocks, blocks * sizeof *scale) != 0)
        complain("row %zu of %zu inputs: other scales", i, t->k);
    if (memcmp(sum, t->sum + i * t->kq / 32, t->kq / 32 * sizeof *sum) != 0)
        complain("row %zu of %zu inputs: other sums", i, t->k);
}

static void quantise_rows(void *arg) {
    step *s = arg;
    truth t;
    size_t m = 1 + chance_below(&s->random, 4), k = 1 + chance_below(&s->random, 400), gap = s->at == AT_END;
    truth_inputs(&t, m, k, &s->random);
    if (chance_below(&s->random, 2)) truth_spoil(&t, &s->random);
    float *x = room_take(&in, s->at, ((m - 1) * (k + gap) + k) * sizeof *x);
    for (size_t i = 0; i < m; i++) memcpy(x + i * (k + gap), t.f32 + i * k, k * sizeof *x);
    int8_t *q = room_take(&out, s->at, m * t.kq);
    float *scale = room_take(&scales, s->at, m * t.kq / OZ_BLOCK * sizeof *scale);
    int32_t *sum = room_take(&sums, s->at, m * t.kq / 32 * sizeof *sum);
    s->p->quantise_rows(x, m, k, k + gap, q, scale, sum);
    for (size_t i = 0; i < m; i++)
        expect_row(&t, i, q + i * t.kq, scale + i * t.kq / OZ_BLOCK, sum + i * t.kq / 32);
    if (!room_intact(&out) || !room_intact(&scales) || !room_intact(&sums)) complain("writes outside");
    truth_free(&t);
}

static size_t random_lanes(step *s) {
    return (size_t)16 << chance_below(&s->random, 3);
}

/* Where floats are not decoded or are multiplied by nonzeros, 8 lanes will do. */
static size_t random_lanes_or_8(step *s) {
    return (size_t)8 << chance_below(&s->random, 4);
}

/* Into panels, from a panel of floats or from rows. */
static void quantise_to_panel(step *s, bool from_rows) {
    truth t;
    size_t lanes = random_lanes(s), n = 1 + chance_below(&s->random, lanes),
           k = 1 + chance_below(&s->random, 300);
    truth_inputs(&t, n, k, &s->random);
    if (chance_below(&s->random, 2)) truth_spoil(&t, &s->random);
    size_t codes = t.kq * lanes, blocks = t.kq / OZ_BLOCK * lanes, parts = t.kq / 32 * lanes;
    size_t rows = 0;
    for (size_t c = 0; c < n; c++) rows = oz_max(rows, truth_lane(c, lanes) + 1);
    float *x = room_take(&in, s->at, k * (from_rows ? rows : lanes) * sizeof *x);
    if (from_rows) {
        memset(x, 0, rows * k * sizeof *x);
        for (size_t c = 0; c < n; c++) memcpy(x + truth_lane(c, lanes) * k, t.f32 + c * k, k * sizeof *x);
    } else {
        truth_panel(&t, n, lanes, x);
    }
    int8_t *q = room_take(&out, s->at, codes), *want_q = malloc(codes);
    float *scale = room_take(&scales, s->at, blocks * sizeof *scale),
          *want_scale = malloc(blocks * sizeof *scale);
    int32_t *sum = room_take(&sums, s->at, parts * sizeof *sum), *want_sum = malloc(parts * sizeof *sum);
    if (!want_q || !want_scale || !want_sum) abort();
    if (from_rows)
        s->p->quantise_panel(x, rows, k, k, lanes, q, scale, sum);
    else
        s->p->quantise_columns(x, k, lanes, q, scale, sum);
    truth_code_panel(&t, n, lanes, want_q, want_scale, want_sum);
    if (memcmp(q, want_q, codes) != 0) complain("%zu columns of %zu inputs: other codes", n, k);
    if (memcmp(scale, want_scale, blocks * sizeof *scale) != 0) complain("other scales");
    if (memcmp(sum, want_sum, parts * sizeof *sum) != 0) complain("other sums");
    if (!room_intact(&out) || !room_intact(&scales) || !room_intact(&sums)) complain("writes outside");
    free(want_q), free(want_scale), free(want_sum);
    truth_free(&t);
}

static void quantise_columns(void *arg) {
    quantise_to_panel(arg, false);
}

static void quantise_panel(void *arg) {
    quantise_to_panel(arg, true);
}

/* ---- panels ----------------------------------------------------------------------- */

static void rows_to_panel(void *arg) {
    step *s = arg;
    size_t lanes = random_lanes_or_8(s), n = 1 + chance_below(&s->random, lanes),
           k = 1 + chance_below(&s->random, 70);
    size_t ld = k + chance_below(&s->random, 3);
    const float *x = random_floats(s, &in, (n - 1) * ld + k);
    float *panel = room_take(&out, s->at, k * lanes * sizeof *panel);
    s->p->rows_to_panel(x, n, k, ld, lanes, panel);
    for (size_t i = 0; i < k * lanes; i++) {
        size_t c = i % lanes;
        float want = c < n ? x[c * ld + i / lanes] : 0;
        if (panel[i] != want) complain("%zu rows of %zu: input %zu of row %zu", n, k, i / lanes, c);
    }
    if (!room_intact(&out)) complain("writes outside of the panel");
}

static void panel_to_rows(void *arg) {
    step *s = arg;
    size_t lanes = random_lanes_or_8(s), n = 1 + chance_below(&s->random, lanes),
           rows = 1 + chance_below(&s->random, 70);
    size_t ld = rows + chance_below(&s->random, 3), count = (n - 1) * ld + rows;
    const float *y = random_floats(s, &in, rows * lanes);
    float *x = room_take(&out, s->at, count * sizeof *x);
    for (size_t i = 0; i < count; i++) x[i] = 2;
    s->p->panel_to_rows(y, rows, n, lanes, x, ld);
    for (size_t i = 0; i < count; i++) {
        float want = i % ld < rows ? y[i % ld * lanes + i / ld] : 2;
        if (x[i] != want) complain("%zu columns of %zu rows: row %zu of column %zu", n, rows, i % ld, i / ld);
    }
    if (!room_intact(&out)) complain("writes outside of the rows");
}

static void pack_f32(void *arg) {
    step *s = arg;
    size_t n = 1 + chance_below(&s->random, 140), ld = n + chance_below(&s->random, 3);
    const float *w = random_floats(s, &in, (OZ_PANEL - 1) * ld + n);
    float *packed = room_take(&out, s->at, OZ_PANEL * n * sizeof *packed);
    oz_tile tile = s->p->pack_f32((oz_tile){.p = w, .row_stride = ld, .k_stride = 1}, n, packed);
    if (tile.row_stride != 1 || tile.k_stride != OZ_PANEL) complain("other strides");
    for (size_t i = 0; i < OZ_PANEL * n; i++) {
        if (tile.p[i] != w[i % OZ_PANEL * ld + i / OZ_PANEL])
            complain("input %zu of row %zu of %zu inputs", i / OZ_PANEL, i % OZ_PANEL, n);
    }
    if (!room_intact(&out)) complain("writes outside of the tile");
}

/* ---- multiplications -------------------------------------------------------------- */

/* One sum of a tile's row and a column: the terms are w[k] * x[k][column]. */
static void expect_sum(const float *w, size_t stride, size_t n, const float *x, size_t lanes, size_t column,
                       float was, float got) {
    double want = (double)was, size = fabs(want);
    for (size_t k = 0; k < n; k++) {
        double term = (double)w[k * stride] * (double)x[k * lanes + column];
        want += term;
        size += fabs(term);
    }
    if (!(fabs((double)got - want) <= truth_tolerance(n, size)))
        complain("%zu inputs, column %zu: %.9g, not %.9g", n, column, (double)got, want);
}

static void gemm_f32(void *arg) {
    step *s = arg;
    float before[OZ_PANEL * OZ_COLUMNS];
    const size_t lanes = random_lanes(s);
    size_t n = 1 + chance_below(&s->random, OZ_MAX_BLOCK), by_inputs = chance_below(&s->random, 2);
    const float *w = random_floats(s, &scales, OZ_PANEL * n), *x = random_floats(s, &in, n * lanes);
    float *y = random_floats(s, &out, OZ_PANEL * lanes);
    memcpy(before, y, OZ_PANEL * lanes * sizeof *before);
    oz_tile tile = {.p = w, .row_stride = by_inputs ? 1 : n, .k_stride = by_inputs ? OZ_PANEL : 1};
    s->p->gemm_f32(tile, n, x, lanes, y, NULL);
    for (size_t i = 0; i < OZ_PANEL * lanes; i++)
        expect_sum(w + i / lanes * tile.row_stride, tile.k_stride, n, x, lanes, i % lanes, before[i], y[i]);
    if (!room_intact(&out)) complain("writes outside of the sums");
}

static void gemm_rows(void *arg) {
    step *s = arg;
    enum { MOST = 8 };
    const float *w[MOST];
    size_t panels = 1 + chance_below(&s->random, MOST), columns = 1 + chance_below(&s->random, 110);
    size_t n = 1 + chance_below(&s->random, 140), ld = panels * OZ_PANEL;
    const bool rows = chance_below(&s->random, 2);
    const size_t ldx = (rows ? n : columns) + chance_below(&s->random, 3);
    const float *weights = random_floats(s, &scales, panels * OZ_PANEL * n);
    oz_activations x = {.column_stride = rows ? ldx : 1, .input_stride = rows ? 1 : ldx};
    x.x = random_floats(s, &in, (columns - 1) * x.column_stride + (n - 1) * x.input_stride + 1);
    float *y = random_floats(s, &out, columns * ld), *before = malloc(columns * ld * sizeof *before);
    memcpy(before, y, columns * ld * sizeof *before);
    for (size_t p = 0; p < panels; p++) w[p] = weights + p * OZ_PANEL * n;
    s->p->gemm_rows(w, panels, n, x, columns, y, ld);
    for (size_t i = 0; i < columns * ld; i++) {
        const size_t row = i % ld, column = i / ld;
        expect_sum(w[row / OZ_PANEL] + row % OZ_PANEL, OZ_PANEL, n, x.x + column * x.column_stride,
                   x.input_stride, 0, before[i], y[i]);
    }
    if (!room_intact(&out)) complain("writes outside of the sums");
    free(before);
}

static void gemm_nz(void *arg) {
    step *s = arg;
    float before[OZ_PANEL * OZ_COLUMNS];
    const size_t lanes = random_lanes_or_8(s);
    size_t n = 1 + chance_below(&s->random, OZ_MAX_BLOCK), keep = chance_below(&s->random, 101), count = 0;
    const float *x = random_floats(s, &in, n * lanes);
    float *y = random_floats(s, &out, OZ_PANEL * lanes), *dense = random_floats(s, &scales, OZ_PANEL * n);
    oz_nonzeros *nz = room_take(&sums, s->at, sizeof *nz);
    nz->value = nz->room.weights, nz->column = nz->room.columns, nz->each = 0;
    memcpy(before, y, OZ_PANEL * lanes * sizeof *before);
    for (size_t i = 0; i < OZ_PANEL * n; i++) {
        if (chance_below(&s->random, 100) < keep) {
            nz->room.columns[count] = (uint8_t)(i % n);
            nz->room.weights[count++] = dense[i];
        } else {
            dense[i] = 0;
        }
        nz->end[i / n] = (uint16_t)count;
    }
    memset(nz->room.columns + count, 0, OZ_NZ_STEP);
    s->p->gemm_nz(nz, x, lanes, y, NULL);
    for (size_t i = 0; i < OZ_PANEL * lanes; i++)
        expect_sum(dense + i / lanes * n, 1, n, x, lanes, i % lanes, before[i], y[i]);
    if (!room_intact(&out)) complain("writes outside of the sums");
}

/* Rows of equal length, a column more than once too. */
static void gemm_even(void *arg) {
    step *s = arg;
    float before[OZ_PANEL * OZ_COLUMNS];
    const size_t lanes = random_lanes_or_8(s);
    size_t n = 1 + chance_below(&s->random, OZ_MAX_BLOCK), each = 1 + chance_below(&s->random, n);
    const float *x = random_floats(s, &in, n * lanes), *value = random_floats(s, &scales, OZ_PANEL * each);
    float *y = random_floats(s, &out, OZ_PANEL * lanes);
    const size_t columns = oz_round_up(each, 2) * OZ_PANEL + OZ_READ_AHEAD;
    uint8_t *column = room_take(&sums, s->at, columns);
    static oz_nonzeros nz;
    memcpy(before, y, OZ_PANEL * lanes * sizeof *before);
    for (size_t i = 0; i < columns; i++) column[i] = (uint8_t)chance_below(&s->random, n);
    nz.value = value, nz.column = column, nz.each = each;
    s->p->gemm_nz(&nz, x, lanes, y, NULL);
    for (size_t i = 0; i < OZ_PANEL * lanes; i++) {
        double want = (double)before[i], size = fabs(want);
        for (size_t e = 0; e < each; e++) {
            const size_t r = i / lanes, k = column[oz_even_column(e, r)];
            double term = (double)value[e * OZ_PANEL + r] * (double)x[k * lanes + i % lanes];
            want += term;
            size += fabs(term);
        }
        if (!(fabs((double)y[i] - want) <= truth_tolerance(each, size)))
            complain("%zu entries of each row: %.9g, not %.9g", each, (double)y[i], want);
    }
    if (!room_intact(&out)) complain("writes outside of the sums");
}

void check_primitives(oz_isa isa, size_t rounds, uint64_t seed) {
    static const char *const names[] = {
        "quantise_rows", "quantise_columns", "quantise_panel", "rows_to_panel", "panel_to_rows",
        "pack_f32",      "gemm_f32",         "gemm_rows",      "gemm_nz",       "gemm_even"};
    static void (*const steps[])(void *) = {quantise_rows, quantise_columns, quantise_panel, rows_to_panel,
                                            panel_to_rows, pack_f32,         gemm_f32,       gemm_rows,
                                            gemm_nz,       gemm_even};
    step s = {.p = oz_primitives_of(isa), .random = {seed}};
    room *const rooms[] = {&in, &out, &scales, &sums};
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0] && !rooms[i]->begin; i++) room_make(rooms[i]);
    report_setting("%s, seed %llu", oz_isa_text(isa), (unsigned long long)seed);
    for (size_t round = 0; round < rounds; round++) {
        s.at = (place)(round % PLACES);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) report_case(names[i], steps[i], &s);
    }
}

/* products.c - mv kernels, decoders and the multiplications behind them, for one leaf.
 *
 * The leaf's parts, the activations and the results lie against forbidden pages, with every run at one of
 * their two ends. */
#include "tests/check/check.h"

#include <math.h>
#include <string.h>

#include "base/arith.h"
#include "tests/check/report.h"
#include "tests/check/room.h"

enum { SHORTEST_GAP = 3 }; /* between rows of activations and of results, in every other case */

typedef struct product {
    const sample *s;
    const truth *t;
    const oz_primitives *primitives;
    const oz_mv *mv;
    const oz_decoder *decoder;
    place at;
    size_t columns, lanes, turn; /* lanes: of the panel, for mm */
    oz_leaf leaf;                /* with its parts in rooms */
} product;

static struct { room part[OZ_MAX_PARTS], f32, i8, scale, sum, y, tile; } rooms;

static void make_rooms(void) {
    static bool made;
    room *const all[] = {&rooms.f32, &rooms.i8, &rooms.scale, &rooms.sum, &rooms.y, &rooms.tile};
    if (made) return;
    for (size_t i = 0; i < OZ_MAX_PARTS; i++) room_make(&rooms.part[i]);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) room_make(all[i]);
    made = true;
}

static void place_leaf(product *p) {
    p->leaf = p->s->leaf;
    for (size_t i = 0; i < p->leaf.format->n_parts; i++) {
        oz_part *part = &p->leaf.part[i];
        if (part->data) part->data = room_copy(&rooms.part[i], p->at, part->data, part->bytes);
    }
}

/* What stands in the result before: small, and different for neighbours. */
static float start(size_t i) {
    return (float)(int)(i * 37 % 19) / 16.0f - 0.5f;
}

/* The result for row r and column c, given what was there. */
static void expect(const product *p, bool codes, float got, size_t c, size_t r, float was) {
    const truth *t = p->t;
    size_t i = c * t->rows + r;
    if (codes) {
        float want = was + t->codes_product[i];
        if (got != want)
            complain("row %zu, column %zu of %zu: %a, not %a", r, c, p->columns, (double)got, (double)want);
        return;
    }
    double want = (double)was + t->product[i];
    double tolerance = truth_tolerance(t->k, t->size[i] + fabs((double)was));
    if (!(fabs((double)got - want) <= tolerance))
        complain("row %zu, column %zu of %zu: %.9g, not %.9g +- %.2g", r, c, p->columns, (double)got, want,
                 tolerance);
}

/* ---- mv --------------------------------------------------------------------------- */

/* With `mv` NULL the decoder is the kernel. */
static bool reads_codes(const product *p) {
    return p->mv ? p->mv->act_i8 : oz_decodes_codes(p->decoder);
}

static oz_rows place_rows(const product *p, size_t gap) {
    const truth *t = p->t;
    size_t m = p->columns, blocks = t->kq / OZ_BLOCK;
    oz_rows x = {.m = m, .k = t->k};
    if (reads_codes(p)) {
        x.i8 = room_copy(&rooms.i8, p->at, t->i8, m * t->kq);
        x.scale = room_copy(&rooms.scale, p->at, t->scale, m * blocks * sizeof *x.scale);
        x.sum = room_copy(&rooms.sum, p->at, t->sum, m * t->kq / 32 * sizeof *x.sum);
        return x;
    }
    x.ld = t->k + gap;
    float *f32 = room_take(&rooms.f32, p->at, ((m - 1) * x.ld + t->k) * sizeof *f32);
    for (size_t i = 0; i < m; i++) memcpy(f32 + i * x.ld, t->f32 + i * t->k, t->k * sizeof *f32);
    x.f32 = f32;
    return x;
}

static void multiply_rows(product *p, size_t panel0, size_t panel1, const oz_rows *x, float *y, size_t ldy) {
    if (p->mv)
        p->mv->run(&p->leaf, panel0, panel1, x, y, ldy);
    else
        p->primitives->mv_blocks(p->decoder, &p->leaf, panel0, panel1, x, y, ldy);
}

static void run_mv(void *arg) {
    product *p = arg;
    place_leaf(p);
    size_t gap = p->turn % 2 * SHORTEST_GAP, rows = p->t->rows, ldy = rows + gap;
    size_t panels = oz_div_up(rows, OZ_PANEL), split = p->turn % (panels + 1),
           n = (p->columns - 1) * ldy + rows;
    oz_rows x = place_rows(p, gap);
    float *y = room_take(&rooms.y, p->at, n * sizeof *y);
    for (size_t i = 0; i < n; i++) y[i] = start(i);
    multiply_rows(p, 0, split, &x, y, ldy);
    multiply_rows(p, split, panels, &x, y, ldy);
    for (size_t i = 0; i < n; i++) {
        if (i % ldy < rows)
            expect(p, reads_codes(p), y[i], i / ldy, i % ldy, start(i));
        else if (y[i] != start(i))
            complain("writes between the rows of the result, at %zu", i);
    }
    if (!room_intact(&rooms.y)) complain("writes outside of the result");
}

/* ---- decoders --------------------------------------------------------------------- */

static float tile_get(const oz_tile *tile, size_t row, size_t k) {
    float f; /* a tile inside of a leaf may have any alignment */
    memcpy(&f, (const char *)tile->p + (row * tile->row_stride + k * tile->k_stride) * sizeof f, sizeof f);
    return f;
}

static void expect_floats(const product *p, const oz_tile *tile, size_t panel, size_t k0, size_t n) {
    for (size_t r = 0; r < OZ_PANEL; r++) {
        size_t row = panel * OZ_PANEL + r;
        for (size_t k = 0; k < n; k++) {
            float got = tile_get(tile, r, k), want = 0;
            if (row >= p->t->rows && p->s->scrambled) continue;
            if (row < p->t->rows) want = p->s->weights[row * p->t->k + k0 + k];
            if (got != want)
                complain("decodes [%zu][%zu] as %a, not %a", row, k0 + k, (double)got, (double)want);
        }
    }
}

static void expect_codes(const product *p, const uint8_t *tile, size_t panel, size_t k0, size_t n) {
    uint8_t zero = (uint8_t)oz_codec_zero(p->leaf.codec.kind);
    for (size_t r = 0; r < OZ_PANEL && panel * OZ_PANEL + r < p->t->rows; r++) {
        size_t row = panel * OZ_PANEL + r;
        for (size_t k = 0; k < oz_round_up(n, 4); k++) {
            uint8_t got = tile[(k / 4 * OZ_PANEL + r) * 4 + k % 4];
            uint8_t want = k < n ? p->s->codes[row * p->t->k + k0 + k] : zero;
            if (got != want) complain("decodes [%zu][%zu] as code %d, not %d", row, k0 + k, got, want);
        }
    }
}

/* Stored zeros may stand anywhere inside of the block, even twice. */
static void expect_nonzeros(const product *p, const oz_nonzeros *nz, size_t panel, size_t k0, size_t n) {
    size_t first = 0;
    for (size_t r = 0; r < OZ_PANEL; r++) {
        float found[OZ_MAX_BLOCK] = {0};
        size_t row = panel * OZ_PANEL + r, count = nz->each ? nz->each : nz->end[r] - first;
        if (count > OZ_MAX_BLOCK || (!nz->each && nz->end[r] < first)) {
            complain("row %zu of panel %zu has %zu entries", r, panel, count);
            return;
        }
        for (size_t e = 0; e < count; e++) {
            size_t i = nz->each ? e * OZ_PANEL + r : first + e;
            size_t column = nz->column[nz->each ? oz_even_column(e, r) : i];
            bool inside = row < p->t->rows;
            if (column >= n)
                complain("row %zu has column %zu of %zu", row, column, n);
            else if (inside && nz->value[i] != 0 && found[column] != 0)
                complain("row %zu has column %zu twice", row, column);
            else if (nz->value[i] != 0)
                found[column] = nz->value[i];
        }
        first = nz->end[r];
        for (size_t e = 0; !nz->each && r + 1 == OZ_PANEL && e < OZ_NZ_STEP; e++) {
            if (nz->column[first + e] >= n)
                complain("column %d of %zu is read ahead", nz->column[first + e], n);
        }
        for (size_t k = 0; k < n && row < p->t->rows; k++) {
            float want = p->s->weights[row * p->t->k + k0 + k];
            if (found[k] != want)
                complain("decodes [%zu][%zu] as %a, not %a", row, k0 + k, (double)found[k], (double)want);
        }
    }
}

/* ---- mm --------------------------------------------------------------------------- */

static oz_columns place_columns(const product *p) {
    const truth *t = p->t;
    oz_columns x = {.k = t->k, .lanes = p->lanes};
    if (reads_codes(p)) {
        int8_t *i8 = room_take(&rooms.i8, p->at, t->kq * p->lanes);
        float *scale = room_take(&rooms.scale, p->at, t->kq / OZ_BLOCK * p->lanes * sizeof *scale);
        int32_t *sum = room_take(&rooms.sum, p->at, t->kq / 32 * p->lanes * sizeof *sum);
        truth_code_panel(t, p->columns, p->lanes, i8, scale, sum);
        x.i8 = i8, x.scale = scale, x.sum = sum;
    }
    if (!p->decoder->u8) {
        float *f32 = room_take(&rooms.f32, p->at, t->k * p->lanes * sizeof *f32);
        if (p->decoder->nz_codes)
            p->primitives->widen_columns(x.i8, t->k, p->lanes, f32);
        else
            truth_panel(t, p->columns, p->lanes, f32);
        if (!room_intact(&rooms.f32)) complain("writes outside of the panel");
        x.f32 = f32;
    }
    return x;
}

/* One block of inputs of one panel of rows: decoded, looked at, multiplied. */
static void run_block(product *p, const oz_columns *x, size_t panel, size_t k0, size_t n, float *y) {
    const oz_decoder *d = p->decoder;
    if (d->u8) {
        uint8_t *tile = room_take(&rooms.tile, p->at, oz_div_up(n, 4) * OZ_PANEL * 4);
        d->u8(&p->leaf, panel, k0, n, tile);
        expect_codes(p, tile, panel, k0, n);
        p->primitives->gemm_u8(&p->leaf, panel, k0, n, tile, x, y, NULL);
    } else if (d->nz_codes) {
        oz_nonzeros *nz = room_take(&rooms.tile, p->at, sizeof *nz);
        d->nz_codes(&p->leaf, panel, k0, n, nz);
        p->primitives->gemm_nz_codes(&p->leaf, panel, k0, n, nz, x, y, NULL);
    } else if (d->nz) {
        oz_nonzeros *nz = room_take(&rooms.tile, p->at, sizeof *nz);
        d->nz(&p->leaf, panel, k0, n, nz);
        expect_nonzeros(p, nz, panel, k0, n);
        p->primitives->gemm_nz(nz, x->f32 + k0 * p->lanes, p->lanes, y, NULL);
    } else {
        float *buffer = room_take(&rooms.tile, p->at, OZ_PANEL * n * sizeof *buffer);
        oz_tile tile = d->f32(&p->leaf, panel, k0, n, buffer);
        expect_floats(p, &tile, panel, k0, n);
        p->primitives->gemm_f32(tile, n, x->f32 + k0 * p->lanes, p->lanes, y, NULL);
    }
    if (!room_intact(&rooms.tile)) complain("writes outside of its tile");
}

static void run_mm(void *arg) {
    product *p = arg;
    place_leaf(p);
    oz_columns x = place_columns(p);
    size_t block = oz_decoder_block(p->decoder, &p->leaf), rows = p->t->rows;
    bool codes = reads_codes(p);
    for (size_t panel = 0; panel * OZ_PANEL < rows; panel++) {
        float *y = room_take(&rooms.y, p->at, OZ_PANEL * p->lanes * sizeof *y);
        for (size_t i = 0; i < OZ_PANEL * p->lanes; i++) y[i] = codes ? 0 : start(i);
        for (size_t k0 = 0; k0 < p->t->k; k0 += block)
            run_block(p, &x, panel, k0, oz_min(block, p->t->k - k0), y);
        size_t inside = oz_min(OZ_PANEL, rows - panel * OZ_PANEL) * p->lanes;
        for (size_t i = 0; i < inside; i++) {
            size_t r = panel * OZ_PANEL + i / p->lanes, c = truth_column(i % p->lanes, p->lanes);
            float was = codes ? 0 : start(i);
            if (c < p->columns)
                expect(p, codes, y[i], c, r, was);
            else if (y[i] != was)
                complain("column %zu of %zu is not zero: row %zu", c, p->columns, r);
        }
        if (!room_intact(&rooms.y)) complain("writes outside of the sums");
    }
}

static void check_mv(product *p, const char *name, size_t turn) {
    for (p->columns = 1; p->columns <= OZ_MV_BATCH; p->columns++) {
        p->at = (place)((turn + p->columns) % PLACES);
        p->turn = turn + p->columns / PLACES;
        report_case(name, run_mv, p);
    }
}

void check_products(oz_isa isa, const sample *s, const truth *t, size_t turn) {
    const oz_kernels *k = oz_kernels_of(s->leaf.format, isa);
    product p = {.s = s, .t = t, .primitives = oz_primitives_of(isa), .turn = turn};
    make_rooms();
    for (const oz_mv *mv = k ? k->mv : NULL; mv && mv->name; mv++) {
        if (mv->takes && !mv->takes(&s->leaf)) continue;
        p.mv = mv;
        check_mv(&p, mv->name, turn);
    }
    p.mv = NULL;
    for (const oz_decoder *d = k ? k->decoders : NULL; d && d->name; d++) {
        if (d->takes && !d->takes(&s->leaf)) continue;
        p.decoder = d;
        if (!d->nz_codes) check_mv(&p, d->name, turn);
        p.columns = t->n;
        p.lanes = turn % 2 ? OZ_COLUMNS : d->nz && t->n <= 8 ? 8 : oz_lanes_for(t->n);
        for (int at = 0; at < PLACES; at++) {
            p.at = (place)at;
            report_case(d->name, run_mm, &p);
        }
    }
}

/* leaf.c - see leaf.h. */
#include "runtime/multiply/leaf.h"

#include <string.h>

#include "base/arith.h"
#include "kernels/conv.h"
#include "kernels/onednn.h"
#include "runtime/fallback.h"

enum { TILES_BYTES = OZ_CHUNK * OZ_TILE_FLOATS * sizeof(float) };

size_t oz_scratch_bytes(void) {
    return TILES_BYTES + oz_round_up(OZ_CHUNK * sizeof(oz_nonzeros), 64);
}

oz_scratch oz_scratch_at(uint8_t *memory) {
    return (oz_scratch){.tile = (float *)(void *)memory,
                        .nonzeros = (oz_nonzeros *)(void *)(memory + TILES_BYTES)};
}

oz_rows oz_some_rows(const oz_rows *x, size_t row) {
    const size_t blocks = oz_div_up(x->k, OZ_BLOCK);
    oz_rows some = {.m = oz_min(x->m - row, OZ_MV_BATCH), .k = x->k, .ld = x->ld};
    if (x->f32) some.f32 = x->f32 + row * x->ld;
    if (!x->i8) return some;
    some.i8 = x->i8 + row * blocks * OZ_BLOCK;
    some.scale = x->scale + row * blocks;
    some.sum = x->sum + row * blocks * (OZ_BLOCK / 32);
    return some;
}

/* As many panels as a core's cache keeps from one pass over `rows` rows to the next; all, if the leaf is
 * small, or a pass is over the whole of it. */
static size_t kept_panels(const oz_leaf_plan *lp, const oz_choice *choice, size_t panels, size_t rows) {
    const double room = 256 * 1024, all = (double)oz_div_up(lp->leaf->rows, OZ_PANEL);
    if (rows <= OZ_MV_BATCH || lp->bytes <= room || oz_reads_all(choice, rows)) return panels;
    return (size_t)(room / lp->read * all) + 1;
}

void oz_multiply_rows(const oz_primitives *prim, const oz_leaf_plan *lp, const oz_choice *choice,
                      size_t panel0, size_t panel1, const oz_rows *x, float *y, size_t ldy) {
    const size_t step = kept_panels(lp, choice, panel1 - panel0, x->m);
    for (size_t p0 = panel0; p0 < panel1; p0 += step) {
        const size_t p1 = oz_min(p0 + step, panel1);
        for (size_t row = 0; row < x->m; row += OZ_MV_BATCH) {
            const oz_rows some = oz_some_rows(x, row);
            if (choice->way == OZ_WAY_MV)
                choice->mv->run(lp->leaf, p0, p1, &some, y + row * ldy, ldy);
            else
                prim->mv_blocks(choice->decoder, lp->leaf, p0, p1, &some, y + row * ldy, ldy);
        }
    }
}

/* One leaf on its way through some panels of rows. */
typedef struct oz_product {
    const oz_primitives *prim;
    const oz_conv_primitives *conv; /* for pixels: */
    const oz_pixel_sums *pixels;    /* each tile's; else NULL */
    const oz_leaf *leaf;
    const oz_decoder *decoder;
    const oz_columns *x;
    size_t tiles, block;
    size_t beside; /* tiles that are multiplied by a panel before the next, as narrow as they are */
    bool asks;     /* for weights ahead */
    const oz_scratch *scratch;
    oz_tile f32[OZ_CHUNK];
} oz_product;

/* Copies rows that lie in the same sets of a cache beside each other. */
static oz_tile spread_rows(oz_tile w, size_t n, float *room) {
    const oz_tile copy = {.p = room, .row_stride = n + OZ_PANEL, .k_stride = 1};
    for (size_t r = 0; r < OZ_PANEL; r++) {
        const char *row = (const char *)w.p + r * w.row_stride * sizeof(float);
        for (size_t k = 0; k < n * sizeof(float); k += 64) __builtin_prefetch(row + n * sizeof(float) + k);
        memcpy(room + r * copy.row_stride, row, n * sizeof(float));
    }
    return copy;
}

/* Rows that lie in the leaf: panels that share them want them packed, planes apart. */
static oz_tile pack_rows(const oz_product *m, oz_tile w, size_t n, float *room) {
    if (w.p == room) return w;
    if (!m->pixels) return m->tiles > m->beside ? m->prim->pack_f32(w, n, room) : w;
    return w.row_stride % 512 == 0 ? spread_rows(w, n, room) : w;
}

static void decode_block(oz_product *m, size_t i, size_t panel, size_t k0, size_t n) {
    const oz_decoder *d = m->decoder;
    float *room = m->scratch->tile + i * OZ_TILE_FLOATS;
    if (d->u8) {
        uint8_t *tile = (uint8_t *)room;
        for (size_t k = 0; k < n; k += OZ_BLOCK)
            d->u8(m->leaf, panel, k0 + k, oz_min(OZ_BLOCK, n - k), tile + k * OZ_PANEL);
    } else if (d->nz) {
        d->nz(m->leaf, panel, k0, n, &m->scratch->nonzeros[i]);
    } else if (d->nz_codes) {
        d->nz_codes(m->leaf, panel, k0, n, &m->scratch->nonzeros[i]);
    } else {
        m->f32[i] = pack_rows(m, d->f32(m->leaf, panel, k0, n, room), n, room);
    }
}

static void multiply_pixels(const oz_product *m, size_t i, size_t k0, size_t n, size_t tile) {
    const oz_columns *x = &m->x[tile];
    const oz_pixels in = {.x = x->f32, .offset = x->offset + k0, .stride = x->stride};
    const size_t row = i * OZ_PANEL;
    oz_pixel_sums s = m->pixels[tile];
    s.y += row * x->lanes;
    s.first = k0 == 0;
    s.out = k0 + n < m->leaf->cols ? NULL : s.out + row * s.plane;
    s.rows = oz_min(OZ_PANEL, s.rows - row);
    if (s.scale) s.scale += row;
    if (s.bias) s.bias += row;
    if (m->decoder->nz)
        m->conv->product_nz(&m->scratch->nonzeros[i], in, x->lanes, &s);
    else
        m->conv->product_f32(m->f32[i], n, in, x->lanes, &s);
}

static void multiply_block(const oz_product *m, size_t i, size_t panel, size_t k0, size_t n,
                           const oz_columns *x, float *y, const oz_extents *ahead) {
    const oz_decoder *d = m->decoder;
    if (d->u8)
        m->prim->gemm_u8(m->leaf, panel, k0, n, (const uint8_t *)(m->scratch->tile + i * OZ_TILE_FLOATS), x,
                         y, ahead);
    else if (d->nz_codes)
        m->prim->gemm_nz_codes(m->leaf, panel, k0, n, &m->scratch->nonzeros[i], x, y, ahead);
    else if (d->nz)
        m->prim->gemm_nz(&m->scratch->nonzeros[i], x->f32 + k0 * x->lanes, x->lanes, y, ahead);
    else
        m->prim->gemm_f32(m->f32[i], n, x->f32 + k0 * x->lanes, x->lanes, y, ahead);
}

/* Leaves of fewer bytes lie in some cache since they were last multiplied, as weights of convolutions do
 * since the image before. Asking for them costs more than it saves, with 8 columns up to a fifth. */
#define LARGE_LEAF (4 << 20)

static bool worth_asking(const oz_leaf *leaf) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < leaf->format->n_parts; i++) bytes += leaf->part[i].bytes;
    return leaf->format->extents && bytes >= LARGE_LEAF;
}

/* What is decoded after block (i, k0) of a chunk; NULL = it need not be asked for. */
static const oz_extents *next_block(const oz_product *m, size_t panel0, size_t panels, size_t i, size_t k0,
                                    oz_extents *next) {
    size_t panel = panel0 + i + 1;
    if (m->pixels || !m->asks) return NULL;
    if (i + 1 == panels) {
        k0 += m->block;
        if (k0 < m->leaf->cols)
            panel = panel0;
        else
            k0 = 0;
    }
    if (panel * OZ_PANEL >= m->leaf->rows) return NULL;
    *next = m->leaf->format->extents(m->leaf, panel, k0, oz_min(m->block, m->leaf->cols - k0));
    return next;
}

/* Asks for a piece of the activations of tiles [tile, end), one of `pieces`, before they are wanted; planes
 * gain nothing by it. */
static void ask_for(const oz_product *m, size_t tile, size_t end, size_t k0, size_t piece, size_t pieces) {
    if (k0 >= m->leaf->cols || m->pixels) return;
    const bool codes = m->decoder->u8 != NULL;
    for (; tile < end; tile++) {
        const oz_columns *x = &m->x[tile];
        const char *from =
            codes ? (const char *)(x->i8 + k0 * x->lanes) : (const char *)(x->f32 + k0 * x->lanes);
        size_t width = codes ? 1 : sizeof(float);
        size_t bytes = oz_min(m->block, m->leaf->cols - k0) * x->lanes * width;
        for (size_t b = bytes / pieces * piece; b < bytes / pieces * (piece + 1); b += 64)
            __builtin_prefetch(from + b, 0, 2);
    }
}

static void multiply_tile(const oz_product *m, size_t panel0, size_t panels, size_t i, size_t k0, size_t n,
                          size_t tile, float *const *y) {
    const oz_columns *x = &m->x[tile];
    oz_extents next;
    if (m->pixels)
        multiply_pixels(m, i, k0, n, tile);
    else
        multiply_block(m, i, panel0 + i, k0, n, x, y[tile] + i * OZ_PANEL * x->lanes,
                       tile == 0 ? next_block(m, panel0, panels, i, k0, &next) : NULL);
}

/* Block of inputs by block of inputs: the activations of one block and tile stay in the first-level cache
 * while the panels go by, what was decoded in the second-level cache while the tiles do. */
static void multiply_chunk(oz_product *m, size_t panel0, size_t panels, float *const *y) {
    const size_t block = m->block;
    for (size_t k0 = 0; k0 < m->leaf->cols; k0 += block) {
        size_t n = oz_min(block, m->leaf->cols - k0);
        for (size_t t0 = 0, end; t0 < m->tiles; t0 = end) {
            end = oz_min(t0 + m->beside, m->tiles);
            const size_t next = end < m->tiles ? end : 0;
            for (size_t i = 0; i < panels; i++) {
                ask_for(m, next, oz_min(next + m->beside, m->tiles), next ? k0 : k0 + block, i, panels);
                if (t0 == 0) decode_block(m, i, panel0 + i, k0, n);
                for (size_t t = t0; t < end; t++) multiply_tile(m, panel0, panels, i, k0, n, t, y);
            }
        }
    }
}

static oz_product product_of(const oz_primitives *prim, const oz_leaf *leaf, const oz_decoder *d,
                             const oz_columns *x, size_t tiles, const oz_scratch *scratch) {
    return (oz_product){.prim = prim,
                        .leaf = leaf,
                        .decoder = d,
                        .x = x,
                        .tiles = tiles,
                        .beside = OZ_COLUMNS / x->lanes,
                        .asks = worth_asking(leaf),
                        .block = d->u8 ? OZ_CODES_BLOCK : oz_decoder_block(d, leaf),
                        .scratch = scratch};
}

static void decode_and_multiply(oz_product *m, size_t panel0, size_t panel1, float *const *acc) {
    for (size_t p = panel0; p < panel1; p += OZ_CHUNK) {
        float *y[OZ_GROUP];
        for (size_t t = 0; t < m->tiles; t++) y[t] = acc[t] + (p - panel0) * OZ_PANEL * m->x[t].lanes;
        multiply_chunk(m, p, oz_min(OZ_CHUNK, panel1 - p), y);
    }
}

void oz_multiply_pixels(const oz_primitives *prim, const oz_leaf *leaf, const oz_decoder *decoder,
                        size_t panel0, size_t panel1, const oz_columns *x, size_t tiles,
                        const oz_scratch *scratch, const oz_pixel_sums *sums) {
    oz_product m = product_of(prim, leaf, decoder, x, tiles, scratch);
    m.conv = oz_conv_primitives_of(prim->isa);
    m.pixels = sums;
    multiply_chunk(&m, panel0, panel1 - panel0, NULL);
}

void oz_multiply_leaf(const oz_primitives *prim, const oz_leaf *leaf, const oz_choice *choice,
                      const float *unpacked, size_t panel0, size_t panel1, const oz_columns *x, size_t tiles,
                      const oz_scratch *scratch, float *const *acc) {
    size_t rows = oz_min(panel1 * OZ_PANEL, leaf->rows) - panel0 * OZ_PANEL;
    const float *dense =
        choice->way == OZ_WAY_UNPACK ? unpacked : (const float *)(const void *)leaf->part[0].data;
    bool done = choice->way != OZ_WAY_MM;
    for (size_t t = 0; done && t < tiles; t++)
        done = oz_dnnl_panel(dense + panel0 * OZ_PANEL * leaf->cols, rows, leaf->cols, x[t].f32, x[t].lanes,
                             acc[t]);
    if (done) return;
    for (size_t t = 0; t < tiles; t++)
        memset(acc[t], 0, oz_round_up(rows, OZ_PANEL) * x[t].lanes * sizeof(float));
    const oz_decoder *d = choice->way == OZ_WAY_MM ? choice->decoder : &oz_row_decoder;
    oz_product m = product_of(prim, leaf, d, x, tiles, scratch);
    decode_and_multiply(&m, panel0, panel1, acc);
}

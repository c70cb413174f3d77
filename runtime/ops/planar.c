/* planar.c - convolutions whose weight is one leaf that reads floats: its decoded blocks times pixels that
 * lie in planes (planes.h).
 *
 * A task is a band of an image and a share of the rows: whoever takes it lays out the band, unless he has
 * just done so, and multiplies it, tile by tile of 64 pixels. The sums of a tile and 128 rows stay in the
 * first-level cache until all inputs are added. */
#include <stdatomic.h>
#include <string.h>

#include "base/arith.h"
#include "runtime/cost.h"
#include "runtime/ops/conv2d.h"
#include "runtime/ops/planes.h"
#include "runtime/multiply.h"
#include "runtime/session.h"

/* Planes of a band: half of a second-level cache; pixels of a band; panels of rows whose sums are kept at a
 * time. */
enum { MOST_FLOATS = 1 << 17, MOST_PIXELS = 512, PANELS = 8 };

typedef struct oz_planar {
    const oz_step *step;
    const oz_conv_primitives *primitives;
    const oz_leaf *leaf;
    const oz_decoder *decoder;
    oz_planes planes;
    oz_epilogue epilogue;
    size_t channels, rows, first_channel, panel0, panels; /* of the group under way */
    size_t chunks, chunk_panels, tasks;
    atomic_size_t next;
} oz_planar;

typedef struct oz_room {
    float *tile, *sums, *planes;
    oz_nonzeros *nonzeros;
} oz_room;

enum {
    TILE_BYTES = OZ_PANEL * OZ_MAX_BLOCK * sizeof(float),
    SUMS_BYTES = PANELS * OZ_PANEL * OZ_COLUMNS * sizeof(float)
};

static oz_room room_of(const oz_step *step, size_t worker) {
    uint8_t *at = step->session->conv + worker * step->session->plan->conv_bytes;
    size_t nonzeros = oz_round_up(sizeof(oz_nonzeros), 64);
    return (oz_room){.tile = (float *)(void *)at,
                     .sums = (float *)(void *)(at + TILE_BYTES),
                     .nonzeros = (oz_nonzeros *)(void *)(at + TILE_BYTES + SUMS_BYTES),
                     .planes = (float *)(void *)(at + TILE_BYTES + SUMS_BYTES + nonzeros)};
}

size_t oz_planar_bytes(const oz_plan *p, const oz_node *node, const oz_shape *x, const oz_shape *y) {
    (void)p;
    return TILE_BYTES + SUMS_BYTES + oz_round_up(sizeof(oz_nonzeros), 64) +
           oz_planes_floats(node, x, y, MOST_FLOATS) * sizeof(float);
}

/* sums += W x for panels [p0, p1) and one tile of pixels. */
static void multiply_tile(const oz_planar *c, size_t p0, size_t p1, const float *x, size_t lanes,
                          const oz_room *room) {
    const oz_decoder *d = c->decoder;
    const uint32_t *offset = c->step->session->offsets;
    size_t block = d->block ? d->block(c->leaf) : OZ_BLOCK;
    memset(room->sums, 0, (p1 - p0) * OZ_PANEL * lanes * sizeof(float));
    for (size_t k0 = 0; k0 < c->leaf->cols; k0 += block) {
        size_t n = oz_min(block, c->leaf->cols - k0);
        oz_pixels pixels = {.x = x, .offset = offset + k0};
        for (size_t p = p0; p < p1; p++) {
            float *sums = room->sums + (p - p0) * OZ_PANEL * lanes;
            if (d->nz) {
                d->nz(c->leaf, p, k0, n, room->nonzeros);
                c->primitives->product_nz(room->nonzeros, pixels, lanes, sums);
            } else {
                oz_tile tile = d->f32(c->leaf, p, k0, n, room->tile);
                c->primitives->product_f32(tile, n, pixels, lanes, sums);
            }
        }
    }
}

/* The pixels that a tile takes of so many: panels of 16, 32 or 64 leave the fewest lanes idle. */
static size_t tile_pixels(size_t left) {
    return left > 48 ? oz_min(left, 64) : left > 32 ? 32 : left;
}

static void multiply_band(const oz_planar *c, size_t image, size_t band, size_t p0, size_t p1, const float *x,
                          const oz_room *room) {
    size_t pixels = oz_planes_pixels(&c->planes, band), first = band * c->planes.lines * c->planes.out_width;
    for (size_t i = 0, n; i < pixels; i += n) {
        n = tile_pixels(pixels - i);
        size_t lanes = oz_lanes_for(n);
        for (size_t p = p0; p < p1; p += PANELS) {
            size_t end = oz_min(p + PANELS, p1), row = p * OZ_PANEL,
                   rows = oz_min(end * OZ_PANEL, (c->panel0 * OZ_PANEL) + c->rows) - row;
            oz_epilogue e = c->epilogue;
            if (e.scale) e.scale += row;
            if (e.bias) e.bias += row;
            multiply_tile(c, p, end, x + i, lanes, room);
            c->primitives->finish(room->sums, rows, lanes, n, &e,
                                  c->step->out + (image * c->leaf->rows + row) * c->planes.pixels + first + i,
                                  c->planes.pixels);
        }
    }
}

static void take_tasks(void *arg, size_t worker) {
    oz_planar *c = arg;
    oz_room room = room_of(c->step, worker);
    const float *in = c->step->in[0], *x = NULL;
    size_t laid = SIZE_MAX, plane = c->planes.height * c->planes.width;
    for (size_t task; (task = atomic_fetch_add(&c->next, 1)) < c->tasks;) {
        size_t at = task / c->chunks, image = at / c->planes.bands, band = at % c->planes.bands;
        if (at != laid)
            x = oz_planes_lay(&c->planes, in + (image * c->channels + c->first_channel) * plane, band,
                              room.planes);
        laid = at;
        size_t p0 = c->panel0 + task % c->chunks * c->chunk_panels;
        multiply_band(c, image, band, p0, oz_min(p0 + c->chunk_panels, c->panel0 + c->panels), x, &room);
    }
}

/* Rows are shared out only where there are too few bands. */
static void run_group(oz_planar *c, const oz_threads *threads, size_t images) {
    size_t bands = images * c->planes.bands, workers = (size_t)threads->width;
    c->panels = oz_div_up(c->rows, OZ_PANEL);
    c->chunk_panels = oz_div_up(c->panels, oz_min(oz_div_up(workers, bands), c->panels));
    c->chunks = oz_div_up(c->panels, c->chunk_panels);
    c->tasks = bands * c->chunks;
    atomic_init(&c->next, 0);
    oz_parallel(threads, oz_min(workers, c->tasks), take_tasks, c);
}

/* The term's scale belongs to every row. */
static const float *row_scales(oz_session *s, const oz_weight *w) {
    const float *own = oz_session_floats(&w->row_scale, s->row_scale);
    float scale = w->terms[0].scale;
    if (scale == 1.0f) return own;
    for (size_t r = 0; r < w->rows; r++) s->row_scale[r] = own ? own[r] * scale : scale;
    return s->row_scale;
}

void oz_conv_planar(const oz_step *step) {
    oz_session *s = step->session;
    const oz_node *node = step->node;
    const oz_layer_plan *lp = &s->plan->layers[node->layer];
    const oz_weight *w = lp->layer->weight;
    const oz_shape *x = step->in_shape[0], *y = step->out_shape;
    oz_planar c = {.step = step,
                   .primitives = oz_conv_primitives_of(s->plan->isa),
                   .leaf = lp->leaf[0][0].leaf,
                   .decoder = lp->leaf[0][0].large.decoder,
                   .planes = oz_planes_of(node, x, y, MOST_FLOATS, MOST_PIXELS),
                   .channels = x->dim[1],
                   .rows = w->rows / node->attr.groups};
    c.planes.primitives = c.primitives;
    c.epilogue = (oz_epilogue){.scale = row_scales(s, w),
                               .bias = oz_session_floats(lp->layer->bias, s->bias),
                               .act = oz_observed(step) ? OZ_ACT_NONE : node->act,
                               .slope = node->slope};
    oz_planes_offsets(&c.planes, s->offsets);
    oz_threads threads = s->plan->threads;
    double ns = oz_cost_tiles_ns(lp, y->dim[0] * c.planes.pixels) / (double)node->attr.groups;
    if (ns < s->plan->serial_ns) threads.width = 1;
    for (size_t g = 0; g < node->attr.groups; g++) {
        c.first_channel = g * c.planes.channels;
        c.panel0 = g * c.rows / OZ_PANEL;
        run_group(&c, &threads, y->dim[0]);
    }
}

/* planar.c - convolutions whose weight is one leaf that reads floats: its decoded blocks times pixels that
 * lie in planes (planes.h).
 *
 * A task is a band of an image and a share of the rows: whoever takes it lays out the band, unless he has
 * just done so, and multiplies it, 128 rows and up to eight tiles of 64 pixels at a time. */
#include "base/arith.h"
#include "base/shares.h"
#include "runtime/cost.h"
#include "runtime/multiply/leaf.h"
#include "runtime/ops/conv2d.h"
#include "runtime/ops/planes.h"
#include "runtime/session.h"

/* Planes of a band: half of a second-level cache; pixels of a band. */
enum { MOST_FLOATS = 1 << 17, MOST_PIXELS = 512, VECTOR = 16 };

typedef struct oz_planar {
    const oz_step *step;
    const oz_leaf *leaf;
    const oz_decoder *decoder;
    oz_planes planes;
    oz_epilogue epilogue;
    size_t channels, rows, first_channel, panel0, panels; /* of the group under way */
    size_t chunks, chunk_panels;
    oz_shares shares;
} oz_planar;

typedef struct oz_room {
    oz_scratch scratch;
    float *sums, *planes;
} oz_room;

enum {
    SUMS = OZ_CHUNK_ROWS * OZ_COLUMNS, /* of a tile */
    SUMS_BYTES = OZ_GROUP * SUMS * sizeof(float)
};

static oz_room room_of(const oz_step *step, size_t worker) {
    uint8_t *at = step->session->conv + worker * step->session->plan->conv_bytes;
    uint8_t *sums = at + oz_scratch_bytes();
    return (oz_room){.scratch = oz_scratch_at(at),
                     .sums = (float *)(void *)sums,
                     .planes = (float *)(void *)(sums + SUMS_BYTES)};
}

size_t oz_planar_bytes(const oz_node *node, const oz_shape *x, const oz_shape *y) {
    return oz_scratch_bytes() + SUMS_BYTES + oz_planes_floats(node, x, y, MOST_FLOATS) * sizeof(float);
}

/* Pixels [first, first + n) of an image, in tiles. */
typedef struct oz_tiles {
    size_t first, n, count;
    oz_columns x[OZ_GROUP];
} oz_tiles;

/* Tiles [tile, tile + count) of the `tiles` that so many pixels are cut into: as few as hold them, as even as
 * vectors can be. */
static void cut_tiles(const oz_planar *c, const float *x, size_t pixels, size_t tiles, size_t tile,
                      oz_tiles *t) {
    size_t vectors = oz_div_up(pixels, VECTOR), from = vectors * tile / tiles;
    t->first = from * VECTOR;
    for (size_t i = 0; i < t->count; i++) {
        size_t at = vectors * (tile + i) / tiles, end = vectors * (tile + i + 1) / tiles;
        t->x[i] = (oz_columns){
            .k = c->leaf->cols,
            .lanes = (end - at) * VECTOR,
            .f32 = x + at * VECTOR,
            .offset = c->step->session->offsets,
            .stride = c->planes.window->kernel[0] * c->planes.window->kernel[1] == 1 ? c->planes.plane : 0};
        t->n = oz_min(end * VECTOR, pixels) - t->first;
    }
}

/* The rows of up to OZ_CHUNK panels; y is where the first pixel of the tiles goes in row 0. */
static void multiply_tiles(const oz_planar *c, const oz_tiles *t, size_t p0, size_t p1, const oz_room *room,
                           float *y) {
    const size_t row = p0 * OZ_PANEL, plane = c->planes.pixels;
    const oz_epilogue *e = &c->epilogue;
    oz_pixel_sums sums[OZ_GROUP];
    oz_pixel_sums s = {.y = room->sums,
                       .out = y + row * plane,
                       .plane = plane,
                       .rows = oz_min(p1 * OZ_PANEL, c->panel0 * OZ_PANEL + c->rows) - row,
                       .scale = e->scale ? e->scale + row : NULL,
                       .bias = e->bias ? e->bias + row : NULL};
    const bool bounded = oz_conv_bounds(e->act, &s.least, &s.most);
    for (size_t i = 0, left = t->n; i < t->count; i++) {
        s.pixels = oz_min(t->x[i].lanes, left);
        sums[i] = s;
        s.y += SUMS, s.out += s.pixels, left -= s.pixels;
    }
    oz_multiply_pixels(c->step->session->plan->primitives, c->leaf, c->decoder, p0, p1, t->x, t->count,
                       &room->scratch, sums);
    for (size_t r = 0; !bounded && r < s.rows; r++) {
        float *out = y + (row + r) * plane;
        c->step->vec->affine(out, t->n, 1.0f, 0.0f, e->act, e->slope, out);
    }
}

static void multiply_band(const oz_planar *c, size_t image, size_t band, size_t p0, size_t p1, const float *x,
                          const oz_room *room) {
    size_t pixels = oz_planes_pixels(&c->planes, band), tiles = oz_div_up(pixels, OZ_COLUMNS);
    float *y = c->step->out + image * c->leaf->rows * c->planes.pixels +
               band * c->planes.lines * c->planes.out_width;
    for (size_t tile = 0; tile < tiles; tile += OZ_GROUP) {
        oz_tiles t = {.count = oz_min(OZ_GROUP, tiles - tile)};
        cut_tiles(c, x, pixels, tiles, tile, &t);
        for (size_t p = p0; p < p1; p += OZ_CHUNK)
            multiply_tiles(c, &t, p, oz_min(p + OZ_CHUNK, p1), room, y + t.first);
    }
}

static void take_tasks(void *arg, size_t worker) {
    oz_planar *c = arg;
    oz_room room = room_of(c->step, worker);
    const float *in = c->step->in[0], *x = NULL;
    size_t laid = SIZE_MAX, plane = c->planes.height * c->planes.width;
    for (size_t task; oz_shares_take(&c->shares, worker, &task);) {
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
    oz_share_out(threads, &c->shares, bands * c->chunks, take_tasks, c);
}

void oz_conv_planar(const oz_step *step) {
    oz_session *s = step->session;
    const oz_node *node = step->node;
    const oz_layer_plan *lp = &s->plan->layers[node->layer];
    const oz_weight *w = lp->layer->weight;
    const oz_shape *x = step->in_shape[0], *y = step->out_shape;
    oz_planar c = {.step = step,
                   .leaf = lp->leaf[0][0].leaf,
                   .decoder = lp->leaf[0][0].large.decoder,
                   .planes = oz_planes_of(node, x, y, MOST_FLOATS, MOST_PIXELS),
                   .epilogue = oz_conv_epilogue(step, w->terms[0].scale),
                   .channels = x->dim[1],
                   .rows = w->rows / node->attr.groups};
    c.planes.primitives = oz_conv_primitives_of(s->plan->isa);
    oz_planes_offsets(&c.planes, s->offsets);
    double ns = oz_cost_layer_ns(lp, y->dim[0] * c.planes.pixels) / (double)node->attr.groups;
    oz_threads threads = oz_plan_threads(s->plan, ns);
    for (size_t g = 0; g < node->attr.groups; g++) {
        c.first_channel = g * c.planes.channels;
        c.panel0 = g * c.rows / OZ_PANEL;
        run_group(&c, &threads, y->dim[0]);
    }
}

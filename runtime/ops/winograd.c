/* winograd.c - 3 x 3 convolutions with a step of 1 whose weight is one leaf of floats, by minimal filtering
 * (kernels/conv/winograd.body.h).
 *
 * A task is a chunk of rows times a band of an image, some lines of tiles. Chunks follow each other, so
 * whoever takes tasks transforms the weights of a chunk once for all of his images; and he lays out the lines
 * of a band, padding included, unless he has just done so. */
#include <math.h>
#include <string.h>

#include "base/arith.h"
#include "base/shares.h"
#include "runtime/cost.h"
#include "runtime/multiply/leaf.h"
#include "runtime/ops/conv2d.h"
#include "runtime/session.h"

/* As a share of a direct convolution's: with more, it is as fast. */
#define MOST_PRODUCTS 0.8

enum {
    MOST_TILES = 128,       /* of a band, where a line has no more */
    MOST_WEIGHTS = 1 << 17, /* floats that the transformed weights of a chunk may have */
    MOST_INPUTS = 1 << 15,  /* and the transformed inputs of the tiles that are multiplied together */
    LEAST_CHANNELS = 8,     /* fewer do not repay the transforms of the outputs */
    MOST_CHANNELS = 512,
    MOST_PANELS = MOST_WEIGHTS / (OZ_WINOGRAD_PLACES * OZ_PANEL * LEAST_CHANNELS),
    STRETCH = 4, /* tiles of a line are a multiple of so many */
    VECTOR = 16
};

/* ---- sizes, all fixed by shapes ---- */

typedef struct oz_bands {
    size_t across, lines, count; /* tiles of a line, lines of tiles in a band, bands of an image */
    size_t width, plane;         /* floats of a line of inputs, and of a channel of a band */
} oz_bands;

/* The last vector of tiles may end behind the last line, so as many lines of inputs follow. */
static oz_bands bands_of(size_t height, size_t width) {
    const size_t down = oz_div_up(height, 2);
    oz_bands b = {.across = oz_round_up(oz_div_up(width, 2), STRETCH)};
    b.lines = oz_min(down, oz_max(1, MOST_TILES / b.across));
    b.count = oz_div_up(down, b.lines);
    b.width = 2 * b.across + 2;
    b.plane = (2 * oz_div_up(oz_round_up(b.lines * b.across, VECTOR), b.across) + 2) * b.width;
    return b;
}

static bool can_filter(const oz_node *node, const oz_weight *w) {
    const oz_window *win = &node->attr.window;
    const size_t channels = w->cols / 9;
    return oz_weight_is_leaf(w) && node->attr.groups == 1 && win->kernel[0] == 3 && win->kernel[1] == 3 &&
           win->stride[0] == 1 && win->stride[1] == 1 && win->dilation[0] == 1 && win->dilation[1] == 1 &&
           channels >= LEAST_CHANNELS && channels <= MOST_CHANNELS;
}

/* A tile has 16 products, its outputs 36; tiles beyond the edges count, and transforms, of inputs for all
 * rows and of sums for all channels. */
double oz_winograd_share(const oz_node *node, const oz_weight *w, const oz_shape *y) {
    if (!can_filter(node, w)) return 1;
    const oz_bands b = bands_of(y->dim[2], y->dim[3]);
    const size_t tiles = oz_round_up(oz_div_up(y->dim[2], 2) * b.across, VECTOR);
    const double products = 16.0 * (double)tiles / (9.0 * (double)(y->dim[2] * y->dim[3]));
    const double transforms = 2.0 / (double)w->rows + 18.0 / (double)w->cols;
    return products <= MOST_PRODUCTS ? fmin(1, products + transforms) : 1;
}

/* What a channel of a band takes at most, for these and all smaller outputs: (2 lines + 2) (2 across + 2). A
 * band has at most MOST_TILES tiles or is one line; the last vector of tiles and the line that it ends in
 * come on top. */
static size_t most_plane(size_t height, size_t width) {
    const size_t across = bands_of(height, width).across;
    const size_t tiles = oz_max(MOST_TILES, across) + VECTOR + across;
    const size_t lines = oz_min(oz_div_up(height, 2), MOST_TILES / STRETCH) + VECTOR / STRETCH;
    return 4 * (tiles + lines + across + 1);
}

/* Tiles that are multiplied together, at most. */
static size_t most_lanes(size_t channels) {
    const size_t fit = MOST_INPUTS / (OZ_WINOGRAD_PLACES * channels) / VECTOR * VECTOR;
    return oz_max(VECTOR, oz_min(fit, OZ_COLUMNS));
}

static size_t most_panels(size_t channels) {
    return oz_max(1, MOST_WEIGHTS / (OZ_WINOGRAD_PLACES * OZ_PANEL * channels));
}

static size_t panel_floats(size_t channels) {
    return OZ_WINOGRAD_PLACES * oz_winograd_apart(channels, OZ_PANEL);
}

static size_t packed_floats(size_t channels) {
    return 9 * channels * OZ_PANEL;
}

static size_t inputs_floats(size_t channels) {
    return OZ_WINOGRAD_PLACES * oz_winograd_apart(channels, most_lanes(channels));
}

static size_t products_floats(void) {
    return OZ_WINOGRAD_PLACES * oz_winograd_apart(OZ_PANEL, OZ_COLUMNS);
}

size_t oz_winograd_bytes(const oz_weight *w, const oz_shape *y) {
    const size_t channels = w->cols / 9, panels = oz_min(most_panels(channels), oz_div_up(w->rows, OZ_PANEL));
    const size_t lines = channels * most_plane(y->dim[2], y->dim[3]) + VECTOR;
    return oz_scratch_bytes() + sizeof(float) * (packed_floats(channels) + panels * panel_floats(channels) +
                                                 inputs_floats(channels) + products_floats() + lines);
}

/* ---- a convolution under way ---- */

typedef struct oz_filtered {
    const oz_step *step;
    const oz_leaf *leaf;
    const oz_decoder *decoder;
    const oz_conv_primitives *primitives;
    oz_bands bands;
    oz_epilogue epilogue;
    const oz_shape *in, *out;
    size_t channels, panels, chunk_panels;
    oz_shares shares;
} oz_filtered;

/* What a worker has. */
typedef struct oz_room {
    oz_scratch scratch;
    float *packed;  /* [9][channels][16]: a panel of weights as they are */
    float *weights; /* of a chunk's panels, transformed: so they lie */
    oz_tile tiles[MOST_PANELS];
    float *inputs;   /* transformed */
    float *products; /* of a panel */
    float *lines;    /* [channels][plane] */
} oz_room;

static oz_room room_of(const oz_filtered *c, size_t worker) {
    uint8_t *at = c->step->session->conv + worker * c->step->session->plan->conv_bytes;
    oz_room room = {.scratch = oz_scratch_at(at), .packed = (float *)(void *)(at + oz_scratch_bytes())};
    room.weights = room.packed + packed_floats(c->channels);
    room.inputs = room.weights + c->chunk_panels * panel_floats(c->channels);
    room.products = room.inputs + inputs_floats(c->channels);
    room.lines = room.products + products_floats();
    return room;
}

/* A panel as it lies, if it lies in floats, else decoded. */
static oz_tile decode_panel(const oz_filtered *c, size_t panel, const oz_room *room) {
    const oz_primitives *prim = c->step->session->plan->primitives;
    const size_t block = oz_decoder_block(c->decoder, c->leaf);
    oz_tile tile = {0};
    for (size_t k0 = 0; k0 < c->leaf->cols; k0 += block) {
        const size_t n = oz_min(block, c->leaf->cols - k0);
        tile = c->decoder->f32(c->leaf, panel, k0, n, room->scratch.tile);
        if (tile.p != room->scratch.tile) return tile;
        float *to = room->packed + k0 * OZ_PANEL;
        if (prim->pack_f32(tile, n, to).p != to) memcpy(to, tile.p, n * OZ_PANEL * sizeof *to);
    }
    return (oz_tile){.p = room->packed, .row_stride = 1, .k_stride = OZ_PANEL};
}

static void transform_weights(const oz_filtered *c, size_t panel0, size_t panel1, oz_room *room) {
    for (size_t i = 0; i < panel1 - panel0; i++) {
        float *u = room->weights + i * panel_floats(c->channels);
        room->tiles[i] = c->primitives->winograd_weights(decode_panel(c, panel0 + i, room), c->channels, u);
    }
}

/* The input lines of a band of one image, with what padding adds; behind them zeros. */
static void lay_lines(const oz_filtered *c, const float *x, size_t band, float *lines) {
    const oz_window *w = &c->step->node->attr.window;
    const oz_bands *b = &c->bands;
    const size_t height = c->in->dim[2], width = c->in->dim[3], all = b->plane / b->width;
    const size_t first = band * b->lines * 2, end = first + all; /* in the padded image */
    const size_t from = oz_min(oz_max(first, w->pad[0]), end),
                 to = oz_max(from, oz_min(end, w->pad[0] + height));
    const oz_winograd_lines laid = {.x = x + (from < to ? from - w->pad[0] : 0) * width,
                                    .channels = c->channels,
                                    .plane = height * width,
                                    .lines = to - from,
                                    .width = width,
                                    .above = from - first,
                                    .below = end - to,
                                    .left = w->pad[1],
                                    .out_width = b->width};
    c->primitives->winograd_lines(&laid, lines);
}

/* Some tiles of an image times some panels; y is the image's output. */
static void filter_tiles(const oz_filtered *c, size_t band, size_t first, size_t tiles, size_t panel0,
                         size_t panel1, const oz_room *room, float *y) {
    const size_t lanes = oz_round_up(tiles, VECTOR);
    const oz_epilogue *e = &c->epilogue;
    const oz_winograd_inputs in = {.x = room->lines,
                                   .channels = c->channels,
                                   .plane = c->bands.plane,
                                   .width = c->bands.width,
                                   .across = c->bands.across};
    oz_winograd_outputs out = {.height = c->out->dim[2],
                               .width = c->out->dim[3],
                               .across = c->bands.across,
                               .first = band * c->bands.lines * c->bands.across + first,
                               .tiles = tiles};
    oz_conv_bounds(e->act, &out.least, &out.most);
    c->primitives->winograd_inputs(&in, first, lanes, room->inputs);
    for (size_t i = 0; i < panel1 - panel0; i++) {
        const size_t row = (panel0 + i) * OZ_PANEL;
        out.out = y + row * out.height * out.width;
        out.rows = oz_min(OZ_PANEL, c->leaf->rows - row);
        out.scale = e->scale ? e->scale + row : NULL;
        out.bias = e->bias ? e->bias + row : NULL;
        c->primitives->winograd_products(room->tiles[i], room->inputs, c->channels, lanes, room->products);
        c->primitives->winograd_outputs(room->products, lanes, &out);
    }
}

/* Activations that are no bounds follow when a band is done. */
static void activate(const oz_filtered *c, size_t band, size_t panel0, size_t panel1, float *y) {
    const oz_epilogue *e = &c->epilogue;
    const size_t height = c->out->dim[2], width = c->out->dim[3], line = band * c->bands.lines * 2;
    float least, most;
    if (oz_conv_bounds(e->act, &least, &most)) return;
    const size_t n = oz_min(c->bands.lines * 2, height - line) * width;
    for (size_t row = panel0 * OZ_PANEL; row < oz_min(panel1 * OZ_PANEL, c->leaf->rows); row++) {
        float *out = y + (row * height + line) * width;
        c->step->vec->affine(out, n, 1.0f, 0.0f, e->act, e->slope, out);
    }
}

static void filter_band(const oz_filtered *c, size_t band, size_t panel0, size_t panel1, const oz_room *room,
                        float *y) {
    const oz_bands *b = &c->bands;
    const size_t lines = oz_min(b->lines, oz_div_up(c->out->dim[2], 2) - band * b->lines);
    const size_t tiles = lines * b->across, vectors = oz_div_up(tiles, VECTOR);
    const size_t pieces = oz_div_up(vectors * VECTOR, most_lanes(c->channels));
    for (size_t i = 0; i < pieces; i++) {
        const size_t from = vectors * i / pieces * VECTOR, to = vectors * (i + 1) / pieces * VECTOR;
        filter_tiles(c, band, from, oz_min(to, tiles) - from, panel0, panel1, room, y);
    }
    activate(c, band, panel0, panel1, y);
}

static void take_tasks(void *arg, size_t worker) {
    oz_filtered *c = arg;
    oz_room room = room_of(c, worker);
    const size_t bands = c->in->dim[0] * c->bands.count, rows = c->leaf->rows;
    const size_t in = c->channels * c->in->dim[2] * c->in->dim[3],
                 out = rows * c->out->dim[2] * c->out->dim[3];
    const float *x = c->step->in[0];
    float *y = c->step->out;
    size_t transformed = SIZE_MAX, laid = SIZE_MAX;
    for (size_t task; oz_shares_take(&c->shares, worker, &task);) {
        const size_t chunk = task / bands, at = task % bands;
        const size_t image = at / c->bands.count, band = at % c->bands.count;
        const size_t panel0 = chunk * c->chunk_panels, panel1 = oz_min(panel0 + c->chunk_panels, c->panels);
        if (chunk != transformed) transform_weights(c, panel0, panel1, &room);
        if (at != laid) lay_lines(c, x + image * in, band, room.lines);
        transformed = chunk, laid = at;
        filter_band(c, band, panel0, panel1, &room, y + image * out);
    }
}

void oz_conv_winograd(const oz_step *step) {
    oz_session *s = step->session;
    const oz_layer_plan *lp = &s->plan->layers[step->node->layer];
    const oz_weight *w = lp->layer->weight;
    const oz_shape *y = step->out_shape;
    oz_filtered c = {.step = step,
                     .leaf = lp->leaf[0][0].leaf,
                     .decoder = lp->leaf[0][0].large.decoder,
                     .primitives = oz_conv_primitives_of(s->plan->isa),
                     .bands = bands_of(y->dim[2], y->dim[3]),
                     .epilogue = oz_conv_epilogue(step, w->terms[0].scale),
                     .in = step->in_shape[0],
                     .out = y,
                     .channels = w->cols / 9,
                     .panels = oz_div_up(w->rows, OZ_PANEL)};
    oz_threads threads = oz_plan_threads(s->plan, oz_cost_layer_ns(lp, y->dim[0] * y->dim[2] * y->dim[3]));
    const size_t bands = y->dim[0] * c.bands.count, share = oz_div_up((size_t)threads.width, bands);
    c.chunk_panels = oz_min(most_panels(c.channels), oz_div_up(c.panels, oz_min(share, c.panels)));
    oz_share_out(&threads, &c.shares, bands * oz_div_up(c.panels, c.chunk_panels), take_tasks, &c);
}

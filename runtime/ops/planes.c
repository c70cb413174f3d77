/* planes.c - see planes.h. */
#include "runtime/ops/planes.h"

#include <string.h>

#include "base/arith.h"

/* A product reads whole vectors behind the last pixel, as many as a tile has. */
enum { BEHIND = OZ_COLUMNS };

/* Neighbouring planes are to lie in different sets of a cache: floats that their distance is no multiple of.
 */
enum { SAME_SETS = 64, VECTOR = 16 };

static size_t reach(const oz_window *w, int axis) {
    return (size_t)(w->kernel[axis] - 1) * w->dilation[axis] + 1;
}

static size_t planes_of_band(const oz_planes *p) {
    return p->channels * p->window->kernel[1] * p->phases;
}

/* Two bands at least where they have whole tiles, and else an even number: most machines share them so. */
static void cut_bands(oz_planes *p, size_t most_floats, size_t most_pixels) {
    size_t line = planes_of_band(p) * p->out_width, fit = most_floats / line;
    size_t lines = oz_min(fit > p->below ? fit - p->below : 1, oz_max(1, most_pixels / p->out_width));
    p->bands = oz_div_up(p->out_height, oz_min(lines, p->out_height));
    if (p->bands > 1 || (p->pixels % (2 * OZ_COLUMNS) == 0 && p->out_height % 2 == 0))
        p->bands += p->bands % 2;
    p->lines = oz_div_up(p->out_height, p->bands);
    p->bands = oz_div_up(p->out_height, p->lines);
}

/* Pixels are read as they lie if there is nothing to do about them. Lines do not matter then: they are taken
 * to be vectors, so that bands begin at whole ones. */
static bool lies_ready(const oz_planes *p) {
    const oz_window *w = p->window;
    return reach(w, 0) == 1 && reach(w, 1) == 1 && w->stride[0] == 1 && w->stride[1] == 1 &&
           p->pixels == p->height * p->width && p->pixels % VECTOR == 0;
}

oz_planes oz_planes_of(const oz_node *node, const oz_shape *x, const oz_shape *y, size_t most_floats,
                       size_t most_pixels) {
    const oz_window *w = &node->attr.window;
    oz_planes p = {.window = w,
                   .channels = x->dim[1] / node->attr.groups,
                   .height = x->dim[2],
                   .width = x->dim[3],
                   .out_height = y->dim[2],
                   .out_width = y->dim[3],
                   .pixels = y->dim[2] * y->dim[3],
                   .phases = oz_min(w->stride[0], reach(w, 0)),
                   .below = (reach(w, 0) - 1) / w->stride[0]};
    if (lies_ready(&p)) {
        p.height = p.out_height = p.pixels / VECTOR;
        p.width = p.out_width = VECTOR;
        p.in_place = p.pixels % (4 * SAME_SETS) != 0;
    }
    cut_bands(&p, most_floats, most_pixels);
    p.plane = oz_round_up((p.lines + p.below) * p.out_width, VECTOR);
    if (p.plane % SAME_SETS == 0) p.plane += VECTOR;
    if (p.in_place) p.plane = p.pixels;
    return p;
}

size_t oz_planes_floats(const oz_node *node, const oz_shape *x, const oz_shape *y, size_t most_floats) {
    oz_planes p = oz_planes_of(node, x, y, most_floats, SIZE_MAX);
    size_t width = oz_max(y->dim[3], VECTOR), planes = planes_of_band(&p);
    size_t whole = planes * (y->dim[2] + p.below) * width;
    size_t band = oz_max(most_floats, planes * (1 + p.below) * width);
    return oz_min(whole, band) + planes * 2 * VECTOR + BEHIND;
}

void oz_planes_offsets(const oz_planes *p, uint32_t *offset) {
    const oz_window *w = p->window;
    const uint32_t channel = (uint32_t)(w->kernel[1] * p->phases * p->plane);
    for (size_t ky = 0; ky < w->kernel[0]; ky++) {
        size_t line = ky * w->dilation[0], down = line / w->stride[0] * p->out_width,
               phase = line % w->stride[0];
        for (size_t kx = 0; kx < w->kernel[1]; kx++, offset += p->channels) {
            const uint32_t first = (uint32_t)((kx * p->phases + phase) * p->plane + down);
            for (uint32_t c = 0; c < p->channels; c++) offset[c] = first + c * channel;
        }
    }
}

size_t oz_planes_pixels(const oz_planes *p, size_t band) {
    return oz_min(p->lines, p->out_height - band * p->lines) * p->out_width;
}

/* The outputs [*from, *to) of `count` whose input, `first` + i * step, lies in [0, size). */
static void inside(ptrdiff_t first, size_t step, size_t size, size_t count, size_t *from, size_t *to) {
    *from = first < 0 ? oz_min(count, oz_div_up((size_t)-first, step)) : 0;
    *to = first >= (ptrdiff_t)size ? 0 : oz_min(count, oz_div_up((size_t)((ptrdiff_t)size - first), step));
    if (*to < *from) *to = *from;
}

/* The plane of one channel, kx and phase. */
static void lay_plane(const oz_planes *p, const float *in, size_t band, size_t kx, size_t phase, float *out) {
    const oz_window *w = p->window;
    ptrdiff_t y0 = (ptrdiff_t)(band * p->lines * w->stride[0] + phase) - (ptrdiff_t)w->pad[0];
    ptrdiff_t x0 = (ptrdiff_t)(kx * w->dilation[1]) - (ptrdiff_t)w->pad[1];
    size_t lines = p->lines + p->below, from, to, top, bottom;
    inside(y0, w->stride[0], p->height, lines, &top, &bottom);
    inside(x0, w->stride[1], p->width, p->out_width, &from, &to);
    memset(out, 0, top * p->out_width * sizeof *out);
    if (top < bottom) {
        const float *line = in + (y0 + (ptrdiff_t)(top * w->stride[0])) * (ptrdiff_t)p->width;
        p->primitives->lay_lines(line + (from < to ? x0 : 0), w->stride[0] * p->width, bottom - top,
                                 w->stride[1], from, to, p->out_width, out + top * p->out_width);
    }
    memset(out + bottom * p->out_width, 0, (lines - bottom) * p->out_width * sizeof *out);
}

/* ---- where lines keep their length: the plane as it lies, moved, but for what has moved out of a line ----
 */

enum { MOST_MASKS = 256 };

static size_t vectors_of(const oz_planes *p) {
    return oz_div_up((p->lines + p->below) * p->out_width, VECTOR);
}

static bool keeps_lines(const oz_planes *p) {
    return p->window->stride[0] == 1 && p->window->stride[1] == 1 && p->out_width == p->width &&
           vectors_of(p) <= MOST_MASKS;
}

static void set_bits(uint16_t *masks, size_t first, size_t end) {
    while (first < end) {
        size_t n = oz_min(VECTOR - first % VECTOR, end - first);
        masks[first / VECTOR] |= (uint16_t)(((1u << n) - 1) << first % VECTOR);
        first += n;
    }
}

static void lay_moved(const oz_planes *p, const float *x, size_t band, size_t kx, float *out) {
    const oz_window *w = p->window;
    uint16_t masks[MOST_MASKS] = {0};
    ptrdiff_t y0 = (ptrdiff_t)(band * p->lines) - (ptrdiff_t)w->pad[0];
    ptrdiff_t x0 = (ptrdiff_t)(kx * w->dilation[1]) - (ptrdiff_t)w->pad[1];
    size_t from, to, top, bottom;
    inside(y0, 1, p->height, p->lines + p->below, &top, &bottom);
    inside(x0, 1, p->width, p->width, &from, &to);
    for (size_t l = top; l < bottom; l++) set_bits(masks, l * p->width + from, l * p->width + to);
    p->primitives->lay_masked(x + y0 * (ptrdiff_t)p->width + x0, p->height * p->width, p->channels, masks,
                              vectors_of(p), out, w->kernel[1] * p->plane);
}

/* ---- a step of 2, short lines of half vectors: each is every second of 16 inputs ---- */

static bool has_halves(const oz_planes *p) {
    return p->window->stride[1] == 2 && p->out_width % (VECTOR / 2) == 0 && p->out_width <= 4 * VECTOR &&
           vectors_of(p) <= MOST_MASKS;
}

/* Bits of the inputs [x, x + 16) that lie in [0, width). */
static uint16_t bits_inside(ptrdiff_t x, size_t width) {
    size_t from, to;
    inside(x, 1, width, VECTOR, &from, &to);
    return (uint16_t)((1u << to) - (1u << from));
}

static void lay_halved(const oz_planes *p, const float *x, size_t band, size_t kx, size_t phase, float *out) {
    const oz_window *w = p->window;
    oz_half halves[2 * MOST_MASKS] = {{0}};
    ptrdiff_t y0 = (ptrdiff_t)(band * p->lines * w->stride[0] + phase) - (ptrdiff_t)w->pad[0];
    ptrdiff_t x0 = (ptrdiff_t)(kx * w->dilation[1]) - (ptrdiff_t)w->pad[1];
    size_t top, bottom, each = p->out_width / (VECTOR / 2);
    inside(y0, w->stride[0], p->height, p->lines + p->below, &top, &bottom);
    for (size_t h = 0; h < each; h++) {
        ptrdiff_t column = x0 + (ptrdiff_t)(h * VECTOR);
        uint16_t mask = bits_inside(column, p->width);
        for (size_t l = top; l < bottom; l++) {
            ptrdiff_t line = y0 + (ptrdiff_t)(l * w->stride[0]);
            halves[l * each + h] = (oz_half){.at = line * (ptrdiff_t)p->width + column, .mask = mask};
        }
    }
    p->primitives->lay_halves(x, p->height * p->width, p->channels, halves, vectors_of(p), out,
                              planes_of_band(p) / p->channels * p->plane);
}

const float *oz_planes_lay(const oz_planes *p, const float *x, size_t band, float *room) {
    if (p->in_place) return x + band * p->lines * p->out_width;
    if (keeps_lines(p)) {
        for (size_t kx = 0; kx < p->window->kernel[1]; kx++) lay_moved(p, x, band, kx, room + kx * p->plane);
        return room;
    }
    float *out = room;
    if (has_halves(p)) {
        for (size_t kx = 0; kx < p->window->kernel[1]; kx++) {
            for (size_t phase = 0; phase < p->phases; phase++, out += p->plane)
                lay_halved(p, x, band, kx, phase, out);
        }
        return room;
    }
    for (size_t c = 0; c < p->channels; c++) {
        for (size_t kx = 0; kx < p->window->kernel[1]; kx++) {
            for (size_t phase = 0; phase < p->phases; phase++, out += p->plane)
                lay_plane(p, x + c * p->height * p->width, band, kx, phase, out);
        }
    }
    return room;
}

/* plot_layers.c - what each layer got: bits a weight, layers across, the best models of each budget down. */
#include "evaluate/plot.h"

#include "evaluate/number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LEFT = 300,
    RIGHT = 44,
    ROW = 21,
    NAMES = 96,
    BLOCK = 26,
    GAP = 24,
    KEY = 34,
    MAX_ROWS = 8,
    LEVELS = 8
};
static const double NUMBER_ROOM = 24.0; /* a cell this wide can show its number */

/* Upper ends of the levels, in bits a weight; the last is open. */
static const double LEVEL[LEVELS - 1] = {1.5, 2.5, 3.5, 4.5, 5.5, 8.6, 17.0};

static int level_of(double bits) {
    int level = 0;
    while (level < LEVELS - 1 && bits > LEVEL[level]) level++;
    return level;
}

static double bits_of(const oz_variant_layer *l) {
    double weights = (double)l->rows * (double)l->cols;
    return weights > 0.0 ? 8.0 * (double)l->bytes / weights : 0.0;
}

/* The rows of this base under this budget, best first. */
static size_t rows_of(const oz_ranking *r, const oz_base_result *base, const oz_row *out[MAX_ROWS]) {
    size_t n = 0;
    for (size_t i = 0; i < r->n && r->rows[i].state <= OZ_ROW_UNTRAINED && n < MAX_ROWS; i++) {
        const oz_variant *v = r->rows[i].variant;
        if (strcmp(v->base, base->name) == 0 && v->n_layers == base->dense->n_layers) out[n++] = &r->rows[i];
    }
    return n;
}

static double block_height(const oz_ranking *r, const oz_base_result *base) {
    const oz_row *rows[MAX_ROWS];
    size_t n = rows_of(r, base, rows);
    return n ? BLOCK + ROW * (double)n : 0.0;
}

static double panel_height(const oz_comparison *c, const oz_base_result *base) {
    double height = NAMES + GAP;
    for (size_t i = 0; i < c->n_rankings; i++) height += block_height(&c->rankings[i], base);
    return height;
}

static double cell_width(const oz_base_result *base) {
    return fmin(56.0, (OZ_PLOT_WIDTH - LEFT - RIGHT) / fmax(1.0, (double)base->dense->n_layers));
}

static void draw_names(oz_text *t, const oz_base_result *base) {
    char cut[64];
    double width = cell_width(base);
    size_t n = base->dense->n_layers, step = (size_t)ceil(11.0 / width);
    oz_svg_text(t, 0.0, NAMES - 8.0, "h", base->name);
    for (size_t i = 0; i < n; i += step)
        oz_svg_text_turned(t, LEFT + width * ((double)i + 0.5) + 4.0, NAMES - 4.0, -55.0, "soft small",
                           oz_text_cut(base->dense->layers[i].name, 18, cut, sizeof cut));
}

static void draw_cells(oz_text *t, const oz_variant *v, double width, double y) {
    for (size_t i = 0; i < v->n_layers; i++) {
        const oz_variant_layer *l = &v->layers[i];
        char classes[16], title[320];
        double bits = bits_of(l), x = LEFT + width * (double)i;
        int level = level_of(bits);
        snprintf(classes, sizeof classes, "q%d", level);
        snprintf(title, sizeof title, "%.80s: %.100s\n%s bytes, %s bits a weight", l->name, l->weight,
                 oz_show_count(l->bytes).text, oz_show_fixed(bits, 2).text);
        oz_svg_rect(t, x + 0.5, y + 0.5, width - 1.0, ROW - 1.0, classes, title);
        if (width >= NUMBER_ROOM)
            oz_svg_text(t, x + width / 2.0, y + ROW / 2.0 + 4.0, level < 5 ? "m small on0" : "m small on1",
                        oz_show_fixed(bits, bits < 9.95 ? 1 : 0).text);
    }
}

static void draw_block(oz_text *t, const oz_comparison *c, const oz_ranking *r, const oz_base_result *base,
                       double y) {
    const oz_row *rows[MAX_ROWS];
    size_t n = rows_of(r, base, rows);
    char method[128], cut[128];
    if (n) oz_svg_text(t, 0.0, y + BLOCK - 9.0, "b", oz_show_bytes(r->budget).text);
    for (size_t i = 0; i < n; i++) {
        const oz_variant *v = rows[i]->variant;
        double top = y + BLOCK + ROW * (double)i;
        char accuracy[64];
        oz_method_short(v->method, method, sizeof method);
        snprintf(accuracy, sizeof accuracy, "%s %%",
                 oz_show_fixed(100.0 * oz_variant_accuracy(c, v), 1).text);
        oz_svg_text(t, LEFT - 64.0, top + ROW / 2.0 + 4.0, rows[i]->state == OZ_ROW_RANKED ? "e" : "e soft",
                    oz_text_cut(method, 34, cut, sizeof cut));
        oz_svg_text(t, LEFT - 12.0, top + ROW / 2.0 + 4.0, "e soft", accuracy);
        draw_cells(t, v, cell_width(base), top);
    }
}

static void draw_key(oz_text *t) {
    double x = 0.0;
    for (int i = 0; i < LEVELS; i++) {
        char classes[16], text[64];
        snprintf(classes, sizeof classes, "q%d", i);
        if (i < LEVELS - 1)
            snprintf(text, sizeof text, "to %s", oz_show_fixed(LEVEL[i], 1).text);
        else
            snprintf(text, sizeof text, "more bits a weight, scales and index included");
        oz_svg_rect(t, x, 5.0, 16.0, 12.0, classes, NULL);
        oz_svg_text(t, x + 22.0, 15.0, "soft", text);
        x += 22.0 + oz_text_width(text, 12.0) + 16.0;
    }
}

void oz_plot_layers(oz_text *t, const oz_comparison *c, bool alone) {
    double height = KEY, at = KEY;
    for (size_t b = 0; b < c->n_bases; b++) height += panel_height(c, &c->bases[b]);
    oz_svg_open(t, OZ_PLOT_WIDTH, height, "What each layer got", alone);
    draw_key(t);
    for (size_t b = 0; b < c->n_bases; b++) {
        double y = NAMES;
        oz_svg_group(t, 0.0, at);
        draw_names(t, &c->bases[b]);
        for (size_t i = 0; i < c->n_rankings; i++) {
            draw_block(t, c, &c->rankings[i], &c->bases[b], y);
            y += block_height(&c->rankings[i], &c->bases[b]);
        }
        oz_svg_group_end(t);
        at += panel_height(c, &c->bases[b]);
    }
    oz_svg_close(t);
}

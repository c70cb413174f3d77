/* plot_bytes.c - where the bytes of each model go: a stacked bar a row, one block a budget. */
#include "evaluate/plot.h"

#include "evaluate/number.h"

#include <math.h>
#include <stdio.h>

enum { LEFT = 300, RIGHT = 90, ROW = 20, BAR = 13, HEAD = 46, GAP = 22, KEY = 34, MAX_ROWS = 16, KINDS = 7 };

static const char *const NAMES[KINDS] = {"values",  "index and signs",  "scales",      "biases and norms",
                                         "padding", "header and graph", "made at load"};

static void kinds_of(const oz_variant *v, uint64_t out[KINDS]) {
    const oz_bytes *b = &v->bytes;
    const uint64_t kinds[KINDS] = {b->values,  b->index,  b->scales,        b->vectors,
                                   b->padding, b->header, v->extra_resident};
    for (int i = 0; i < KINDS; i++) out[i] = kinds[i];
}

static size_t rows_shown(const oz_ranking *r) {
    size_t n = 0;
    while (n < r->n && n < MAX_ROWS && r->rows[n].state <= OZ_ROW_UNTRAINED) n++;
    return n;
}

static double panel_height(const oz_ranking *r) {
    return HEAD + ROW * (double)rows_shown(r) + GAP;
}

static void draw_bar(oz_text *t, const oz_scale *x, const oz_variant *v, double y) {
    uint64_t kinds[KINDS], sum = 0;
    kinds_of(v, kinds);
    for (int i = 0; i < KINDS; i++) {
        char classes[16], title[128];
        double from = oz_scale_at(x, (double)sum), to = oz_scale_at(x, (double)(sum + kinds[i]));
        sum += kinds[i];
        if (kinds[i] == 0) continue;
        snprintf(classes, sizeof classes, "b%d", i);
        snprintf(title, sizeof title, "%s: %s bytes", NAMES[i], oz_show_count(kinds[i]).text);
        oz_svg_rect(t, from, y - BAR / 2.0, fmax(to - from, 0.3), BAR, classes, title);
    }
}

static void draw_panel(oz_text *t, const oz_comparison *c, const oz_ranking *r) {
    char label[160], cut[128];
    size_t n = rows_shown(r);
    oz_scale x = {0.0, (double)r->budget * 1.02, LEFT, OZ_PLOT_WIDTH - RIGHT, false};
    double line = oz_scale_at(&x, (double)r->budget), bottom = HEAD + ROW * (double)n;
    oz_svg_text(t, 0.0, HEAD - 16.0, "h", oz_show_bytes(r->budget).text);
    for (size_t i = 0; i < n; i++) {
        const oz_variant *v = r->rows[i].variant;
        double y = HEAD + ROW * ((double)i + 0.5);
        oz_variant_label(c, v, label, sizeof label);
        oz_svg_text(t, LEFT - 14.0, y + 4.0, r->rows[i].state == OZ_ROW_RANKED ? "e" : "e soft",
                    oz_text_cut(label, 42, cut, sizeof cut));
        draw_bar(t, &x, v, y);
        oz_svg_text(t, OZ_PLOT_WIDTH, y + 4.0, "e soft", oz_show_count(oz_variant_size(c, v)).text);
    }
    oz_svg_line(t, line, HEAD - 6.0, line, bottom + 4.0, "budget");
    if (n == 0) oz_svg_text(t, LEFT, HEAD, "soft", "nothing fits this budget");
}

static void draw_key(oz_text *t) {
    double x = 0.0;
    for (int i = 0; i < KINDS; i++) {
        char classes[16];
        snprintf(classes, sizeof classes, "b%d", i);
        oz_svg_rect(t, x, 5.0, 11.0, 11.0, classes, NULL);
        oz_svg_text(t, x + 17.0, 15.0, "soft", NAMES[i]);
        x += 17.0 + oz_text_width(NAMES[i], 12.0) + 18.0;
    }
}

void oz_plot_bytes(oz_text *t, const oz_comparison *c, bool alone) {
    double height = KEY, at = KEY;
    for (size_t i = 0; i < c->n_rankings; i++) height += panel_height(&c->rankings[i]);
    oz_svg_open(t, OZ_PLOT_WIDTH, height, "Bytes by kind", alone);
    draw_key(t);
    for (size_t i = 0; i < c->n_rankings; i++) {
        oz_svg_group(t, 0.0, at);
        draw_panel(t, c, &c->rankings[i]);
        oz_svg_group_end(t);
        at += panel_height(&c->rankings[i]);
    }
    oz_svg_close(t);
}

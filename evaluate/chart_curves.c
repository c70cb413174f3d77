/* chart_curves.c - speeds over a growing share of zeros, one panel a batch: where a curve crosses a line,
 * what it stands for begins to pay. The line at 1 is dense f32; the y axis is logarithmic. */
#include "evaluate/buffer.h"
#include "evaluate/number.h"
#include "evaluate/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    COLUMNS = 2,
    WIDTH = 520,
    HEIGHT = 300,
    LEFT = 44,
    RIGHT = 14,
    TOP = 34,
    BOTTOM = 40,
    HEAD = 54,
    COLOURS = 6
};

typedef struct oz_curve_panel {
    const oz_speed_curve *curves; /* of one panel */
    size_t n;
    oz_scale x, y;
} oz_curve_panel;

static size_t panel_end(const oz_speed_curve *curves, size_t n, size_t from) {
    size_t i = from;
    while (i < n && strcmp(curves[i].panel, curves[from].panel) == 0) i++;
    return i;
}

/* The share of what is left, 1 - x, halves from one grid line to the next: 50, 75, 87.5 %. */
static double place(const oz_curve_panel *p, double zeros) {
    return oz_scale_at(&p->x, 1.0 / (1.0 - zeros));
}

static oz_curve_panel panel_of(const oz_speed_curve *curves, size_t n) {
    oz_curve_panel p = {
        curves, n, {2.0, 2.0, LEFT, WIDTH - RIGHT, true}, {0.5, 2.0, HEIGHT - BOTTOM, TOP, true}};
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < curves[i].n; k++) {
            if (!(curves[i].speed[k] > 0.0)) continue;
            p.x.to = fmax(p.x.to, 1.0 / (1.0 - curves[i].zeros[k]));
            p.y.from = fmin(p.y.from, exp2(floor(log2(curves[i].speed[k]))));
            p.y.to = fmax(p.y.to, exp2(ceil(log2(curves[i].speed[k]))));
        }
    }
    return p;
}

static void draw_axes(oz_text *t, const oz_curve_panel *p) {
    static const double zeros[] = {0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99};
    char label[16];
    oz_svg_text(t, LEFT, TOP - 12.0, "b", p->curves[0].panel);
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        if (1.0 / (1.0 - zeros[i]) > p->x.to * 1.001) continue;
        double at = place(p, zeros[i]);
        snprintf(label, sizeof label, "%.0f %%", 100.0 * zeros[i]);
        oz_svg_line(t, at, TOP, at, HEIGHT - BOTTOM, "grid");
        oz_svg_text(t, at, HEIGHT - BOTTOM + 16.0, "m soft", label);
    }
    oz_svg_text(t, WIDTH - RIGHT, HEIGHT - BOTTOM + 32.0, "e soft", "zeros");
    for (double v = p->y.from; v <= p->y.to * 1.01; v *= 2.0) {
        double at = oz_scale_at(&p->y, v);
        oz_svg_line(t, LEFT, at, WIDTH - RIGHT, at, fabs(v - 1.0) < 1e-9 ? "axis" : "grid");
        oz_svg_text(t, LEFT - 8.0, at + 4.0, "e soft", oz_show_digits(v, 2).text);
    }
}

/* A share that was not measured has no speed. */
static void draw_line(oz_text *t, const oz_curve_panel *p, const oz_speed_curve *c, const char *classes) {
    bool first = true;
    oz_svg_path(t, classes);
    for (size_t k = 0; k < c->n; k++) {
        if (!(c->speed[k] > 0.0)) continue;
        oz_svg_to(t, place(p, c->zeros[k]), oz_scale_at(&p->y, c->speed[k]), first);
        first = false;
    }
    oz_svg_path_end(t, false, c->label);
}

static void draw_curve(oz_text *t, const oz_curve_panel *p, const oz_speed_curve *c, size_t colour) {
    char classes[32], title[160];
    snprintf(classes, sizeof classes, "curve k%zu%s", colour, c->dashed ? " d1" : "");
    if (c->joined) draw_line(t, p, c, classes);
    if (c->dashed) return;
    snprintf(classes, sizeof classes, "mark k%zu", colour);
    for (size_t k = 0; k < c->n; k++) {
        if (!(c->speed[k] > 0.0)) continue;
        snprintf(title, sizeof title, "%.100s, %.1f %% zeros: %s x dense f32", c->label, 100.0 * c->zeros[k],
                 oz_show_digits(c->speed[k], 3).text);
        oz_svg_mark(t, c->joined ? OZ_SHAPE_CIRCLE : OZ_SHAPE_DIAMOND, place(p, c->zeros[k]),
                    oz_scale_at(&p->y, c->speed[k]), c->joined ? 2.2 : 4.0, classes, title);
    }
}

static void draw_key(oz_text *t, const oz_curve_panel *p) {
    char classes[32];
    double x = 0.0;
    for (size_t i = 0; i < p->n; i++) {
        const oz_speed_curve *c = &p->curves[i];
        snprintf(classes, sizeof classes, "curve k%zu%s", i % COLOURS, c->dashed ? " d1" : "");
        if (c->joined)
            oz_svg_line(t, x, 33.0, x + 20.0, 33.0, classes);
        else
            oz_svg_mark(t, OZ_SHAPE_DIAMOND, x + 12.0, 33.0, 4.0, classes, NULL);
        oz_svg_text(t, x + 26.0, 37.0, "soft", c->label);
        x += 26.0 + oz_text_width(c->label, 12.0) + 20.0;
    }
}

oz_status oz_curves_chart(const char *title, const oz_speed_curve *curves, size_t n, oz_buffer *svg,
                          oz_error *err) {
    oz_text t = {.allocator = NULL};
    size_t panels = 0, at = 0;
    for (size_t i = 0; i < n; i = panel_end(curves, n, i)) panels++;
    size_t lines = (panels + COLUMNS - 1) / COLUMNS;
    oz_svg_open(&t, OZ_PLOT_WIDTH, HEAD + HEIGHT * (double)lines, title, true);
    oz_svg_text(&t, 0.0, 14.0, "h", title);
    for (size_t i = 0; i < n; i = panel_end(curves, n, i), at++) {
        oz_curve_panel p = panel_of(curves + i, panel_end(curves, n, i) - i);
        if (i == 0) draw_key(&t, &p);
        oz_svg_group(&t, (OZ_PLOT_WIDTH - WIDTH) * (double)(at % COLUMNS),
                     HEAD + HEIGHT * (double)(at / COLUMNS));
        draw_axes(&t, &p);
        for (size_t k = 0; k < p.n; k++) draw_curve(&t, &p, &p.curves[k], k % COLOURS);
        oz_svg_group_end(&t);
    }
    oz_svg_close(&t);
    return oz_buffer_from_text(&t, svg, err);
}

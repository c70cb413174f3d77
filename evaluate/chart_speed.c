/* chart_speed.c - rows of a benchmark: how many times as fast as the dense layer, and how far the machine's
 * limits are.
 *
 * A bar begins at dense's speed and ends at the row's, so that losses point to the left; the pale bar behind
 * it ends at what the limits would allow, and a diamond stands at the target. The axis is logarithmic: equal
 * ratios have equal lengths. */
#include "evaluate/buffer.h"
#include "evaluate/number.h"
#include "evaluate/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEFT = 350, RIGHT = 300, ROW = 19, BAR = 9, HEAD = 80, GROUP = 34, FOOT = 26 };

static bool begins_group(const oz_speed_row *rows, size_t i) {
    return i == 0 || strcmp(rows[i].group, rows[i - 1].group) != 0;
}

static double height_of(const oz_speed_row *rows, size_t n) {
    double height = HEAD + FOOT;
    for (size_t i = 0; i < n; i++) height += begins_group(rows, i) ? ROW + GROUP : ROW;
    return height;
}

static void widen(oz_scale *x, double v) {
    if (!(v > 0.0) || !isfinite(v)) return;
    x->from = fmin(x->from, exp2(floor(log2(v * 0.98))));
    x->to = fmax(x->to, exp2(ceil(log2(v * 1.02))));
}

/* From a power of two to another. */
static oz_scale axis_of(const oz_speed_row *rows, size_t n) {
    oz_scale x = {0.5, 2.0, LEFT, OZ_PLOT_WIDTH - RIGHT, true};
    for (size_t i = 0; i < n; i++) {
        widen(&x, rows[i].speed);
        widen(&x, rows[i].limit);
        widen(&x, rows[i].target);
    }
    return x;
}

static void draw_axis(oz_text *t, const oz_scale *x, double bottom) {
    for (double v = x->from; v <= x->to * 1.01; v *= 2.0) {
        double at = oz_scale_at(x, v);
        oz_svg_line(t, at, HEAD - 12.0, at, bottom, fabs(v - 1.0) < 1e-9 ? "axis" : "grid");
        oz_svg_text(t, at, HEAD - 18.0, "m soft", oz_show_digits(v, 2).text);
    }
    oz_svg_text(t, LEFT - 32.0, HEAD - 18.0, "e soft", "times as fast as dense f32");
}

static void draw_span(oz_text *t, const oz_scale *x, double from, double to, double y, const char *classes) {
    double a = oz_scale_at(x, from), b = oz_scale_at(x, to);
    oz_svg_rect(t, fmin(a, b), y - BAR / 2.0, fmax(fabs(b - a), 1.5), BAR, classes, NULL);
}

static const char *colour_of(const oz_speed_row *row) {
    if (row->rival) return "k6";
    return !(row->target > 0.0) ? "k0" : row->speed < row->target ? "k1" : "k2";
}

static void draw_row(oz_text *t, const oz_scale *x, const oz_speed_row *row, double y) {
    char classes[16], cut[128];
    const char *colour = colour_of(row);
    oz_svg_text(t, LEFT - 14.0, y + 4.0, row->rival ? "e soft" : "e",
                oz_text_cut(row->label, 50, cut, sizeof cut));
    oz_svg_text(t, OZ_PLOT_WIDTH - RIGHT + 14.0, y + 4.0, "soft",
                oz_text_cut(row->note, 46, cut, sizeof cut));
    if (!(row->speed > 0.0)) return;
    snprintf(classes, sizeof classes, "%s band", colour);
    if (row->limit > 0.0) draw_span(t, x, fmin(1.0, row->speed), row->limit, y, classes);
    draw_span(t, x, 1.0, row->speed, y, colour);
    if (row->target > 0.0)
        oz_svg_mark(t, OZ_SHAPE_DIAMOND, oz_scale_at(x, row->target), y, 4.0, "mark k7 open", NULL);
}

static void draw_word(oz_text *t, double *x, const char *classes, const char *word) {
    if (classes)
        oz_svg_rect(t, *x, 25.0, 11.0, BAR, classes, NULL);
    else
        oz_svg_mark(t, OZ_SHAPE_DIAMOND, *x + 5.5, 29.5, 4.0, "mark k7 open", NULL);
    oz_svg_text(t, *x + 17.0, 33.0, "soft", word);
    *x += 17.0 + oz_text_width(word, 12.0) + 18.0;
}

/* What colours and marks mean. */
static void draw_key(oz_text *t, const oz_speed_row *rows, size_t n) {
    bool plain = false, on = false, off = false, rival = false, limit = false;
    double x = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (!(rows[i].speed > 0.0)) continue;
        const char *colour = colour_of(&rows[i]);
        plain |= colour[1] == '0', off |= colour[1] == '1', on |= colour[1] == '2', rival |= colour[1] == '6';
        limit |= rows[i].limit > 0.0;
    }
    if (plain) draw_word(t, &x, "k0", "reached");
    if (on) draw_word(t, &x, "k2", "reached, on target");
    if (off) draw_word(t, &x, "k1", "target missed");
    if (on || off) draw_word(t, &x, NULL, "target");
    if (rival) draw_word(t, &x, "k6", "another engine");
    if (limit) draw_word(t, &x, plain ? "k0 band" : "k6 band", "what the machine's limits allow");
}

oz_status oz_speed_chart(const char *title, const oz_speed_row *rows, size_t n, oz_buffer *svg,
                         oz_error *err) {
    oz_text t = {.allocator = NULL};
    oz_scale x = axis_of(rows, n);
    double height = height_of(rows, n), y = HEAD;
    oz_svg_open(&t, OZ_PLOT_WIDTH, height, title, true);
    oz_svg_text(&t, 0.0, 14.0, "h", title);
    draw_key(&t, rows, n);
    draw_axis(&t, &x, height - FOOT + 8.0);
    for (size_t i = 0; i < n; i++) {
        if (begins_group(rows, i)) {
            oz_svg_text(&t, 0.0, y + GROUP - 14.0, "b", rows[i].group);
            y += GROUP;
        }
        draw_row(&t, &x, &rows[i], y + ROW / 2.0);
        y += ROW;
    }
    oz_svg_close(&t);
    return oz_buffer_from_text(&t, svg, err);
}

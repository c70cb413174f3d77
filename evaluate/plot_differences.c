/* plot_differences.c - each model's difference to the best of its budget, with its interval: a forest plot.
 *
 * The band behind the rows is the answer: whoever stands in it cannot be told apart from the best. */
#include "evaluate/plot.h"

#include "evaluate/number.h"

#include <math.h>
#include <stdio.h>

enum { LEFT = 300, RIGHT = 250, ROW = 20, HEAD = 50, FOOT = 40, GAP = 20 };
static const double LOWEST = -25.0; /* points; what lies lower is an arrow */

static bool is_shown(const oz_row *row) {
    return row->state <= OZ_ROW_OVER;
}

static size_t rows_shown(const oz_ranking *r) {
    size_t n = 0;
    while (n < r->n && is_shown(&r->rows[n])) n++;
    return n;
}

/* Extra space before the first row that does not compete. */
static double row_y(const oz_ranking *r, size_t i) {
    return HEAD + ROW * ((double)i + 0.5) + (i >= r->n_ranked ? 14.0 : 0.0);
}

static double panel_height(const oz_ranking *r) {
    size_t n = rows_shown(r);
    return (n ? row_y(r, n - 1) : HEAD) + ROW + FOOT + GAP;
}

static oz_scale axis_of(const oz_comparison *c) {
    double low = -1.0, high = 1.0;
    for (size_t k = 0; k < c->n_rankings; k++) {
        const oz_ranking *r = &c->rankings[k];
        for (size_t i = 0; i < rows_shown(r); i++) {
            low = fmin(low, 100.0 * r->rows[i].interval.low);
            high = fmax(high, 100.0 * r->rows[i].interval.high);
        }
    }
    return (oz_scale){fmax(low, LOWEST) - 0.5, fmin(high, 15.0) + 0.5, LEFT, OZ_PLOT_WIDTH - RIGHT, false};
}

static void draw_axis(oz_text *t, const oz_scale *x, double top, double bottom) {
    double ticks[OZ_TICKS];
    size_t n = oz_ticks(x->from, x->to, 10, ticks);
    for (size_t i = 0; i < n; i++) {
        double at = oz_scale_at(x, ticks[i]);
        oz_svg_line(t, at, top, at, bottom, fabs(ticks[i]) < 1e-9 ? "axis" : "grid");
        oz_svg_text(t, at, bottom + 16.0, "m soft", oz_show_signed(ticks[i], 0).text);
    }
    oz_svg_text(t, x->high, bottom + 32.0, "e soft", "accuracy minus the best's, points");
}

static void row_text(const oz_row *row, char *out, size_t room) {
    if (row->best) {
        snprintf(out, room, "best");
        return;
    }
    snprintf(out, room, "%s  [%s, %s]%s", oz_show_signed(100.0 * row->difference, 1).text,
             oz_show_signed(100.0 * row->interval.low, 1).text,
             oz_show_signed(100.0 * row->interval.high, 1).text, row->tied ? "  =" : "");
}

static void draw_interval(oz_text *t, const oz_scale *x, const oz_row *row, double y,
                          const oz_family *family) {
    char classes[48], title[256];
    double low = fmax(100.0 * row->interval.low, x->from), high = fmin(100.0 * row->interval.high, x->to);
    double at = 100.0 * row->difference;
    const char *look = row->state == OZ_ROW_RANKED ? "" : "faint";
    snprintf(title, sizeof title, "better on %s records, worse on %s; p = %s, adjusted %s",
             oz_show_count(row->pairs.first).text, oz_show_count(row->pairs.second).text,
             oz_show_digits(row->p, 2).text, oz_show_digits(row->adjusted, 2).text);
    oz_classes(classes, sizeof classes, "curve", family->colour, look);
    if (!row->best && high > x->from)
        oz_svg_line(t, oz_scale_at(x, low), y, oz_scale_at(x, high), y, classes);
    oz_classes(classes, sizeof classes, "mark", family->colour, look);
    if (at >= x->from)
        oz_svg_mark(t, family->shape, oz_scale_at(x, at), y, 4.5, classes, title);
    else
        oz_svg_text(t, x->low + 2.0, y + 4.0, "soft", "\xe2\x97\x80");
}

static void draw_row(oz_text *t, const oz_comparison *c, const oz_scale *x, const oz_row *row, double y) {
    char label[160], cut[128], value[128], title[512];
    const oz_variant *v = row->variant;
    bool quiet = row->state != OZ_ROW_RANKED;
    oz_svg_rect(t, 0.0, y - ROW / 2.0, OZ_PLOT_WIDTH, ROW, "hit",
                oz_variant_title(c, v, title, sizeof title));
    oz_variant_label(c, v, label, sizeof label);
    oz_svg_text(t, LEFT - 14.0, y + 4.0,
                quiet                    ? "e soft"
                : row->best || row->tied ? "e b"
                                         : "e",
                oz_text_cut(label, 42, cut, sizeof cut));
    draw_interval(t, x, row, y, oz_family_of(v->method, v->kind));
    row_text(row, value, sizeof value);
    oz_svg_text(t, x->high + 16.0, y + 4.0, quiet ? "soft" : row->tied || row->best ? "b" : "", value);
    const char *note = row->state == OZ_ROW_OVER        ? "over the budget"
                       : row->state == OZ_ROW_UNTRAINED ? "untrained fit"
                                                        : "";
    oz_svg_text(t, OZ_PLOT_WIDTH, y + 4.0, "e soft small", note);
}

static void draw_panel(oz_text *t, const oz_comparison *c, const oz_ranking *r, const oz_scale *x) {
    size_t n = rows_shown(r);
    double bottom = n ? row_y(r, n - 1) + ROW / 2.0 + 4.0 : HEAD;
    oz_svg_text(t, 0.0, HEAD - 22.0, "h", oz_show_bytes(r->budget).text);
    if (r->n_ranked) {
        size_t last = r->n_tied; /* ties need not stand together, but nearly always do */
        while (last + 1 < r->n_ranked && r->rows[last + 1].tied) last++;
        oz_svg_rect(t, 0.0, HEAD, OZ_PLOT_WIDTH, row_y(r, last) + ROW / 2.0 - HEAD, "win", NULL);
        oz_svg_text(t, LEFT - 14.0, HEAD - 8.0, "e soft small",
                    r->n_tied ? "cannot be told apart from the best"
                              : "the best, told apart from all others");
    } else {
        oz_svg_text(t, LEFT, HEAD - 8.0, "soft", "nothing fits this budget");
    }
    draw_axis(t, x, HEAD, bottom);
    for (size_t i = 0; i < n; i++) draw_row(t, c, x, &r->rows[i], row_y(r, i));
}

void oz_plot_differences(oz_text *t, const oz_comparison *c, bool alone) {
    double height = 0.0, at = 0.0;
    oz_scale x = axis_of(c);
    for (size_t i = 0; i < c->n_rankings; i++) height += panel_height(&c->rankings[i]);
    oz_svg_open(t, OZ_PLOT_WIDTH, height, "Differences to the best model of each budget", alone);
    for (size_t i = 0; i < c->n_rankings; i++) {
        oz_svg_group(t, 0.0, at);
        draw_panel(t, c, &c->rankings[i], &x);
        oz_svg_group_end(t);
        at += panel_height(&c->rankings[i]);
    }
    oz_svg_close(t);
}

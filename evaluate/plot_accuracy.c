/* plot_accuracy.c - accuracy against bytes, one panel a base network.
 *
 * Methods differ by points near the dense model and collapse to chance below; one linear axis would show
 * either. So the axis is broken: a tall part for what is worth having, a low strip down to chance. */
#include "evaluate/plot.h"

#include "evaluate/number.h"

#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LABELS = 64, LEFT = 58, RIGHT = 250, TOP = 62, BOTTOM = 44, TALL = 330, STRIP = 64, GAP = 26 };

typedef struct panel {
    const oz_comparison *c;
    const oz_base_result *base;
    oz_scale x, tall, strip;
    double broken; /* accuracy at the break; 0 = none */
    double y0, y1; /* top and bottom pixel */
} panel;

typedef struct label {
    double y, x, at; /* wanted and final height, where its curve ends */
    const oz_curve *curve;
} label;

static double percent(const panel *p, const oz_variant *v) {
    return 100.0 * oz_variant_accuracy(p->c, v);
}

static double y_of(const panel *p, double accuracy) {
    return oz_scale_at(accuracy < p->broken ? &p->strip : &p->tall, accuracy);
}

static double x_of(const panel *p, const oz_variant *v) {
    return oz_scale_at(&p->x, (double)oz_variant_size(p->c, v));
}

static bool mine(const panel *p, const oz_curve *curve) {
    return strcmp(curve->base, p->base->name) == 0 && curve->n > 0;
}

/* ---- scales ---------------------------------------------------------------------- */

static void extend(double v, double *low, double *high) {
    *low = fmin(*low, v);
    *high = fmax(*high, v);
}

/* All panels share their axes, so that networks can be compared by eye. */
static void set_scales(panel *p) {
    const oz_comparison *c = p->c;
    double low = HUGE_VAL, high = 0.0, worst = 100.0, best = 0.0;
    for (size_t i = 0; i < c->n_curves; i++) {
        for (size_t k = 0; k < c->curves[i].n; k++) {
            extend((double)oz_variant_size(c, c->curves[i].points[k].variant), &low, &high);
            extend(percent(p, c->curves[i].points[k].variant), &worst, &best);
        }
    }
    for (size_t i = 0; i < c->n_rankings; i++) extend((double)c->rankings[i].budget, &low, &high);
    for (size_t i = 0; i < c->n_ready; i++) extend((double)oz_variant_size(c, c->ready[i]), &low, &high);
    for (size_t i = 0; i < c->n_bases; i++) extend(percent(p, c->bases[i].dense), &worst, &best);
    double chance = 100.0 / (double)c->classes, top = fmin(100.0, best + 2.5);
    worst = fmin(worst, chance);
    p->x = (oz_scale){low / 1.06, high * 1.06, LEFT, OZ_PLOT_WIDTH - RIGHT, true};
    p->broken = top - worst > 45.0 ? floor((best - 28.0) / 5.0) * 5.0 : 0.0;
    double middle = p->broken > 0.0 ? p->y1 - STRIP : p->y1;
    p->tall = (oz_scale){p->broken > 0.0 ? p->broken : worst - 1.0, top, middle, p->y0, false};
    p->strip = (oz_scale){fmax(0.0, worst - 4.0), p->broken, p->y1, middle, false};
}

/* ---- axes ------------------------------------------------------------------------ */

static void draw_y_axis(oz_text *t, const panel *p) {
    double ticks[OZ_TICKS], left = p->x.low, right = p->x.high;
    if (p->broken > 0.0) {
        oz_svg_rect(t, left, p->strip.high, right - left, p->strip.low - p->strip.high, "strip", NULL);
        oz_svg_text(t, left - 8.0, p->strip.low + 4.0, "e soft", oz_show_fixed(p->strip.from, 0).text);
        oz_svg_text_turned(t, left - 44.0, 0.5 * (p->strip.low + p->strip.high), -90.0, "m soft small",
                           "squeezed");
    }
    size_t n = oz_ticks(p->tall.from, p->tall.to, 8, ticks);
    for (size_t i = 0; i < n; i++) {
        double y = oz_scale_at(&p->tall, ticks[i]);
        oz_svg_line(t, left, y, right, y, "grid");
        oz_svg_text(t, left - 8.0, y + 4.0, "e soft", oz_show_fixed(ticks[i], 0).text);
    }
    oz_svg_text_turned(t, left - 44.0, 0.5 * (p->tall.low + p->tall.high), -90.0, "m soft", "correct, %");
}

static void draw_x_axis(oz_text *t, const panel *p) {
    double ticks[OZ_TICKS], bottom = p->y1;
    size_t n = oz_ticks_bytes(p->x.from, p->x.to, 12, ticks);
    for (size_t i = 0; i < n; i++) {
        double x = oz_scale_at(&p->x, ticks[i]);
        oz_svg_line(t, x, bottom, x, bottom + 4.0, "axis");
        oz_svg_text(t, x, bottom + 18.0, "m soft", oz_show_bytes((uint64_t)ticks[i]).text);
    }
    oz_svg_line(t, p->x.low, bottom, p->x.high, bottom, "axis");
    oz_svg_text(t, p->x.high, bottom + 35.0, "e soft",
                p->c->by_stored ? "bytes of the file (log scale)" : "bytes in memory (log scale)");
    for (size_t i = 0; i < p->c->n_rankings; i++) {
        double x = oz_scale_at(&p->x, (double)p->c->rankings[i].budget);
        oz_svg_line(t, x, p->y0 - 4.0, x, bottom, "budget");
        oz_svg_text(t, x, p->y0 - 9.0, "m b", oz_show_bytes(p->c->rankings[i].budget).text);
    }
}

static void draw_references(oz_text *t, const panel *p) {
    const oz_variant *dense = p->base->dense;
    double chance = 100.0 / (double)p->c->classes, y = y_of(p, percent(p, dense)), bottom = y_of(p, chance);
    double high = y_of(p, fmin(p->tall.to, 100.0 * dense->accuracy.high)),
           low = y_of(p, 100.0 * dense->accuracy.low);
    oz_svg_rect(t, p->x.low, high, p->x.high - p->x.low, low - high, "band k0", NULL);
    oz_svg_line(t, p->x.low, y, p->x.high, y, "curve thin k0 d1");
    oz_svg_line(t, p->x.low, bottom, p->x.high, bottom, "curve thin k6 d2");
    oz_svg_text(t, p->x.low + 6.0, bottom - 5.0, "soft halo small", "chance");
    oz_svg_text(t, p->x.low + 6.0, y - 5.0, "k0 halo small", oz_base_label(p->base));
}

/* ---- curves ---------------------------------------------------------------------- */

/* Dashes tell the methods of one family apart: how many of it came before. */
static const char *dash_of(const panel *p, const oz_curve *curve) {
    static const char *const dashes[] = {"", "d1", "d2", "d3"};
    const oz_family *family = oz_family_of(curve->method, OZ_VARIANT_METHOD);
    size_t before = 0;
    for (const oz_curve *other = p->c->curves; other < curve; other++) {
        bool same =
            mine(p, other) && other->n > 1 && oz_family_of(other->method, OZ_VARIANT_METHOD) == family;
        before += same;
    }
    return dashes[before % 4];
}

static bool is_point(const oz_curve *curve) {
    return curve->points[0].variant == curve->points[curve->n - 1].variant;
}

static void draw_line(oz_text *t, const panel *p, const oz_curve *curve, const oz_family *family) {
    char classes[48];
    snprintf(classes, sizeof classes, "curve %s %s%s", family->colour, dash_of(p, curve),
             curve->untrained ? " thin" : "");
    oz_svg_path(t, classes);
    for (size_t i = 0; i < curve->n; i++) {
        const oz_variant *v = curve->points[i].variant;
        oz_svg_to(t, x_of(p, v), y_of(p, percent(p, v)), i == 0);
    }
    oz_svg_path_end(t, false, NULL);
}

static void draw_curve(oz_text *t, const panel *p, const oz_curve *curve) {
    char classes[48], title[512];
    const oz_family *family = oz_family_of(curve->method, OZ_VARIANT_METHOD);
    bool point = is_point(curve);
    if (!point) draw_line(t, p, curve, family);
    oz_classes(classes, sizeof classes, "mark", family->colour, point ? "" : "open");
    const oz_variant *last = NULL;
    for (size_t i = 0; i < curve->n; i++) {
        const oz_variant *v = curve->points[i].variant;
        if (v == last) continue;
        last = v;
        oz_svg_mark(t, family->shape, x_of(p, v), y_of(p, percent(p, v)), point ? 4.5 : 3.2, classes,
                    oz_variant_title(p->c, v, title, sizeof title));
    }
}

/* Wilson's interval around the curve whose points are best on average. */
static void draw_band(oz_text *t, const panel *p) {
    const oz_curve *best = NULL;
    double top = 0.0;
    char classes[32];
    for (size_t i = 0; i < p->c->n_curves; i++) {
        const oz_curve *curve = &p->c->curves[i];
        double sum = 0.0;
        if (!mine(p, curve) || is_point(curve)) continue;
        for (size_t k = 0; k < curve->n; k++) sum += percent(p, curve->points[k].variant);
        if (sum > top) top = sum, best = curve;
    }
    if (!best) return;
    oz_svg_path(t, oz_classes(classes, sizeof classes, "band",
                              oz_family_of(best->method, OZ_VARIANT_METHOD)->colour, ""));
    for (size_t i = 0; i < best->n; i++) {
        const oz_variant *v = best->points[i].variant;
        oz_svg_to(t, x_of(p, v), y_of(p, fmin(p->tall.to, 100.0 * v->accuracy.high)), i == 0);
    }
    for (size_t i = best->n; i-- > 0;) {
        const oz_variant *v = best->points[i].variant;
        oz_svg_to(t, x_of(p, v), y_of(p, 100.0 * v->accuracy.low), false);
    }
    oz_svg_path_end(t, true, NULL);
}

/* ---- labels ---------------------------------------------------------------------- */

static int by_height(const void *a, const void *b) {
    double x = ((const label *)a)->y, y = ((const label *)b)->y;
    return (x > y) - (x < y);
}

static size_t collect_labels(const panel *p, label *labels) {
    size_t n = 0;
    for (size_t i = 0; i < p->c->n_curves && n < MAX_LABELS; i++) {
        const oz_curve *curve = &p->c->curves[i];
        if (!mine(p, curve) || is_point(curve)) continue;
        const oz_variant *end = curve->points[curve->n - 1].variant;
        labels[n++] = (label){y_of(p, percent(p, end)), x_of(p, end), 0.0, curve};
    }
    qsort(labels, n, sizeof *labels, by_height);
    return n;
}

static void draw_labels(oz_text *t, const panel *p) {
    label labels[MAX_LABELS];
    double heights[MAX_LABELS];
    char text[96], cut[96], classes[32];
    size_t n = collect_labels(p, labels);
    for (size_t i = 0; i < n; i++) heights[i] = labels[i].y;
    oz_spread(heights, n, 15.0, p->y0 - 6.0, p->y1);
    for (size_t i = 0; i < n; i++) {
        const oz_family *family = oz_family_of(labels[i].curve->method, OZ_VARIANT_METHOD);
        double x = p->x.high + 30.0;
        oz_svg_path(t, "leader");
        oz_svg_to(t, labels[i].x + 5.0, labels[i].y, true);
        if (labels[i].x + 5.0 < p->x.high) oz_svg_to(t, p->x.high, labels[i].y, false);
        oz_svg_to(t, x - 4.0, heights[i], false);
        oz_svg_path_end(t, false, NULL);
        oz_svg_mark(t, family->shape, x + 4.0, heights[i], 3.6,
                    oz_classes(classes, sizeof classes, "mark", family->colour, "open"), NULL);
        oz_method_short(labels[i].curve->method, text, sizeof text);
        oz_svg_text(t, x + 14.0, heights[i] + 4.0, family->colour, oz_text_cut(text, 30, cut, sizeof cut));
    }
}

/* ---- names of points ------------------------------------------------------------- */

/* Places that are taken: of marks and names, half a width to either side of x. */
typedef struct places {
    size_t n;
    struct place {
        double x, y, half;
    } taken[4 * MAX_LABELS];
} places;

static void take(places *s, double x, double y, double half) {
    if (s->n < sizeof s->taken / sizeof s->taken[0]) s->taken[s->n++] = (struct place){x, y, half};
}

static bool is_free(const places *s, double x, double y, double half) {
    for (size_t i = 0; i < s->n; i++) {
        if (fabs(x - s->taken[i].x) < half + s->taken[i].half && fabs(y - s->taken[i].y) < 11.0) return false;
    }
    return true;
}

static void take_points(places *s, const panel *p) {
    for (size_t i = 0; i < p->c->n_curves; i++) {
        const oz_variant *v = p->c->curves[i].points[0].variant;
        if (mine(p, &p->c->curves[i]) && is_point(&p->c->curves[i]))
            take(s, x_of(p, v), y_of(p, percent(p, v)) + 4.0, 5.0);
    }
}

/* A method without a knob is one point; its name, the family's left out, stands below or above it where there
 * is room, and else only in its title. */
static void draw_point_names(oz_text *t, const panel *p) {
    static const double below[] = {18.0, -9.0, 30.0, -21.0, 42.0, -33.0, 54.0};
    char text[96], cut[48], classes[48];
    places s = {0};
    take_points(&s, p);
    for (size_t i = 0; i < p->c->n_curves; i++) {
        const oz_curve *curve = &p->c->curves[i];
        if (!mine(p, curve) || !is_point(curve)) continue;
        const oz_variant *v = curve->points[0].variant;
        oz_method_short(curve->method, text, sizeof text);
        const char *name =
            oz_text_cut(strncmp(text, "dense ", 6) == 0 ? text + 6 : text, 20, cut, sizeof cut);
        double half = 0.5 * oz_text_width(name, 11.0), x = fmax(x_of(p, v), p->x.low + half + 4.0);
        for (size_t k = 0; k < sizeof below / sizeof below[0]; k++) {
            double y = y_of(p, percent(p, v)) + below[k];
            if (!is_free(&s, x, y, half)) continue;
            take(&s, x, y, half);
            oz_classes(classes, sizeof classes, "m small halo",
                       oz_family_of(curve->method, OZ_VARIANT_METHOD)->colour, "");
            oz_svg_text(t, x, y, classes, name);
            break;
        }
    }
}

/* The best that any method makes of the other networks, so that a smaller network is never out of sight. */
static void draw_other_networks(oz_text *t, const panel *p) {
    double edge_x = 0.0, edge_y = 0.0, last = 0.0;
    size_t n = 0;
    if (p->c->n_bases < 2) return;
    oz_svg_path(t, "curve wide leader");
    for (size_t k = 0; k < 64; k++) {
        double bytes = p->x.from * pow(p->x.to / p->x.from, (double)k / 63.0), best = 0.0;
        for (size_t i = 0; i < p->c->n_curves; i++) {
            const oz_curve *curve = &p->c->curves[i];
            for (size_t j = 0; !mine(p, curve) && j < curve->n; j++) {
                const oz_variant *v = curve->points[j].variant;
                if ((double)oz_variant_size(p->c, v) <= bytes) best = fmax(best, percent(p, v));
            }
        }
        if (best <= 0.0) continue;
        double x = oz_scale_at(&p->x, bytes), y = y_of(p, best);
        if (n && best > last) oz_svg_to(t, x, y_of(p, last), false);
        oz_svg_to(t, x, y, n++ == 0);
        last = best, edge_x = x, edge_y = y;
    }
    oz_svg_path_end(t, false, NULL);
    if (n) oz_svg_text(t, edge_x - 4.0, edge_y + 14.0, "e soft small halo", "best of the other networks");
}

static void draw_ready(oz_text *t, const panel *p) {
    char title[512], cut[64];
    for (size_t i = 0; i < p->c->n_ready; i++) {
        const oz_variant *v = p->c->ready[i];
        double x = x_of(p, v), y = y_of(p, percent(p, v));
        oz_svg_mark(t, OZ_SHAPE_STAR, x, y, 6.0, "mark k7", oz_variant_title(p->c, v, title, sizeof title));
        oz_svg_text(t, x + 11.0, y + 4.0, "halo small", oz_text_cut(v->method, 28, cut, sizeof cut));
    }
}

static void draw_panel(oz_text *t, const panel *p) {
    oz_svg_text(t, 0.0, p->y0 - 34.0, "h", p->base->name);
    draw_y_axis(t, p);
    draw_x_axis(t, p);
    draw_references(t, p);
    draw_other_networks(t, p);
    draw_band(t, p);
    draw_labels(t, p);
    for (size_t i = 0; i < p->c->n_curves; i++) {
        if (mine(p, &p->c->curves[i])) draw_curve(t, p, &p->c->curves[i]);
    }
    draw_point_names(t, p);
    draw_ready(t, p);
}

void oz_plot_accuracy(oz_text *t, const oz_comparison *c, bool alone) {
    double each = TOP + TALL + STRIP + BOTTOM + GAP;
    oz_svg_open(t, OZ_PLOT_WIDTH, each * (double)c->n_bases, "Accuracy against bytes", alone);
    for (size_t i = 0; i < c->n_bases; i++) {
        panel p = {.c = c, .base = &c->bases[i], .y0 = TOP, .y1 = TOP + TALL + STRIP};
        set_scales(&p);
        oz_svg_group(t, 0.0, each * (double)i);
        draw_panel(t, &p);
        oz_svg_group_end(t);
    }
    oz_svg_close(t);
}

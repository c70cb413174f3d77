/* plot_latency.c - latency at batch 1 against accuracy, one panel a budget.
 *
 * All models of a panel fit the same memory, so what is left to weigh is time against accuracy: the stepped
 * line joins those that no other beats in both. Far worse models are left out and counted. */
#include "evaluate/plot.h"

#include "evaluate/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLUMNS = 3,
    LEFT = 50,
    GAP = 22,
    TOP = 58,
    TALL = 300,
    LIST = 62,
    LINE = 16,
    MAX_LISTED = 8,
    MAX_SHOWN = 256
};
static const double BELOW = 22.0; /* points under the best that are still shown */

typedef struct shown {
    const oz_variant *v;
    double accuracy, ms;
    bool front; /* nothing is both faster and better */
} shown;

typedef struct panel {
    const oz_comparison *c;
    const oz_ranking *ranking;
    oz_scale x, y;
    shown all[MAX_SHOWN];
    size_t n, hidden;
} panel;

static int by_time(const void *a, const void *b) {
    double x = ((const shown *)a)->ms, y = ((const shown *)b)->ms;
    return (x > y) - (x < y);
}

static void collect(panel *p) {
    const oz_ranking *r = p->ranking;
    double best = r->n ? 100.0 * oz_variant_accuracy(p->c, r->rows[0].variant) : 0.0, top = -1.0;
    for (size_t i = 0; i < r->n && r->rows[i].state <= OZ_ROW_UNTRAINED && p->n < MAX_SHOWN; i++) {
        const oz_variant *v = r->rows[i].variant;
        double accuracy = 100.0 * oz_variant_accuracy(p->c, v);
        if (v->latency_ns <= 0.0) continue;
        if (accuracy < best - BELOW)
            p->hidden++;
        else
            p->all[p->n++] = (shown){v, accuracy, v->latency_ns / 1e6, false};
    }
    qsort(p->all, p->n, sizeof *p->all, by_time);
    for (size_t i = 0; i < p->n; i++) {
        p->all[i].front = p->all[i].accuracy > top;
        top = fmax(top, p->all[i].accuracy);
    }
}

/* One pair of axes for all panels. */
static void share_axes(panel *panels, size_t n, double width) {
    double slow = 0.0, best = 0.0, worst = 100.0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < panels[i].n; k++) {
            slow = fmax(slow, panels[i].all[k].ms);
            best = fmax(best, panels[i].all[k].accuracy);
            worst = fmin(worst, panels[i].all[k].accuracy);
        }
    }
    for (size_t i = 0; i < n; i++) {
        panels[i].x = (oz_scale){0.0, slow * 1.08, LEFT, width, false};
        panels[i].y = (oz_scale){worst - 1.0, fmin(100.0, best + 1.5), TOP + TALL, TOP, false};
    }
}

static void draw_axes(oz_text *t, const panel *p) {
    double ticks[OZ_TICKS], bottom = p->y.low;
    size_t n = oz_ticks(p->y.from, p->y.to, 7, ticks);
    for (size_t i = 0; i < n; i++) {
        double y = oz_scale_at(&p->y, ticks[i]);
        oz_svg_line(t, p->x.low, y, p->x.high, y, "grid");
        oz_svg_text(t, p->x.low - 7.0, y + 4.0, "e soft", oz_show_fixed(ticks[i], 0).text);
    }
    n = oz_ticks(p->x.from, p->x.to, 5, ticks);
    for (size_t i = 0; i < n; i++) {
        double x = oz_scale_at(&p->x, ticks[i]);
        oz_svg_line(t, x, bottom, x, bottom + 4.0, "axis");
        oz_svg_text(t, x, bottom + 18.0, "m soft", oz_show_digits(ticks[i], 2).text);
    }
    oz_svg_line(t, p->x.low, bottom, p->x.high, bottom, "axis");
    oz_svg_text(t, p->x.high, bottom + 35.0, "e soft", "ms for one record");
    oz_svg_text(t, p->x.low - 7.0, p->y.high - 10.0, "soft", "correct, %");
}

static void draw_front(oz_text *t, const panel *p) {
    double last = 0.0;
    bool first = true;
    oz_svg_path(t, "curve thin k6");
    for (size_t i = 0; i < p->n; i++) {
        double x = oz_scale_at(&p->x, p->all[i].ms), y = oz_scale_at(&p->y, p->all[i].accuracy);
        if (!p->all[i].front) continue;
        if (!first) oz_svg_to(t, x, last, false);
        oz_svg_to(t, x, y, first);
        first = false;
        last = y;
    }
    if (!first) oz_svg_to(t, p->x.high, last, false);
    oz_svg_path_end(t, false, NULL);
}

static const oz_family *family_of(const oz_variant *v) {
    return oz_family_of(v->method, v->kind);
}

static void draw_marks(oz_text *t, const panel *p, bool *used) {
    char title[512], classes[48];
    for (size_t i = 0; i < p->n; i++) {
        const shown *s = &p->all[i];
        const oz_family *family = family_of(s->v);
        used[family - oz_families] = true;
        oz_variant_title(p->c, s->v, title, sizeof title);
        size_t n = strlen(title);
        snprintf(title + n, sizeof title - n, "\n%s at batch 1", oz_show_time(s->v->latency_ns).text);
        oz_classes(classes, sizeof classes, "mark", family->colour, s->front ? "" : "open");
        oz_svg_mark(t, family->shape, oz_scale_at(&p->x, s->ms), oz_scale_at(&p->y, s->accuracy), 4.8,
                    classes, title);
    }
}

/* The front's models, best first: a number beside the mark, its name below the panel. */
static void draw_list(oz_text *t, const panel *p) {
    char label[160], cut[128], figure[8], classes[48];
    size_t done = 0;
    for (size_t i = p->n; i-- > 0 && done < MAX_LISTED;) {
        const shown *s = &p->all[i];
        if (!s->front) continue;
        double x = oz_scale_at(&p->x, s->ms), y = oz_scale_at(&p->y, s->accuracy),
               line = p->y.low + LIST + LINE * (double)done;
        snprintf(figure, sizeof figure, "%zu", ++done % 100);
        oz_classes(classes, sizeof classes, "e b small halo", family_of(s->v)->colour, "");
        oz_svg_text(t, x - 7.0, y - 5.0, classes, figure);
        oz_classes(classes, sizeof classes, "e b small", family_of(s->v)->colour, "");
        oz_svg_text(t, p->x.low - 12.0, line, classes, figure);
        oz_variant_label(p->c, s->v, label, sizeof label);
        oz_svg_text(t, p->x.low - 7.0, line, "small", oz_text_cut(label, 34, cut, sizeof cut));
        oz_svg_text(t, p->x.high, line, "e soft small", oz_show_time(s->v->latency_ns).text);
    }
}

static void draw_panel(oz_text *t, const panel *p, bool *used) {
    char note[64];
    oz_svg_text(t, p->x.low - 7.0, p->y.high - 28.0, "h", oz_show_bytes(p->ranking->budget).text);
    draw_axes(t, p);
    draw_front(t, p);
    draw_marks(t, p, used);
    draw_list(t, p);
    snprintf(note, sizeof note, "%zu lower, not shown", p->hidden);
    if (p->hidden) oz_svg_text(t, p->x.low + 4.0, p->y.low - 6.0, "soft small", note);
}

void oz_plot_latency(oz_text *t, const oz_comparison *c, bool alone) {
    enum { MAX_PANELS = 12 };
    static const double key = 26.0, each = TOP + TALL + LIST + LINE * MAX_LISTED + GAP;
    size_t n = c->n_rankings < MAX_PANELS ? c->n_rankings : MAX_PANELS, columns = n < COLUMNS ? n : COLUMNS;
    size_t lines = (n + COLUMNS - 1) / COLUMNS;
    double width = (OZ_PLOT_WIDTH - GAP * (double)(columns - 1)) / (double)columns;
    bool used[16] = {false};
    panel *panels = oz_alloc(t->allocator, n * sizeof *panels, 16);
    t->failed |= !panels;
    if (!panels) return;
    memset(panels, 0, n * sizeof *panels);
    for (size_t i = 0; i < n; i++) {
        panels[i].c = c;
        panels[i].ranking = &c->rankings[i];
        collect(&panels[i]);
    }
    share_axes(panels, n, width);
    oz_svg_open(t, OZ_PLOT_WIDTH, each * (double)lines + key, "Latency against accuracy", alone);
    for (size_t i = 0; i < n; i++) {
        size_t column = i % COLUMNS, line = i / COLUMNS;
        oz_svg_group(t, (width + GAP) * (double)column, each * (double)line);
        draw_panel(t, &panels[i], used);
        oz_svg_group_end(t);
    }
    oz_family_key(t, used, LEFT, each * (double)lines + 8.0);
    oz_svg_close(t);
    oz_release(t->allocator, panels, n * sizeof *panels);
}

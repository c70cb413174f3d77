/* crossover_report.c - what crossover.c has measured: text, Markdown, JSON and a chart of curves. */
#include "cli/bench/crossover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"

enum { TEXT = 64 };

/* "71 %", "50 %" from the first share on, "-" for never; of patterns, the names of those that are faster. */
static const char *from_text(const oz_crossover *c, const oz_crossing *x, size_t form, bool int8,
                             char out[TEXT]) {
    const oz_form *f = &c->forms[form];
    double from = int8 ? x->from_int8[form] : x->from_f32[form], level = int8 ? x->int8_speed : 1;
    out[0] = '\0';
    if (!f->pattern && from < 1)
        snprintf(out, TEXT, "%s%.0f %%", from <= 0 ? "<= " : "", 100 * (from <= 0 ? f->zeros[0] : from));
    for (size_t i = 0; f->pattern && i < f->n; i++) {
        size_t at = strlen(out);
        if (x->speed[form][i] >= level) snprintf(out + at, TEXT - at, "%s%s", at ? ", " : "", f->point[i]);
    }
    return out[0] ? out : "-";
}

static void print_crossing(const oz_crossover *c, const oz_crossing *x) {
    char a[TEXT], b[TEXT];
    printf("\nbatch %u: dense f32 %s (%s), dense int8 %s (%s), %.2fx\n", x->batch, oz_time_text(x->f32_ns),
           x->f32_name, oz_time_text(x->int8_ns), x->int8_name, x->int8_speed);
    for (size_t k = 0; k < OZ_CROSSOVER_FORMS; k++)
        printf("  %-12s faster than dense f32 from %-24s than dense int8 from %s\n", c->forms[k].label,
               from_text(c, x, k, false, a), from_text(c, x, k, true, b));
}

static void write_markdown(const oz_crossover *c, FILE *out) {
    char text[TEXT];
    fprintf(out, "| batch | best dense f32 | best dense int8 |");
    for (size_t k = 0; k < OZ_CROSSOVER_FORMS; k++)
        fprintf(out, " `%s` beats f32 | beats int8 |", c->forms[k].label);
    fprintf(out, "\n|---|---|---|");
    for (size_t k = 0; k < 2 * OZ_CROSSOVER_FORMS; k++) fprintf(out, "---|");
    for (size_t i = 0; i < c->n; i++) {
        const oz_crossing *x = &c->crossings[i];
        fprintf(out, "\n| %u | %s (%s) | %.2f x (%s) |", x->batch, oz_time_text(x->f32_ns), x->f32_name,
                x->int8_speed, x->int8_name);
        for (size_t k = 0; k < OZ_CROSSOVER_FORMS; k++) {
            fprintf(out, " %s |", from_text(c, x, k, false, text));
            fprintf(out, " %s |", from_text(c, x, k, true, text));
        }
    }
    fprintf(out, "\n");
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* null = never; the first share measured if it is faster at all of them. */
static json_t *from_json(const oz_form *f, double from) {
    return from >= 1 ? json_null() : json_real(from <= 0 ? f->zeros[0] : from);
}

static json_t *form_json(const oz_crossover *c, const oz_crossing *x, size_t k) {
    const oz_form *f = &c->forms[k];
    json_t *points = json_array();
    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(points, json_pack("{s:s, s:f, s:f}", "method", f->method[i], "zeros",
                                                f->zeros[i], "over_f32", x->speed[k][i]));
    json_t *out = json_pack("{s:s, s:o}", "form", f->label, "points", points);
    if (f->pattern) return out;
    json_object_set_new(out, "faster_than_f32_from", from_json(f, x->from_f32[k]));
    json_object_set_new(out, "faster_than_int8_from", from_json(f, x->from_int8[k]));
    return out;
}

static json_t *crossing_json(const oz_crossover *c, const oz_crossing *x) {
    json_t *forms = json_array();
    for (size_t k = 0; k < OZ_CROSSOVER_FORMS; k++) json_array_append_new(forms, form_json(c, x, k));
    json_t *out = json_pack("{s:I, s:I, s:i, s:I, s:f, s:s, s:f, s:f, s:s, s:f, s:o}", "rows",
                            (json_int_t)c->rows, "cols", (json_int_t)c->cols, "batch", x->batch, "threads",
                            (json_int_t)c->threads, "dense_f32_ns", x->f32_ns, "dense_f32", x->f32_name,
                            "ours_f32_ns", x->ours_ns, "dense_int8_ns", x->int8_ns, "dense_int8",
                            x->int8_name, "int8_over_f32", x->int8_speed, "forms", forms);
    if (x->round_trip_ns > 0) json_object_set_new(out, "round_trip_ns", json_real(x->round_trip_ns));
    return out;
}

static void add_json(const oz_crossover *c, json_t *list) {
    for (size_t i = 0; i < c->n; i++) json_array_append_new(list, crossing_json(c, &c->crossings[i]));
}

/* ---- the chart ------------------------------------------------------------------------------ */

/* "nm f32: 2:4, 1:4" */
static void label_form(const oz_form *f, char out[TEXT]) {
    size_t at = (size_t)snprintf(out, TEXT, "%s", f->label);
    for (size_t i = 0; f->pattern && i < f->n; i++)
        at += (size_t)snprintf(out + at, TEXT - at, "%s%s", i ? ", " : ": ", f->point[i]);
}

static int write_chart(const oz_crossover *c, const char *path) {
    enum { CURVES = OZ_CROSSOVER_FORMS + 1 };
    static oz_speed_curve curves[OZ_CROSSOVER_BATCHES * CURVES];
    static char panels[OZ_CROSSOVER_BATCHES][120];
    static double levels[OZ_CROSSOVER_BATCHES][2];
    static char labels[OZ_CROSSOVER_FORMS][TEXT];
    static const double ends[2] = {0.5, 0.99};
    char title[120];
    oz_buffer svg;
    oz_error err = {0};
    for (size_t k = 0; k < OZ_CROSSOVER_FORMS; k++) label_form(&c->forms[k], labels[k]);
    for (size_t i = 0; i < c->n; i++) {
        const oz_crossing *x = &c->crossings[i];
        snprintf(panels[i], sizeof panels[i], "batch %u: 1 is dense f32, %s (%s)", x->batch,
                 oz_time_text(x->f32_ns), x->f32_name);
        levels[i][0] = levels[i][1] = x->int8_speed > 0 ? x->int8_speed : 1;
        for (size_t k = 0; k < OZ_CROSSOVER_FORMS; k++) {
            const oz_form *f = &c->forms[k];
            curves[i * CURVES + k] =
                (oz_speed_curve){panels[i], labels[k], f->zeros, x->speed[k], f->n, !f->pattern, false};
        }
        curves[i * CURVES + CURVES - 1] =
            (oz_speed_curve){panels[i], "the fastest dense int8", ends, levels[i], 2, true, true};
    }
    snprintf(title, sizeof title, "Times as fast as dense f32: %llu x %llu, %llu threads",
             (unsigned long long)c->rows, (unsigned long long)c->cols, (unsigned long long)c->threads);
    if (oz_curves_chart(title, curves, c->n * CURVES, &svg, &err) != OZ_OK)
        return oz_report_error(NULL, &err);
    return oz_output_svg(path, &svg);
}

int oz_crossover_report(const oz_crossover *c, oz_output *out) {
    if (out->json)
        add_json(c, out->json);
    else
        printf("%llu x %llu, %llu threads, median of %zu\n", (unsigned long long)c->rows,
               (unsigned long long)c->cols, (unsigned long long)c->threads, c->runs);
    for (size_t i = 0; !out->json && i < c->n; i++) print_crossing(c, &c->crossings[i]);
    if (out->markdown) write_markdown(c, out->markdown);
    return out->plot_path ? write_chart(c, out->plot_path) : EXIT_DONE;
}

/* report_html.c - the page: answers first, then plots, then tables, then how to make it again.
 *
 * One file without scripts or outside resources: it can be mailed, archived and printed. */
#include "evaluate/report.h"

#include "evaluate/number.h"
#include "evaluate/plot.h"
#include "evaluate/report_html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void element(oz_text *t, const char *open, const char *text, const char *close) {
    oz_raw(t, open);
    oz_markup(t, text);
    oz_raw(t, close);
}

/* ---- head ------------------------------------------------------------------------ */

static void write_head(oz_text *t, const oz_comparison *c) {
    char budgets[256], line[512];
    oz_budget_list(c, budgets, sizeof budgets);
    oz_raw(t, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
              "<meta name=\"color-scheme\" content=\"light dark\">\n");
    element(t, "<title>Compressed models at ", budgets, "</title>\n<style>\n");
    oz_raw(t, oz_page_style);
    oz_svg_style(t);
    oz_raw(t, "</style>\n</head>\n<body>\n<main>\n<header>\n<p class=\"kicker\">ounce compare</p>\n");
    element(t, "<h1>Which compression, at ", budgets, "?</h1>\n");
    snprintf(line, sizeof line, "%zu network%s, %zu methods, %s records, %zu classes (chance %s %%). ",
             c->n_bases, c->n_bases == 1 ? "" : "s", c->n_methods, oz_show_count(c->records).text, c->classes,
             oz_show_fixed(100.0 / (double)c->classes, 1).text);
    element(t, "<p class=\"lead\">", line, "");
    oz_raw(t, "All models of a table fit the same bytes and answered the same records.</p>\n</header>\n");
}

/* ---- answers --------------------------------------------------------------------- */

static void fact(oz_text *t, const char *name, const char *value, const char *more) {
    element(t, "<div><dt>", name, "</dt><dd>");
    oz_markup(t, value);
    if (more[0]) element(t, " <small>", more, "</small>");
    oz_raw(t, "</dd></div>\n");
}

static void write_facts(oz_text *t, const oz_comparison *c, const oz_variant *v) {
    char accuracy[64], more[64];
    snprintf(accuracy, sizeof accuracy, "%s %%", oz_show_fixed(100.0 * oz_variant_accuracy(c, v), 1).text);
    snprintf(more, sizeof more, "\xc2\xb1 %s", oz_show_fixed(100.0 * oz_half_width(v->accuracy), 1).text);
    oz_raw(t, "<dl>\n");
    fact(t, "correct", accuracy, more);
    for (size_t b = 0; b < c->n_bases; b++) {
        if (strcmp(c->bases[b].name, v->base) != 0) continue;
        snprintf(accuracy, sizeof accuracy, "%s %%",
                 oz_show_fixed(100.0 * oz_variant_accuracy(c, c->bases[b].dense), 1).text);
        fact(t, oz_base_label(&c->bases[b]), accuracy,
             oz_show_bytes(oz_variant_size(c, c->bases[b].dense)).text);
    }
    snprintf(more, sizeof more, v->smaller > 0.0 ? "%s\xc3\x97 smaller than int8" : "%s",
             v->smaller > 0.0 ? oz_show_fixed(v->smaller, 1).text : "");
    fact(t, "size", oz_show_bytes(oz_variant_size(c, v)).text, more);
    snprintf(more, sizeof more, v->faster > 0.0 ? "%s\xc3\x97 int8's speed" : "%s",
             v->faster > 0.0 ? oz_show_fixed(v->faster, 2).text : "");
    if (v->latency_ns > 0.0) fact(t, "one record", oz_show_time(v->latency_ns).text, more);
    oz_raw(t, "</dl>\n");
}

static void write_answer(oz_text *t, const oz_comparison *c, const oz_ranking *r) {
    char line[512];
    oz_raw(t, r->n_tied || !r->n_ranked ? "<article class=\"card\">\n" : "<article class=\"card wins\">\n");
    element(t, "<h2>", oz_show_bytes(r->budget).text, "</h2>\n");
    if (r->n_ranked) {
        const oz_variant *best = r->rows[0].variant;
        oz_raw(t, "<p class=\"method\">");
        if (best->base[0]) element(t, "<span>", best->base, "</span> ");
        element(t, "<code>", best->method, "</code></p>\n");
    }
    oz_ranking_verdict(c, r, line, sizeof line);
    if (r->n_ranked > 1 && r->n_tied)
        snprintf(line, sizeof line,
                 "Most right answers, but %zu of the %zu others cannot be told apart from it.", r->n_tied,
                 r->n_ranked - 1);
    else if (r->n_ranked > 1)
        snprintf(line, sizeof line, "Beats each of the %zu others that fit.", r->n_ranked - 1);
    element(t, "<p class=\"verdict\">", line, "</p>\n");
    if (r->n_ranked) write_facts(t, c, r->rows[0].variant);
    oz_raw(t, "</article>\n");
}

/* ---- plots ----------------------------------------------------------------------- */

static void write_plots(oz_text *t, const oz_comparison *c) {
    for (size_t i = 0; i < oz_plots_count; i++) {
        const oz_plot *p = &oz_plots[i];
        if (p->has && !p->has(c)) continue;
        element(t, "<figure>\n<h2>", p->title, "</h2>\n");
        element(t, "<figcaption>", p->caption, "</figcaption>\n<div class=\"scroll\">\n");
        p->draw(t, c, false);
        oz_raw(t, "</div>\n</figure>\n");
    }
}

static void write_explanations(oz_text *t, const oz_comparison *c) {
    oz_raw(t, "<section>\n<h2>The columns</h2>\n<dl class=\"facts\">\n");
    for (size_t i = 0; i < oz_columns_count; i++) {
        if (c->timed || !oz_columns[i].timed) fact(t, oz_columns[i].heading, oz_columns[i].explanation, "");
    }
    oz_raw(t, "</dl>\n</section>\n");
}

/* ---- end ------------------------------------------------------------------------- */

static void write_limitations(oz_text *t, const oz_comparison *c) {
    char room[512];
    oz_raw(t, "<section class=\"box\">\n<h2>What this does not show</h2>\n<ul>\n");
    for (size_t i = 0;; i++) {
        const char *text = oz_limitation(c, i, room, sizeof room);
        if (!text) break;
        const char *dot = strchr(text, '.');
        size_t head = dot ? (size_t)(dot - text) + 1 : 0;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(head < 60 ? head : 0), text);
        element(t, "<li><b>", name, "</b>");
        element(t, "", text + strlen(name), "</li>\n");
    }
    oz_raw(t, "</ul>\n</section>\n");
}

static void write_provenance(oz_text *t, const oz_comparison *c) {
    char line[256];
    const oz_machine *m = &c->machine;
    oz_raw(t, "<section>\n<h2>How to make it again</h2>\n");
    if (c->command) element(t, "<pre>", c->command, "</pre>\n");
    oz_raw(t, "<dl class=\"facts\">\n");
    snprintf(line, sizeof line, "%s, %d cores, kernels up to %s, threads: %d", m->cpu, m->cores, m->isa,
             m->threads);
    fact(t, "machine", line, "");
    fact(t, "version", oz_version_string(), "");
    snprintf(line, sizeof line, "%s records, XXH3 %016" PRIx64, oz_show_count(c->records).text, c->data_hash);
    fact(t, "data", line, "");
    snprintf(line, sizeof line, "%s records, XXH3 %016" PRIx64, oz_show_count(c->calibration_records).text,
             c->calibration_hash);
    if (c->calibration_records) fact(t, "calibration", line, "");
    fact(t, "correction", c->correction, "the same for all methods");
    fact(t, "policy", c->policy, "the same for all methods");
    snprintf(line, sizeof line, "%" PRIu64, c->seed);
    fact(t, "seed", line, "");
    fact(t, "ranked by", c->by_stored ? "bytes of the file" : "bytes resident in memory", "");
    oz_raw(t, "</dl>\n</section>\n");
}

void oz_report_html(oz_text *t, const oz_comparison *c) {
    write_head(t, c);
    oz_raw(t, "<section class=\"cards\">\n");
    for (size_t i = 0; i < c->n_rankings; i++) write_answer(t, c, &c->rankings[i]);
    oz_raw(t, "</section>\n");
    write_plots(t, c);
    for (size_t i = 0; i < c->n_rankings; i++) oz_html_table(t, c, &c->rankings[i]);
    write_explanations(t, c);
    write_limitations(t, c);
    write_provenance(t, c);
    oz_raw(t, "</main>\n</body>\n</html>\n");
}

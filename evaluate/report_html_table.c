/* report_html_table.c - one budget's table: competitors, untrained fits, references, and what does not fit.
 */
#include "evaluate/report_html.h"

#include "evaluate/number.h"
#include "evaluate/svg.h"

#include <stdio.h>
#include <string.h>

static bool column_shown(const oz_comparison *c, const oz_column *column) {
    return c->timed || !column->timed;
}

static void write_headings(oz_text *t, const oz_comparison *c) {
    oz_raw(t, "<thead><tr>");
    for (size_t i = 0; i < oz_columns_count; i++) {
        if (!column_shown(c, &oz_columns[i])) continue;
        oz_text_format(t, "<th%s title=\"", oz_columns[i].right ? " class=\"r\"" : "");
        oz_markup(t, oz_columns[i].explanation);
        oz_raw(t, "\">");
        oz_markup(t, oz_columns[i].heading);
        oz_raw(t, "</th>");
    }
    oz_raw(t, "</tr></thead>\n<tbody>\n");
}

/* The first column names the network more quietly than the method. */
static void write_name(oz_text *t, const oz_comparison *c, const oz_variant *v) {
    oz_raw(t, "<td>");
    if (c->n_bases > 1 && v->base[0]) {
        oz_raw(t, "<span class=\"net\">");
        oz_markup(t, v->base);
        oz_raw(t, "</span> ");
    }
    oz_raw(t, v->kind == OZ_VARIANT_READY ? "" : "<code>");
    oz_markup(t, v->method);
    oz_raw(t, v->kind == OZ_VARIANT_READY ? " <span class=\"net\">ready-made</span></td>" : "</code></td>");
}

static void write_row(oz_text *t, const oz_comparison *c, const oz_ranking *r, const oz_row *row) {
    oz_text_format(t, "<tr class=\"%s%s%s\">", row->best || row->tied ? "win " : "",
                   row->best ? "first " : "", row->state == OZ_ROW_RANKED ? "" : "quiet");
    write_name(t, c, row->variant);
    for (size_t i = 1; i < oz_columns_count; i++) {
        oz_cell cell;
        if (!column_shown(c, &oz_columns[i])) continue;
        oz_columns[i].fill(c, r, row, &cell);
        oz_raw(t, oz_columns[i].right ? "<td class=\"r\">" : "<td class=\"wrap\">");
        oz_markup(t, cell.text);
        oz_raw(t, "</td>");
    }
    oz_raw(t, "</tr>\n");
}

static void write_block_heading(oz_text *t, oz_row_state state) {
    const char *text =
        state == OZ_ROW_UNTRAINED
            ? "Untrained fits: these methods are meant to be trained, here they were only fitted"
            : "For reference: over the budget";
    oz_text_format(t, "<tr class=\"block\"><th colspan=\"%zu\">%s</th></tr>\n", oz_columns_count, text);
}

/* Guessing, under the accuracy column. */
static void write_chance(oz_text *t, const oz_comparison *c) {
    oz_raw(t, "<tr class=\"quiet\"><td>chance</td><td></td><td></td><td></td><td class=\"r\">");
    oz_text_format(t, "%s</td></tr>\n", oz_show_fixed(100.0 / (double)c->classes, 1).text);
}

static void write_absent(oz_text *t, const oz_comparison *c, const oz_ranking *r, size_t first) {
    char line[512];
    if (first == r->n) return;
    oz_text_format(t, "<details><summary>%zu %s</summary>\n<ul>\n", r->n - first,
                   r->n - first == 1 ? "method does not fit" : "methods do not fit, or failed");
    for (size_t i = first; i < r->n; i++) {
        const oz_row *row = &r->rows[i];
        bool several = c->n_bases > 1 && row->variant->base[0];
        oz_raw(t, "<li>");
        oz_markup(t, several ? row->variant->base : "");
        oz_raw(t, several ? " <code>" : "<code>");
        oz_markup(t, row->variant->method);
        if (row->state == OZ_ROW_TOO_LARGE)
            snprintf(line, sizeof line, ": smallest %s", oz_show_bytes(row->smallest).text);
        else
            snprintf(line, sizeof line, ": %s", row->reason ? row->reason : "failed");
        oz_raw(t, "</code>");
        oz_markup(t, line);
        oz_raw(t, "</li>\n");
    }
    oz_raw(t, "</ul></details>\n");
}

void oz_html_table(oz_text *t, const oz_comparison *c, const oz_ranking *r) {
    char verdict[512];
    size_t i = 0;
    oz_ranking_verdict(c, r, verdict, sizeof verdict);
    oz_text_format(t, "<section class=\"ranking\">\n<h2>At %s</h2>\n<p>", oz_show_bytes(r->budget).text);
    oz_markup(t, verdict);
    oz_raw(t, "</p>\n<div class=\"scroll\"><table>\n");
    write_headings(t, c);
    for (; i < r->n && r->rows[i].state <= OZ_ROW_OVER; i++) {
        oz_row_state state = r->rows[i].state;
        if (state != OZ_ROW_RANKED && (i == 0 || r->rows[i - 1].state != state))
            write_block_heading(t, state);
        write_row(t, c, r, &r->rows[i]);
    }
    write_chance(t, c);
    oz_raw(t, "</tbody></table></div>\n");
    write_absent(t, c, r, i);
    oz_raw(t, "</section>\n");
}

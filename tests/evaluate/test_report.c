/* Reports of a made-up comparison: well formed, complete, within the terminal, names escaped. */
#include "made_up.h"
#include "markup.h"

#include "base/json.h"
#include "evaluate/plot.h"
#include "evaluate/report.h"
#include "evaluate/svg.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static oz_comparison *c;

static void make(void) {
    c = made_up_comparison();
}

static void finish(void) {
    oz_comparison_free(c);
}

TestSuite(report, .init = make, .fini = finish);

/* The report as a string, freed by the caller. */
static char *report(oz_report kind, int width, bool colour) {
    oz_buffer b;
    oz_error err;
    cr_assert(oz_comparison_report(c, kind, width, colour, &b, &err) == OZ_OK, "%s", err.message);
    cr_assert((uintptr_t)b.data % 64 == 0);
    char *text = calloc(b.bytes + 1, 1);
    cr_assert_not_null(text);
    memcpy(text, b.data, b.bytes);
    oz_release(NULL, b.data, b.bytes);
    return text;
}

Test(report, page_is_self_contained_and_balanced) {
    char *page = report(OZ_REPORT_HTML, 0, false);
    is_balanced(page, "page");
    cr_assert(!strstr(page, "<script") && !strstr(page, "src=") && !strstr(page, "@import") &&
              !strstr(page, "url("));
    cr_assert(!strstr(page, "href="));
    static const char *const needed[] = {
        "What this does not show", "Example CPU",    "9d3c5e2a71b04f86", "0.1.0",
        "ounce compare resnet20",  "Untrained fits", "over the budget",  "chance",
        "160, 96 and 64 KiB"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        cr_assert(strstr(page, needed[i]), "no %s", needed[i]);
    size_t plots = 0;
    for (const char *p = page; (p = strstr(p, "<svg")); p++) plots++;
    cr_assert(plots == oz_plots_count);
    free(page);
}

Test(report, names_are_escaped) {
    char *page = report(OZ_REPORT_HTML, 0, false);
    cr_assert(!strstr(page, "<81920>") && strstr(page, "&lt;81920&gt;"));
    free(page);
    oz_text t = {.allocator = NULL};
    oz_markup(&t, "a<b>&\"c'\x1b[31m\xff\xc3\xa9");
    cr_assert_str_eq(t.data, "a&lt;b&gt;&amp;&quot;c&#39;[31m\xef\xbf\xbd\xc3\xa9");
    oz_text_free(&t);
}

Test(report, plots_are_files_of_their_own) {
    char name[64];
    oz_buffer b;
    bool found = true;
    size_t n = 0;
    for (;; n++) {
        cr_assert(oz_comparison_plot(c, n, name, &b, &found, NULL) == OZ_OK);
        if (!found) break;
        char *text = calloc(b.bytes + 1, 1);
        cr_assert_not_null(text);
        memcpy(text, b.data, b.bytes);
        cr_assert(strncmp(text, "<svg xmlns=\"http://www.w3.org/2000/svg\"", 39) == 0 &&
                  strstr(text, "<style>"));
        cr_assert(strstr(name, ".svg") && !strstr(text, "nan") && !strstr(text, "inf\""));
        is_balanced(text, name);
        free(text);
        oz_release(NULL, b.data, b.bytes);
    }
    cr_assert(n == oz_plots_count && b.data == NULL);
}

Test(report, without_times_there_is_no_latency) {
    c->timed = false;
    char name[64];
    oz_buffer b;
    bool found = true;
    for (size_t i = 0; found; i++) {
        cr_assert(oz_comparison_plot(c, i, name, &b, &found, NULL) == OZ_OK);
        cr_assert(!found || strcmp(name, "latency.svg") != 0);
        oz_release(NULL, b.data, b.bytes);
    }
    char *text = report(OZ_REPORT_TEXT, 200, false);
    cr_assert(!strstr(text, "latency") && !strstr(text, "per s"));
    free(text);
}

/* Tables keep to the terminal's width; everything needed is there. */
Test(report, text_fits_the_terminal) {
    static const int widths[] = {60, 80, 100, 140, 200};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        char *text = report(OZ_REPORT_TEXT, widths[i], false);
        bool table = false;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            table =
                strncmp(line, "  method", 8) == 0 || (table && strncmp(line, "  untrained fit", 15) != 0 &&
                                                      strncmp(line, "  for reference", 15) != 0);
            if (strncmp(line, "  does not fit", 14) == 0 || strncmp(line, "At ", 3) == 0) table = false;
            cr_assert(!table || line[0] == '*' || line[0] == '=' || line[0] == ' ' || line[0] == '\xc3', "%s",
                      line);
            cr_assert(!table || oz_text_characters(line) <= (size_t)widths[i], "%d: %s", widths[i], line);
        }
        free(text);
    }
}

/* A narrow terminal says which columns it lacks; what is piped has them all. */
Test(report, columns_that_are_left_out_are_named) {
    char *narrow = report(OZ_REPORT_TEXT, 80, false), *piped = report(OZ_REPORT_TEXT, 0, false);
    char *note = strstr(narrow, "left out, the terminal is narrow: "), *line = strtok(note, "\n");
    cr_assert(line && strstr(line, "unused") && strstr(line, "--csv"), "%s", line);
    cr_assert(!strstr(piped, "left out"));
    char *head = strstr(piped, "  method ");
    cr_assert_not_null(head);
    head = strtok(head, "\n");
    for (size_t k = 0; k < oz_columns_count; k++)
        cr_assert(strstr(head, oz_columns[k].heading), "no %s in %s", oz_columns[k].heading, head);
    free(narrow);
    free(piped);
}

Test(report, text_tells_the_conditions) {
    char *text = report(OZ_REPORT_TEXT, 100, false);
    cr_assert(strstr(text, "policy: @first = dense,codec=int8; @bias = f16\ncorrection: affine"));
    cr_assert(!strstr(text, "threads: 0"));
    free(text);
}

Test(report, colour_only_when_asked) {
    char *plain = report(OZ_REPORT_TEXT, 0, false), *coloured = report(OZ_REPORT_TEXT, 0, true);
    cr_assert(!strchr(plain, '\x1b') && strstr(coloured, "\x1b[1;32m"));
    cr_assert(strstr(plain, "\n* ") && strstr(plain, "\n= ") && strstr(plain, "does not fit: "));
    free(plain);
    free(coloured);
}

static size_t fields_of(const char *line) {
    size_t n = 1;
    bool quoted = false;
    for (; *line; line++) {
        quoted ^= *line == '"';
        n += *line == ',' && !quoted;
    }
    return n;
}

Test(report, csv_has_a_line_for_every_row_and_point) {
    char *text = report(OZ_REPORT_CSV, 0, false);
    size_t want = 1, lines = 0, fields = 0;
    for (size_t i = 0; i < c->n_rankings; i++) want += c->rankings[i].n;
    for (size_t i = 0; i < c->n_curves; i++) want += c->curves[i].n;
    for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n"), lines++) {
        if (lines == 0) fields = fields_of(line);
        cr_assert(fields_of(line) == fields, "%s", line);
    }
    cr_assert(lines == want && fields > 30, "%zu lines, %zu wanted", lines, want);
    free(text);
}

Test(report, json_is_json) {
    c->bases[0].name = "bad \xff utf-8 \"quoted\"";
    c->curves[0].base = c->bases[0].name;
    char *text = report(OZ_REPORT_JSON, 0, false);
    oz_json j;
    oz_arena arena = {.allocator = NULL};
    oz_error err;
    cr_assert(oz_json_parse(&j, text, strlen(text), 0, &arena, &err) == OZ_OK, "%s", err.message);
    oz_value rankings = oz_json_find(&j, 0, "rankings");
    cr_assert(oz_json_size(&j, rankings) == c->n_rankings);
    oz_value rows = oz_json_find(&j, oz_json_first(&j, rankings), "rows");
    cr_assert(oz_json_size(&j, rows) == c->rankings[0].n);
    double accuracy;
    cr_assert(oz_json_double(&j, oz_json_find(&j, oz_json_first(&j, rows), "accuracy"), &accuracy));
    cr_assert(accuracy == oz_variant_accuracy(c, c->rankings[0].rows[0].variant));
    cr_assert(oz_json_type_of(&j, oz_json_find(&j, oz_json_first(&j, rankings), "winner")) == OZ_JSON_NULL);
    cr_assert(oz_json_size(&j, oz_json_find(&j, 0, "curves")) == c->n_curves);
    oz_arena_free(&arena);
    free(text);
}

Test(report, nothing_at_all) {
    oz_comparison empty = {
        .records = 10, .classes = 10, .correction = "none", .policy = "none", .machine = {.isa = "scalar"}};
    oz_ranking none = {.budget = 1};
    empty.rankings = &none;
    empty.n_rankings = 1;
    oz_comparison *kept = c;
    c = &empty;
    for (oz_report kind = OZ_REPORT_TEXT; kind <= OZ_REPORT_HTML; kind++) free(report(kind, 40, false));
    char name[64];
    oz_buffer b;
    bool found = true;
    for (size_t i = 0; found; i++) {
        cr_assert(oz_comparison_plot(c, i, name, &b, &found, NULL) == OZ_OK);
        oz_release(NULL, b.data, b.bytes);
    }
    oz_error err;
    cr_assert(oz_comparison_report(c, (oz_report)9, 0, false, &b, &err) == OZ_ERR_ARGUMENT);
    c = kept;
}

Test(report, labels_spread_within_their_room) {
    double y[5] = {10, 11, 11, 50, 90}, low[3] = {-5, -5, -5}, high[3] = {99, 99, 100};
    oz_spread(y, 5, 10, 0, 100);
    for (size_t i = 1; i < 5; i++) cr_assert(y[i] - y[i - 1] >= 10 - 1e-9);
    cr_assert(y[0] == 10 && y[4] == 90);
    oz_spread(low, 3, 10, 0, 100);
    cr_assert(low[0] == 0 && low[2] == 20);
    oz_spread(high, 3, 10, 0, 100);
    cr_assert(high[2] == 100 && high[0] == 80);
}

Test(report, ticks_are_round_and_inside) {
    double ticks[OZ_TICKS];
    size_t n = oz_ticks(61.3, 88.9, 8, ticks);
    cr_assert(n == 5);
    for (size_t i = 0; i < n; i++) cr_assert(ticks[i] == 65.0 + 5.0 * (double)i);
    n = oz_ticks_bytes(40e3, 300e3, 12, ticks);
    cr_assert(n == 6 && ticks[0] == 49152.0 && ticks[5] == 262144.0);
    cr_assert(oz_ticks(1.0, 1.0, 5, ticks) == 0);
}

/* report_text.c - the tables on a terminal.
 *
 * Columns are as wide as their cells; where the terminal is too narrow, the least important ones go, and the
 * method's name is cut last. */
#include "evaluate/report.h"

#include "base/arith.h"
#include "evaluate/number.h"
#include "evaluate/svg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_COLUMNS = 16,
    NOTE_WIDTH = 100,
    GAP = 2,
    MARK = 2,
    SHORTEST = 16,
    SETTING = 1,
    ESSENTIAL = 90,
    FEW = 8
};

typedef struct table {
    const oz_comparison *c;
    const oz_ranking *r;
    const oz_report_options *o;
    oz_text *t;
    size_t rows; /* shown */
    size_t width[MAX_COLUMNS];
    bool shown[MAX_COLUMNS];
    bool *left_out; /* [MAX_COLUMNS] of any table, for want of room */
} table;

/* Of tables; what is no terminal has room for all. */
static size_t window(const oz_report_options *o) {
    return o->width > 0 ? (size_t)o->width : SIZE_MAX;
}

static void paint(oz_text *t, const oz_report_options *o, const char *code) {
    if (o->colour) oz_text_format(t, "\x1b[%sm", code);
}

static void spaces(oz_text *t, size_t n) {
    for (size_t i = 0; i < n; i++) oz_text_add(t, " ", 1);
}

/* ---- columns --------------------------------------------------------------------- */

static void measure(table *b) {
    for (size_t k = 0; k < oz_columns_count; k++) {
        size_t filled = 0;
        b->width[k] = oz_text_characters(oz_columns[k].heading);
        for (size_t i = 0; i < b->rows; i++) {
            oz_cell cell;
            oz_columns[k].fill(b->c, b->r, &b->r->rows[i], &cell);
            size_t n = oz_text_characters(cell.text);
            filled += n > 0;
            if (n > b->width[k]) b->width[k] = n;
        }
        b->shown[k] = filled > 0 && (b->c->timed || !oz_columns[k].timed);
    }
}

static size_t total(const table *b) {
    size_t sum = MARK;
    for (size_t k = 0; k < oz_columns_count; k++) sum += b->shown[k] ? b->width[k] + (k ? GAP : 0) : 0;
    return sum;
}

/* The lightest column shown, or 0 where only the important ones are left. */
static size_t lightest(const table *b) {
    size_t found = 0;
    for (size_t k = 1; k < oz_columns_count; k++) {
        if (b->shown[k] && oz_columns[k].weight < ESSENTIAL &&
            (!found || oz_columns[k].weight < oz_columns[found].weight))
            found = k;
    }
    return found;
}

/* Settings may be long and are cut first; then columns go; then names are cut. Room left over goes back to
 * the settings. */
static void fit(table *b) {
    size_t room = window(b->o), full = b->width[SETTING];
    if (b->shown[SETTING] && full > SHORTEST) b->width[SETTING] = SHORTEST;
    while (total(b) > room) {
        size_t drop = lightest(b), over = total(b) - room;
        if (drop == 0 || (over <= FEW && b->width[0] >= over + SHORTEST)) {
            b->width[0] = b->width[0] > over + SHORTEST ? b->width[0] - over : SHORTEST;
            return;
        }
        b->shown[drop] = false;
        b->left_out[drop] = true;
    }
    if (b->shown[SETTING] && full > SHORTEST)
        b->width[SETTING] = oz_min(full - SHORTEST, room - total(b)) + SHORTEST;
}

/* ---- rows ------------------------------------------------------------------------ */

static void write_cell(const table *b, size_t k, const char *text) {
    char cut[sizeof(oz_cell)];
    const char *shown = oz_text_cut(text, b->width[k], cut, sizeof cut);
    size_t n = oz_text_characters(shown), left = b->width[k] > n ? b->width[k] - n : 0;
    if (k) spaces(b->t, GAP);
    if (oz_columns[k].right) spaces(b->t, left);
    oz_raw(b->t, shown);
    if (!oz_columns[k].right) spaces(b->t, left);
}

static void write_headings(const table *b) {
    paint(b->t, b->o, "2");
    spaces(b->t, MARK);
    for (size_t k = 0; k < oz_columns_count; k++) {
        if (b->shown[k]) write_cell(b, k, oz_columns[k].heading);
    }
    paint(b->t, b->o, "0");
    oz_raw(b->t, "\n");
}

static void write_row(const table *b, const oz_row *row) {
    const char *mark = oz_row_mark(row);
    const char *code = row->best ? "1;32" : row->tied ? "32" : row->state == OZ_ROW_RANKED ? "0" : "2";
    paint(b->t, b->o, code);
    oz_text_format(b->t, "%-*s", MARK, mark);
    for (size_t k = 0; k < oz_columns_count; k++) {
        oz_cell cell;
        if (!b->shown[k]) continue;
        oz_columns[k].fill(b->c, b->r, row, &cell);
        write_cell(b, k, cell.text);
    }
    while (b->t->bytes && b->t->data[b->t->bytes - 1] == ' ' && !b->t->failed) b->t->data[--b->t->bytes] = 0;
    paint(b->t, b->o, "0");
    oz_raw(b->t, "\n");
}

static void write_block_heading(const table *b, oz_row_state state) {
    spaces(b->t, MARK);
    oz_raw(b->t, state == OZ_ROW_UNTRAINED ? "untrained fit (these methods are meant to be trained)\n"
                                           : "for reference, over the budget\n");
}

static void write_chance(const table *b) {
    spaces(b->t, MARK);
    oz_text_format(b->t, "chance: %s %%\n", oz_show_fixed(100.0 / (double)b->c->classes, 1).text);
}

/* "does not fit: NAME (smallest 280 KiB), ...", wrapped. */
static void write_absent(const table *b) {
    size_t column = 0;
    for (size_t i = b->rows; i < b->r->n; i++) {
        const oz_row *row = &b->r->rows[i];
        oz_cell name, item;
        oz_columns[0].fill(b->c, b->r, row, &name);
        if (row->state == OZ_ROW_TOO_LARGE)
            snprintf(item.text, sizeof item.text, "%.150s (smallest %s)", name.text,
                     oz_show_bytes(row->smallest).text);
        else
            snprintf(item.text, sizeof item.text, "%.80s (failed: %.120s)", name.text,
                     row->reason ? row->reason : "");
        size_t n = oz_text_characters(item.text) + 2;
        if (i == b->rows) {
            oz_raw(b->t, "  does not fit: ");
            column = 16;
        } else if (column + n > oz_min(window(b->o), NOTE_WIDTH)) {
            oz_raw(b->t, ",\n    ");
            column = 4;
        } else {
            oz_raw(b->t, ", ");
        }
        oz_raw(b->t, item.text);
        column += n;
    }
    if (b->rows < b->r->n) oz_raw(b->t, "\n");
}

static void write_table(oz_text *t, const oz_comparison *c, const oz_ranking *r, const oz_report_options *o,
                        bool left_out[MAX_COLUMNS]) {
    table b = {.c = c, .r = r, .o = o, .t = t, .left_out = left_out};
    char verdict[512];
    while (b.rows < r->n && r->rows[b.rows].state <= OZ_ROW_OVER) b.rows++;
    oz_ranking_verdict(c, r, verdict, sizeof verdict);
    paint(t, o, "1");
    oz_text_format(t, "At %s", oz_show_bytes(r->budget).text);
    paint(t, o, "0");
    oz_text_format(t, ": %s\n", verdict);
    measure(&b);
    fit(&b);
    if (b.rows) write_headings(&b);
    for (size_t i = 0; i < b.rows; i++) {
        oz_row_state state = r->rows[i].state;
        if (state != OZ_ROW_RANKED && (i == 0 || r->rows[i - 1].state != state))
            write_block_heading(&b, state);
        write_row(&b, &r->rows[i]);
    }
    write_chance(&b);
    write_absent(&b);
    oz_raw(t, "\n");
}

static void write_left_out(oz_text *t, const bool left_out[MAX_COLUMNS]) {
    bool any = false;
    for (size_t k = 0; k < oz_columns_count; k++) {
        if (!left_out[k]) continue;
        oz_raw(t, any ? ", " : "left out, the terminal is narrow: ");
        oz_raw(t, oz_columns[k].heading);
        any = true;
    }
    if (any) oz_raw(t, " (--csv, --json and --report have them)\n");
}

/* What all rows have in common. */
static void write_conditions(oz_text *t, const oz_comparison *c) {
    oz_text_format(t, "policy: %s\ncorrection: %s", c->policy, c->correction);
    if (c->calibration_records)
        oz_text_format(t, ", calibration: %s records, data %016" PRIx64,
                       oz_show_count(c->calibration_records).text, c->calibration_hash);
    oz_text_format(t, ", seed %" PRIu64 "\n", c->seed);
}

void oz_report_text(oz_text *t, const oz_comparison *c, const oz_report_options *o) {
    const oz_machine *m = &c->machine;
    bool left_out[MAX_COLUMNS] = {false};
    for (size_t i = 0; i < c->n_rankings; i++) write_table(t, c, &c->rankings[i], o, left_out);
    paint(t, o, "2");
    write_left_out(t, left_out);
    oz_text_format(t,
                   "* most right answers, = cannot be told apart from it (McNemar's exact test, Holm, 5 %%); "
                   "\xc2\xb1 95 %%;\n\xc3\x97 int8: how many times smaller \xc2\xb7 as fast as the same "
                   "network in int8; i8 act: points that 8-bit activations cost\n");
    write_conditions(t, c);
    oz_text_format(t, "%s records, data %016" PRIx64 "; %s, kernels up to %s, threads: %d\n",
                   oz_show_count(c->records).text, c->data_hash, m->cpu, m->isa, m->threads);
    paint(t, o, "0");
}

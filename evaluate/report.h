/* report.h - the forms of a report, and the table they share.
 *
 * The columns are listed once; the terminal and the page show the same cells. CSV and JSON carry the plain
 * numbers behind them. */
#ifndef OZ_EVALUATE_REPORT_H
#define OZ_EVALUATE_REPORT_H

#include "base/text.h"
#include "evaluate/comparison.h"

typedef struct oz_cell {
    char text[224];
} oz_cell;

typedef struct oz_column {
    const char *heading, *explanation;
    bool right;
    int weight; /* on a narrow terminal the lightest columns go first */
    bool timed; /* needs measured times */
    void (*fill)(const oz_comparison *c, const oz_ranking *r, const oz_row *row, oz_cell *out);
} oz_column;
extern const oz_column oz_columns[];
extern const size_t oz_columns_count;

typedef struct oz_report_options {
    int width; /* of the terminal */
    bool colour;
} oz_report_options;

void oz_report_text(oz_text *t, const oz_comparison *c, const oz_report_options *o);
void oz_report_csv(oz_text *t, const oz_comparison *c);
void oz_report_html(oz_text *t, const oz_comparison *c);
void oz_report_json(oz_text *t, const oz_comparison *c); /* fails through t->failed */

/* "72.1 %" */
const char *oz_percent(double share, char out[24]);
/* One sentence: who wins under this budget, or who cannot be told apart. */
void oz_ranking_verdict(const oz_comparison *c, const oz_ranking *r, char *out, size_t room);
/* "160, 96 and 64 KiB" */
void oz_budget_list(const oz_comparison *c, char *out, size_t room);
/* What these figures do not show; NULL past the last. */
const char *oz_limitation(const oz_comparison *c, size_t i, char *out, size_t room);
const char *oz_row_mark(const oz_row *row); /* "*" best alone or tied, "=" tied, "" else */

#endif

/* report_html.h - the parts of the page that fill files of their own. */
#ifndef OZ_EVALUATE_REPORT_HTML_H
#define OZ_EVALUATE_REPORT_HTML_H

#include "evaluate/report.h"

extern const char oz_page_style[];
/* The full table of one budget. */
void oz_html_table(oz_text *t, const oz_comparison *c, const oz_ranking *r);

#endif

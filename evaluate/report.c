/* report.c - one comparison in any of four forms. */
#include "evaluate/report.h"

#include "evaluate/buffer.h"

oz_status oz_comparison_report(const oz_comparison *c, oz_report kind, int width, bool colour, oz_buffer *out,
                               oz_error *err) {
    oz_text text = {.allocator = NULL};
    oz_report_options options = {width, colour};
    *out = (oz_buffer){NULL, 0};
    switch (kind) {
    case OZ_REPORT_TEXT:
        oz_report_text(&text, c, &options);
        break;
    case OZ_REPORT_JSON:
        oz_report_json(&text, c);
        break;
    case OZ_REPORT_CSV:
        oz_report_csv(&text, c);
        break;
    case OZ_REPORT_HTML:
        oz_report_html(&text, c);
        break;
    default:
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "report", "unknown kind of report %d", (int)kind);
    }
    return oz_buffer_from_text(&text, out, err);
}

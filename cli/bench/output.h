/* output.h - where rows go: text or JSON on stdout and, where files are named, a table in Markdown and a
 * chart. */
#ifndef OZ_CLI_BENCH_OUTPUT_H
#define OZ_CLI_BENCH_OUTPUT_H

#include "cli/json.h"
#include "cli/verb.h"

#include <stdio.h>

typedef struct oz_bar {
    char group[160], label[160], note[200];
    double speed, limit, target; /* as in oz_speed_row */
    bool rival;
} oz_bar;

typedef struct oz_output {
    json_t *json;   /* a list; NULL = text */
    FILE *markdown; /* NULL = none */
    const char *markdown_path, *plot_path;
    oz_bar *bars; /* collected for the chart */
    size_t n;
} oz_output;

/* Opens what is named; NULL = none. Exit code. */
int oz_output_open(oz_output *o, bool json, const char *markdown, const char *plot);
/* One row of the chart; does nothing without one. */
void oz_output_bar(oz_output *o, const oz_bar *bar);
/* Writes an SVG file. */
int oz_output_svg(const char *path, oz_buffer *svg);
/* Prints the JSON and draws the bars that there are, unless `code` says that something went wrong; gives the
 * exit code. */
int oz_output_close(oz_output *o, const char *title, int code);

#endif

/* output.c - see output.h. */
#include "cli/bench/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/files.h"

int oz_output_open(oz_output *o, bool json, const char *markdown, const char *plot) {
    *o = (oz_output){.markdown_path = markdown, .plot_path = plot};
    int code = oz_check_output(plot, true);
    if (code) return code;
    if (markdown && !(o->markdown = fopen(markdown, "w"))) {
        oz_file_error(markdown, "cannot be written: %s", strerror(errno));
        return EXIT_IO;
    }
    if (json) o->json = json_array();
    return EXIT_DONE;
}

void oz_output_bar(oz_output *o, const oz_bar *bar) {
    if (!o->plot_path) return;
    if ((o->n & (o->n - 1)) == 0) {
        oz_bar *more = realloc(o->bars, (o->n ? 2 * o->n : 1) * sizeof *more);
        if (!more) exit(oz_memory_error());
        o->bars = more;
    }
    o->bars[o->n++] = *bar;
}

int oz_output_svg(const char *path, oz_buffer *svg) {
    int code = oz_save_file(path, svg->data, svg->bytes, true);
    oz_buffer_free(svg);
    return code;
}

static int write_chart(const oz_output *o, const char *title) {
    oz_buffer svg;
    oz_error err = {0};
    oz_speed_row *rows = calloc(o->n + 1, sizeof *rows);
    if (!rows) return oz_memory_error();
    for (size_t i = 0; i < o->n; i++) {
        const oz_bar *b = &o->bars[i];
        rows[i] = (oz_speed_row){b->group, b->label, b->note, b->speed, b->limit, b->target, b->rival};
    }
    int code = oz_speed_chart(title, rows, o->n, &svg, &err) == OZ_OK ? oz_output_svg(o->plot_path, &svg)
                                                                      : oz_report_error(NULL, &err);
    free(rows);
    return code;
}

int oz_output_close(oz_output *o, const char *title, int code) {
    if (o->markdown && fclose(o->markdown) != 0 && !code) {
        oz_file_error(o->markdown_path, "cannot be written: %s", strerror(errno));
        code = EXIT_IO;
    }
    bool done = code == EXIT_DONE || code == EXIT_CHECK_FAILED;
    int written = done && o->plot_path && o->n ? write_chart(o, title) : EXIT_DONE;
    if (done && o->json)
        oz_json_print(o->json);
    else
        json_decref(o->json);
    free(o->bars);
    return written ? written : code;
}

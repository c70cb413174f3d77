/* sweep.c - see sweep.h. */
#include "cli/bench/sweep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench/stock.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/terminal.h"

enum { MOST_WORDS = 160 };

typedef struct oz_words {
    char *word[MOST_WORDS];
    size_t n;
} oz_words;

typedef struct oz_sweep_state {
    const oz_sweep *sweep;
    int line, lines;
    oz_words threads, batches, methods;
    const char *layer;
    uint64_t pixels;
} oz_sweep_state;

static int line_error(const oz_sweep_state *s, const char *what) {
    return oz_file_error(s->sweep->path, "line %d: %s", s->line, what);
}

/* ---- one layer ------------------------------------------------------------------------------ */

/* More columns than these are more tiles of the same: a plan for them has the same kernels. */
#define MOST_COLUMNS 4096

static int one_case(const oz_sweep_state *s, const oz_item *item, uint64_t threads, uint64_t batch) {
    uint64_t columns = batch * s->pixels;
    oz_sweep_case c = {.layer = s->layer,
                       .method = item->method,
                       .model = item->model,
                       .threads = threads,
                       .batch = (uint32_t)batch,
                       .columns = (uint32_t)(columns < MOST_COLUMNS ? columns : MOST_COLUMNS)};
    char title[200];
    snprintf(title, sizeof title, "%.60s %.100s", s->layer, item->method);
    if (!oz_terminal_progress(NULL, title, (uint64_t)s->line, (uint64_t)s->lines)) return EXIT_INTERRUPTED;
    return s->sweep->each(s->sweep->ctx, &c);
}

/* Batches ascend: once there are most columns, the others are the same case. */
static int each_batch(const oz_sweep_state *s, const oz_item *item) {
    int code = EXIT_DONE;
    for (size_t t = 0; t < s->threads.n; t++) {
        for (size_t b = 0; !code && b < s->batches.n; b++) {
            uint64_t batch = strtoull(s->batches.word[b], NULL, 10);
            code = one_case(s, item, strtoull(s->threads.word[t], NULL, 10), batch);
            if (batch * s->pixels >= MOST_COLUMNS) break;
        }
    }
    return code;
}

static bool is_wanted(const oz_sweep_state *s, const char *method) {
    char text[300];
    snprintf(text, sizeof text, "%.100s %.190s", s->layer, method);
    return !s->sweep->only || strstr(text, s->sweep->only);
}

static int each_method(const oz_sweep_state *s, uint64_t rows, uint64_t cols) {
    static oz_stock stock;
    int code = EXIT_DONE;
    bool any = false;
    for (size_t i = 0; i < s->methods.n; i++) any = any || is_wanted(s, s->methods.word[i]);
    if (any) code = oz_stock_open(&stock, s->sweep->common, s->sweep->seed, NULL, 0, rows, cols);
    for (size_t i = 0; !code && any && i < s->methods.n; i++) {
        const oz_item *item;
        oz_error why = {0};
        if (!is_wanted(s, s->methods.word[i])) continue;
        code = oz_stock_take(&stock, s->methods.word[i], &item, &why);
        if (!code && !item && why.status == OZ_ERR_MEMORY) return oz_report_error(s->methods.word[i], &why);
        if (!code && item) code = each_batch(s, item);
        oz_stock_drop(&stock);
    }
    if (any) oz_stock_close(&stock);
    return code;
}

/* ---- the list ------------------------------------------------------------------------------- */

static int read_layer(oz_sweep_state *s, const oz_words *w) {
    unsigned long long rows, cols;
    char rest;
    s->pixels = 1;
    if (w->n < 3 || w->n > 4 || sscanf(w->word[2], "%llux%llu%c", &rows, &cols, &rest) != 2 || !rows ||
        !cols || (w->n == 4 && !oz_parse_count(w->word[3], &s->pixels)))
        return line_error(s, "not 'layer NAME ROWSxCOLS [PIXELS]'");
    if (!s->threads.n || !s->batches.n || !s->methods.n)
        return line_error(s, "a layer before its threads, batches and methods");
    s->layer = w->word[1];
    return each_method(s, rows, cols);
}

static int read_list(oz_sweep_state *s, const oz_words *w, oz_words *out, bool counts) {
    uint64_t n;
    if (w->n == 1) return line_error(s, "an empty list");
    for (size_t i = 1; counts && i < w->n; i++) {
        if (!oz_parse_count(w->word[i], &n) || n > 65536)
            return line_error(s, "not a number from 1 to 65536");
    }
    out->n = w->n - 1;
    memcpy(out->word, w->word + 1, out->n * sizeof *out->word);
    return EXIT_DONE;
}

static int read_line(oz_sweep_state *s, char *line) {
    oz_words w = {.n = 0};
    line[strcspn(line, "#")] = '\0';
    for (char *word = strtok(line, " \t"); word; word = strtok(NULL, " \t")) {
        if (w.n == MOST_WORDS) return line_error(s, "too many words");
        w.word[w.n++] = word;
    }
    if (w.n == 0) return EXIT_DONE;
    if (strcmp(w.word[0], "layer") == 0) return read_layer(s, &w);
    if (strcmp(w.word[0], "threads") == 0) return read_list(s, &w, &s->threads, true);
    if (strcmp(w.word[0], "batches") == 0) return read_list(s, &w, &s->batches, true);
    if (strcmp(w.word[0], "methods") == 0) return read_list(s, &w, &s->methods, false);
    return line_error(s, "begins with none of threads, batches, methods, layer");
}

int oz_sweep_run(const oz_sweep *sweep) {
    static oz_sweep_state s;
    char *text;
    int code = oz_load_text(sweep->path, &text);
    if (code) return code;
    s = (oz_sweep_state){.sweep = sweep, .lines = 1};
    for (const char *at = text; (at = strchr(at, '\n')); at++) s.lines++;
    for (char *line = text, *next; !code && line; line = next) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        s.line++;
        code = read_line(&s, line);
    }
    oz_terminal_clear();
    free(text);
    return code;
}

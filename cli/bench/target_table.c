/* target_table.c - see target_table.h. */
#include "cli/bench/target_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/terminal.h"

enum { LINE = 400 };

static const char *keep(oz_target_table *t, const char *text) {
    for (size_t i = 0; i < t->texts.count; i++) {
        if (strcmp(t->texts.text[i], text) == 0) return t->texts.text[i];
    }
    char *copy = malloc(strlen(text) + 1);
    if (!copy) exit(oz_memory_error());
    oz_texts_add(&t->texts, strcpy(copy, text));
    return copy;
}

const char *oz_target_spec(oz_target_table *t, const char *engine, const char *codec) {
    char text[100];
    snprintf(text, sizeof text, "%.40s:%.40s", engine, codec);
    return keep(t, text);
}

bool oz_target_same_shape(const oz_target *a, const oz_target *b) {
    return a->net == b->net && a->rows == b->rows && a->cols == b->cols;
}

bool oz_target_same_race(const oz_target *a, const oz_target *b) {
    return oz_target_same_shape(a, b) && a->batch == b->batch && a->threads == b->threads &&
           a->cold == b->cold;
}

/* ISA=BAR words. */
static bool find_bar(const char *words, const char *isa, double *bar) {
    char name[32];
    snprintf(name, sizeof name, " %.20s=", isa);
    const char *at = strstr(words, name);
    if (at) *bar = strtod(at + strlen(name), NULL);
    return at != NULL;
}

static void read_against(oz_target_table *table, oz_target *t, const char *text) {
    t->against = keep(table, text);
    t->codec = "f32";
    if (strlen(text) == 1 && strchr("BFD", text[0])) {
        t->kind = OZ_AGAINST_LIMIT;
    } else if (strcmp(text, "kernels") == 0) {
        t->kind = OZ_AGAINST_KERNELS;
    } else if (strcmp(text, "dense") == 0) {
        t->kind = OZ_AGAINST_DENSE;
    } else if (strncmp(text, "best:", 5) == 0) {
        t->kind = OZ_AGAINST_BEST;
        t->codec = t->against + 5;
    } else {
        t->kind = strstr(text, "codec=") ? OZ_AGAINST_METHOD : OZ_AGAINST_RIVAL;
    }
}

static bool read_method(oz_target_table *table, oz_target *t, const char *text, const char *shape) {
    unsigned long long rows, cols;
    char net[LINE], rest;
    t->method = keep(table, text);
    if (sscanf(text, "net:%399[^:]", net) == 1) {
        t->net = keep(table, net);
        return strcmp(shape, "-") == 0 && !t->cold;
    }
    if (sscanf(shape, "%llux%llu%c", &rows, &cols, &rest) != 2) return false;
    t->rows = rows, t->cols = cols;
    return rows > 0 && cols > 0;
}

/* False if the line is none. */
static bool read_target(oz_target_table *table, const char *line, const char *isa, oz_target *t,
                        bool *meant) {
    char method[LINE], shape[LINE], against[LINE], memory[8];
    unsigned long long threads;
    int rest = 0;
    if (sscanf(line, "%399s %399s %u %llu %7s %399s%n", method, shape, &t->batch, &threads, memory, against,
               &rest) != 6 ||
        t->batch == 0 || threads == 0 || (strcmp(memory, "hot") != 0 && strcmp(memory, "cold") != 0))
        return false;
    t->threads = threads;
    t->cold = memory[0] == 'c';
    if (!read_method(table, t, method, shape)) return false;
    read_against(table, t, against);
    *meant = find_bar(line + rest, isa, &t->bar);
    return *meant || strchr(line + rest, '=');
}

static int add_line(oz_target_table *table, const char *line, const char *isa) {
    oz_target t = {0};
    bool meant;
    if (!read_target(table, line, isa, &t, &meant)) return EXIT_BAD_FILE;
    if (!meant) return EXIT_DONE;
    oz_target *more = realloc(table->targets, (table->n + 1) * sizeof *more);
    if (!more) return oz_memory_error();
    table->targets = more;
    table->targets[table->n++] = t;
    return EXIT_DONE;
}

int oz_target_table_read(oz_target_table *t, const char *path, const char *only, const oz_common *common) {
    char line[LINE];
    *t = (oz_target_table){0};
    FILE *file = fopen(path, "r");
    if (!file) {
        oz_file_error(path, "cannot open: %s", strerror(errno));
        return EXIT_IO;
    }
    int code = EXIT_DONE;
    for (int number = 1; !code && fgets(line, sizeof line, file); number++) {
        line[strcspn(line, "#\n")] = '\0';
        if (line[strspn(line, " ")] == '\0' || (only && !strstr(line, only))) continue;
        code = add_line(t, line, common->isa ? common->isa : oz_isa_name());
        if (code == EXIT_BAD_FILE)
            oz_file_error(path, "line %d: not METHOD ROWSxCOLS|- BATCH THREADS hot|cold AGAINST ISA=BAR",
                          number);
    }
    fclose(file);
    if (!code && only && t->n == 0)
        code = oz_usage_error("--only: no target has %s in its line", oz_safe_text(only));
    return code;
}

void oz_target_table_free(oz_target_table *t) {
    for (size_t i = 0; i < t->texts.count; i++) free((void *)(uintptr_t)t->texts.text[i]);
    free(t->texts.text);
    free(t->targets);
    *t = (oz_target_table){0};
}

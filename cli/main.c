/* main.c - finds the verb, reads its options, runs it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/terminal.h"

#define OZ_VERB(name) extern const oz_verb oz_verb_##name;
#include "cli/verbs.def"
#undef OZ_VERB

static const oz_verb *const verbs[] = {
#define OZ_VERB(name) &oz_verb_##name,
#include "cli/verbs.def"
#undef OZ_VERB
};

int oz_usage_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "ounce: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    return EXIT_USAGE;
}

static int exit_code(oz_status status) {
    switch (status) {
    case OZ_OK:
        return EXIT_DONE;
    case OZ_ERR_ARGUMENT:
    case OZ_ERR_BUDGET:
        return EXIT_USAGE;
    case OZ_ERR_IO:
        return EXIT_IO;
    case OZ_ERR_MEMORY:
    case OZ_ERR_LIMIT:
        return EXIT_RESOURCES;
    case OZ_ERR_CANCEL:
        return EXIT_INTERRUPTED;
    case OZ_ERR_FORMAT:
    case OZ_ERR_CHECKSUM:
    case OZ_ERR_VERSION:
    case OZ_ERR_SUPPORT:
    case OZ_ERR_SHAPE:
    case OZ_ERR_NUMBER:
        return EXIT_BAD_FILE;
    }
    return EXIT_INTERNAL;
}

int oz_report_error(const char *file, const oz_error *err) {
    oz_terminal_clear();
    fprintf(stderr, "ounce: ");
    if (file) fprintf(stderr, "%s: ", file);
    if (err->where[0]) fprintf(stderr, "%s: ", err->where);
    fprintf(stderr, "%s", err->message[0] ? err->message : oz_status_text(err->status));
    if (err->offset != OZ_NO_OFFSET) fprintf(stderr, " (at byte %llu)", (unsigned long long)err->offset);
    fprintf(stderr, "\n");
    return exit_code(err->status);
}

static void print_help(FILE *out) {
    fprintf(out, "usage: ounce VERB [ARGUMENT]... [OPTION]...\n\nRuns compressed neural networks, and finds "
                 "out which compression is worth its bytes.\n\n");
    for (size_t i = 0; i < OZ_COUNT_OF(verbs); i++)
        fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
    fprintf(out, "\n'ounce VERB --help' explains a verb. Exit codes: 0 done, 1 check failed, 2 usage, 3 bad "
                 "file, 4 input/output,\n"
                 "5 memory or limits, 70 internal, 130 interrupted.\n");
}

static const oz_verb *find_verb(const char *name) {
    for (size_t i = 0; i < OZ_COUNT_OF(verbs); i++) {
        if (strcmp(verbs[i]->name, name) == 0) return verbs[i];
    }
    return NULL;
}

/* The command line as one text, with the program's name without its folder. */
static const char *join(int argc, char **argv) {
    size_t room = 8;
    for (int i = 1; i < argc; i++) room += strlen(argv[i]) + 1;
    static char *text;
    text = malloc(room);
    if (!text) return "ounce";
    strcpy(text, "ounce");
    for (int i = 1; i < argc; i++) strcat(strcat(text, " "), argv[i]);
    return text;
}

/* What the environment says stands behind the options. */
static bool read_environment(oz_common *c) {
    const char *threads = getenv("OUNCE_THREADS"), *isa = getenv("OUNCE_ISA");
    if (!c->threads && threads && *threads) {
        char *end;
        c->threads = strtoull(threads, &end, 10);
        if (*end) oz_usage_error("OUNCE_THREADS: '%s' is not a whole number", threads);
        if (*end) return false;
    }
    if (c->threads > 4096) oz_usage_error("--threads: at most 4096");
    if (!c->isa && isa && *isa) c->isa = isa;
    return c->threads <= 4096;
}

static int run_verb(const oz_verb *verb, int argc, char **argv) {
    static void *fields; /* in use until the process ends */
    fields = calloc(1, verb->fields);
    bool help = false;
    int code = EXIT_USAGE;
    if (!fields) {
        code = EXIT_RESOURCES;
    } else if (oz_options_parse(verb, argc - 2, argv + 2, fields, &help)) {
        oz_common *common = fields;
        if (help) {
            oz_options_help(verb);
            code = EXIT_DONE;
        } else if (read_environment(common)) {
            common->command = join(argc, argv);
            oz_terminal_start(common->quiet);
            code = verb->run(fields);
            oz_terminal_clear();
            if (oz_terminal_interrupted()) code = EXIT_INTERRUPTED;
        }
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ounce: cannot write to the standard output\n");
        if (code == EXIT_DONE) code = EXIT_IO;
    }
    return code;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        const oz_verb *verb = argc > 2 ? find_verb(argv[2]) : NULL;
        if (verb) oz_options_help(verb);
        if (!verb) print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("ounce %s (%s)\n", oz_version_string(), oz_isa_name());
        return EXIT_DONE;
    }
    const oz_verb *verb = find_verb(argv[1]);
    if (!verb) return oz_usage_error("there is no verb '%s'; 'ounce --help' lists them", argv[1]);
    return run_verb(verb, argc, argv);
}

/* main.c - finds the verb, reads its options, runs it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/spelling.h"
#include "cli/terminal.h"

#define OZ_VERB(name) extern const oz_verb oz_verb_##name;
#include "cli/verbs.def"
#undef OZ_VERB

static const oz_verb *const verbs[] = {
#define OZ_VERB(name) &oz_verb_##name,
#include "cli/verbs.def"
#undef OZ_VERB
};

static void print_error(const char *file, const char *format, va_list args) {
    oz_terminal_clear();
    fprintf(stderr, "ounce: ");
    if (file) fprintf(stderr, "%s: ", *file ? file : "''");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
}

int oz_usage_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_error(NULL, format, args);
    va_end(args);
    return EXIT_USAGE;
}

int oz_file_error(const char *file, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_error(file, format, args);
    va_end(args);
    return EXIT_BAD_FILE;
}

int oz_memory_error(void) {
    oz_terminal_clear();
    fprintf(stderr, "ounce: out of memory\n");
    return EXIT_RESOURCES;
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

/* Errors about a whole file say its path in `where`, which may be cut. */
static bool same_place(const char *file, const oz_error *err) {
    size_t length = strlen(err->where);
    return file && strncmp(file, err->where, length) == 0 &&
           (file[length] == '\0' || length == sizeof err->where - 1);
}

int oz_report_error(const char *file, const oz_error *err) {
    if (err->status == OZ_ERR_CANCEL) return EXIT_INTERRUPTED;
    oz_terminal_clear();
    fprintf(stderr, "ounce: ");
    if (file) fprintf(stderr, "%s: ", *file ? file : "''");
    if (err->where[0] && !same_place(file, err)) fprintf(stderr, "%s: ", err->where);
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

static int unknown_verb(const char *name) {
    oz_spelling s = {.wrong = name, .length = strlen(name)};
    for (size_t i = 0; i < OZ_COUNT_OF(verbs); i++) oz_spelling_try(&s, verbs[i]->name);
    if (s.best) return oz_usage_error("there is no verb '%s'; did you mean %s?", name, s.best);
    return oz_usage_error("there is no verb '%s'; 'ounce --help' lists them", name);
}

/* A word as a shell reads it back, at `out`; returns its end. */
static char *quote(char *out, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=,+@%-";
    if (*word && word[strspn(word, plain)] == '\0') return stpcpy(out, word);
    *out++ = '\'';
    for (; *word; word++) {
        if (*word == '\'')
            out = stpcpy(out, "'\\''");
        else
            *out++ = *word;
    }
    return stpcpy(out, "'");
}

/* The command line as one text that a shell can run, with the program's name without its folder. */
static const char *join(int argc, char **argv) {
    size_t room = 8;
    for (int i = 1; i < argc; i++) room += 4 * strlen(argv[i]) + 3;
    static char *text;
    text = malloc(room);
    if (!text) return "ounce";
    char *end = stpcpy(text, "ounce");
    for (int i = 1; i < argc; i++) {
        *end++ = ' ';
        end = quote(end, argv[i]);
    }
    return text;
}

static bool check_isa(const char *name) {
    static const char *const names[] = {"scalar", "avx2", "avx512", "avx512vnni"};
    for (size_t i = 0; i < OZ_COUNT_OF(names); i++)
        if (!name || strcmp(name, names[i]) == 0) return true;
    oz_usage_error("unknown instruction set '%s'; have scalar, avx2, avx512, avx512vnni", name);
    return false;
}

/* What the environment says stands behind the options. */
static bool read_environment(oz_common *c) {
    const char *threads = getenv("OUNCE_THREADS"), *isa = getenv("OUNCE_ISA");
    const char *name = c->threads ? "--threads" : "OUNCE_THREADS";
    if (!c->threads && threads && *threads && !oz_parse_count(threads, &c->threads)) {
        oz_usage_error("%s: '%s' is not a whole number from 1", name, threads);
        return false;
    }
    if (c->threads > 4096) oz_usage_error("%s: at most 4096", name);
    if (!c->isa && isa && *isa) c->isa = isa;
    return c->threads <= 4096 && check_isa(c->isa);
}

static int run_verb(const oz_verb *verb, int argc, char **argv) {
    static void *fields; /* in use until the process ends */
    fields = calloc(1, verb->fields);
    bool help = false;
    int code = EXIT_USAGE;
    if (!fields) {
        code = oz_memory_error();
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
            if (code == EXIT_INTERRUPTED) fprintf(stderr, "ounce: interrupted\n");
        }
    }
    return code;
}

static int run_words(int argc, char **argv) {
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
    return verb ? run_verb(verb, argc, argv) : unknown_verb(argv[1]);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    int code = run_words(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "ounce: cannot write to the standard output\n");
        if (code == EXIT_DONE) code = EXIT_IO;
    }
    return code;
}

/* verb.h - a verb of the command: a table of options and a function. One file a verb.
 *
 * The table is the only description of the options: it parses them, checks them, and prints the help. */
#ifndef OZ_CLI_VERB_H
#define OZ_CLI_VERB_H

#include <ounce/ounce.h>
#include <ounce/tools.h>

#include <stddef.h>

/* Exit codes, part of the command's contract. */
enum {
    EXIT_DONE = 0,
    EXIT_CHECK_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_BAD_FILE = 3,
    EXIT_IO = 4,
    EXIT_RESOURCES = 5,
    EXIT_INTERNAL = 70,
    EXIT_INTERRUPTED = 130
};

typedef struct oz_texts {
    const char **text;
    size_t count;
} oz_texts;

typedef enum oz_option_kind {
    OZ_OPTION_FLAG,  /* bool */
    OZ_OPTION_TEXT,  /* const char * */
    OZ_OPTION_COUNT, /* uint64_t: a whole number from 1; 0 = not given */
    OZ_OPTION_SIZE,  /* uint64_t: bytes from 1, "160KiB"; 0 = not given */
    OZ_OPTION_TEXTS  /* oz_texts: may be given several times */
} oz_option_kind;

typedef struct oz_option {
    const char *name; /* "output" for --output */
    char letter;      /* 'o' for -o, or 0 */
    oz_option_kind kind;
    const char *value; /* "FILE" in the help; NULL for flags */
    const char *help;
    size_t offset; /* of the field in the verb's own struct */
} oz_option;

typedef struct oz_verb {
    const char *name, *summary;
    const char *usage;    /* "MODEL -i x.npy -o y.npy" */
    const char *examples; /* two lines that work */
    const oz_option *options;
    size_t n_options;
    size_t fields; /* bytes of the verb's struct, which begins with oz_common */
    size_t min_arguments, max_arguments;
    int (*run)(const void *fields);
} oz_verb;

/* What every verb has; filled before `run`. */
typedef struct oz_common {
    oz_texts arguments;
    const char *command; /* the command line, for provenance */
    bool json, quiet;
    uint64_t threads;
    const char *isa;
} oz_common;

/* Prints one line to stderr, "ounce: FILE: layer 'x' at byte 12: message", and gives the exit code. */
int oz_report_error(const char *file, const oz_error *err);
/* The same for a file of which something else is wrong. */
int oz_file_error(const char *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
int oz_memory_error(void);
int oz_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define OZ_COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif

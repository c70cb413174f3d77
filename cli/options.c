/* options.c - see options.h. Lists grow by doubling and live until the process ends. */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/spelling.h"

static const oz_option common[] = {
    {"json", 0, OZ_OPTION_FLAG, NULL, "print JSON instead of text", offsetof(oz_common, json)},
    {"quiet", 'q', OZ_OPTION_FLAG, NULL, "no progress, no remarks", offsetof(oz_common, quiet)},
    {"threads", 'j', OZ_OPTION_COUNT, "N", "threads to use (all; also OUNCE_THREADS)",
     offsetof(oz_common, threads)},
    {"isa", 0, OZ_OPTION_TEXT, "NAME", "stop at scalar, avx2, avx512 or avx512vnni (also OUNCE_ISA)",
     offsetof(oz_common, isa)},
};

void oz_texts_add(oz_texts *list, const char *text) {
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count ? 2 * list->count : 1;
        const char **more = realloc(list->text, room * sizeof *more);
        if (!more) exit(oz_memory_error());
        list->text = more;
    }
    list->text[list->count++] = text;
}

bool oz_parse_size(const char *text, uint64_t *bytes) {
    char *end;
    errno = 0;
    double n = strtod(text, &end);
    if (end == text || errno || !(n >= 0)) return false;
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"", 1},        {"B", 1},         {"k", 1024},    {"K", 1024},      {"KiB", 1024},
                 {"M", 1 << 20}, {"MiB", 1 << 20}, {"G", 1 << 30}, {"GiB", 1 << 30}, {"kB", 1e3},
                 {"KB", 1e3},    {"MB", 1e6},      {"GB", 1e9}};
    for (size_t i = 0; i < OZ_COUNT_OF(units); i++) {
        if (strcmp(end, units[i].unit) == 0 && n * units[i].factor < 1e18) {
            *bytes = (uint64_t)(n * units[i].factor);
            return *bytes > 0;
        }
    }
    return false;
}

bool oz_parse_count(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9') return false;
    unsigned long long n = strtoull(text, &end, 10);
    *out = n;
    return !errno && *end == '\0' && n > 0;
}

static const oz_option *find_in(const oz_option *options, size_t n, const char *name, size_t length,
                                char letter) {
    for (size_t i = 0; i < n; i++) {
        if (letter ? options[i].letter == letter
                   : strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0) {
            return &options[i];
        }
    }
    return NULL;
}

static const oz_option *find(const oz_verb *verb, const char *name, size_t length, char letter) {
    const oz_option *o = find_in(verb->options, verb->n_options, name, length, letter);
    return o ? o : find_in(common, OZ_COUNT_OF(common), name, length, letter);
}

static bool unknown_option(const oz_verb *verb, const char *name, size_t length) {
    oz_spelling s = {.wrong = name, .length = length};
    for (size_t i = 0; i < verb->n_options; i++) oz_spelling_try(&s, verb->options[i].name);
    for (size_t i = 0; i < OZ_COUNT_OF(common); i++) oz_spelling_try(&s, common[i].name);
    if (s.best)
        oz_usage_error("%s has no option --%.*s; did you mean --%s?", verb->name, (int)length, name, s.best);
    else
        oz_usage_error("%s has no option --%.*s; 'ounce %s --help' lists them", verb->name, (int)length, name,
                       verb->name);
    return false;
}

static bool store(const oz_option *o, const char *value, void *fields) {
    void *field = (char *)fields + o->offset;
    switch (o->kind) {
    case OZ_OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OZ_OPTION_TEXT:
        *(const char **)field = value;
        return true;
    case OZ_OPTION_TEXTS:
        oz_texts_add(field, value);
        return true;
    case OZ_OPTION_COUNT:
        if (oz_parse_count(value, field)) return true;
        oz_usage_error("--%s: '%s' is not a whole number from 1", o->name, value);
        return false;
    case OZ_OPTION_SIZE:
        if (oz_parse_size(value, field)) return true;
        oz_usage_error("--%s: '%s' is not a size such as 96KiB", o->name, value);
        return false;
    }
    return false;
}

typedef struct oz_cursor {
    int argc, at;
    char **argv;
} oz_cursor;

static bool parse_long(const oz_verb *verb, oz_cursor *c, void *fields) {
    const char *name = c->argv[c->at] + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const oz_option *o = find(verb, name, length, 0);
    if (!o) return unknown_option(verb, name, length);
    if (o->kind == OZ_OPTION_FLAG) {
        if (equals) oz_usage_error("--%s takes no value", o->name);
        return !equals && store(o, NULL, fields);
    }
    if (equals) return store(o, equals + 1, fields);
    if (c->at + 1 >= c->argc) {
        oz_usage_error("--%s needs a value: %s", o->name, o->value);
        return false;
    }
    return store(o, c->argv[++c->at], fields);
}

static bool parse_letter(const oz_verb *verb, oz_cursor *c, void *fields) {
    const char *text = c->argv[c->at];
    const oz_option *o = find(verb, NULL, 0, text[1]);
    if (!o) {
        oz_usage_error("%s has no option -%c; 'ounce %s --help' lists them", verb->name, text[1], verb->name);
        return false;
    }
    if (o->kind == OZ_OPTION_FLAG) {
        if (text[2]) oz_usage_error("-%c takes no value", o->letter);
        return !text[2] && store(o, NULL, fields);
    }
    if (text[2]) return store(o, text + 2, fields);
    if (c->at + 1 >= c->argc) {
        oz_usage_error("-%c needs a value: %s", o->letter, o->value);
        return false;
    }
    return store(o, c->argv[++c->at], fields);
}

bool oz_options_parse(const oz_verb *verb, int argc, char **argv, void *fields, bool *help) {
    oz_cursor c = {.argc = argc, .argv = argv};
    oz_common *base = fields;
    bool options = true;
    for (; c.at < argc; c.at++) {
        const char *text = argv[c.at];
        if (options && strcmp(text, "--") == 0) {
            options = false;
        } else if (options && (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)) {
            *help = true;
            return true;
        } else if (options && strncmp(text, "--", 2) == 0) {
            if (!parse_long(verb, &c, fields)) return false;
        } else if (options && text[0] == '-' && text[1]) {
            if (!parse_letter(verb, &c, fields)) return false;
        } else {
            oz_texts_add(&base->arguments, text);
        }
    }
    size_t n = base->arguments.count;
    if (n < verb->min_arguments || n > verb->max_arguments) {
        oz_usage_error("usage: ounce %s %s", verb->name, verb->usage);
        return false;
    }
    return true;
}

static void print_options(const oz_option *options, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const oz_option *o = &options[i];
        char left[64];
        int used = o->letter ? snprintf(left, sizeof left, "-%c, --%s", o->letter, o->name)
                             : snprintf(left, sizeof left, "    --%s", o->name);
        if (o->value) snprintf(left + used, sizeof left - (size_t)used, "=%s", o->value);
        printf("  %-28s %s\n", left, o->help);
    }
}

void oz_options_help(const oz_verb *verb) {
    printf("usage: ounce %s %s\n\n%s.\n\n", verb->name, verb->usage, verb->summary);
    print_options(verb->options, verb->n_options);
    print_options(common, OZ_COUNT_OF(common));
    printf("\nexamples:\n%s", verb->examples);
}

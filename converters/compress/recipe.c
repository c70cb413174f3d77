/* recipe.c - lines of globs and methods.
 *
 * A method alone is the recipe "* = METHOD" before the policy: what every method has in common must win over
 * it. A recipe of the user's own stands after the policy, which it may change. */
#include "converters/compress/recipe.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

typedef struct lines {
    oz_recipe *recipe;
    oz_arena *arena;
    oz_error *err;
} lines;

static oz_status no_memory(const lines *l) {
    return oz_fail(l->err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "recipe", "out of memory");
}

static oz_status at_line(const lines *l, oz_status status, const char *source, size_t number) {
    oz_error *err = l->err;
    if (status == OZ_OK || !err || status == OZ_ERR_MEMORY) return status;
    char message[sizeof err->message];
    memcpy(message, err->message, sizeof message);
    return oz_fail(err, status, OZ_NO_OFFSET, source, "line %zu: %s", number, message);
}

static oz_status add_line(const lines *l, const char *glob, size_t glob_bytes, const char *method,
                          size_t bytes, size_t number) {
    oz_recipe_line *line = &l->recipe->lines[l->recipe->n_lines];
    line->number = number;
    OZ_TRY(oz_method_parse(&line->method, method, bytes, l->err));
    line->glob = oz_arena_text(l->arena, glob, glob_bytes);
    if (!line->glob) return no_memory(l);
    l->recipe->n_lines++;
    return OZ_OK;
}

static oz_status set_bias(const lines *l, const char *codec, size_t bytes) {
    int kind = oz_codec_find(codec, bytes);
    if (kind < 0 || !(OZ_CODECS_FLOAT & OZ_CODEC_BIT(kind)))
        return oz_fail(l->err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "recipe", "@bias must be f32, f16 or bf16");
    l->recipe->bias = (oz_codec_kind)kind;
    return OZ_OK;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **p, size_t *n) {
    while (*n && is_blank(**p)) ++*p, --*n;
    while (*n && is_blank((*p)[*n - 1])) --*n;
}

static oz_status read_line(const lines *l, const char *text, size_t n, size_t number) {
    const char *comment = memchr(text, '#', n);
    if (comment) n = (size_t)(comment - text);
    trim(&text, &n);
    if (n == 0) return OZ_OK;
    const char *equals = memchr(text, '=', n);
    if (!equals) return oz_fail(l->err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "recipe", "expected GLOB = METHOD");
    const char *glob = text, *method = equals + 1;
    size_t glob_bytes = (size_t)(equals - text), bytes = n - glob_bytes - 1;
    trim(&glob, &glob_bytes);
    trim(&method, &bytes);
    if (glob_bytes == 0)
        return oz_fail(l->err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "recipe", "expected GLOB = METHOD");
    if (glob_bytes == 5 && memcmp(glob, "@bias", 5) == 0) return set_bias(l, method, bytes);
    return add_line(l, glob, glob_bytes, method, bytes, number);
}

static oz_status read_text(const lines *l, const char *source, const char *text, bool own) {
    for (size_t number = 1; *text; number++) {
        size_t n = strcspn(text, "\n");
        OZ_TRY(at_line(l, read_line(l, text, n, own ? number : 0), source, number));
        text += n + (text[n] == '\n');
    }
    return OZ_OK;
}

static size_t count_lines(const char *text) {
    size_t n = 1;
    for (; *text; text++) n += *text == '\n';
    return n;
}

oz_status oz_recipe_read(oz_recipe *out, const oz_compress_options *opt, oz_arena *arena, oz_error *err) {
    const char *policy = opt->policy ? opt->policy : OZ_DEFAULT_POLICY;
    const char *recipe = opt->recipe ? opt->recipe : "";
    lines l = {.recipe = out, .arena = arena, .err = err};
    if (!opt->method == !opt->recipe)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "give either a method or a recipe");
    *out = (oz_recipe){.bias = OZ_CODEC_COUNT};
    out->lines = oz_arena_array(arena, count_lines(policy) + count_lines(recipe) + 1, sizeof *out->lines);
    if (!out->lines) return no_memory(&l);
    if (opt->method) OZ_TRY(add_line(&l, "*", 1, opt->method, strlen(opt->method), 0));
    OZ_TRY(read_text(&l, "policy", policy, false));
    return read_text(&l, "recipe", recipe, true);
}

bool oz_recipe_matches(const oz_recipe_line *line, const char *layer, bool first, bool last) {
    if (strcmp(line->glob, "@first") == 0) return first;
    if (strcmp(line->glob, "@last") == 0) return last;
    return fnmatch(line->glob, layer, 0) == 0;
}

size_t oz_recipe_find(const oz_recipe *r, const char *layer, bool first, bool last) {
    for (size_t i = r->n_lines; i-- > 0;)
        if (oz_recipe_matches(&r->lines[i], layer, first, last)) return i;
    return r->n_lines;
}

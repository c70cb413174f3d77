/* spec.c - a leaf as text: NAME[:ARG]...[,KEY=VALUE]... read and written.
 *
 * Codec keys are the same in every format; all others are looked up in the format's own parameters,
 * so a new format needs nothing here. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "formats/parts.h"

typedef struct word {
    const char *p;
    size_t n;
} word;

typedef struct spec {
    oz_leaf *leaf;
    word text;
    size_t at;
    uint32_t given; /* bit i: parameter i; then codec, group, scale, offset */
    oz_error *err;
} spec;

enum { KEY_CODEC = OZ_MAX_PARAMS, KEY_GROUP, KEY_SCALE, KEY_OFFSET };

static const char *const scale_words[] = {"f16", "f32", NULL};
static const char *const offset_words[] = {"symmetric", "zero", "min", NULL};

static oz_status spec_fail(const spec *s, oz_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static oz_status spec_fail(const spec *s, oz_status status, const char *format, ...) {
    char message[160];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return oz_fail(s->err, status, OZ_NO_OFFSET, oz_leaf_where(s->leaf), "%.*s: %s",
                   (int)oz_min(s->text.n, 80), s->text.p, message);
}

/* ---- reading ---- */

/* The text up to one of `stops`, which stays unread. */
static word next_word(spec *s, const char *stops) {
    word w = {s->text.p + s->at, 0};
    while (s->at < s->text.n && !memchr(stops, s->text.p[s->at], strlen(stops))) {
        s->at++;
        w.n++;
    }
    return w;
}

static bool skip(spec *s, char c) {
    if (s->at >= s->text.n || s->text.p[s->at] != c) return false;
    s->at++;
    return true;
}

static bool word_is(word w, const char *text) {
    return strlen(text) == w.n && memcmp(w.p, text, w.n) == 0;
}

static bool read_number(word w, uint64_t *out) {
    uint64_t n = 0;
    for (size_t i = 0; i < w.n; i++) {
        if (w.p[i] < '0' || w.p[i] > '9') return false;
        if (!oz_mul(n, 10, &n) || !oz_add(n, (uint64_t)(w.p[i] - '0'), &n)) return false;
    }
    *out = n;
    return w.n > 0;
}

static oz_status read_choice(spec *s, const char *key, const char *const *words, word value, uint64_t *out) {
    char list[80] = "";
    for (uint64_t i = 0; words[i]; i++) {
        if (word_is(value, words[i])) {
            *out = i;
            return OZ_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? " or " : "", words[i]);
    }
    return spec_fail(s, OZ_ERR_FORMAT, "%s=%.*s must be %s", key, (int)oz_min(value.n, 24), value.p, list);
}

static oz_status read_value(spec *s, const char *key, const char *const *words, word value, uint64_t *out) {
    if (words) return read_choice(s, key, words, value, out);
    if (read_number(value, out)) return OZ_OK;
    return spec_fail(s, OZ_ERR_FORMAT, "%s=%.*s must be a whole number below 2^64", key,
                     (int)oz_min(value.n, 24), value.p);
}

static oz_status mark_given(spec *s, uint32_t key, const char *name) {
    if (s->given & (1u << key)) return spec_fail(s, OZ_ERR_FORMAT, "%s is given twice", name);
    s->given |= 1u << key;
    return OZ_OK;
}

static oz_status set_param(spec *s, size_t i, word value) {
    const oz_param_def *d = &s->leaf->format->params[i];
    OZ_TRY(mark_given(s, (uint32_t)i, d->name));
    return read_value(s, d->name, d->choices, value, &s->leaf->param[i]);
}

static oz_status set_codec(spec *s, word value) {
    OZ_TRY(mark_given(s, KEY_CODEC, "codec"));
    int kind = oz_codec_find(value.p, value.n);
    if (kind < 0) {
        return spec_fail(s, OZ_ERR_SUPPORT, "there is no codec %.*s", (int)oz_min(value.n, 24), value.p);
    }
    s->leaf->codec.kind = (oz_codec_kind)kind;
    return OZ_OK;
}

static oz_status set_group(spec *s, word value) {
    uint64_t group = 0;
    OZ_TRY(mark_given(s, KEY_GROUP, "group"));
    OZ_TRY(read_value(s, "group", NULL, value, &group));
    s->leaf->codec.group = (uint32_t)oz_min(group, UINT32_MAX);
    return OZ_OK;
}

static oz_status set_scale(spec *s, word value) {
    uint64_t choice = 0;
    OZ_TRY(mark_given(s, KEY_SCALE, "scale"));
    OZ_TRY(read_value(s, "scale", scale_words, value, &choice));
    s->leaf->codec.scale_f32 = choice == 1;
    return OZ_OK;
}

static oz_status set_offset(spec *s, word value) {
    uint64_t choice = 0;
    OZ_TRY(mark_given(s, KEY_OFFSET, "offset"));
    OZ_TRY(read_value(s, "offset", offset_words, value, &choice));
    s->leaf->codec.offset = (oz_offset)choice;
    return OZ_OK;
}

static oz_status set_key(spec *s, word key, word value) {
    if (word_is(key, "codec")) return set_codec(s, value);
    if (word_is(key, "group")) return set_group(s, value);
    if (word_is(key, "scale")) return set_scale(s, value);
    if (word_is(key, "offset")) return set_offset(s, value);
    for (size_t i = 0; i < s->leaf->format->n_params; i++) {
        if (word_is(key, s->leaf->format->params[i].name)) return set_param(s, i, value);
    }
    return spec_fail(s, OZ_ERR_FORMAT, "format %s has no parameter '%.*s'", s->leaf->format->name,
                     (int)oz_min(key.n, 24), key.p);
}

static void set_defaults(oz_leaf *leaf) {
    uint32_t kind = 0;
    while (!(leaf->format->codecs & OZ_CODEC_BIT(kind))) kind++;
    leaf->codec = (oz_codec){.kind = (oz_codec_kind)kind};
    memset(leaf->param, 0, sizeof leaf->param);
    for (size_t i = 0; i < leaf->format->n_params; i++) leaf->param[i] = leaf->format->params[i].value;
}

static oz_status read_format(spec *s) {
    word name = next_word(s, ":,");
    s->leaf->format = oz_format_find(name.p, name.n);
    if (!s->leaf->format) {
        return spec_fail(s, OZ_ERR_SUPPORT, "there is no format '%.*s'", (int)oz_min(name.n, 24), name.p);
    }
    set_defaults(s->leaf);
    for (size_t i = 0; skip(s, ':'); i++) {
        word value = next_word(s, ":,");
        if (i >= s->leaf->format->n_params) {
            return spec_fail(s, OZ_ERR_FORMAT, "format %s takes no argument ':%.*s'", s->leaf->format->name,
                             (int)oz_min(value.n, 24), value.p);
        }
        OZ_TRY(set_param(s, i, value));
    }
    return OZ_OK;
}

static oz_status check_given(const spec *s) {
    const oz_format *f = s->leaf->format;
    if (!(s->given & (1u << KEY_CODEC))) return spec_fail(s, OZ_ERR_FORMAT, "codec= is missing");
    for (size_t i = 0; i < f->n_params; i++) {
        if (f->params[i].required && !(s->given & (1u << i))) {
            return spec_fail(s, OZ_ERR_FORMAT, "%s= is missing", f->params[i].name);
        }
    }
    return OZ_OK;
}

oz_status oz_leaf_parse(oz_leaf *leaf, const char *text, size_t bytes, bool strict, oz_error *err) {
    spec s = {.leaf = leaf, .text = {text, bytes}, .err = err};
    OZ_TRY(read_format(&s));
    while (skip(&s, ',')) {
        word key = next_word(&s, ",=");
        if (!skip(&s, '=')) {
            return spec_fail(&s, OZ_ERR_FORMAT, "'%.*s' is not KEY=VALUE", (int)oz_min(key.n, 24), key.p);
        }
        OZ_TRY(set_key(&s, key, next_word(&s, ",")));
    }
    if (s.at < bytes)
        return spec_fail(&s, OZ_ERR_FORMAT, "cannot be read past byte %llu", (unsigned long long)s.at);
    if (strict) OZ_TRY(check_given(&s));
    oz_error codec_error;
    oz_status status = oz_leaf_check_codec(leaf, &codec_error);
    return status == OZ_OK ? OZ_OK : spec_fail(&s, status, "%s", codec_error.message);
}

/* ---- writing ---- */

static void print_value(const oz_param_def *d, uint64_t value, oz_text *out) {
    if (d->choices) {
        oz_text_format(out, "%s", d->choices[value]);
    } else {
        oz_text_format(out, "%llu", (unsigned long long)value);
    }
}

static bool is_left_out(const oz_param_def *d, uint64_t value) {
    return value == OZ_UNSET || (value == d->value && !d->required);
}

/* How many arguments stand before the first comma: none after the last that says something. */
static size_t printed_args(const oz_leaf *leaf) {
    size_t n = 0;
    for (size_t i = 0; i < leaf->format->n_args; i++) {
        if (leaf->param[i] == OZ_UNSET) break;
        if (!is_left_out(&leaf->format->params[i], leaf->param[i])) n = i + 1;
    }
    return n;
}

void oz_leaf_print(const oz_leaf *leaf, oz_text *out) {
    const oz_format *f = leaf->format;
    const oz_codec *c = &leaf->codec;
    size_t args = printed_args(leaf);
    oz_text_format(out, "%s", f->name);
    for (size_t i = 0; i < args; i++) {
        oz_text_format(out, ":");
        print_value(&f->params[i], leaf->param[i], out);
    }
    oz_text_format(out, ",codec=%s", oz_codec_name(c->kind));
    if (c->group) oz_text_format(out, ",group=%u", (unsigned)c->group);
    if (c->scale_f32) oz_text_format(out, ",scale=%s", scale_words[1]);
    if (c->offset) oz_text_format(out, ",offset=%s", offset_words[c->offset]);
    for (size_t i = args; i < f->n_params; i++) {
        if (is_left_out(&f->params[i], leaf->param[i])) continue;
        oz_text_format(out, ",%s=", f->params[i].name);
        print_value(&f->params[i], leaf->param[i], out);
    }
}

/* method.c - reading and writing methods.
 *
 * Keys that are ours are taken out of a term; the rest is a leaf's text, which the formats read themselves,
 * so that a new format is a method without a line here. */
#include "converters/compress/method.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TERM = 160, MAX_VALUE = 32 };

typedef struct reader {
    oz_method *method;
    oz_method_term *term;
    const char *text;
    size_t bytes;
    char leaf[MAX_TERM]; /* what is left for the format */
    size_t leaf_bytes;
    oz_error *err;
} reader;

typedef struct word {
    const char *p;
    size_t n;
} word;

static oz_status fail(const reader *r, const char *at, const char *what) {
    return oz_fail(r->err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "method", "%.*s: at column %zu: %s",
                   (int)(r->bytes < 80 ? r->bytes : 80), r->text, (size_t)(at - r->text) + 1, what);
}

static bool is(word w, const char *text) {
    return strlen(text) == w.n && memcmp(w.p, text, w.n) == 0;
}

static word trimmed(word w) {
    while (w.n && *w.p == ' ') w.p++, w.n--;
    while (w.n && w.p[w.n - 1] == ' ') w.n--;
    return w;
}

/* Splits `rest` at the first `stop`; without one everything is the head. */
static word head(word *rest, char stop) {
    const char *at = memchr(rest->p, stop, rest->n);
    word w = {rest->p, at ? (size_t)(at - rest->p) : rest->n};
    size_t used = at ? w.n + 1 : w.n;
    rest->p += used;
    rest->n -= used;
    return w;
}

/* ---- values ---- */

/* Digits with at most one point: what people write, in any locale. */
static bool read_decimal(word w, double *out) {
    double value = 0, unit = 1;
    size_t digits = 0;
    bool point = false;
    for (size_t i = 0; i < w.n; i++) {
        if (w.p[i] == '.' && !point) {
            point = true;
        } else if (w.p[i] >= '0' && w.p[i] <= '9') {
            value = 10 * value + (w.p[i] - '0');
            unit *= point ? 10 : 1;
            digits++;
        } else {
            return false;
        }
    }
    *out = value / unit;
    return digits > 0 && digits <= 15;
}

static oz_status read_share(const reader *r, word value, double least, double most, double *out) {
    if (read_decimal(value, out) && *out >= least && *out <= most) return OZ_OK;
    return fail(r, value.p,
                most < 1 ? "sparsity= must be a number from 0 to 0.9999: the share of zeros"
                         : "ratio= must be a number above 0, at most 1: the array over the weights");
}

static oz_status read_rank(const reader *r, word value, uint64_t *out) {
    double rank;
    if (!read_decimal(value, &rank) || rank < 1 || rank > 1e9 || memchr(value.p, '.', value.n))
        return fail(r, value.p, "the rank must be a whole number from 1");
    *out = (uint64_t)rank;
    return OZ_OK;
}

static oz_status read_choice(const reader *r, word value, const char *const *words, const char *complaint,
                             int *out) {
    for (*out = 0; words[*out]; ++*out)
        if (is(value, words[*out])) return OZ_OK;
    return fail(r, value.p, complaint);
}

/* ---- keys ---- */

typedef enum own_key {
    KEY_SPARSITY,
    KEY_RATIO,
    KEY_RANK,
    KEY_SCOPE,
    KEY_SCORE,
    KEY_CORRECT,
    KEY_ACT
} own_key;
static const char *const own_keys[] = {"sparsity", "ratio", "rank", "scope", "score", "correct", "act", NULL};
static const char *const scopes[] = {"layer", "global", "lamp", NULL};
static const char *const scores[] = {"magnitude", "random", NULL};
static const char *const corrections[] = {"affine", "bias", "none", NULL};
static const char *const acts[] = {"f32", "i8", NULL};

static oz_status set_pruning(reader *r, own_key key, word value) {
    oz_method_term *t = r->term;
    int choice = 0;
    if (key == KEY_SPARSITY) {
        if (!t->prunes || t->low_rank) return fail(r, value.p, "only sparse takes sparsity=");
        OZ_TRY(read_share(r, value, 0, 0.9999, &t->sparsity));
        t->knob = OZ_KNOB_NONE;
    } else if (key == KEY_SCOPE) {
        OZ_TRY(read_choice(r, value, scopes, "scope= must be layer, global or lamp", &choice));
        t->scope = (oz_scope)choice;
    } else {
        OZ_TRY(read_choice(r, value, scores, "score= must be magnitude or random", &choice));
        t->random = choice == 1;
    }
    return OZ_OK;
}

static oz_status set_own(reader *r, own_key key, word value) {
    oz_method_term *t = r->term;
    if (key == KEY_CORRECT)
        return read_choice(r, value, corrections, "correct= must be affine, bias or none",
                           &r->method->correction);
    if (key == KEY_ACT) return read_choice(r, value, acts, "act= must be f32 or i8", &r->method->act_i8);
    if (key == KEY_RANK) {
        if (!t->low_rank) return fail(r, value.p, "only lowrank takes rank=");
        t->knob = OZ_KNOB_NONE;
        return read_rank(r, value, &t->rank);
    }
    if (key == KEY_RATIO) {
        if (!t->shares) return fail(r, value.p, "only hashed takes ratio=");
        OZ_TRY(read_share(r, value, 1e-9, 1, &t->ratio));
        t->knob = OZ_KNOB_NONE;
        return OZ_OK;
    }
    return set_pruning(r, key, value);
}

static oz_status keep_for_leaf(reader *r, const char *text, size_t n) {
    if (r->leaf_bytes + n >= sizeof r->leaf) return fail(r, r->text, "the term is too long");
    memcpy(r->leaf + r->leaf_bytes, text, n);
    r->leaf_bytes += n;
    return OZ_OK;
}

static int own_key_of(word key) {
    for (int k = 0; own_keys[k]; k++)
        if (is(key, own_keys[k])) return k;
    return -1;
}

/* One KEY=VALUE: ours, or the format's. */
static oz_status read_key(reader *r, word item) {
    word value = item, key = head(&value, '=');
    if (key.n == item.n) return fail(r, item.p, "expected KEY=VALUE");
    int own = own_key_of(key);
    if (own >= 0) return set_own(r, (own_key)own, value);
    if (is(key, "codec")) r->term->codec_open = false;
    OZ_TRY(keep_for_leaf(r, ",", 1));
    return keep_for_leaf(r, item.p, item.n);
}

/* ---- terms ---- */

/* "there is no such format; have dense, sparse, ..." */
static oz_status no_such_format(const reader *r, const char *at) {
    char text[160];
    int n = snprintf(text, sizeof text, "there is no such format; have lowrank");
    const oz_format *f;
    for (size_t i = 0; (f = oz_format_at(i)) && n > 0 && (size_t)n < sizeof text; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, ", %s", f->name);
    return fail(r, at, text);
}

/* NAME[:ARG]...: what the format is, which knob it has, and what its leaf's text begins with. */
static oz_status read_name(reader *r, word item) {
    oz_method_term *t = r->term;
    word rest = item, name = head(&rest, ':');
    bool args = name.n < item.n;
    *t = (oz_method_term){.codec_open = true, .scope = OZ_SCOPE_LAMP};
    if (is(name, "lowrank")) {
        t->low_rank = true;
        t->leaf.format = oz_format_find("dense", 5);
        t->knob = args ? OZ_KNOB_NONE : OZ_KNOB_RANK;
        if (args) OZ_TRY(read_rank(r, rest, &t->rank));
        return keep_for_leaf(r, "dense", 5);
    }
    const oz_format *format = oz_format_find(name.p, name.n);
    if (!format) return no_such_format(r, item.p);
    t->leaf.format = format;
    t->prunes = is(name, "sparse");
    t->shares = format->pack_begin != NULL;
    t->knob = t->prunes ? OZ_KNOB_SPARSITY : t->shares ? OZ_KNOB_RATIO : OZ_KNOB_NONE;
    if (is(name, "nm") && args && !memchr(rest.p, ':', rest.n)) {
        t->knob = OZ_KNOB_N;
        OZ_TRY(keep_for_leaf(r, "nm:1:", 5));
        return keep_for_leaf(r, rest.p, rest.n);
    }
    return keep_for_leaf(r, item.p, item.n);
}

void oz_method_set_codec(oz_method_term *t, oz_codec_kind kind) {
    if (!oz_codec_is_integer(kind)) t->leaf.codec = (oz_codec){0};
    if (kind == OZ_CODEC_TERNARY) t->leaf.codec.offset = OZ_SYMMETRIC;
    t->leaf.codec.kind = kind;
}

void oz_method_set(oz_leaf *leaf, const char *name, uint64_t value) {
    for (size_t i = 0; i < leaf->format->n_params; i++)
        if (strcmp(leaf->format->params[i].name, name) == 0) leaf->param[i] = value;
}

/* Where in a term that its format refuses: at the first of its keys that is refused alone too, or else at its
 * start. */
static const char *refused_at(const reader *r, word term) {
    word rest = term, name = {r->leaf, strcspn(r->leaf, ",")};
    bool integers = r->term->leaf.format->codecs & OZ_CODEC_BIT(OZ_CODEC_INT8);
    head(&rest, ',');
    while (rest.n) {
        word item = trimmed(head(&rest, ',')), value = item, key = head(&value, '=');
        if (own_key_of(key) >= 0) continue;
        char text[MAX_TERM];
        const char *codec = is(key, "codec") || !integers ? "" : ",codec=int8";
        int n = snprintf(text, sizeof text, "%.*s,%.*s%s", (int)name.n, name.p, (int)item.n, item.p, codec);
        oz_leaf leaf = r->term->leaf;
        if (n > 0 && (size_t)n < sizeof text && oz_leaf_parse(&leaf, text, (size_t)n, false, NULL) != OZ_OK)
            return item.p;
    }
    return term.p;
}

static oz_status finish_term(reader *r, word text) {
    oz_method_term *t = r->term;
    oz_error error = {0};
    t->leaf.name = "method";
    /* Groups and offsets may be given for integers that are still open. */
    if (t->codec_open && t->leaf.format->codecs & OZ_CODEC_BIT(OZ_CODEC_INT8))
        OZ_TRY(keep_for_leaf(r, ",codec=int8", 11));
    if (oz_leaf_parse(&t->leaf, r->leaf, r->leaf_bytes, false, &error) != OZ_OK)
        return fail(r, refused_at(r, text), error.message);
    if (t->knob == OZ_KNOB_N) oz_method_set(&t->leaf, "n", OZ_UNSET);
    if (t->shares && oz_leaf_param(&t->leaf, "slots")) t->knob = OZ_KNOB_NONE;
    return OZ_OK;
}

static oz_status read_term(reader *r, word text) {
    if (r->method->n_terms == OZ_MAX_TERMS) return fail(r, text.p, "more than 4 terms");
    if (text.n == 0) return fail(r, text.p, "a term is missing");
    r->term = &r->method->term[r->method->n_terms++];
    r->leaf_bytes = 0;
    word rest = text;
    OZ_TRY(read_name(r, trimmed(head(&rest, ','))));
    while (rest.n) OZ_TRY(read_key(r, trimmed(head(&rest, ','))));
    return finish_term(r, text);
}

/* Beside other terms low rank is a small addition: worth good numbers, not a choice of its own, and last. */
static void settle_low_rank(oz_method *m) {
    oz_method_term product[OZ_MAX_TERMS];
    size_t others = 0, products = 0;
    for (size_t t = 0; t < m->n_terms; t++) {
        if (m->term[t].low_rank)
            product[products++] = m->term[t];
        else
            m->term[others++] = m->term[t];
    }
    for (size_t i = 0; i < products; i++) {
        if (m->n_terms > 1 && product[i].codec_open) oz_method_set_codec(&product[i], OZ_CODEC_F16);
        if (m->n_terms > 1) product[i].codec_open = false;
        m->term[others + i] = product[i];
    }
}

oz_status oz_method_parse(oz_method *m, const char *text, size_t bytes, oz_error *err) {
    reader r = {.method = m, .text = text, .bytes = bytes, .err = err};
    word rest = {text, bytes};
    *m = (oz_method){.correction = -1, .act_i8 = -1};
    bool more = true;
    while (more) {
        word term = head(&rest, '+');
        more = term.p + term.n < text + bytes;
        OZ_TRY(read_term(&r, trimmed(term)));
    }
    settle_low_rank(m);
    return OZ_OK;
}

/* ---- printing ---- */

const char *oz_knob_name(oz_knob k) {
    static const char *const names[] = {"", "codec", "sparsity", "n", "rank", "ratio"};
    return names[k];
}

static void print_term(const oz_method_term *t, oz_text *out) {
    if (t->low_rank) {
        oz_text_format(out, "lowrank:%llu,codec=%s", (unsigned long long)t->rank,
                       oz_codec_name(t->leaf.codec.kind));
        if (t->leaf.codec.group) oz_text_format(out, ",group=%u", t->leaf.codec.group);
        return;
    }
    oz_leaf_print(&t->leaf, out);
    if (!t->prunes) return;
    oz_text_format(out, ",sparsity=0.%04d", (int)(t->sparsity * 10000 + 0.5));
    if (t->scope != OZ_SCOPE_LAMP) oz_text_format(out, ",scope=%s", scopes[t->scope]);
    if (t->random) oz_text_format(out, ",score=random");
}

void oz_method_print(const oz_method *m, oz_text *out) {
    for (size_t i = 0; i < m->n_terms; i++) {
        if (i) oz_text_add(out, " + ", 3);
        print_term(&m->term[i], out);
    }
    if (m->act_i8 >= 0) oz_text_format(out, ",act=%s", acts[m->act_i8]);
}

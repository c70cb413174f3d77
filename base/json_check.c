/* json_check.c - one pass over the text with a stack of at most OZ_JSON_DEPTH bits.
 *
 * Between two tokens the checker is in one of six states, which say what may come next; that is the whole
 * grammar of JSON around strings, numbers and literals.  Every complaint stands at the byte that is wrong. */
#include "base/json_check.h"

#include "base/json.h"
#include "base/utf8.h"

#include <string.h>

typedef enum state {
    WANT_VALUE,        /* after ':' , or ',' in an array */
    WANT_VALUE_OR_END, /* after '[' */
    WANT_KEY,          /* after ',' in an object */
    WANT_KEY_OR_END,   /* after '{' */
    WANT_COLON,        /* after a key */
    WANT_COMMA_OR_END  /* after a value; at depth 0 the text is over */
} state;

typedef struct checker {
    const char *text;
    size_t at, bytes;
    uint64_t origin;
    oz_error *err;
    uint32_t tokens;
    int depth;
    bool in_object[OZ_JSON_DEPTH + 1]; /* [0] is outside everything */
} checker;

/* The byte at `at`, or -1 at the end. */
static int peek(const checker *c) {
    return c->at < c->bytes ? (unsigned char)c->text[c->at] : -1;
}

static oz_status refuse(const checker *c, const char *why) {
    if (c->at >= c->bytes) why = "the JSON text ends too early";
    return oz_fail(c->err, OZ_ERR_FORMAT, c->origin + c->at, "", "%s", why);
}

static bool is_digit(int ch) {
    return ch >= '0' && ch <= '9';
}

static bool skip_digits(checker *c) {
    size_t start = c->at;
    while (is_digit(peek(c))) c->at++;
    return c->at > start;
}

static bool skip_one_of(checker *c, const char *set) {
    int ch = peek(c);
    if (ch <= 0 || !strchr(set, ch)) return false;
    c->at++;
    return true;
}

static oz_status check_number(checker *c) {
    skip_one_of(c, "-");
    if (!skip_one_of(c, "0") && !skip_digits(c)) return refuse(c, "a number needs a digit here");
    if (skip_one_of(c, ".") && !skip_digits(c)) return refuse(c, "a number needs a digit after its point");
    if (skip_one_of(c, "eE")) {
        skip_one_of(c, "+-");
        if (!skip_digits(c)) return refuse(c, "a number needs a digit in its exponent");
    }
    return OZ_OK;
}

static oz_status check_literal(checker *c, const char *word) {
    for (; *word; word++, c->at++)
        if (peek(c) != *word) return refuse(c, "not a JSON value; only true, false and null are words");
    return OZ_OK;
}

/* Four hexadecimal digits. */
static oz_status check_code_unit(checker *c, uint32_t *unit) {
    static const char digits[] = "0123456789abcdefABCDEF";
    *unit = 0;
    for (int i = 0; i < 4; i++, c->at++) {
        int ch = peek(c);
        const char *found = ch > 0 ? strchr(digits, ch) : NULL;
        if (!found) return refuse(c, "\\u needs four hexadecimal digits");
        uint32_t digit = (uint32_t)(found - digits);
        *unit = *unit * 16 + (digit < 16 ? digit : digit - 6);
    }
    return OZ_OK;
}

/* After a backslash. */
static oz_status check_escape(checker *c) {
    if (skip_one_of(c, "\"\\/bfnrt")) return OZ_OK;
    if (!skip_one_of(c, "u")) return refuse(c, "unknown escape in a string");
    uint32_t unit;
    OZ_TRY(check_code_unit(c, &unit));
    if (unit < 0xd800 || unit > 0xdfff) return OZ_OK;
    if (unit > 0xdbff) return refuse(c, "half a surrogate pair in a string");
    if (!skip_one_of(c, "\\") || !skip_one_of(c, "u")) return refuse(c, "half a surrogate pair in a string");
    OZ_TRY(check_code_unit(c, &unit));
    return unit >= 0xdc00 && unit <= 0xdfff ? OZ_OK : refuse(c, "half a surrogate pair in a string");
}

static oz_status check_string(checker *c) {
    c->at++; /* the opening quote */
    for (;;) {
        int ch = peek(c);
        if (ch < 0x20) return refuse(c, "control characters in a string must be escaped");
        if (skip_one_of(c, "\"")) return OZ_OK;
        if (skip_one_of(c, "\\")) {
            OZ_TRY(check_escape(c));
            continue;
        }
        size_t length = ch < 0x80 ? 1 : oz_utf8_length(c->text + c->at, c->bytes - c->at);
        if (length == 0)
            return oz_fail(c->err, OZ_ERR_FORMAT, c->origin + c->at, "", "bytes in a string are not UTF-8");
        c->at += length;
    }
}

static oz_status open_container(checker *c, bool object, state *next) {
    if (c->depth == OZ_JSON_DEPTH)
        return oz_fail(c->err, OZ_ERR_LIMIT, c->origin + c->at, "", "JSON nested more than %d deep",
                       OZ_JSON_DEPTH);
    c->in_object[++c->depth] = object;
    c->at++;
    *next = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
    return OZ_OK;
}

static oz_status check_value(checker *c, state *next) {
    int ch = peek(c);
    c->tokens++;
    *next = WANT_COMMA_OR_END;
    if (ch == '{' || ch == '[') return open_container(c, ch == '{', next);
    if (c->depth == 0) return refuse(c, "JSON must be an object or an array here");
    if (ch == '"') return check_string(c);
    if (ch == '-' || is_digit(ch)) return check_number(c);
    return check_literal(c, ch == 't' ? "true" : ch == 'f' ? "false" : "null");
}

static oz_status check_key(checker *c, state *next) {
    if (peek(c) != '"') return refuse(c, "a key in quotes must stand here");
    c->tokens++;
    *next = WANT_COLON;
    return check_string(c);
}

static oz_status check_colon(checker *c, state *next) {
    if (!skip_one_of(c, ":")) return refuse(c, "':' must stand between a key and its value");
    *next = WANT_VALUE;
    return OZ_OK;
}

static oz_status check_comma_or_end(checker *c, state *next) {
    if (c->depth == 0) return refuse(c, "more text after the end of the JSON value");
    bool object = c->in_object[c->depth];
    if (skip_one_of(c, ",")) {
        *next = object ? WANT_KEY : WANT_VALUE;
        return OZ_OK;
    }
    if (!skip_one_of(c, object ? "}" : "]"))
        return refuse(c, object ? "',' or '}' must stand here" : "',' or ']' must stand here");
    c->depth--;
    *next = WANT_COMMA_OR_END;
    return OZ_OK;
}

static oz_status check_step(checker *c, state now, state *next) {
    bool object = c->in_object[c->depth];
    switch (now) {
    case WANT_KEY_OR_END:
    case WANT_VALUE_OR_END:
        if (peek(c) == (object ? '}' : ']')) return check_comma_or_end(c, next);
        return object ? check_key(c, next) : check_value(c, next);
    case WANT_KEY:
        return check_key(c, next);
    case WANT_COLON:
        return check_colon(c, next);
    case WANT_COMMA_OR_END:
        return check_comma_or_end(c, next);
    case WANT_VALUE:
        break;
    }
    return check_value(c, next);
}

oz_status oz_json_check(const char *text, size_t bytes, uint64_t origin, uint32_t *tokens, oz_error *err) {
    if (bytes >= INT32_MAX)
        return oz_fail(err, OZ_ERR_LIMIT, origin, "", "JSON text of 2 GiB or more; it must be smaller");
    checker c = {.text = text, .bytes = bytes, .origin = origin, .err = err};
    state now = WANT_VALUE;
    for (;;) {
        while (skip_one_of(&c, " \t\n\r")) continue;
        if (c.at == bytes && c.depth == 0 && now == WANT_COMMA_OR_END) break;
        OZ_TRY(check_step(&c, now, &now));
    }
    *tokens = c.tokens;
    return OZ_OK;
}

/* json.c - tokens from jsmn, linked so that iterating over a container costs what it holds.
 *
 * The checker runs first, so jsmn sees proper JSON of bounded depth only (on deep nesting its closing of
 * brackets would be quadratic).  Its tokens lie in document order, a key directly before its value; when all
 * are made, `parent` is not needed any more and each token's is overwritten by the index of its next sibling.
 */
#include "base/json.h"

#include "base/json_check.h"
#include "base/json_text.h"

#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

enum { NO_SIBLING = -1, MAX_OPEN = 2 * OZ_JSON_DEPTH + 2 /* containers and their keys */ };

static const jsmntok_t *token_of(const oz_json *j, oz_value v) {
    return v < j->count ? (const jsmntok_t *)j->tokens + v : NULL;
}

/* ---- parsing ---------------------------------------------------------------------- */

/* In document order: each token follows, as a sibling, the last one with the same parent. */
static void link_siblings(jsmntok_t *tokens, uint32_t count) {
    struct open_token {
        int index, last_child;
    } open[MAX_OPEN];
    int top = -1;
    for (uint32_t i = 0; i < count; i++) {
        while (top >= 0 && open[top].index != tokens[i].parent) top--;
        if (top >= 0) {
            if (open[top].last_child >= 0) tokens[open[top].last_child].parent = (int)i;
            open[top].last_child = (int)i;
        }
        tokens[i].parent = NO_SIBLING;
        if (tokens[i].size > 0) open[++top] = (struct open_token){(int)i, -1};
    }
}

static int compare_keys(const oz_json *j, uint32_t a, uint32_t b) {
    const jsmntok_t *x = token_of(j, a), *y = token_of(j, b);
    return oz_json_compare(j->text + x->start, (size_t)(x->end - x->start), j->text + y->start,
                           (size_t)(y->end - y->start));
}

static void sift_down(const oz_json *j, uint32_t *heap, size_t at, size_t n) {
    uint32_t moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && compare_keys(j, heap[child], heap[child + 1]) < 0) child++;
        if (compare_keys(j, moved, heap[child]) >= 0) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* Heapsort: no order of hostile keys makes it slow, and it needs no memory. */
static void sort_keys(const oz_json *j, uint32_t *keys, size_t n) {
    for (size_t i = n / 2; i-- > 0;) sift_down(j, keys, i, n);
    for (size_t last = n; last-- > 1;) {
        uint32_t largest = keys[0];
        keys[0] = keys[last];
        keys[last] = largest;
        sift_down(j, keys, 0, last);
    }
}

/* The first key that repeats an earlier one of its object, or OZ_NO_VALUE. */
static oz_value duplicate_in(const oz_json *j, oz_value object, uint32_t *keys) {
    size_t n = 0;
    for (oz_value k = oz_json_first(j, object); k != OZ_NO_VALUE; k = oz_json_next(j, k)) keys[n++] = k;
    sort_keys(j, keys, n);
    oz_value first = OZ_NO_VALUE;
    for (size_t i = 1; i < n; i++) {
        if (compare_keys(j, keys[i - 1], keys[i]) != 0) continue;
        uint32_t later = keys[i - 1] > keys[i] ? keys[i - 1] : keys[i];
        if (later < first) first = later;
    }
    return first;
}

/* The list of keys to sort is a fifth of the tokens that the arena has allowed, and is given back. */
static oz_status refuse_duplicates(const oz_json *j, const oz_allocator *allocator, oz_error *err) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < j->count; i++)
        if (oz_json_type_of(j, i) == OZ_JSON_OBJECT && oz_json_size(j, i) > most) most = oz_json_size(j, i);
    if (most < 2) return OZ_OK;
    uint32_t *keys = oz_alloc(allocator, most * sizeof *keys, sizeof *keys);
    if (!keys) return oz_fail(err, OZ_ERR_MEMORY, j->origin, "", "no memory to sort %u JSON keys", most);
    oz_value found = OZ_NO_VALUE;
    for (uint32_t i = 0; i < j->count && found == OZ_NO_VALUE; i++)
        if (oz_json_type_of(j, i) == OZ_JSON_OBJECT) found = duplicate_in(j, i, keys);
    oz_release(allocator, keys, most * sizeof *keys);
    if (found == OZ_NO_VALUE) return OZ_OK;
    size_t bytes;
    const char *key = oz_json_raw(j, found, &bytes);
    int shown = bytes < 80 ? (int)bytes : 80;
    return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, found), "",
                   "key \"%.*s\" stands twice in its object", shown, key);
}

static oz_status make_tokens(oz_json *j, oz_arena *arena, oz_error *err) {
    uint64_t bytes = (uint64_t)j->count * sizeof(jsmntok_t);
    if (arena->limit && bytes > arena->limit - arena->used)
        return oz_fail(err, OZ_ERR_LIMIT, j->origin, "", "JSON of %u tokens needs more memory than allowed",
                       j->count);
    j->tokens = oz_arena_array(arena, j->count, sizeof(jsmntok_t));
    if (!j->tokens)
        return oz_fail(err, OZ_ERR_MEMORY, j->origin, "", "no memory for %u JSON tokens", j->count);
    jsmn_parser parser;
    jsmn_init(&parser);
    int made = jsmn_parse(&parser, j->text, j->bytes, j->tokens, j->count);
    if (made < 0 || (uint32_t)made != j->count)
        return oz_fail(err, OZ_ERR_FORMAT, j->origin + parser.pos, "", "malformed JSON");
    return OZ_OK;
}

static oz_status parse(oz_json *j, oz_arena *arena, oz_error *err) {
    OZ_TRY(oz_json_check(j->text, j->bytes, j->origin, &j->count, err));
    OZ_TRY(make_tokens(j, arena, err));
    link_siblings(j->tokens, j->count);
    return refuse_duplicates(j, arena->allocator, err);
}

oz_status oz_json_parse(oz_json *out, const char *text, size_t bytes, uint64_t origin, oz_arena *arena,
                        oz_error *err) {
    *out = (oz_json){.text = text, .bytes = bytes, .origin = origin};
    oz_status status = parse(out, arena, err);
    if (status != OZ_OK) *out = (oz_json){0};
    return status;
}

/* ---- access ----------------------------------------------------------------------- */

oz_json_type oz_json_type_of(const oz_json *j, oz_value v) {
    const jsmntok_t *t = token_of(j, v);
    if (!t) return OZ_JSON_NULL;
    if (t->type == JSMN_OBJECT) return OZ_JSON_OBJECT;
    if (t->type == JSMN_ARRAY) return OZ_JSON_ARRAY;
    if (t->type == JSMN_STRING) return OZ_JSON_STRING;
    char first = j->text[t->start];
    if (first == 'n') return OZ_JSON_NULL;
    return first == 't' || first == 'f' ? OZ_JSON_BOOL : OZ_JSON_NUMBER;
}

static bool is_a(const oz_json *j, oz_value v, oz_json_type type) {
    return v < j->count && oz_json_type_of(j, v) == type;
}

uint64_t oz_json_offset(const oz_json *j, oz_value v) {
    const jsmntok_t *t = token_of(j, v);
    if (!t) return j->origin;
    return j->origin + (uint64_t)t->start - (t->type == JSMN_STRING); /* from its opening quote */
}

uint32_t oz_json_size(const oz_json *j, oz_value v) {
    const jsmntok_t *t = token_of(j, v);
    return t && (t->type == JSMN_OBJECT || t->type == JSMN_ARRAY) ? (uint32_t)t->size : 0;
}

oz_value oz_json_first(const oz_json *j, oz_value v) {
    return oz_json_size(j, v) > 0 ? v + 1 : OZ_NO_VALUE;
}

oz_value oz_json_next(const oz_json *j, oz_value v) {
    const jsmntok_t *t = token_of(j, v);
    return t && t->parent != NO_SIBLING ? (oz_value)t->parent : OZ_NO_VALUE;
}

oz_value oz_json_of_key(const oz_json *j, oz_value key) {
    const jsmntok_t *t = token_of(j, key);
    return t && t->type == JSMN_STRING && t->size == 1 ? key + 1 : OZ_NO_VALUE;
}

oz_value oz_json_find(const oz_json *j, oz_value object, const char *key) {
    if (!is_a(j, object, OZ_JSON_OBJECT)) return OZ_NO_VALUE;
    for (oz_value k = oz_json_first(j, object); k != OZ_NO_VALUE; k = oz_json_next(j, k))
        if (oz_json_equals(j, k, key)) return oz_json_of_key(j, k);
    return OZ_NO_VALUE;
}

static const char *span_of(const oz_json *j, oz_value v, size_t *bytes) {
    const jsmntok_t *t = token_of(j, v);
    *bytes = (size_t)(t->end - t->start);
    return j->text + t->start;
}

const char *oz_json_raw(const oz_json *j, oz_value v, size_t *bytes) {
    *bytes = 0;
    return is_a(j, v, OZ_JSON_STRING) ? span_of(j, v, bytes) : NULL;
}

bool oz_json_equals(const oz_json *j, oz_value v, const char *text) {
    size_t bytes;
    const char *raw = oz_json_raw(j, v, &bytes);
    if (!raw) return false;
    oz_json_reader r = {.at = raw, .end = raw + bytes};
    for (;; text++) {
        int ch = oz_json_read_byte(&r);
        if (ch <= 0 || ch != (unsigned char)*text) return ch < 0 && *text == 0;
    }
}

char *oz_json_string(const oz_json *j, oz_value v, oz_arena *arena) {
    size_t bytes, used = 0;
    const char *raw = oz_json_raw(j, v, &bytes);
    if (!raw) return NULL;
    char *out = oz_arena_alloc(arena, bytes + 1, 1); /* undone escapes are never longer */
    if (!out) return NULL;
    oz_json_reader r = {.at = raw, .end = raw + bytes};
    for (int ch; (ch = oz_json_read_byte(&r)) >= 0;) {
        if (ch == 0) return NULL;
        out[used++] = (char)ch;
    }
    return out;
}

static bool read_digits(const char *text, size_t bytes, uint64_t *out) {
    uint64_t value = 0;
    if (bytes == 0) return false;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value)) return false;
    }
    *out = value;
    return true;
}

bool oz_json_u64(const oz_json *j, oz_value v, uint64_t *out) {
    if (!is_a(j, v, OZ_JSON_NUMBER)) return false;
    size_t bytes;
    const char *text = span_of(j, v, &bytes);
    return read_digits(text, bytes, out);
}

bool oz_json_i64(const oz_json *j, oz_value v, int64_t *out) {
    if (!is_a(j, v, OZ_JSON_NUMBER)) return false;
    size_t bytes;
    const char *text = span_of(j, v, &bytes);
    bool negative = *text == '-';
    uint64_t magnitude;
    if (!read_digits(text + negative, bytes - negative, &magnitude)) return false;
    if (magnitude > (uint64_t)INT64_MAX + negative) return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

bool oz_json_double(const oz_json *j, oz_value v, double *out) {
    if (!is_a(j, v, OZ_JSON_NUMBER)) return false;
    size_t bytes;
    const char *text = span_of(j, v, &bytes);
    return oz_json_number(text, bytes, out);
}

bool oz_json_bool(const oz_json *j, oz_value v, bool *out) {
    if (!is_a(j, v, OZ_JSON_BOOL)) return false;
    *out = j->text[token_of(j, v)->start] == 't';
    return true;
}

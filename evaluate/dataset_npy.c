/* dataset_npy.c - NumPy's .npy: a magic, a Python dictionary as text, the values.
 *
 * The dictionary has three fixed keys, so a scanner for exactly these is enough; anything else is refused,
 * pickled objects above all. */
#include "evaluate/dataset.h"

#include "evaluate/dataset_values.h"

#include <string.h>

typedef struct scanner {
    const char *at, *end;
} scanner;

typedef struct header {
    bool descr, order, shape; /* seen */
    bool big_endian, fortran;
    char kind;
    uint32_t width;
    oz_stored *out;
} header;

bool oz_npy_is(const oz_source *s) {
    return s->bytes >= 10 && memcmp(s->data, "\x93NUMPY", 6) == 0;
}

static void spaces(scanner *t) {
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\n')) t->at++;
}

static bool take(scanner *t, const char *text) {
    size_t n = strlen(text);
    spaces(t);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, text, n) != 0) return false;
    t->at += n;
    return true;
}

static bool quoted(scanner *t, char *out, size_t room) {
    spaces(t);
    if (t->at == t->end || (*t->at != '\'' && *t->at != '"')) return false;
    char quote = *t->at++;
    size_t n = 0;
    while (t->at < t->end && *t->at != quote) {
        if (n + 1 == room) return false;
        out[n++] = *t->at++;
    }
    out[n] = 0;
    return t->at++ < t->end;
}

static bool number(scanner *t, uint64_t *out) {
    spaces(t);
    const char *start = t->at;
    for (*out = 0; t->at < t->end && *t->at >= '0' && *t->at <= '9'; t->at++) {
        if (*out > (UINT64_MAX - 9) / 10) return false;
        *out = *out * 10 + (uint64_t)(*t->at - '0');
    }
    return t->at > start;
}

/* "(2, 3)", "(2,)", "()" */
static bool tuple(scanner *t, oz_stored *out) {
    if (!take(t, "(")) return false;
    out->rank = 0;
    while (!take(t, ")")) {
        if (out->rank == OZ_STORED_RANK || !number(t, &out->dim[out->rank++])) return false;
        if (!take(t, ",")) return take(t, ")");
    }
    return true;
}

/* "<f4": byte order, kind, bytes. */
static bool descriptor(const char *text, header *h) {
    size_t n = strlen(text);
    if (n < 2 || n > 3 || !strchr("<>|=", n == 3 ? text[0] : '=')) return false;
    h->big_endian = text[0] == '>';
    h->kind = text[n - 2];
    h->width = (uint32_t)(text[n - 1] - '0');
    return true;
}

static bool type_of(const header *h, oz_stored_type *out) {
    static const struct {
        char kind;
        uint32_t width;
        oz_stored_type type;
    } known[] = {{'b', 1, OZ_STORED_BOOL}, {'u', 1, OZ_STORED_U8},  {'u', 2, OZ_STORED_U16},
                 {'u', 4, OZ_STORED_U32},  {'u', 8, OZ_STORED_U64}, {'i', 1, OZ_STORED_I8},
                 {'i', 2, OZ_STORED_I16},  {'i', 4, OZ_STORED_I32}, {'i', 8, OZ_STORED_I64},
                 {'f', 2, OZ_STORED_F16},  {'f', 4, OZ_STORED_F32}, {'f', 8, OZ_STORED_F64}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].kind != h->kind || known[i].width != h->width) continue;
        *out = known[i].type;
        return true;
    }
    return false;
}

static bool entry(scanner *t, header *h, char *descr, size_t room) {
    char key[16];
    if (!quoted(t, key, sizeof key) || !take(t, ":")) return false;
    if (strcmp(key, "descr") == 0 && !h->descr) return h->descr = quoted(t, descr, room);
    if (strcmp(key, "shape") == 0 && !h->shape) return h->shape = tuple(t, h->out);
    if (strcmp(key, "fortran_order") != 0 || h->order) return false;
    h->fortran = take(t, "True");
    return h->order = h->fortran || take(t, "False");
}

static bool dictionary(scanner *t, header *h, char *descr, size_t room) {
    if (!take(t, "{")) return false;
    while (!take(t, "}")) {
        if (!entry(t, h, descr, room)) return false;
        if (!take(t, ",") && !take(t, "}")) return false;
        if (t->at[-1] == '}') break;
    }
    spaces(t);
    return t->at == t->end && h->descr && h->order && h->shape;
}

static oz_status judge(const oz_source *s, const header *h, const char *descr, uint64_t at, oz_error *err) {
    if (strchr(descr, 'O'))
        return oz_fail(err, OZ_ERR_SUPPORT, at, s->path,
                       "holds pickled Python objects, which are never loaded; save a plain array");
    if (!type_of(h, &h->out->type))
        return oz_fail(err, OZ_ERR_SUPPORT, at, s->path,
                       "values of type '%s' are not supported; save float32", descr);
    if (h->fortran && h->out->rank > 1)
        return oz_fail(err, OZ_ERR_SUPPORT, at, s->path,
                       "is in Fortran order; save numpy.ascontiguousarray(x)");
    return OZ_OK;
}

/* Where the dictionary lies, by the version's length field. */
static oz_status locate(const oz_source *s, scanner *t, oz_error *err) {
    unsigned version = s->data[6], field = version == 1 ? 2 : 4;
    if (version < 1 || version > 3)
        return oz_fail(err, OZ_ERR_VERSION, 6, s->path, "is .npy version %u; 1 to 3 are known", version);
    uint64_t length = 0;
    if (s->bytes >= 8 + field) {
        for (unsigned i = field; i-- > 0;) length = length << 8 | s->data[8 + i];
    }
    if (s->bytes < 8 + field || length > s->bytes - 8 - field)
        return oz_fail(err, OZ_ERR_FORMAT, 8, s->path, ".npy header is longer than the file");
    t->at = (const char *)s->data + 8 + field;
    t->end = t->at + length;
    return OZ_OK;
}

/* Big-endian values are copied and turned. */
static oz_status turn(const oz_source *s, oz_stored *x, oz_error *err) {
    uint8_t *copy = oz_arena_alloc(s->arena, (size_t)x->bytes, 64);
    if (!copy) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, s->path, "no memory for the data");
    if (x->bytes) memcpy(copy, x->data, (size_t)x->bytes);
    oz_swap_values(copy, x->bytes, oz_stored_type_bytes(x->type));
    x->data = copy;
    return OZ_OK;
}

oz_status oz_npy_read(const oz_source *s, oz_stored *x, oz_error *err) {
    scanner t = {NULL, NULL};
    char descr[24] = "";
    header h = {.out = x};
    if (!oz_npy_is(s)) return oz_fail(err, OZ_ERR_FORMAT, 0, s->path, "is not an .npy array");
    OZ_TRY(locate(s, &t, err));
    uint64_t text = (uint64_t)(t.at - (const char *)s->data);
    *x = (oz_stored){
        .name = "x", .data = (const uint8_t *)t.end, .offset = (uint64_t)(t.end - (const char *)s->data)};
    if (!dictionary(&t, &h, descr, sizeof descr) || (!strchr(descr, 'O') && !descriptor(descr, &h)))
        return oz_fail(err, OZ_ERR_FORMAT, (uint64_t)(t.at - (const char *)s->data), s->path,
                       ".npy header is not the dictionary of a plain array (descr, fortran_order, shape)");
    OZ_TRY(judge(s, &h, descr, text, err));
    uint64_t have = s->bytes - x->offset;
    if (!oz_stored_size(x->type, x->rank, x->dim, &x->bytes) || x->bytes != have)
        return oz_fail(err, OZ_ERR_FORMAT, x->offset, s->path,
                       ".npy header declares other than the %llu bytes of values that follow",
                       (unsigned long long)have);
    return h.big_endian ? turn(s, x, err) : OZ_OK;
}

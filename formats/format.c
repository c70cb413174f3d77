/* format.c - the registry of formats, and what can be said of a leaf whatever its format. */
#include "formats/format.h"

#include <string.h>

#include "formats/parts.h"

#define OZ_FORMAT(name) extern const oz_format oz_format_##name;
#include "formats/formats.def"
#undef OZ_FORMAT

static const oz_format *const formats[] = {
#define OZ_FORMAT(name) &oz_format_##name,
#include "formats/formats.def"
#undef OZ_FORMAT
};

const oz_format *oz_format_at(size_t i) {
    return i < sizeof formats / sizeof formats[0] ? formats[i] : NULL;
}

const oz_format *oz_format_find(const char *name, size_t bytes) {
    const oz_format *f;
    for (size_t i = 0; (f = oz_format_at(i)); i++) {
        if (strlen(f->name) == bytes && memcmp(f->name, name, bytes) == 0) return f;
    }
    return NULL;
}

uint64_t oz_leaf_param(const oz_leaf *leaf, const char *name) {
    for (size_t i = 0; i < leaf->format->n_params; i++) {
        if (strcmp(leaf->format->params[i].name, name) == 0) return leaf->param[i];
    }
    return 0;
}

const oz_part *oz_leaf_part(const oz_leaf *leaf, const char *name) {
    for (size_t i = 0; i < leaf->format->n_parts; i++) {
        if (strcmp(leaf->format->parts[i].name, name) == 0) return &leaf->part[i];
    }
    return NULL;
}

oz_status oz_leaf_check(const oz_leaf *leaf, oz_error *err) {
    const oz_format *f = leaf->format;
    uint64_t bytes[OZ_MAX_PARTS] = {0};
    OZ_TRY(oz_leaf_check_shape(leaf, err));
    OZ_TRY(f->layout(leaf, bytes, err));
    for (size_t i = 0; i < f->n_parts; i++) {
        const oz_part *p = &leaf->part[i];
        if (p->bytes >= bytes[i] && (p->data || bytes[i] == 0)) continue;
        return oz_fail(err, OZ_ERR_FORMAT, p->data ? p->offset : OZ_NO_OFFSET, oz_leaf_where(leaf),
                       "part %s of a %llu x %llu %s leaf has %llu bytes, it needs %llu", f->parts[i].name,
                       (unsigned long long)leaf->rows, (unsigned long long)leaf->cols, f->name,
                       (unsigned long long)p->bytes, (unsigned long long)bytes[i]);
    }
    return f->open(leaf, err);
}

void oz_leaf_unpack(const oz_leaf *leaf, float *out) {
    const oz_format *f = leaf->format;
    if (f->materialises && f->materialises(leaf)) { /* a row alone may cost as much as the leaf */
        f->materialise(leaf, out);
        return;
    }
    for (uint64_t r = 0; r < leaf->rows; r++) {
        f->row(leaf, r, 0, leaf->cols, out + r * leaf->cols);
    }
}

const char *oz_leaf_variant(const oz_leaf *leaf) {
    return leaf->format->variant ? leaf->format->variant(leaf) : leaf->format->name;
}

uint64_t oz_leaf_nonzeros(const oz_leaf *leaf) {
    return leaf->format->nonzeros ? leaf->format->nonzeros(leaf) : leaf->rows * leaf->cols;
}

void oz_leaf_bytes(const oz_leaf *leaf, oz_bytes *out) {
    uint64_t bytes[OZ_MAX_PARTS] = {0};
    memset(out, 0, sizeof *out);
    if (leaf->format->layout(leaf, bytes, NULL) != OZ_OK) return;
    for (size_t i = 0; i < leaf->format->n_parts; i++) {
        oz_part_kind kind = leaf->format->parts[i].kind;
        if (kind == OZ_PART_VALUES) out->values += bytes[i];
        if (kind == OZ_PART_INDEX) out->index += bytes[i];
        if (kind == OZ_PART_SCALES) out->scales += bytes[i];
        out->total += bytes[i];
    }
}

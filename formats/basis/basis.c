/* basis.c - the format `basis` (NOLA): its parameters, its one part, and its rows.
 *
 * Making one row can cost as much as making the leaf, so a leaf is made once, when a model is loaded;
 * `row` is the same sum for those who check it. Both add in ascending order of the matrices, in f32. */
#include "formats/basis/basis.h"

#include "formats/parts.h"

#include <math.h>
#include <string.h>

static const char *const generators[] = {"stream", "torch", NULL};
static const char *const orders[] = {"rows", "cols", NULL};

static const oz_param_def params[OZ_BASIS_PARAMS] = {
    [OZ_BASIS_K] = {"k", NULL, 0, true},
    [OZ_BASIS_SEED] = {"seed", NULL, 1, false},
    [OZ_BASIS_GENERATOR] = {"generator", generators, OZ_BASIS_STREAM, false},
    [OZ_BASIS_ORDER] = {"order", orders, OZ_BASIS_BY_ROWS, false},
    [OZ_BASIS_FAN] = {"fan", NULL, 1, false},
    [OZ_BASIS_SKIP] = {"skip", NULL, 0, false},
};

static const oz_part_def parts[] = {{"coefficients", OZ_PART_VALUES}};

static oz_status layout(const oz_leaf *leaf, uint64_t bytes[OZ_MAX_PARTS], oz_error *err) {
    OZ_TRY(oz_leaf_check_shape(leaf, err));
    const char *where = oz_leaf_where(leaf);
    uint64_t k = leaf->param[OZ_BASIS_K], fan = leaf->param[OZ_BASIS_FAN], numbers;
    if (k == 0) return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, where, "basis: k must be at least 1");
    if (fan == 0 || fan > OZ_MAX_WEIGHTS)
        return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, where, "basis: fan must be 1 to 2^48");
    if (!oz_mul(k, leaf->rows * leaf->cols, &numbers) || numbers > OZ_BASIS_MOST ||
        leaf->param[OZ_BASIS_SKIP] > OZ_BASIS_MOST)
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, where,
                       "basis: k * rows * cols and skip may be at most 2^30 random numbers each");
    bytes[0] = k * oz_float_bytes(leaf->codec.kind);
    return OZ_OK;
}

static float coefficient(const oz_leaf *leaf, uint64_t i) {
    return oz_float_get(leaf->codec.kind, leaf->part[0].data, i);
}

static oz_status open_leaf(const oz_leaf *leaf, oz_error *err) {
    const oz_part *p = &leaf->part[0];
    uint32_t size = oz_float_bytes(leaf->codec.kind);
    for (uint64_t i = 0; i < leaf->param[OZ_BASIS_K]; i++) {
        if (isfinite(coefficient(leaf, i))) continue;
        uint64_t at = p->offset == OZ_NO_OFFSET ? OZ_NO_OFFSET : p->offset + i * size;
        return oz_fail(err, OZ_ERR_FORMAT, at, oz_leaf_where(leaf),
                       "coefficients[%llu] is not a finite number", (unsigned long long)i);
    }
    return OZ_OK;
}

/* out[j * step] += factor * (the next numbers of the stream), j < n. */
static void add_drawn(oz_basis_stream *s, float factor, float *out, uint64_t n, uint64_t step) {
    float drawn[256];
    for (uint64_t done = 0; done < n;) {
        size_t some = oz_min(n - done, 256);
        oz_basis_draw(s, drawn, some);
        for (size_t j = 0; j < some; j++) out[(done + j) * step] += factor * drawn[j];
        done += some;
    }
}

static void row(const oz_leaf *leaf, uint64_t r, uint64_t c0, uint64_t n, float *out) {
    bool by_rows = leaf->param[OZ_BASIS_ORDER] == OZ_BASIS_BY_ROWS;
    oz_basis_stream s;
    oz_basis_start(&s, leaf);
    memset(out, 0, n * sizeof *out);
    for (uint64_t i = 0; i < leaf->param[OZ_BASIS_K]; i++) {
        uint64_t first = i * leaf->rows * leaf->cols;
        if (by_rows) {
            oz_basis_seek(&s, first + r * leaf->cols + c0);
            add_drawn(&s, coefficient(leaf, i), out, n, 1);
            continue;
        }
        for (uint64_t c = c0; c < c0 + n; c++) {
            oz_basis_seek(&s, first + c * leaf->rows + r);
            add_drawn(&s, coefficient(leaf, i), out + (c - c0), 1, 1);
        }
    }
}

static bool materialises(const oz_leaf *leaf) {
    (void)leaf;
    return true;
}

static void materialise(const oz_leaf *leaf, float *out) {
    oz_basis_order order = oz_basis_order_of(leaf);
    oz_basis_stream s;
    oz_basis_start(&s, leaf);
    memset(out, 0, leaf->rows * leaf->cols * sizeof *out);
    for (uint64_t i = 0; i < leaf->param[OZ_BASIS_K]; i++) {
        for (uint64_t line = 0; line < order.lines; line++)
            add_drawn(&s, coefficient(leaf, i), out + line * order.line_step, order.length, order.step);
    }
}

const oz_format oz_format_basis = {
    .name = "basis",
    .params = params,
    .n_params = OZ_BASIS_PARAMS,
    .parts = parts,
    .n_parts = sizeof parts / sizeof parts[0],
    .codecs = OZ_CODECS_FLOAT,
    .layout = layout,
    .open = open_leaf,
    .row = row,
    .materialises = materialises,
    .materialise = materialise,
    .pack = oz_basis_pack,
};

/* embedding.c - rows of a table by index: [..] -> [.., cols]; embedding_bag sums or averages a row of
 * indexes: [N, L] -> [N, cols]. A negative index of a bag is padding.
 *
 * The table is a weight [rows][cols] in any format; only the rows asked for are unpacked. */
#include <string.h>

#include "runtime/session.h"

static oz_status shape_lookup(const oz_node *node, const oz_weight *w, const oz_shape *const *in,
                              oz_shape *out, oz_error *err) {
    if (in[0]->rank >= OZ_MAX_RANK)
        return oz_shape_fail(node, err, "the result would have more than 6 dimensions");
    *out = *in[0];
    out->dim[out->rank++] = w->cols;
    for (size_t t = 0; t < w->n_terms; t++) {
        if (w->terms[t].n_factors != 1)
            return oz_shape_fail(node, err, "table %s is a product of leaves, which has no rows to look up",
                                 w->name);
    }
    return OZ_OK;
}

static void add_row(oz_session *s, const oz_layer *layer, uint64_t row, float *out) {
    const oz_weight *w = layer->weight;
    for (size_t t = 0; t < w->n_terms; t++) {
        const oz_leaf *leaf = layer->run[t][0];
        float scale = w->terms[t].scale * (w->row_scale.data ? oz_vector_get(&w->row_scale, row) : 1.0f);
        leaf->format->row(leaf, row, 0, w->cols, s->unpacked);
        s->plan->vec->add_scaled(s->unpacked, w->cols, scale, out);
    }
}

static oz_status bad_index(const oz_step *step, int64_t index, oz_error *err) {
    return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, step->node->name, "index %lld is outside the table",
                   (long long)index);
}

static oz_status run_lookup(const oz_step *step, oz_error *err) {
    oz_session *s = step->session;
    const oz_layer *layer = &s->plan->model->layers[step->node->layer];
    const int64_t *index = step->in[0];
    size_t n = oz_shape_count(step->in_shape[0]), cols = layer->weight->cols;
    memset(step->out, 0, n * cols * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        if (index[i] < 0 || (uint64_t)index[i] >= layer->weight->rows) return bad_index(step, index[i], err);
        add_row(s, layer, (uint64_t)index[i], step->out + i * cols);
    }
    return OZ_OK;
}

static oz_status parse_bag(oz_node *node, const oz_json *j, oz_value v, const oz_contents *c, oz_arena *arena,
                           oz_error *err) {
    (void)c, (void)arena;
    oz_value mode = v == OZ_NO_VALUE ? v : oz_json_find(j, v, "mode");
    node->attr.mean = mode != OZ_NO_VALUE && oz_json_equals(j, mode, "mean");
    if (mode != OZ_NO_VALUE && !node->attr.mean && !oz_json_equals(j, mode, "sum")) {
        return oz_fail(err, OZ_ERR_FORMAT, oz_json_offset(j, mode), node->name,
                       "attribute \"mode\" must be sum or mean");
    }
    return OZ_OK;
}

static oz_status shape_bag(const oz_node *node, const oz_weight *w, const oz_shape *const *in, oz_shape *out,
                           oz_error *err) {
    if (in[0]->rank != 2)
        return oz_shape_fail(node, err, "needs [N, L] indexes, got %u dimensions", in[0]->rank);
    OZ_TRY(shape_lookup(node, w, in, out, err));
    *out = (oz_shape){.rank = 2, .dim = {in[0]->dim[0], w->cols}};
    return OZ_OK;
}

static oz_status run_bag(const oz_step *step, oz_error *err) {
    oz_session *s = step->session;
    const oz_layer *layer = &s->plan->model->layers[step->node->layer];
    size_t bags = step->in_shape[0]->dim[0], length = step->in_shape[0]->dim[1], cols = layer->weight->cols;
    const int64_t *index = step->in[0];
    memset(step->out, 0, bags * cols * sizeof(float));
    for (size_t b = 0; b < bags; b++) {
        size_t used = 0;
        float *out = step->out + b * cols;
        for (size_t i = 0; i < length; i++) {
            int64_t row = index[b * length + i];
            if (row < 0) continue;
            if ((uint64_t)row >= layer->weight->rows) return bad_index(step, row, err);
            add_row(s, layer, (uint64_t)row, out);
            used++;
        }
        if (step->node->attr.mean && used)
            step->vec->affine(out, cols, 1.0f / (float)used, 0.0f, OZ_ACT_NONE, 0.0f, out);
    }
    return OZ_OK;
}

const oz_op oz_op_embedding = {.name = "embedding",
                               .min_inputs = 1,
                               .max_inputs = 1,
                               .weighted = true,
                               .shape = shape_lookup,
                               .run = run_lookup};
const oz_op oz_op_embedding_bag = {.name = "embedding_bag",
                                   .min_inputs = 1,
                                   .max_inputs = 1,
                                   .weighted = true,
                                   .attributes = "mode",
                                   .parse = parse_bag,
                                   .shape = shape_bag,
                                   .run = run_bag};

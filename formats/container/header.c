/* header.c - the JSON header of a file: metadata about contents, then one entry per stored tensor.
 *
 * Its length does not depend on the data (a hash is always 16 digits), so it can be written to learn a file's
 * size. JSON inside of metadata is a string in JSON: each quote costs two bytes, which is why leaves are
 * short arrays instead of objects. */
#include "formats/container/placement.h"

#include "formats/container/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct header_writer {
    const oz_contents *c;
    const oz_placement *placement;
    const oz_item *item; /* the next one that the metadata names */
    oz_text *out;
    oz_error *err;
} header_writer;

static void add(oz_text *t, const char *text) {
    oz_text_add(t, text, strlen(text));
}

/* ---- names ------------------------------------------------------------------------ */

/* A weight that is one matrix of floats has the name that other programs expect. */
static bool is_plain_weight(const oz_item *item) {
    return item->type != OZ_STORED_U8 && oz_weight_is_leaf(item->weight);
}

void oz_placed_name(const oz_placed *t, oz_text *out) {
    const oz_item *item = t->item;
    if (t->filler)
        oz_text_format(out, ".pad%zu", t->filler - 1);
    else if (!item)
        add(out, OZ_SMALL_NAME);
    else if (is_plain_weight(item))
        oz_text_format(out, "%s.weight", item->weight->name);
    else
        oz_text_format(out, "%s/%zu.%zu/%s", item->weight->name, item->term, item->factor,
                       item->leaf->format->parts[item->part].name);
}

static oz_status add_name(header_writer *w, const oz_placed *t, const oz_limits *limits) {
    oz_text name = {.allocator = w->out->allocator};
    oz_placed_name(t, &name);
    oz_status status = OZ_OK;
    if (name.failed)
        w->out->failed = true;
    else
        status = oz_name_check(name.data, limits->max_name_bytes, w->err);
    if (status == OZ_OK && !name.failed) oz_text_json(w->out, name.data, name.bytes);
    oz_text_free(&name);
    return status;
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of weights, of vectors or of free text: `names` is sorted in place. */
static oz_status check_names(const char **names, size_t n, uint64_t max_bytes, oz_error *err) {
    for (size_t i = 0; i < n; i++) OZ_TRY(oz_name_check(names[i], max_bytes, err));
    qsort(names, n, sizeof *names, compare_texts);
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, names[i], "two have this name");
    return OZ_OK;
}

static oz_status check_all_names(const oz_contents *c, const char **names, const oz_limits *l,
                                 oz_error *err) {
    for (size_t i = 0; i < c->n_weights; i++) names[i] = c->weights[i].name;
    OZ_TRY(check_names(names, c->n_weights, l->max_name_bytes, err));
    for (size_t i = 0; i < c->n_vectors; i++) names[i] = c->vectors[i].name;
    OZ_TRY(check_names(names, c->n_vectors, l->max_name_bytes, err));
    for (size_t i = 0; i < c->n_meta; i++) names[i] = c->meta[i].key;
    OZ_TRY(check_names(names, c->n_meta, l->max_name_bytes, err));
    for (size_t i = 0; i < c->n_meta; i++)
        if (oz_is_own_key(c->meta[i].key))
            return oz_fail(err, OZ_ERR_FORMAT, OZ_NO_OFFSET, c->meta[i].key,
                           "this metadata key is the file's own, not free text");
    return OZ_OK;
}

static oz_status check_contents(const oz_contents *c, const oz_allocator *allocator, const oz_limits *l,
                                oz_error *err) {
    if (c->n_weights > l->max_layers)
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, "", "%zu weights; a file holds %u", c->n_weights,
                       l->max_layers);
    oz_arena scratch = {.allocator = allocator};
    const char **names = oz_arena_array(&scratch, c->n_weights + c->n_vectors + c->n_meta, sizeof *names);
    oz_status status = names ? check_all_names(c, names, l, err) : oz_out_of_memory(&scratch, 0, err);
    oz_arena_free(&scratch);
    return status;
}

/* ---- JSON inside of metadata ------------------------------------------------------- */

static const oz_item *owner_of(const header_writer *w, const oz_item *item) {
    return &w->placement->items[item->owner];
}

static void add_part(header_writer *w, oz_text *t, const oz_item *item) {
    const oz_item *owner = owner_of(w, item);
    if (item->bytes == 0)
        add(t, "0");
    else if (item->in_small)
        oz_text_format(t, "%" PRIu64, owner->offset);
    else if (owner == item && !is_plain_weight(item))
        add(t, "null");
    else {
        oz_text name = {.allocator = t->allocator};
        oz_placed_name(&w->placement->tensors[owner->tensor], &name);
        if (name.failed)
            t->failed = true;
        else
            oz_text_json(t, name.data, name.bytes);
        oz_text_free(&name);
    }
}

static void add_leaf(header_writer *w, oz_text *t, const oz_leaf *leaf, bool shaped) {
    oz_text spec = {.allocator = t->allocator};
    oz_leaf_print(leaf, &spec);
    add(t, "[");
    if (spec.failed)
        t->failed = true;
    else
        oz_text_json(t, spec.data, spec.bytes);
    oz_text_free(&spec);
    if (shaped) oz_text_format(t, ",[%" PRIu64 ",%" PRIu64 "]", leaf->rows, leaf->cols);
    for (size_t i = 0; i < leaf->format->n_parts; i++) {
        add(t, ",");
        add_part(w, t, w->item++);
    }
    add(t, "]");
}

static void add_terms(header_writer *w, oz_text *t, const oz_weight *weight) {
    for (size_t i = 0; i < weight->n_terms; i++) {
        const oz_term *term = &weight->terms[i];
        add(t, i ? ",[" : "[");
        for (size_t f = 0; f < term->n_factors; f++) {
            if (f) add(t, ",");
            add_leaf(w, t, &term->factors[f], term->n_factors > 1);
        }
        add(t, "]");
    }
}

static void add_scales(oz_text *t, const oz_weight *weight) {
    bool needed = false;
    for (size_t i = 0; i < weight->n_terms; i++) needed = needed || weight->terms[i].scale != 1;
    if (!needed) return;
    add(t, ",\"scales\":");
    for (size_t i = 0; i < weight->n_terms; i++) {
        add(t, i ? "," : "[");
        oz_text_number(t, weight->terms[i].scale);
    }
    add(t, "]");
}

static void add_weight(header_writer *w, oz_text *t, const oz_weight *weight) {
    oz_text_json(t, weight->name, strlen(weight->name));
    oz_text_format(t, ":{\"shape\":[%" PRIu64 ",%" PRIu64 "],\"terms\":[", weight->rows, weight->cols);
    add_terms(w, t, weight);
    add(t, "]");
    add_scales(t, weight);
    if (weight->row_scale.data)
        oz_text_format(t, ",\"rows\":[\"%s\",%" PRIu64 "]", oz_codec_name(weight->row_scale.kind),
                       owner_of(w, w->item++)->offset);
    if (weight->act_i8 != oz_weight_default_act(weight))
        add(t, weight->act_i8 ? ",\"act\":\"i8\"" : ",\"act\":\"f32\"");
    add(t, "}");
}

static void add_weights(header_writer *w, oz_text *t) {
    for (size_t i = 0; i < w->c->n_weights; i++) {
        add(t, i ? "," : "{");
        add_weight(w, t, &w->c->weights[i]);
    }
    add(t, w->c->n_weights ? "}" : "{}");
}

static void add_vectors(header_writer *w, oz_text *t) {
    for (size_t i = 0; i < w->c->n_vectors; i++) {
        const oz_vector *v = &w->c->vectors[i];
        add(t, i ? "," : "{");
        oz_text_json(t, v->name, strlen(v->name));
        oz_text_format(t, ":[\"%s\",%" PRIu64 ",%" PRIu64 "]", oz_codec_name(v->kind), v->count,
                       owner_of(w, w->item++)->offset);
    }
    add(t, "}");
}

/* ---- the header ------------------------------------------------------------------- */

static void add_json_string(header_writer *w, const char *key, void (*write)(header_writer *w, oz_text *t)) {
    oz_text value = {.allocator = w->out->allocator};
    write(w, &value);
    oz_text_format(w->out, ",\"%s\":", key);
    if (value.failed)
        w->out->failed = true;
    else
        oz_text_json(w->out, value.data, value.bytes);
    oz_text_free(&value);
}

static void add_metadata(header_writer *w, size_t *hashes_at) {
    oz_text *t = w->out;
    add(t, "\"__metadata__\":{\"format\":\"ounce\",\"version\":\"1\"");
    if (w->c->graph) {
        add(t, ",\"graph\":");
        oz_text_json(t, w->c->graph, strlen(w->c->graph));
    }
    add_json_string(w, "weights", add_weights);
    if (w->c->n_vectors) add_json_string(w, "vectors", add_vectors);
    add(t, ",\"hashes\":\"");
    *hashes_at = t->bytes;
    for (size_t i = 0; i < w->placement->n_tensors; i++) add(t, "0000000000000000");
    add(t, "\"");
    for (size_t i = 0; i < w->c->n_meta; i++) {
        add(t, ",");
        oz_text_json(t, w->c->meta[i].key, strlen(w->c->meta[i].key));
        add(t, ":");
        oz_text_json(t, w->c->meta[i].value, strlen(w->c->meta[i].value));
    }
    add(t, "}");
}

static oz_status add_tensor(header_writer *w, const oz_placed *p, const oz_limits *limits) {
    oz_text *t = w->out;
    add(t, ",");
    OZ_TRY(add_name(w, p, limits));
    oz_stored_type type = p->item ? p->item->type : OZ_STORED_U8;
    oz_text_format(t, ":{\"dtype\":\"%s\",\"shape\":[", oz_stored_type_name(type));
    if (type == OZ_STORED_U8)
        oz_text_format(t, "%" PRIu64, p->bytes);
    else
        oz_text_format(t, "%" PRIu64 ",%" PRIu64, p->item->leaf->rows, p->item->leaf->cols);
    oz_text_format(t, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", p->begin, p->begin + p->bytes);
    return OZ_OK;
}

oz_status oz_header_write(const oz_contents *c, const oz_placement *p, oz_text *out, size_t *hashes_at,
                          oz_error *err) {
    header_writer w = {.c = c, .placement = p, .item = p->items, .out = out, .err = err};
    oz_limits limits;
    OZ_TRY(oz_limits_resolve(NULL, 0, &limits, err));
    OZ_TRY(check_contents(c, out->allocator, &limits, err));
    add(out, "{");
    add_metadata(&w, hashes_at);
    for (size_t i = 0; i < p->n_tensors; i++) OZ_TRY(add_tensor(&w, &p->tensors[i], &limits));
    add(out, "}");
    if (out->failed) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "no memory for the file's header");
    if (out->bytes > limits.max_header_bytes)
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, "", "the header has %zu bytes; a file holds %" PRIu64,
                       out->bytes, limits.max_header_bytes);
    return OZ_OK;
}

/* graph_edit.c - folding over the graph's JSON tree, node after node.
 *
 * A node may take over what its only reader does. Then the reader vanishes and its name becomes another name
 * (alias) of the node's result; a name that the graph gives out stays. */
#include "converters/import/graph_edit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_EPS 1e-5

typedef struct editor {
    oz_arena *arena;
    const oz_norm_reader *norms;
    oz_edited_graph *out;
    json_t *graph, *nodes;    /* the new nodes */
    json_t *alias;            /* name -> name of the value that now stands for it */
    json_t *readers, *owners; /* name -> how many nodes read the value, use the layer */
    oz_error *err;
} editor;

static oz_status node_fail(const editor *e, const json_t *node, const char *what) {
    const char *name = json_string_value(json_array_get(node, 1));
    return oz_fail(e->err, OZ_ERR_FORMAT, OZ_NO_OFFSET, name ? name : "graph", "%s", what);
}

static oz_status no_memory(const editor *e) {
    return oz_fail(e->err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "graph", "out of memory");
}

/* ---- looking at nodes ---- */

static const char *op_of(const json_t *node) {
    return json_string_value(json_array_get(node, 0));
}

static const char *name_of(const json_t *node) {
    return json_string_value(json_array_get(node, 1));
}

static json_t *attribute(const json_t *node, const char *key) {
    return json_object_get(json_array_get(node, 3), key);
}

static const char *layer_of(const json_t *node) {
    return json_string_value(attribute(node, "weight"));
}

static bool is_one_of(const char *word, const char *const *words) {
    for (; *words; words++)
        if (strcmp(word, *words) == 0) return true;
    return false;
}

static bool is_layer(const char *op) {
    static const char *const ops[] = {"linear", "conv2d", NULL};
    return is_one_of(op, ops);
}

static bool takes_activation(const char *op) {
    static const char *const ops[] = {"linear", "conv2d", "add", "affine", NULL};
    return is_one_of(op, ops);
}

static bool is_activation(const char *op) {
    static const char *const ops[] = {"relu", "relu6", "leaky",   "gelu",      "gelu_tanh",
                                      "silu", "tanh",  "sigmoid", "hardswish", NULL};
    return is_one_of(op, ops);
}

static bool is_node(const json_t *node) {
    size_t n = json_array_size(node);
    if (n < 3 || n > 4 || !op_of(node) || !name_of(node)) return false;
    const json_t *inputs = json_array_get(node, 2);
    if (!json_is_array(inputs) || json_array_size(inputs) == 0) return false;
    for (size_t i = 0; i < json_array_size(inputs); i++)
        if (!json_is_string(json_array_get(inputs, i))) return false;
    return n == 3 || json_is_object(json_array_get(node, 3));
}

static bool increase(json_t *counts, const char *key) {
    json_int_t n = json_integer_value(json_object_get(counts, key));
    return json_object_set_new(counts, key, json_integer(n + 1)) == 0;
}

static json_int_t count_of(const json_t *counts, const char *key) {
    return json_integer_value(json_object_get(counts, key));
}

/* Counts who reads what, so that later steps know each value's only reader. */
static oz_status survey(editor *e) {
    const json_t *nodes = json_object_get(e->graph, "nodes"), *outputs = json_object_get(e->graph, "outputs");
    if (!json_is_array(nodes) || !json_is_array(outputs) ||
        !json_is_object(json_object_get(e->graph, "inputs")))
        return node_fail(e, NULL, "the graph needs \"inputs\" {}, \"outputs\" [] and \"nodes\" []");
    bool ok = true;
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        const char *name = json_string_value(json_array_get(outputs, i));
        if (!name) return node_fail(e, NULL, "an output is not the name of a value");
        ok = ok && increase(e->readers, name);
    }
    for (size_t i = 0; i < json_array_size(nodes); i++) {
        const json_t *node = json_array_get(nodes, i), *inputs = json_array_get(node, 2);
        if (!is_node(node))
            return node_fail(e, node, "a node is [\"operator\", \"name\", [\"input\", ...], {attributes}]");
        for (size_t k = 0; k < json_array_size(inputs); k++)
            ok = ok && increase(e->readers, json_string_value(json_array_get(inputs, k)));
        if (layer_of(node)) ok = ok && increase(e->owners, layer_of(node));
    }
    return ok ? OZ_OK : no_memory(e);
}

/* ---- layers ---- */

static oz_import_layer *find_layer(const editor *e, const char *name) {
    for (size_t i = 0; i < e->out->n_layers; i++)
        if (strcmp(e->out->layers[i].name, name) == 0) return &e->out->layers[i];
    return NULL;
}

static bool read_kernel(const json_t *value, uint64_t kernel[2]) {
    kernel[0] = kernel[1] = 1;
    if (!value) return true;
    const json_t *down = json_is_array(value) ? json_array_get(value, 0) : value;
    const json_t *across = json_is_array(value) ? json_array_get(value, 1) : value;
    kernel[0] = (uint64_t)json_integer_value(down);
    kernel[1] = (uint64_t)json_integer_value(across);
    return json_integer_value(down) > 0 && json_integer_value(across) > 0;
}

static oz_status add_layer(editor *e, const json_t *node) {
    oz_import_layer layer = {.convolution = strcmp(op_of(node), "conv2d") == 0};
    if (layer.convolution && !read_kernel(attribute(node, "kernel"), layer.kernel))
        return node_fail(e, node, "\"kernel\" must be a number above 0 or two of them");
    const oz_import_layer *known = find_layer(e, layer_of(node));
    if (known) {
        if (known->convolution == layer.convolution &&
            memcmp(known->kernel, layer.kernel, sizeof layer.kernel) == 0)
            return OZ_OK;
        return node_fail(e, node, "two nodes use its weight in different ways");
    }
    layer.name = oz_arena_text(e->arena, layer_of(node), strlen(layer_of(node)));
    if (!layer.name) return no_memory(e);
    e->out->layers[e->out->n_layers++] = layer;
    return OZ_OK;
}

/* ---- folding ---- */

static const char *renamed(const editor *e, const char *name) {
    const char *other = json_string_value(json_object_get(e->alias, name));
    return other ? other : name;
}

/* The new node that makes `name`, if its only reader may be folded into it. */
static json_t *producer(const editor *e, const char *name, bool (*fits)(const char *op)) {
    if (count_of(e->readers, name) != 1) return NULL;
    for (size_t i = json_array_size(e->nodes); i-- > 0;) {
        json_t *node = json_array_get(e->nodes, i);
        if (strcmp(name_of(node), renamed(e, name)) != 0) continue;
        return fits(op_of(node)) && !attribute(node, "act") ? node : NULL;
    }
    return NULL;
}

static bool is_output(const editor *e, const char *name) {
    const json_t *outputs = json_object_get(e->graph, "outputs");
    for (size_t i = 0; i < json_array_size(outputs); i++)
        if (strcmp(json_string_value(json_array_get(outputs, i)), name) == 0) return true;
    return false;
}

/* `node` now makes what `folded` made. */
static bool take_over(editor *e, json_t *node, const json_t *folded) {
    if (is_output(e, name_of(folded))) return json_array_set_new(node, 1, json_string(name_of(folded))) == 0;
    return json_object_set_new(e->alias, name_of(folded), json_string(name_of(node))) == 0;
}

static oz_status fold_activation(editor *e, json_t *before, const json_t *node) {
    json_t *attributes = json_array_get(before, 3);
    bool ok = true;
    if (!attributes) {
        attributes = json_object();
        ok = json_array_append_new(before, attributes) == 0;
    }
    ok = ok && json_object_set_new(attributes, "act", json_string(op_of(node))) == 0;
    if (attribute(node, "slope"))
        ok = ok && json_object_set(attributes, "slope", attribute(node, "slope")) == 0;
    return ok && take_over(e, before, node) ? OZ_OK : no_memory(e);
}

/* Numbers that give the same f32 in nine digits. */
static json_t *channel_numbers(const double *values, uint64_t n) {
    json_t *list = json_array();
    for (uint64_t i = 0; i < n; i++) json_array_append_new(list, json_real((double)(float)values[i]));
    return list;
}

static json_t *renamed_inputs(const editor *e, const json_t *node) {
    const json_t *inputs = json_array_get(node, 2);
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(inputs); i++)
        json_array_append_new(list, json_string(renamed(e, json_string_value(json_array_get(inputs, i)))));
    return list;
}

static oz_status become_affine(editor *e, const json_t *node, const oz_channel_map *map) {
    json_t *made = json_pack("[s, s, o, {s: o, s: o}]", "affine", name_of(node), renamed_inputs(e, node),
                             "scale", channel_numbers(map->factor, map->count), "shift",
                             channel_numbers(map->addend, map->count));
    return made && json_array_append_new(e->nodes, made) == 0 ? OZ_OK : no_memory(e);
}

/* after(x) becomes map(after(x)). */
static oz_status extend(const editor *e, const json_t *node, oz_import_layer *layer,
                        const oz_channel_map *map) {
    if (layer->after.count == 0) {
        layer->after = *map;
        return OZ_OK;
    }
    if (layer->after.count != map->count) return node_fail(e, node, "two batch norms of different sizes");
    for (uint64_t i = 0; i < map->count; i++) {
        layer->after.factor[i] *= map->factor[i];
        layer->after.addend[i] = layer->after.addend[i] * map->factor[i] + map->addend[i];
    }
    return OZ_OK;
}

static oz_status fold_norm(editor *e, const json_t *node) {
    const json_t *eps = attribute(node, "eps");
    oz_channel_map map;
    if (!layer_of(node)) return node_fail(e, node, "the node needs \"weight\": the name of a batch norm");
    if (eps && !json_is_number(eps)) return node_fail(e, node, "\"eps\" must be a number");
    OZ_TRY(e->norms->read(e->norms->ctx, layer_of(node), eps ? json_number_value(eps) : DEFAULT_EPS, &map,
                          e->err));
    json_t *before = producer(e, json_string_value(json_array_get(json_array_get(node, 2), 0)), is_layer);
    oz_import_layer *layer = before ? find_layer(e, layer_of(before)) : NULL;
    if (!layer || count_of(e->owners, layer->name) != 1) return become_affine(e, node, &map);
    OZ_TRY(extend(e, node, layer, &map));
    return take_over(e, before, node) ? OZ_OK : no_memory(e);
}

static oz_status edit_node(editor *e, json_t *node) {
    if (strcmp(op_of(node), "batch_norm") == 0) return fold_norm(e, node);
    json_t *before = NULL;
    if (is_activation(op_of(node)))
        before = producer(e, json_string_value(json_array_get(json_array_get(node, 2), 0)), takes_activation);
    if (before) return fold_activation(e, before, node);
    if (is_layer(op_of(node)) && !layer_of(node))
        return node_fail(e, node, "the node needs \"weight\": a layer's name");
    if (layer_of(node)) OZ_TRY(add_layer(e, node));
    bool ok = json_array_set_new(node, 2, renamed_inputs(e, node)) == 0;
    return ok && json_array_append(e->nodes, node) == 0 ? OZ_OK : no_memory(e);
}

static oz_status edit_all(editor *e) {
    OZ_TRY(survey(e));
    const json_t *nodes = json_object_get(e->graph, "nodes");
    e->out->layers = oz_arena_array(e->arena, json_array_size(nodes), sizeof *e->out->layers);
    if (!e->out->layers) return no_memory(e);
    for (size_t i = 0; i < json_array_size(nodes); i++) OZ_TRY(edit_node(e, json_array_get(nodes, i)));
    if (json_object_set(e->graph, "nodes", e->nodes) != 0) return no_memory(e);
    char *text = json_dumps(e->graph, JSON_COMPACT | JSON_REAL_PRECISION(9));
    e->out->text = text ? oz_arena_text(e->arena, text, strlen(text)) : NULL;
    free(text);
    return e->out->text ? OZ_OK : no_memory(e);
}

oz_status oz_graph_edit(oz_edited_graph *out, const char *text, size_t bytes, const oz_norm_reader *norms,
                        oz_arena *arena, oz_error *err) {
    json_error_t error;
    editor e = {.arena = arena, .norms = norms, .out = out, .err = err};
    *out = (oz_edited_graph){0};
    e.graph = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!e.graph)
        return oz_fail(err, OZ_ERR_FORMAT, error.position < 0 ? OZ_NO_OFFSET : (uint64_t)error.position,
                       "graph", "line %d: %s", error.line, error.text);
    e.nodes = json_array();
    e.alias = json_object();
    e.readers = json_object();
    e.owners = json_object();
    oz_status status = e.nodes && e.alias && e.readers && e.owners ? edit_all(&e) : no_memory(&e);
    json_decref(e.graph);
    json_decref(e.nodes);
    json_decref(e.alias);
    json_decref(e.readers);
    json_decref(e.owners);
    return status;
}

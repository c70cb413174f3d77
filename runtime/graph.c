/* graph.c - reading the graph's JSON.
 *
 * One pass: inputs become the first values, then every node may name only values that exist already,
 * which makes cycles, self-loops and dangling edges impossible by construction. */
#include "runtime/graph.h"

#include <string.h>

#include "formats/container/names.h"
#include "runtime/op.h"

uint64_t oz_shape_count(const oz_shape *s) {
    uint64_t n = 1;
    for (uint32_t i = 0; i < s->rank; i++) n *= s->dim[i];
    return n;
}

bool oz_shape_equal(const oz_shape *a, const oz_shape *b) {
    if (a->rank != b->rank) return false;
    for (uint32_t i = 0; i < a->rank; i++) {
        if (a->dim[i] != b->dim[i]) return false;
    }
    return true;
}

typedef struct oz_reader {
    const oz_json *j;
    oz_graph *g;
    const oz_contents *contents;
    oz_arena *arena, scratch; /* scratch: tokens, names that are looked up */
    oz_error *err;
    uint32_t *slots; /* hash table of value names; 0 = empty, else index + 1 */
    size_t n_slots;
} oz_reader;

static oz_status fail_at(const oz_reader *r, oz_value v, const char *what) {
    return oz_fail(r->err, OZ_ERR_FORMAT, oz_json_offset(r->j, v), "graph", "%s", what);
}

/* The same about a name. */
static oz_status fail_about(const oz_reader *r, oz_value v, const char *what, const char *name) {
    return oz_fail(r->err, OZ_ERR_FORMAT, oz_json_offset(r->j, v), "graph", "%s '%s'", what, name);
}

/* A string as text in the arena; `what` it should be is said if it is none, or holds U+0000. */
static oz_status read_text(oz_reader *r, oz_value v, oz_arena *arena, const char *what, const char **out) {
    oz_status status = oz_read_text(r->j, v, arena, out, r->err);
    return status == OZ_ERR_FORMAT ? fail_at(r, v, what) : status;
}

static size_t slot_of(const oz_reader *r, const char *name) {
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (const char *p = name; *p; p++) h = (h ^ (uint8_t)*p) * 1099511628211u;
    size_t i = (size_t)(h & (r->n_slots - 1));
    while (r->slots[i] && strcmp(r->g->values[r->slots[i] - 1].name, name) != 0) {
        i = (i + 1) & (r->n_slots - 1);
    }
    return i;
}

/* The table is sized once for every value the graph can have, at most half full. */
static oz_status make_values(oz_reader *r, size_t capacity) {
    r->n_slots = 16;
    while (r->n_slots < 2 * capacity) r->n_slots *= 2;
    r->slots = oz_arena_array(&r->scratch, r->n_slots, sizeof *r->slots);
    if (!r->slots) return oz_out_of_memory(&r->scratch, r->n_slots * sizeof *r->slots, r->err);
    r->g->values = oz_arena_array(r->arena, capacity, sizeof *r->g->values);
    return r->g->values ? OZ_OK : oz_out_of_memory(r->arena, capacity * sizeof *r->g->values, r->err);
}

static oz_status add_value(oz_reader *r, oz_value name, oz_dtype dtype, uint32_t *out) {
    const char *text;
    OZ_TRY(read_text(r, name, r->arena, "a value's name must be text", &text));
    size_t slot = slot_of(r, text);
    if (r->slots[slot]) return fail_about(r, name, "two values have the name", text);
    *out = (uint32_t)r->g->n_values;
    r->g->values[r->g->n_values++] = (oz_graph_value){.name = text, .dtype = dtype};
    r->slots[slot] = *out + 1;
    return OZ_OK;
}

static oz_status find_value(oz_reader *r, oz_value name, uint32_t *out) {
    const char *text;
    OZ_TRY(read_text(r, name, &r->scratch, "expected the name of a value", &text));
    size_t slot = slot_of(r, text);
    if (!r->slots[slot]) return fail_about(r, name, "no input or earlier node makes the value", text);
    *out = r->slots[slot] - 1;
    return OZ_OK;
}

static oz_status read_free(oz_reader *r, oz_value dim, int64_t *out) {
    oz_graph *g = r->g;
    const char *name;
    OZ_TRY(read_text(r, dim, r->arena, "a free dimension needs a name", &name));
    size_t i = 0;
    while (i < g->n_free && strcmp(g->free_name[i], name) != 0) i++;
    if (i == OZ_MAX_FREE) return fail_at(r, dim, "more than 8 free dimensions");
    if (i == g->n_free) g->free_name[g->n_free++] = name;
    *out = -1 - (int64_t)i;
    return OZ_OK;
}

static oz_status read_dims(oz_reader *r, oz_value dims, oz_graph_input *in) {
    if (dims == OZ_NO_VALUE || oz_json_type_of(r->j, dims) != OZ_JSON_ARRAY) {
        return fail_at(r, dims == OZ_NO_VALUE ? 0 : dims, "an input's shape must be an array");
    }
    if (oz_json_size(r->j, dims) > OZ_MAX_RANK) return fail_at(r, dims, "more than 6 dimensions");
    uint64_t count = 1;
    for (oz_value d = oz_json_first(r->j, dims); d != OZ_NO_VALUE; d = oz_json_next(r->j, d)) {
        int64_t *dim = &in->dim[in->rank++];
        uint64_t size;
        if (oz_json_type_of(r->j, d) == OZ_JSON_STRING) {
            OZ_TRY(read_free(r, d, dim));
        } else if (!oz_json_u64(r->j, d, &size) || size == 0 || size > INT32_MAX) {
            return fail_at(r, d, "a dimension must be a name or a whole number from 1 to 2^31 - 1");
        } else if (__builtin_mul_overflow(count, size, &count) || count > INT64_MAX / 64) {
            return fail_at(r, dims, "the shape's element count is too large");
        } else {
            *dim = (int64_t)size;
        }
    }
    return OZ_OK;
}

static oz_status read_input(oz_reader *r, oz_value key) {
    oz_value v = oz_json_of_key(r->j, key), dims = v;
    oz_graph_input *in = &r->g->inputs[r->g->n_inputs++];
    oz_dtype dtype = OZ_F32;
    if (oz_json_type_of(r->j, v) == OZ_JSON_OBJECT) {
        oz_value t = oz_json_find(r->j, v, "dtype");
        if (t != OZ_NO_VALUE && oz_json_equals(r->j, t, "i64")) {
            dtype = OZ_I64;
        } else if (t != OZ_NO_VALUE && !oz_json_equals(r->j, t, "f32")) {
            return fail_at(r, t, "an input's dtype must be f32 or i64");
        }
        dims = oz_json_find(r->j, v, "shape");
    }
    OZ_TRY(read_dims(r, dims, in));
    return add_value(r, key, dtype, &in->value);
}

static oz_status read_weight(oz_reader *r, oz_value attrs, oz_node *node) {
    oz_value w = attrs == OZ_NO_VALUE ? OZ_NO_VALUE : oz_json_find(r->j, attrs, "weight");
    if (w == OZ_NO_VALUE || oz_json_type_of(r->j, w) != OZ_JSON_STRING) {
        return oz_fail(r->err, OZ_ERR_FORMAT, node->offset, node->name,
                       "the node needs \"weight\": a layer's name");
    }
    const char *name;
    OZ_TRY(read_text(r, w, &r->scratch, "expected the name of a weight", &name));
    const oz_weight *weight = oz_contents_weight(r->contents, name);
    if (!weight) return fail_about(r, w, "the file has no weight", name);
    node->layer = (size_t)(weight - r->contents->weights);
    return OZ_OK;
}

static bool stands_in(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *at = list; at && n && !strchr(word, ' '); at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, word, n) == 0 && (at[n] == ' ' || at[n] == '\0')) return true;
    }
    return false;
}

/* A key that nobody reads is a slip of the pen, and would make another network of this one. */
static oz_status check_attributes(oz_reader *r, oz_value attrs, const oz_op *op) {
    if (attrs == OZ_NO_VALUE) return OZ_OK;
    for (oz_value key = oz_json_first(r->j, attrs); key != OZ_NO_VALUE; key = oz_json_next(r->j, key)) {
        const char *name;
        OZ_TRY(read_text(r, key, &r->scratch, "expected the name of an attribute", &name));
        bool known = stands_in(op->attributes, name) || (op->weighted && strcmp(name, "weight") == 0) ||
                     (op->fuses_act && (strcmp(name, "act") == 0 || strcmp(name, "slope") == 0));
        if (!known) return fail_about(r, key, "this operator takes no attribute", name);
    }
    return OZ_OK;
}

static oz_status read_act(oz_reader *r, oz_value attrs, oz_node *node) {
    oz_value a = attrs == OZ_NO_VALUE ? OZ_NO_VALUE : oz_json_find(r->j, attrs, "act");
    if (a == OZ_NO_VALUE) return OZ_OK;
    for (int i = 0; i < OZ_ACT_COUNT; i++) {
        if (oz_json_equals(r->j, a, oz_activation_name((oz_activation)i))) {
            node->act = (oz_activation)i;
            node->slope = 0.01f;
            return oz_attr_float(r->j, attrs, "slope", &node->slope, r->err);
        }
    }
    return fail_at(r, a, "unknown activation");
}

static oz_status read_edges(oz_reader *r, oz_value inputs, oz_node *node) {
    if (oz_json_type_of(r->j, inputs) != OZ_JSON_ARRAY)
        return fail_at(r, inputs, "a node's inputs must be an array");
    uint32_t n = oz_json_size(r->j, inputs);
    if (n < node->op->min_inputs || n > node->op->max_inputs) {
        return fail_at(r, inputs, "wrong number of inputs for this operator");
    }
    for (oz_value i = oz_json_first(r->j, inputs); i != OZ_NO_VALUE; i = oz_json_next(r->j, i)) {
        uint32_t value;
        OZ_TRY(find_value(r, i, &value));
        bool indexes = node->op->weighted && strncmp(node->op->name, "embedding", 9) == 0;
        if ((r->g->values[value].dtype == OZ_I64) != indexes) {
            return fail_at(r, i, indexes ? "an embedding reads i64 indexes" : "this operator reads f32");
        }
        node->input[node->n_inputs++] = value;
    }
    return OZ_OK;
}

static oz_status unknown_operator(oz_reader *r, oz_value v) {
    const char *name = "";
    if (oz_json_type_of(r->j, v) == OZ_JSON_STRING)
        OZ_TRY(read_text(r, v, &r->scratch, "expected the name of an operator", &name));
    return oz_fail(r->err, OZ_ERR_SUPPORT, oz_json_offset(r->j, v), "graph", "unknown operator '%s'", name);
}

static oz_status read_parts(oz_reader *r, oz_value v) {
    uint32_t size = oz_json_type_of(r->j, v) == OZ_JSON_ARRAY ? oz_json_size(r->j, v) : 0;
    if (size != 3 && size != 4) return fail_at(r, v, "a node is [op, name, [inputs], {attributes}]");
    oz_value name_of_op = oz_json_first(r->j, v), name = oz_json_next(r->j, name_of_op);
    oz_value inputs = oz_json_next(r->j, name);
    oz_value attrs = size == 4 ? oz_json_next(r->j, inputs) : OZ_NO_VALUE;
    if (attrs != OZ_NO_VALUE && oz_json_type_of(r->j, attrs) != OZ_JSON_OBJECT) {
        return fail_at(r, attrs, "a node's attributes must be an object");
    }
    oz_node *node = &r->g->nodes[r->g->n_nodes++];
    node->offset = oz_json_offset(r->j, v);
    node->layer = OZ_NO_LAYER;
    node->op = oz_op_find(r->j, name_of_op);
    if (!node->op) return unknown_operator(r, name_of_op);
    OZ_TRY(check_attributes(r, attrs, node->op));
    OZ_TRY(read_edges(r, inputs, node));
    OZ_TRY(add_value(r, name, OZ_F32, &node->output));
    node->name = r->g->values[node->output].name;
    if (node->op->weighted) OZ_TRY(read_weight(r, attrs, node));
    OZ_TRY(read_act(r, attrs, node));
    return node->op->parse ? node->op->parse(node, r->j, attrs, r->contents, r->arena, r->err) : OZ_OK;
}

/* What is wrong with a node is said with its name, if it has one. */
static oz_status read_node(oz_reader *r, oz_value v) {
    const char *name;
    oz_status status = read_parts(r, v);
    if (status == OZ_OK || !r->err || strcmp(r->err->where, "graph") != 0) return status;
    if (oz_json_type_of(r->j, v) != OZ_JSON_ARRAY || oz_json_size(r->j, v) < 2) return status;
    oz_error err = *r->err;
    if (read_text(r, oz_json_next(r->j, oz_json_first(r->j, v)), &r->scratch, "", &name) == OZ_OK)
        return oz_fail(r->err, status, err.offset, name, "%s", err.message);
    *r->err = err;
    return status;
}

static oz_status read_outputs(oz_reader *r, oz_value outputs) {
    for (oz_value o = oz_json_first(r->j, outputs); o != OZ_NO_VALUE; o = oz_json_next(r->j, o)) {
        uint32_t value;
        OZ_TRY(find_value(r, o, &value));
        if (r->g->values[value].dtype != OZ_F32) return fail_at(r, o, "an output must be f32");
        r->g->outputs[r->g->n_outputs++] = value;
    }
    return OZ_OK;
}

typedef struct oz_members {
    oz_value inputs, outputs, nodes;
} oz_members;

static oz_status find_members(oz_reader *r, oz_members *at) {
    const oz_json *j = r->j;
    if (oz_json_type_of(j, 0) != OZ_JSON_OBJECT) return fail_at(r, 0, "the graph must be an object");
    at->inputs = oz_json_find(j, 0, "inputs");
    at->outputs = oz_json_find(j, 0, "outputs");
    at->nodes = oz_json_find(j, 0, "nodes");
    if (at->inputs == OZ_NO_VALUE || oz_json_type_of(j, at->inputs) != OZ_JSON_OBJECT ||
        at->outputs == OZ_NO_VALUE || oz_json_type_of(j, at->outputs) != OZ_JSON_ARRAY ||
        at->nodes == OZ_NO_VALUE || oz_json_type_of(j, at->nodes) != OZ_JSON_ARRAY) {
        return fail_at(r, 0, "the graph needs \"inputs\" {}, \"outputs\" [] and \"nodes\" []");
    }
    if (oz_json_size(j, at->inputs) == 0 || oz_json_size(j, at->outputs) == 0)
        return fail_at(r, 0, "a graph needs an input and an output");
    return OZ_OK;
}

static oz_status make_lists(oz_reader *r, const oz_members *at) {
    oz_graph *g = r->g;
    size_t n_in = oz_json_size(r->j, at->inputs), n_nodes = oz_json_size(r->j, at->nodes);
    size_t n_out = oz_json_size(r->j, at->outputs);
    g->inputs = oz_arena_array(r->arena, n_in, sizeof *g->inputs);
    if (!g->inputs) return oz_out_of_memory(r->arena, n_in * sizeof *g->inputs, r->err);
    g->nodes = oz_arena_array(r->arena, n_nodes, sizeof *g->nodes);
    if (!g->nodes) return oz_out_of_memory(r->arena, n_nodes * sizeof *g->nodes, r->err);
    g->outputs = oz_arena_array(r->arena, n_out, sizeof *g->outputs);
    if (!g->outputs) return oz_out_of_memory(r->arena, n_out * sizeof *g->outputs, r->err);
    return make_values(r, n_in + n_nodes);
}

static oz_status read_graph(oz_reader *r, const oz_limits *limits) {
    oz_json j;
    oz_members at;
    const char *text = r->contents->graph;
    OZ_TRY(oz_json_parse(&j, text, strlen(text), 0, &r->scratch, r->err));
    r->j = &j;
    OZ_TRY(find_members(r, &at));
    if (oz_json_size(&j, at.nodes) > limits->max_layers) {
        return oz_fail(r->err, OZ_ERR_LIMIT, oz_json_offset(&j, at.nodes), "graph",
                       "%u nodes, at most %u are allowed", oz_json_size(&j, at.nodes), limits->max_layers);
    }
    OZ_TRY(make_lists(r, &at));
    for (oz_value i = oz_json_first(&j, at.inputs); i != OZ_NO_VALUE; i = oz_json_next(&j, i))
        OZ_TRY(read_input(r, i));
    for (oz_value n = oz_json_first(&j, at.nodes); n != OZ_NO_VALUE; n = oz_json_next(&j, n))
        OZ_TRY(read_node(r, n));
    return read_outputs(r, at.outputs);
}

oz_status oz_graph_read(oz_graph *g, const oz_contents *contents, const oz_limits *limits, oz_arena *arena,
                        oz_error *err) {
    oz_reader r = {
        .g = g, .contents = contents, .arena = arena, .scratch = oz_arena_scratch(arena), .err = err};
    oz_status status = read_graph(&r, limits);
    oz_arena_free(&r.scratch);
    return status;
}

/* Sizes above this would wrap somewhere in bytes. */
#define OZ_MAX_ELEMENTS (UINT64_MAX / 64)

static oz_status check_count(const oz_node *node, const oz_shape *s, oz_error *err) {
    uint64_t n = 1;
    for (uint32_t i = 0; i < s->rank; i++) {
        if (s->dim[i] == 0 || __builtin_mul_overflow(n, s->dim[i], &n) || n > OZ_MAX_ELEMENTS) {
            return oz_shape_fail(node, err, "the result would be empty or too large");
        }
    }
    return OZ_OK;
}

oz_status oz_graph_shapes(const oz_graph *g, const oz_contents *contents, const uint64_t *free_sizes,
                          oz_shape *shapes, oz_error *err) {
    for (size_t i = 0; i < g->n_inputs; i++) {
        const oz_graph_input *in = &g->inputs[i];
        oz_shape *s = &shapes[in->value];
        s->rank = in->rank;
        uint64_t count = 1;
        for (uint32_t d = 0; d < in->rank; d++) {
            s->dim[d] = in->dim[d] < 0 ? free_sizes[-1 - in->dim[d]] : (uint64_t)in->dim[d];
            if (__builtin_mul_overflow(count, s->dim[d], &count) || count > OZ_MAX_ELEMENTS) {
                return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, g->values[in->value].name,
                               "the input is too large");
            }
        }
    }
    for (size_t i = 0; i < g->n_nodes; i++) {
        const oz_node *node = &g->nodes[i];
        const oz_shape *in[OZ_MAX_NODE_INPUTS];
        for (uint32_t k = 0; k < node->n_inputs; k++) in[k] = &shapes[node->input[k]];
        const oz_weight *w = node->layer == OZ_NO_LAYER ? NULL : &contents->weights[node->layer];
        OZ_TRY(node->op->shape(node, w, in, &shapes[node->output], err));
        OZ_TRY(check_count(node, &shapes[node->output], err));
    }
    return OZ_OK;
}

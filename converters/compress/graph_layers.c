/* graph_layers.c - where each layer stands in the graph, as far as compression has to know. */
#include "converters/compress/base.h"

#include "base/json.h"

#include <string.h>

static oz_base_layer *layer_of(oz_compressor *c, const oz_json *j, oz_value weight) {
    for (size_t i = 0; i < c->n_layers && weight != OZ_NO_VALUE; i++)
        if (oz_json_equals(j, weight, c->layers[i].name)) return &c->layers[i];
    return NULL;
}

static uint64_t kernel_size(const oz_json *j, oz_value kernel) {
    uint64_t size = 1, side;
    if (oz_json_u64(j, kernel, &side)) return side * side;
    for (oz_value v = oz_json_first(j, kernel); v != OZ_NO_VALUE; v = oz_json_next(j, v))
        if (oz_json_u64(j, v, &side)) size *= side;
    return size;
}

/* Groups whose outputs fill no panels of 16 rows run tap by tap, on f32 alone. */
static bool is_narrow(const oz_json *j, oz_value attributes, const oz_base_layer *layer) {
    uint64_t groups = 1, kernel = kernel_size(j, oz_json_find(j, attributes, "kernel"));
    if (!oz_json_u64(j, oz_json_find(j, attributes, "groups"), &groups)) return false;
    if (groups <= 1 || kernel == 0) return false;
    return layer->rows / groups % OZ_PANEL != 0 || layer->cols / kernel < OZ_PANEL;
}

static void read_node(oz_compressor *c, const oz_json *j, oz_value node, oz_base_layer **last) {
    oz_value op = oz_json_first(j, node), attributes = op;
    for (int i = 0; i < 3; i++) attributes = oz_json_next(j, attributes);
    oz_base_layer *layer = layer_of(c, j, oz_json_find(j, attributes, "weight"));
    bool multiplies = oz_json_equals(j, op, "linear") || oz_json_equals(j, op, "conv2d");
    if (!layer || !multiplies) return;
    if (!*last) layer->first = true;
    *last = layer;
    layer->uses++;
    layer->narrow = layer->narrow || is_narrow(j, attributes, layer);
}

oz_status oz_base_read_graph(oz_compressor *c, oz_error *err) {
    if (!c->contents.graph) return OZ_OK;
    oz_arena scratch = {.allocator = c->allocator};
    oz_json j;
    oz_status status = oz_json_parse(&j, c->contents.graph, strlen(c->contents.graph), 0, &scratch, err);
    if (status == OZ_OK) {
        oz_base_layer *last = NULL;
        oz_value nodes = oz_json_find(&j, 0, "nodes");
        for (oz_value v = oz_json_first(&j, nodes); v != OZ_NO_VALUE; v = oz_json_next(&j, v))
            read_node(c, &j, v, &last);
        if (last) last->last = true;
    }
    oz_arena_free(&scratch);
    return status;
}

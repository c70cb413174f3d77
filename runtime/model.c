/* model.c - opening a model: map, read, prove, expand what must be expanded. */
#include "runtime/model.h"

#include <string.h>

#include "base/arith.h"
#include "base/options.h"
#include "runtime/op.h"

static oz_status no_memory(const oz_model *m, uint64_t bytes, oz_error *err) {
    return oz_out_of_memory(&m->arena, bytes, err);
}

bool oz_leaf_reads_i8(const oz_leaf *leaf, bool act_i8) {
    return act_i8 && leaf->format->codes && oz_codec_is_integer(leaf->codec.kind);
}

/* A dense f32 leaf that stands in for one that materialises. */
static oz_status expand(oz_model *m, const oz_leaf *leaf, const oz_leaf **out, uint64_t *bytes,
                        oz_error *err) {
    uint64_t size;
    if (!oz_mul(leaf->rows, leaf->cols, &size) || !oz_mul(size, sizeof(float), &size))
        return no_memory(m, UINT64_MAX, err);
    float *values = oz_arena_alloc(&m->arena, size, 64);
    oz_leaf *dense = oz_arena_alloc(&m->arena, sizeof *dense, 16);
    if (!values || !dense) return no_memory(m, values ? sizeof *dense : size, err);
    leaf->format->materialise(leaf, values);
    *dense = (oz_leaf){
        .format = oz_format_find("dense", 5), .rows = leaf->rows, .cols = leaf->cols, .name = leaf->name};
    dense->part[0] = (oz_part){.data = (const uint8_t *)values, .bytes = size, .offset = OZ_NO_OFFSET};
    *out = dense;
    *bytes += size;
    return OZ_OK;
}

static oz_status make_leaves(oz_model *m, oz_layer *layer, oz_error *err) {
    const oz_weight *w = layer->weight;
    layer->run = oz_arena_array(&m->arena, w->n_terms, sizeof *layer->run);
    if (!layer->run) return no_memory(m, w->n_terms * sizeof *layer->run, err);
    for (size_t t = 0; t < w->n_terms; t++) {
        const oz_term *term = &w->terms[t];
        layer->run[t] = oz_arena_array(&m->arena, term->n_factors, sizeof **layer->run);
        if (!layer->run[t]) return no_memory(m, term->n_factors * sizeof **layer->run, err);
        for (size_t f = 0; f < term->n_factors; f++) {
            const oz_leaf *leaf = &term->factors[f];
            layer->run[t][f] = leaf;
            if (leaf->format->materialises && leaf->format->materialises(leaf)) {
                OZ_TRY(expand(m, leaf, &layer->run[t][f], &layer->extra_resident, err));
            }
        }
    }
    return OZ_OK;
}

/* The text of one leaf, or of all terms. */
static const char *leaf_text(oz_model *m, const oz_leaf *leaf) {
    oz_text text = {.allocator = m->arena.allocator};
    oz_leaf_print(leaf, &text);
    const char *copy = text.failed ? NULL : oz_arena_text(&m->arena, text.data, text.bytes);
    oz_text_free(&text);
    return copy;
}

static oz_status describe(oz_model *m, oz_layer *layer, oz_error *err) {
    const oz_weight *w = layer->weight;
    oz_text all = {.allocator = m->arena.allocator};
    layer->spec = oz_arena_array(&m->arena, w->n_terms, sizeof *layer->spec);
    bool ok = layer->spec != NULL;
    for (size_t t = 0; ok && t < w->n_terms; t++) {
        layer->spec[t] = oz_arena_array(&m->arena, w->terms[t].n_factors, sizeof **layer->spec);
        ok = layer->spec[t] != NULL;
        for (size_t f = 0; ok && f < w->terms[t].n_factors; f++) {
            layer->spec[t][f] = leaf_text(m, &w->terms[t].factors[f]);
            ok = layer->spec[t][f] != NULL;
            if (ok) oz_text_format(&all, "%s%s", f ? " * " : t ? " + " : "", layer->spec[t][f]);
        }
    }
    ok = ok && !all.failed;
    layer->method = ok ? oz_arena_text(&m->arena, all.data, all.bytes) : NULL;
    oz_text_free(&all);
    return layer->method ? OZ_OK : no_memory(m, all.bytes, err);
}

static oz_status find_bias(oz_model *m, oz_layer *layer, oz_error *err) {
    char name[512];
    size_t n = strlen(layer->weight->name);
    if (n + sizeof ".bias" > sizeof name) return OZ_OK; /* longer than any name that max_name_bytes lets in */
    memcpy(name, layer->weight->name, n);
    memcpy(name + n, ".bias", sizeof ".bias");
    layer->bias = oz_contents_vector(&m->contents, name);
    if (layer->bias && layer->bias->count != layer->weight->rows) {
        return oz_fail(err, OZ_ERR_SHAPE, OZ_NO_OFFSET, name,
                       "the bias has %llu numbers, the weight %llu rows",
                       (unsigned long long)layer->bias->count, (unsigned long long)layer->weight->rows);
    }
    return OZ_OK;
}

static oz_status make_layers(oz_model *m, oz_error *err) {
    size_t n = m->contents.n_weights;
    m->layers = oz_arena_array(&m->arena, n, sizeof *m->layers);
    oz_bytes *bytes = oz_arena_array(&m->arena, n, sizeof *bytes);
    if (!m->layers || !bytes) return no_memory(m, n * sizeof *m->layers, err);
    OZ_TRY(oz_contents_bytes(&m->contents, &m->tensors, &m->bytes, bytes, &m->arena, err));
    m->resident = m->tensors.bytes;
    for (size_t i = 0; i < n; i++) {
        oz_layer *layer = &m->layers[i];
        *layer = (oz_layer){.weight = &m->contents.weights[i], .op = "", .bytes = bytes[i]};
        OZ_TRY(find_bias(m, layer, err));
        OZ_TRY(make_leaves(m, layer, err));
        OZ_TRY(describe(m, layer, err));
        m->resident += layer->extra_resident;
    }
    OZ_TRY(oz_model_share(m, err));
    for (size_t i = m->graph.n_nodes; i-- > 0;) {
        const oz_node *node = &m->graph.nodes[i];
        if (node->layer != OZ_NO_LAYER) m->layers[node->layer].op = node->op->name;
    }
    return OZ_OK;
}

static oz_tensor_info *describe_value(oz_model *m, oz_tensor_info *info, uint32_t value, const oz_shape *s) {
    *info = (oz_tensor_info){
        .name = m->graph.values[value].name, .dtype = m->graph.values[value].dtype, .rank = s->rank};
    for (uint32_t d = 0; d < s->rank; d++) info->dim[d] = (int64_t)s->dim[d];
    return info;
}

/* Infers shapes with two sizes of each free dimension: what changes in an output is free there. */
static oz_status make_signature(oz_model *m, oz_error *err) {
    const oz_graph *g = &m->graph;
    oz_shape *shapes = oz_arena_array(&m->arena, g->n_values, sizeof *shapes);
    oz_shape *other = oz_arena_array(&m->arena, g->n_values, sizeof *other);
    m->inputs = oz_arena_array(&m->arena, g->n_inputs, sizeof *m->inputs);
    m->outputs = oz_arena_array(&m->arena, g->n_outputs, sizeof *m->outputs);
    if (!shapes || !other || !m->inputs || !m->outputs)
        return no_memory(m, g->n_values * sizeof *shapes, err);
    uint64_t sizes[OZ_MAX_FREE];
    for (size_t i = 0; i < OZ_MAX_FREE; i++) sizes[i] = i == 0 ? 1 : 224;
    OZ_TRY(oz_graph_shapes(g, &m->contents, sizes, shapes, err));
    for (size_t i = 0; i < g->n_inputs; i++) {
        oz_tensor_info *info =
            describe_value(m, &m->inputs[i], g->inputs[i].value, &shapes[g->inputs[i].value]);
        for (uint32_t d = 0; d < info->rank; d++) info->dim[d] = g->inputs[i].dim[d];
    }
    for (size_t i = 0; i < g->n_outputs; i++)
        describe_value(m, &m->outputs[i], g->outputs[i], &shapes[g->outputs[i]]);
    for (size_t f = 0; f < g->n_free; f++) {
        sizes[f] *= 2;
        OZ_TRY(oz_graph_shapes(g, &m->contents, sizes, other, err));
        sizes[f] /= 2;
        for (size_t i = 0; i < g->n_outputs; i++) {
            const oz_shape *a = &shapes[g->outputs[i]], *b = &other[g->outputs[i]];
            for (uint32_t d = 0; d < a->rank; d++) {
                if (a->dim[d] != b->dim[d]) m->outputs[i].dim[d] = -1 - (int64_t)f;
            }
        }
    }
    return OZ_OK;
}

oz_status oz_model_locate(const oz_model *m, oz_status status, oz_error *err) {
    if (status != OZ_OK && err && err->offset != OZ_NO_OFFSET)
        err->offset = oz_safetensors_locate(&m->tensors, m->contents.graph_offset, err->offset);
    return status;
}

static oz_status read_model(oz_model *m, const void *data, size_t bytes, const oz_open_options *opt,
                            oz_error *err) {
    oz_limits limits;
    OZ_TRY(oz_limits_resolve(opt->limits, bytes, &limits, err));
    if (bytes > limits.max_file_bytes)
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, "", "the file is larger than max_file_bytes");
    m->arena.limit = limits.max_alloc_bytes;
    OZ_TRY(oz_safetensors_read(&m->tensors, data, bytes, &limits, &m->arena, err));
    OZ_TRY(oz_contents_read(&m->contents, &m->tensors, &limits, &m->arena, err));
    if (opt->check_hash) OZ_TRY(oz_contents_verify(&m->tensors, err));
    if (m->contents.graph)
        OZ_TRY(oz_model_locate(m, oz_graph_read(&m->graph, &m->contents, &limits, &m->arena, err), err));
    OZ_TRY(make_layers(m, err));
    return m->contents.graph ? oz_model_locate(m, make_signature(m, err), err) : OZ_OK;
}

/* The caller's options over the defaults, its host's services too. */
static oz_status read_options(const oz_open_options *given, oz_open_options *opt, oz_host *host,
                              oz_error *err) {
    *opt = (oz_open_options)OZ_OPEN_INIT;
    *host = (oz_host)OZ_HOST_INIT;
    OZ_TRY(oz_options_take(opt, sizeof *opt, given, "open options", err));
    OZ_TRY(oz_options_take(host, sizeof *host, opt->host, "host", err));
    opt->host = host;
    return OZ_OK;
}

static oz_model *make_model(const oz_allocator *allocator) {
    oz_model *m = oz_alloc(allocator, sizeof *m, 64);
    if (!m) return NULL;
    memset(m, 0, sizeof *m);
    atomic_init(&m->references, 1);
    m->arena.allocator = allocator;
    return m;
}

static oz_status finish_open(oz_model *m, oz_status status, oz_model **out) {
    if (status == OZ_OK) {
        *out = m;
    } else {
        oz_model_free(m);
    }
    return status;
}

oz_status oz_model_open(const char *path, const oz_open_options *options, oz_model **out, oz_error *err) {
    oz_open_options opt;
    oz_host host;
    oz_limits limits;
    if (!out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "out is NULL");
    *out = NULL;
    if (!path) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "path is NULL");
    OZ_TRY(read_options(options, &opt, &host, err));
    OZ_TRY(oz_limits_resolve(opt.limits, 0, &limits, err));
    oz_model *m = make_model(host.allocator);
    if (!m) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
    oz_status status =
        oz_file_open(path, opt.no_mmap, limits.max_file_bytes, m->arena.allocator, &m->file, err);
    if (status == OZ_OK) status = read_model(m, m->file.data, m->file.bytes, &opt, err);
    return finish_open(m, status, out);
}

oz_status oz_model_open_memory(const void *data, size_t bytes, const oz_open_options *options, oz_model **out,
                               oz_error *err) {
    oz_open_options opt;
    oz_host host;
    if (!out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "out is NULL");
    *out = NULL;
    if (!data || (uintptr_t)data % 64)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "data must be 64-byte aligned");
    OZ_TRY(read_options(options, &opt, &host, err));
    oz_model *m = make_model(host.allocator);
    if (!m) return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
    return finish_open(m, read_model(m, data, bytes, &opt, err), out);
}

void oz_model_retain(oz_model *m) {
    atomic_fetch_add_explicit(&m->references, 1, memory_order_relaxed);
}

void oz_model_free(oz_model *m) {
    if (!m || atomic_fetch_sub_explicit(&m->references, 1, memory_order_acq_rel) != 1) return;
    const oz_allocator *allocator = m->arena.allocator;
    oz_arena_free(&m->arena);
    if (m->file.data) oz_file_close(&m->file);
    oz_release(allocator, m, sizeof *m);
}

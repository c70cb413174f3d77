/* plan.c - making a plan: sizes, kernels, places, scratch. */
#include "runtime/plan.h"

#include <math.h>
#include <string.h>

#include "base/arith.h"
#include "base/options.h"
#include "runtime/cost.h"
#include "runtime/multiply.h"
#include "runtime/ops/conv2d.h"
#include "runtime/slices.h"

static oz_status no_memory(oz_error *err) {
    return oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
}

static oz_status find_threads(oz_plan *p, const oz_plan_options *opt, oz_error *err) {
    const oz_executor *executor = opt->host->executor;
    if (opt->threads < 0 || opt->threads > 4096)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "threads", "must be from 0 to 4096");
    if (!executor && opt->threads != 1) {
        OZ_TRY(oz_executor_create(opt->threads, p->arena.allocator, &p->own_executor, err));
        executor = p->own_executor;
    }
    p->threads = oz_threads_make(executor, opt->threads);
    return OZ_OK;
}

static void find_costs(oz_plan *p) {
    oz_cpu_id cpu;
    oz_cpu_identify(&cpu);
    p->costs = oz_cost_class_for(&cpu, p->isa);
    p->serial_ns = oz_cost_serial_ns(p->costs, p->threads.width);
    p->serial_awake_ns = oz_cost_serial_awake_ns(p->costs, p->threads.width);
}

oz_status oz_choose_isa(const char *cap, oz_isa *out, oz_error *err) {
    int isa = (int)oz_cpu_isa();
    if (cap) {
        int wanted = oz_isa_parse(cap);
        if (wanted < 0)
            return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "isa",
                           "unknown instruction set; have scalar, avx2, avx512, avx512vnni");
        if (wanted > isa)
            return oz_fail(err, OZ_ERR_SUPPORT, OZ_NO_OFFSET, "isa", "this CPU stops at %s",
                           oz_isa_text((oz_isa)isa));
        isa = wanted;
    }
    while (isa > 0 && !oz_primitives_of((oz_isa)isa)) isa--;
    *out = (oz_isa)isa;
    return OZ_OK;
}

static oz_status read_options(oz_plan *p, const oz_plan_options *opt, oz_error *err) {
    OZ_TRY(oz_choose_isa(opt->isa, &p->isa, err));
    p->primitives = oz_primitives_of(p->isa);
    p->vec = oz_vec_primitives_of(p->isa);
    OZ_TRY(find_threads(p, opt, err));
    find_costs(p);
    p->reproducible = opt->reproducible;
    if (opt->max_batch == 0)
        return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "max_batch", "must be at least 1");
    for (size_t i = 0; i < OZ_MAX_FREE; i++)
        p->max_free[i] = i && opt->max_free ? opt->max_free : opt->max_batch;
    return OZ_OK;
}

/* Columns that a node gives its layer at the largest sizes. */
static uint64_t columns_of(const oz_plan *p, const oz_node *node, const oz_weight *w) {
    const oz_shape *x = &p->shapes[node->input[0]], *y = &p->shapes[node->output];
    if (strcmp(node->op->name, "conv2d") == 0) return y->dim[0] * y->dim[2] * y->dim[3];
    return oz_shape_count(x) / w->cols;
}

static oz_status size_layer(oz_plan *p, const oz_node *node, oz_error *err) {
    oz_layer_plan *lp = &p->layers[node->layer];
    const oz_weight *w = lp->layer->weight;
    bool lookup = strncmp(node->op->name, "embedding", 9) == 0;
    uint64_t floats;
    if (!oz_mul(w->rows, w->cols, &floats) || floats > PTRDIFF_MAX / 64) return no_memory(err);
    if (lookup) {
        p->unpack_floats = oz_max(p->unpack_floats, w->cols);
        return OZ_OK;
    }
    bool rows = strcmp(node->op->name, "linear") == 0;
    lp->rows = rows && (lp->columns == 0 || lp->rows);
    lp->columns = oz_max(lp->columns, columns_of(p, node, w));
    const bool conv = strcmp(node->op->name, "conv2d") == 0;
    lp->filtered = fmax(lp->filtered, conv ? oz_winograd_share(node, w, &p->shapes[node->output]) : 1);
    p->epilogue_floats = oz_max(p->epilogue_floats, oz_round_up(w->rows, OZ_PANEL));
    return OZ_OK;
}

static oz_status size_layers(oz_plan *p, oz_error *err) {
    const oz_graph *g = &p->model->graph;
    size_t n = p->model->contents.n_weights;
    p->layers = oz_arena_array(&p->arena, n, sizeof *p->layers);
    if (!p->layers) return no_memory(err);
    for (size_t i = 0; i < n; i++) p->layers[i] = (oz_layer_plan){.layer = &p->model->layers[i]};
    for (size_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].layer != OZ_NO_LAYER) OZ_TRY(size_layer(p, &g->nodes[i], err));
    }
    for (size_t i = 0; i < n; i++) {
        /* Outside the graph: planned as a linear layer of that batch, for inspection. */
        oz_layer_plan *lp = &p->layers[i];
        if (lp->columns == 0) lp->columns = p->max_free[0], lp->rows = true, lp->filtered = 1;
    }
    return OZ_OK;
}

static void size_conv(oz_plan *p, const oz_node *node, oz_conv_way way) {
    const oz_layer *layer = p->layers[node->layer].layer;
    size_t bytes = oz_conv_bytes(way, layer, node, &p->shapes[node->input[0]], &p->shapes[node->output]);
    p->conv_bytes = oz_max(p->conv_bytes, oz_round_up(bytes, 64));
    p->offset_count = oz_max(p->offset_count, layer->weight->cols);
}

/* What a node needs with the chosen kernels. */
static void size_node(oz_plan *p, const oz_node *node) {
    const oz_layer_plan *lp = &p->layers[node->layer];
    if (strncmp(node->op->name, "embedding", 9) == 0) return;
    oz_conv_way way = strcmp(node->op->name, "conv2d") == 0 ? oz_conv_way_of(p, node) : OZ_CONV_GATHERED;
    if (way != OZ_CONV_GATHERED) {
        size_conv(p, node, way);
        return;
    }
    oz_multiply_size(p, lp);
}

static void size_scratch(oz_plan *p) {
    const oz_graph *g = &p->model->graph;
    for (size_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].layer != OZ_NO_LAYER) size_node(p, &g->nodes[i]);
    }
}

static oz_status build(oz_plan *p, const oz_plan_options *opt, oz_error *err) {
    const oz_graph *g = &p->model->graph;
    OZ_TRY(read_options(p, opt, err));
    p->shapes = oz_arena_array(&p->arena, g->n_values, sizeof *p->shapes);
    if (!p->shapes) return no_memory(err);
    OZ_TRY(oz_graph_shapes(g, &p->model->contents, p->max_free, p->shapes, err));
    OZ_TRY(size_layers(p, err));
    OZ_TRY(oz_plan_choose(p, opt, err));
    size_scratch(p);
    OZ_TRY(oz_plan_place(p, err));
    OZ_TRY(oz_plan_slices(p, err));
    oz_memory memory;
    oz_plan_memory(p, &memory);
    uint64_t total = memory.file_bytes + memory.packed_bytes + memory.session_bytes;
    if (opt->memory_bytes && total > opt->memory_bytes) {
        return oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, "memory_bytes",
                       "the plan needs %llu bytes, %llu are allowed", (unsigned long long)total,
                       (unsigned long long)opt->memory_bytes);
    }
    return OZ_OK;
}

oz_status oz_plan_create(oz_model *m, const oz_plan_options *options, oz_plan **out, oz_error *err) {
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_host host = OZ_HOST_INIT;
    if (!m || !out) return oz_fail(err, OZ_ERR_ARGUMENT, OZ_NO_OFFSET, "", "model or out is NULL");
    *out = NULL;
    OZ_TRY(oz_options_take(&opt, sizeof opt, options, "plan options", err));
    OZ_TRY(oz_options_take(&host, sizeof host, opt.host, "host", err));
    opt.host = &host;
    const oz_allocator *allocator = host.allocator ? host.allocator : m->arena.allocator;
    oz_plan *p = oz_alloc(allocator, sizeof *p, 64);
    if (!p) return no_memory(err);
    memset(p, 0, sizeof *p);
    atomic_init(&p->references, 1);
    p->arena.allocator = allocator;
    p->model = m;
    oz_model_retain(m);
    oz_status status = oz_model_locate(m, build(p, &opt, err), err);
    if (status == OZ_OK) {
        *out = p;
    } else {
        oz_plan_free(p);
    }
    return status;
}

void oz_plan_retain(oz_plan *p) {
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
}

void oz_plan_free(oz_plan *p) {
    if (!p || atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1) return;
    const oz_allocator *allocator = p->arena.allocator;
    oz_model *m = p->model;
    oz_executor_free(p->own_executor);
    oz_plan_drop_slices(p);
    oz_arena_free(&p->arena);
    oz_release(allocator, p, sizeof *p);
    oz_model_free(m);
}

void oz_plan_memory(const oz_plan *p, oz_memory *out) {
    *out = (oz_memory){.file_bytes = p->model->tensors.bytes,
                       .packed_bytes = p->model->resident - p->model->tensors.bytes};
    out->session_bytes = oz_session_size(p);
}

void oz_plan_explain(const oz_plan *p, void *ctx, void (*each)(void *ctx, const oz_candidate *c)) {
    for (size_t i = 0; i < p->model->contents.n_weights; i++) {
        const oz_weight *w = p->layers[i].layer->weight;
        for (size_t t = 0; t < w->n_terms; t++) {
            for (size_t f = 0; f < w->terms[t].n_factors; f++) {
                const oz_leaf_plan *leaf = &p->layers[i].leaf[t][f];
                for (size_t k = 0; k < leaf->n_candidates; k++) each(ctx, &leaf->candidates[k]);
            }
        }
    }
}

const char *oz_plan_costs(const oz_plan *p) {
    return p->costs->name;
}

const char *oz_isa_name(void) {
    return oz_isa_text(oz_cpu_isa());
}

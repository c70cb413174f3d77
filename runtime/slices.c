/* slices.c - see slices.h. */
#include "runtime/slices.h"

#include <stdatomic.h>
#include <string.h>

#include "base/arith.h"
#include "base/shares.h"
#include "runtime/cost.h"
#include "runtime/ops/conv2d.h"
#include "runtime/session.h"

/* ---- which nodes, and how many images --------------------------------------------------------- */

static bool keeps_images(const oz_plan *p, const oz_plan *slice, uint32_t value) {
    const oz_shape *all = &p->shapes[value], *one = &slice->shapes[value];
    oz_shape grown = *one;
    grown.dim[0] = p->max_free[0];
    return one->rank > 1 && one->dim[0] == 1 && oz_shape_equal(all, &grown);
}

/* True if image i of the result comes of image i of the inputs, in the same bits for any number of images. */
static bool is_by_image(const oz_plan *p, const oz_plan *slice, const oz_node *node) {
    bool yes = node->op->by_image && keeps_images(p, slice, node->output);
    for (uint32_t i = 0; i < node->n_inputs; i++) yes = yes && keeps_images(p, slice, node->input[i]);
    return yes && (node->layer == OZ_NO_LAYER || oz_conv_way_of(p, node) != OZ_CONV_GATHERED);
}

/* The first nodes, and what their layers take for an image. */
static void find_nodes(oz_plan *p, const oz_plan *slice) {
    const oz_graph *g = &p->model->graph;
    for (; p->sliced < g->n_nodes && is_by_image(p, slice, &g->nodes[p->sliced]); p->sliced++) {
        const oz_node *node = &g->nodes[p->sliced];
        if (node->layer == OZ_NO_LAYER) continue;
        const oz_layer_plan *lp = &p->layers[node->layer];
        p->image_ns += oz_cost_layer_ns(lp, lp->columns) / (double)p->max_free[0];
    }
}

static oz_status size_slice(oz_plan *slice, uint64_t images, oz_error *err) {
    const oz_model *m = slice->model;
    slice->max_free[0] = images;
    slice->activation_bytes = 0;
    OZ_TRY(oz_graph_shapes(&m->graph, &m->contents, slice->max_free, slice->shapes, err));
    return oz_plan_place(slice, err);
}

/* Slices a thread: so many that it costs little if one comes late. */
enum { SLICES = 4 };

static uint64_t share_of(const oz_plan *p, uint64_t images) {
    return oz_div_up(images, SLICES * (uint64_t)p->threads.width);
}

/* As many images as half of a core's cache holds, or each thread's share of slices. */
static uint64_t images_of(const oz_plan *p, const oz_plan *slice) {
    uint64_t fit = (uint64_t)p->costs->cache_bytes / 2 / oz_max(slice->activation_bytes, 1);
    return oz_max(1, oz_min(fit, share_of(p, p->max_free[0])));
}

/* The slice's plan differs in what follows from its size. */
static oz_status make_slice(oz_plan *p, oz_error *err) {
    size_t n = p->model->graph.n_values;
    oz_plan *slice = oz_arena_array(&p->arena, 1, sizeof *slice);
    if (!slice) return oz_out_of_memory(&p->arena, sizeof *slice, err);
    *slice = *p;
    slice->arena = (oz_arena){.allocator = p->arena.allocator};
    slice->threads = (oz_threads){.width = 1};
    slice->slots = slice->worker_bytes = slice->unpack_floats = 0; /* of what is not by image */
    p->slice = slice;
    slice->shapes = oz_arena_array(&slice->arena, n, sizeof *slice->shapes);
    return slice->shapes ? OZ_OK : oz_out_of_memory(&slice->arena, n * sizeof *slice->shapes, err);
}

oz_status oz_plan_slices(oz_plan *p, oz_error *err) {
    if (p->max_free[0] < 2 || p->model->graph.n_free == 0) return OZ_OK;
    OZ_TRY(make_slice(p, err));
    oz_status status = size_slice(p->slice, 1, err);
    if (status != OZ_OK && status != OZ_ERR_SHAPE) return status;
    if (status == OZ_OK) find_nodes(p, p->slice);
    uint64_t images = images_of(p, p->slice);
    if (p->sliced > 1 && images < p->max_free[0]) return size_slice(p->slice, images, err);
    oz_plan_drop_slices(p);
    return OZ_OK;
}

void oz_plan_drop_slices(oz_plan *p) {
    if (p->slice) oz_arena_free(&p->slice->arena);
    p->slice = NULL;
}

/* ---- running them --------------------------------------------------------------------------------- */

typedef struct oz_slicing {
    oz_session *s;
    uint64_t images, step;
    oz_shares shares;
    atomic_bool failed;
} oz_slicing;

/* Images of a slice; 0 if slices would keep threads waiting at the end, or the layers are too small to be
 * shared out. */
static uint64_t step_of(const oz_session *s, uint64_t images) {
    const oz_plan *p = s->plan;
    uint64_t width = (uint64_t)p->threads.width, step = oz_min(p->slice->max_free[0], share_of(p, images));
    uint64_t rounds = oz_div_up(images, step * width);
    bool even = rounds * width * step * 4 <= images * 5;
    return even && p->image_ns * (double)images >= p->serial_ns ? step : 0;
}

/* Shapes follow other free dimensions too, which may be smaller than the plan's, and results larger for it.
 */
static bool fit(const oz_session *s, uint64_t images, uint64_t step) {
    const oz_graph *g = &s->plan->model->graph;
    for (size_t i = 0; i < s->plan->sliced; i++) {
        uint32_t v = g->nodes[i].output;
        if (oz_shape_count(&s->shapes[v]) / images * step > oz_shape_count(&s->plan->slice->shapes[v]))
            return false;
    }
    return true;
}

/* What later nodes read lies where the whole batch is. */
static void place_results(oz_session *s) {
    const oz_graph *g = &s->plan->model->graph;
    for (size_t i = s->plan->sliced; i < g->n_nodes; i++) {
        for (uint32_t k = 0; k < g->nodes[i].n_inputs; k++) oz_session_place(s, g->nodes[i].input[k]);
    }
    for (size_t i = 0; i < g->n_outputs; i++) oz_session_place(s, g->outputs[i]);
}

static void run_slice(oz_slicing *c, oz_session *s, uint64_t first, uint64_t images) {
    const oz_session *all = c->s;
    const oz_graph *g = &all->plan->model->graph;
    s->plan = all->plan->slice;
    s->run = all->run;
    for (size_t v = 0; v < g->n_values; v++) {
        /* What these nodes read is floats. */
        size_t bytes = oz_shape_count(&all->shapes[v]) / c->images * sizeof(float);
        s->data[v] = all->data[v] ? (const uint8_t *)all->data[v] + first * bytes : NULL;
        s->shapes[v] = all->shapes[v];
        s->shapes[v].dim[0] = images;
    }
    if (oz_run_nodes(s, 0, all->plan->sliced, NULL) != OZ_OK) atomic_store(&c->failed, true);
}

static void take_slices(void *arg, size_t worker) {
    oz_slicing *c = arg;
    for (size_t slice; oz_shares_take(&c->shares, worker, &slice);) {
        const uint64_t i = slice * c->step;
        run_slice(c, &c->s->slices[worker], i, oz_min(c->step, c->images - i));
    }
}

size_t oz_run_slices(oz_session *s) {
    const oz_plan *p = s->plan;
    if (!p->slice || s->run->observer) return 0;
    uint64_t images = s->shapes[p->model->graph.nodes[0].output].dim[0], step = step_of(s, images);
    if (step == 0 || !fit(s, images, step)) return 0;
    place_results(s);
    oz_slicing c = {.s = s, .images = images, .step = step};
    atomic_init(&c.failed, false);
    oz_share_out(&p->threads, &c.shares, oz_div_up(images, step), take_slices, &c);
    return atomic_load(&c.failed) ? 0 : p->sliced;
}

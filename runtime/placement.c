/* placement.c - a place for every tensor of a run, at the largest sizes.
 *
 * Nodes run in order, so a value lives from the node that makes it to the last one that reads it (to
 * the end, if it is an output). Views share their source's place. Each value takes the lowest gap
 * between the places that are alive with it. */
#include <string.h>

#include "base/arith.h"
#include "runtime/plan.h"

typedef struct oz_live {
    uint64_t from, to; /* bytes */
    size_t last;       /* node that reads it last */
} oz_live;

typedef struct oz_placer {
    oz_plan *plan;
    uint32_t *root; /* the value whose memory a view shares */
    size_t *last;
    oz_live *live; /* sorted by place */
    size_t n_live;
} oz_placer;

static void find_lifetimes(oz_placer *p) {
    const oz_graph *g = &p->plan->model->graph;
    for (size_t i = 0; i < g->n_values; i++) p->root[i] = (uint32_t)i;
    for (size_t i = 0; i < g->n_nodes; i++) {
        const oz_node *node = &g->nodes[i];
        if (node->op->view) p->root[node->output] = p->root[node->input[0]];
        p->last[p->root[node->output]] = i;
        for (uint32_t k = 0; k < node->n_inputs; k++) p->last[p->root[node->input[k]]] = i;
    }
    for (size_t i = 0; i < g->n_outputs; i++) p->last[p->root[g->outputs[i]]] = g->n_nodes;
}

static void drop_dead(oz_placer *p, size_t node) {
    size_t kept = 0;
    for (size_t i = 0; i < p->n_live; i++) {
        if (p->live[i].last >= node) p->live[kept++] = p->live[i];
    }
    p->n_live = kept;
}

static uint64_t put(oz_placer *p, uint64_t bytes, size_t last) {
    uint64_t at = 0;
    size_t i = 0;
    while (i < p->n_live && p->live[i].from - at < bytes) at = p->live[i++].to;
    memmove(&p->live[i + 1], &p->live[i], (p->n_live - i) * sizeof *p->live);
    p->live[i] = (oz_live){.from = at, .to = at + bytes, .last = last};
    p->n_live++;
    return at;
}

oz_status oz_plan_place(oz_plan *plan, oz_error *err) {
    const oz_graph *g = &plan->model->graph;
    oz_arena scratch = {.allocator = plan->arena.allocator};
    oz_placer p = {.plan = plan};
    p.root = oz_arena_array(&scratch, g->n_values, sizeof *p.root);
    p.last = oz_arena_array(&scratch, g->n_values, sizeof *p.last);
    p.live = oz_arena_array(&scratch, g->n_nodes + 1, sizeof *p.live);
    plan->place = oz_arena_array(&plan->arena, g->n_values, sizeof *plan->place);
    oz_status status = OZ_OK;
    if (!p.root || !p.last || !p.live || !plan->place) {
        status = oz_fail(err, OZ_ERR_MEMORY, OZ_NO_OFFSET, "", "out of memory");
    } else {
        find_lifetimes(&p);
        for (size_t i = 0; i < g->n_inputs; i++) plan->place[g->inputs[i].value] = OZ_NO_PLACE;
    }
    for (size_t i = 0; status == OZ_OK && i < g->n_nodes; i++) {
        uint32_t out = g->nodes[i].output;
        if (g->nodes[i].op->view) {
            plan->place[out] = plan->place[p.root[out]];
            continue;
        }
        drop_dead(&p, i);
        uint64_t bytes = oz_round_up(oz_shape_count(&plan->shapes[out]) * sizeof(float), 64);
        plan->place[out] = put(&p, bytes, p.last[out]);
        if (!oz_add(plan->place[out], bytes, &bytes) || bytes > PTRDIFF_MAX / 2) {
            status = oz_fail(err, OZ_ERR_LIMIT, OZ_NO_OFFSET, g->nodes[i].name,
                             "activations of this batch do not fit in memory");
        }
        plan->activation_bytes = oz_max(plan->activation_bytes, bytes);
    }
    oz_arena_free(&scratch);
    return status;
}

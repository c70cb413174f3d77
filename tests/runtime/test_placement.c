/* test_placement.c - activations share memory, but never two that are needed at once: random networks, whose
 * lifetimes are found here once more, from the readers of each value. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "runtime/model.h"
#include "runtime/plan.h"
#include "tests/runtime/net.h"
#include "tests/support/chance.h"

enum { NETWORKS = 300, NODES = 24, WIDEST = 100, BATCH = 3 };

typedef struct text {
    char all[8192];
    size_t used;
} text;

#define APPEND(t, ...)                                                                                       \
    ((t)->used += (size_t)snprintf((t)->all + (t)->used, sizeof(t)->all - (t)->used, __VA_ARGS__))

/* Values v0 (the input) to v<i>, each [N, width]: node i of a random kind, over earlier values. */
static void append_node(text *t, size_t i, size_t width[], chance *c) {
    size_t a = chance_below(c, i), b = chance_below(c, i);
    switch (chance_below(c, 5)) {
    case 0:
        APPEND(t, "[\"reshape\",\"v%zu\",[\"v%zu\"],{\"shape\":[0,-1]}]", i, a);
        width[i] = width[a];
        return;
    case 1:
        if (width[a] + width[b] > WIDEST) break;
        APPEND(t, "[\"concat\",\"v%zu\",[\"v%zu\",\"v%zu\"],{\"axis\":1}]", i, a, b);
        width[i] = width[a] + width[b];
        return;
    case 2:
        if (width[a] < 2) break;
        APPEND(t, "[\"slice\",\"v%zu\",[\"v%zu\"],{\"axis\":1,\"start\":1}]", i, a);
        width[i] = width[a] - 1;
        return;
    case 3:
        if (width[a] != width[b]) break;
        APPEND(t, "[\"add\",\"v%zu\",[\"v%zu\",\"v%zu\"]]", i, a, b);
        width[i] = width[a];
        return;
    default:
        break;
    }
    APPEND(t, "[\"relu\",\"v%zu\",[\"v%zu\"]]", i, a);
    width[i] = width[a];
}

static void make_graph(text *t, chance *c) {
    size_t width[NODES + 1] = {1 + chance_below(c, 40)};
    t->used = 0;
    APPEND(t, "{\"inputs\":{\"v0\":[\"N\",%zu]},\"outputs\":[\"v%d\",\"v%zu\"],\"nodes\":[", width[0], NODES,
           1 + chance_below(c, NODES - 1));
    for (size_t i = 1; i <= NODES; i++) {
        append_node(t, i, width, c);
        APPEND(t, i < NODES ? "," : "]}");
    }
    cr_assert_lt(t->used, sizeof t->all);
}

/* The value whose memory it is. */
static uint32_t owner(const oz_graph *g, uint32_t value) {
    for (size_t i = g->n_nodes; i-- > 0;) {
        if (g->nodes[i].output == value && g->nodes[i].op->view) value = g->nodes[i].input[0];
    }
    return value;
}

static bool needed(const oz_graph *g, uint32_t value, size_t from_node) {
    for (size_t i = from_node; i < g->n_nodes; i++) {
        for (uint32_t k = 0; k < g->nodes[i].n_inputs; k++) {
            if (owner(g, g->nodes[i].input[k]) == value) return true;
        }
    }
    for (size_t i = 0; i < g->n_outputs; i++) {
        if (owner(g, g->outputs[i]) == value) return true;
    }
    return false;
}

static uint64_t end_of(const oz_plan *p, uint32_t value) {
    return p->place[value] + oz_shape_count(&p->shapes[value]) * sizeof(float);
}

static bool overlap(const oz_plan *p, uint32_t a, uint32_t b) {
    return p->place[a] < end_of(p, b) && p->place[b] < end_of(p, a);
}

/* When node i writes its value, nothing else that is still needed lies there. */
static void check_node(const oz_plan *p, size_t i, const char *graph) {
    const oz_graph *g = &p->model->graph;
    uint32_t made = g->nodes[i].output;
    cr_assert_leq(end_of(p, made), p->activation_bytes);
    for (size_t j = 0; j < i; j++) {
        uint32_t other = g->nodes[j].output;
        if (g->nodes[j].op->view || !overlap(p, made, other)) continue;
        cr_assert_not(needed(g, other, i), "%s overwrites %s, which is needed: %s", g->nodes[i].name,
                      g->nodes[j].name, graph);
    }
}

static oz_plan *plan_of(net *n) {
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_plan *p;
    opt.max_batch = BATCH;
    cr_assert_eq(oz_plan_create(n->model, &opt, &p, &n->err), OZ_OK, "%s", n->err.message);
    return p;
}

Test(placement, never_overwrites_what_is_needed) {
    static text t;
    chance c = chance_make();
    for (int network = 0; network < NETWORKS; network++) {
        net n = {0};
        make_graph(&t, &c);
        net_must_open(&n, t.all);
        oz_plan *p = plan_of(&n);
        const oz_graph *g = &p->model->graph;
        for (size_t i = 0; i < g->n_nodes; i++) {
            uint32_t made = g->nodes[i].output, source = owner(g, made);
            if (g->nodes[i].op->view)
                cr_assert_eq(p->place[made], p->place[source], "%s is a view: %s", g->nodes[i].name, t.all);
            else
                check_node(p, i, t.all);
        }
        oz_plan_free(p);
        net_free(&n);
    }
}

Test(placement, takes_turns_in_a_chain) {
    text t = {.used = 0};
    net n = {0};
    APPEND(&t, "{\"inputs\":{\"v0\":[\"N\",32]},\"outputs\":[\"v%d\"],\"nodes\":[", NODES);
    for (int i = 1; i <= NODES; i++)
        APPEND(&t, "[\"relu\",\"v%d\",[\"v%d\"]]%s", i, i - 1, i < NODES ? "," : "]}");
    net_must_open(&n, t.all);
    oz_plan *p = plan_of(&n);
    cr_assert_eq(p->activation_bytes, 2 * BATCH * 32 * sizeof(float));
    oz_plan_free(p);
    net_free(&n);
}

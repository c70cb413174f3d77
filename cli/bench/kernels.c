/* kernels.c - see kernels.h. Times are those of a plan's trial; a race holds them, so that reports are the
 * same. */
#include "cli/bench/kernels.h"

#include <stdio.h>
#include <string.h>

#include "cli/bench/report.h"
#include "cli/model.h"
#include "cli/terminal.h"

typedef struct oz_kernel_race {
    oz_race race;
    const oz_model *model;
    oz_entry first; /* the kernel that a plan chose for the first item */
} oz_kernel_race;

/* What a run of the kernel reads and computes. */
static void measure_leaf(const oz_model *m, const oz_candidate *c, oz_entry *e) {
    oz_layer_info layer;
    oz_leaf_info leaf;
    char name[32];
    if (oz_model_layer(m, 0, &layer) != OZ_OK) return;
    for (uint32_t k = 0; k < layer.leaves && oz_model_leaf(m, 0, k, &leaf) == OZ_OK; k++) {
        snprintf(name, sizeof name, "%u.%u", leaf.term, leaf.factor);
        if (strcmp(name, c->leaf) != 0) continue;
        e->bytes = (double)(leaf.bytes.values + leaf.bytes.index + leaf.bytes.scales);
        e->operations = 2.0 * (double)leaf.nonzeros * (double)c->batch;
        e->integer = layer.act_i8 && (strstr(leaf.spec, "codec=int") || strstr(leaf.spec, "codec=ternary"));
    }
}

static void add_candidate(void *ctx, const oz_candidate *c) {
    oz_kernel_race *k = ctx;
    if (c->measured_ns < 0 || k->race.n == OZ_RACE_ENTRIES) return;
    oz_entry *e = &k->race.entries[k->race.n++];
    e->name = c->kernel;
    e->chosen = c->chosen;
    e->times[0] = c->measured_ns;
    e->predicted_ns = c->predicted_ns;
    measure_leaf(k->model, c, e);
}

static int race_kernels(oz_kernel_race *k, const oz_item *item, oz_output *o) {
    oz_plan_options opt = oz_plan_from(k->race.common, k->race.batch);
    oz_plan *plan;
    oz_error err = {0};
    opt.effort = OZ_EFFORT_COMPARE;
    opt.threads = 1;
    if (oz_plan_create(item->model, &opt, &plan, &err) != OZ_OK) return oz_report_error(item->method, &err);
    k->model = item->model;
    oz_plan_explain(plan, k, add_candidate);
    int code = oz_terminal_interrupted() ? EXIT_INTERRUPTED : oz_race_judge(&k->race);
    if (!code) oz_race_report(&k->race, o);
    if (!k->first.name && k->race.n) {
        k->first = k->race.entries[0];
        k->first.name = item->method;
    }
    oz_plan_free(plan);
    return code;
}

static int race_item(oz_kernel_race *k, const oz_item *item, oz_output *o) {
    char title[160];
    snprintf(title, sizeof title, "%.120s, bare kernels, one thread", oz_safe_text(item->method));
    k->race.title = title;
    int code = oz_race_open(&k->race);
    if (!code && k->first.name) k->race.entries[k->race.n++] = k->first;
    if (!code) code = race_kernels(k, item, o);
    oz_race_close(&k->race);
    return code;
}

int oz_bench_kernels(const oz_common *common, const oz_stock *stock, const uint32_t *batches, size_t n,
                     oz_output *o) {
    static oz_kernel_race k;
    int code = EXIT_DONE;
    for (size_t b = 0; !code && b < n; b++) {
        k = (oz_kernel_race){.race = {.common = common, .batch = batches[b], .runs = 1, .threads = 1}};
        for (size_t i = 0; !code && i < stock->n; i++) code = race_item(&k, &stock->items[i], o);
    }
    return code;
}

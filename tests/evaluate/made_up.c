#include "made_up.h"

#include "base/random.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORDS = 1000, LAYERS = 20, BASES = 2, MAX_BUDGETS = 12 };

typedef struct invented {
    const char *method;
    double bits, harm; /* bits a weight at full size; how steeply accuracy falls */
    bool open;         /* shrinks to the budget */
} invented;

static const invented METHODS[] = {
    {"dense", 8.0, 1.0, true},
    {"dense,codec=f16", 16.0, 0.1, false},
    {"dense,codec=int6", 6.3, 0.3, false},
    {"dense,codec=int5", 5.3, 0.4, false},
    {"dense,codec=int4", 4.3, 0.7, false},
    {"dense,codec=int3", 3.3, 2.2, false},
    {"dense,codec=int2", 2.3, 24.0, false},
    {"dense,codec=ternary", 1.9, 30.0, false},
    {"sparse,codec=int8", 8.5, 2.4, true},
    {"sparse,codec=int4", 5.0, 1.3, true},
    {"sparse,codec=int3", 4.0, 1.15, true},
    {"nm:8,codec=int8", 8.5, 2.9, true},
    {"nm:4,codec=int4", 5.2, 2.0, true},
    {"lowrank,codec=int8", 8.5, 6.0, true},
    {"dense,codec=int3 + lowrank", 4.6, 1.1, true},
    {"hashed:pareto", 8.5, 9.0, true},
    {"sparse,codec=int8,score=random", 8.5, 12.0, true},
};
enum { METHOD_COUNT = sizeof METHODS / sizeof *METHODS };

static const struct {
    const char *name;
    double weights, accuracy, ns;
} NETWORKS[BASES] = {{"resnet20", 272474.0, 0.884, 1.9e6}, {"resnet8", 75290.0, 0.789, 0.75e6}};

static const uint64_t BUDGETS[] = {160, 96, 64};
static const uint64_t SWEEP[] = {256, 208, 160, 128, 112, 96, 80, 64, 56, 48, 40};
enum { N_BUDGETS = 3, N_SWEEP = sizeof SWEEP / sizeof *SWEEP };

static void *need(oz_comparison *c, size_t n, size_t size) {
    void *p = oz_arena_array(&c->arena, n, size);
    cr_assert_not_null(p);
    return p;
}

/* Deterministic noise in [0, 1). */
static double noise(uint64_t stream, uint64_t i) {
    return (double)(oz_stream_u64(stream, i) >> 11) * 0x1p-53;
}

/* Records are hard to the same degree for every model, up to a little noise of each. */
static const uint8_t *answers(oz_comparison *c, uint64_t model, double accuracy, uint64_t *correct) {
    uint8_t *right = need(c, RECORDS, 1);
    *correct = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        right[i] = noise(1, i) + 0.16 * (noise(100 + model, i) - 0.5) < accuracy;
        *correct += right[i];
    }
    return right;
}

static void give_layers(oz_comparison *c, oz_variant *v, double weights) {
    oz_variant_layer *layers = need(c, LAYERS, sizeof *layers);
    uint64_t left = v->bytes.values + v->bytes.index + v->bytes.scales;
    for (size_t i = 0; i < LAYERS; i++) {
        char name[96];
        snprintf(name, sizeof name,
                 i == 0            ? "conv1"
                 : i == LAYERS - 1 ? "fc"
                                   : "layer%zu.%zu.conv%zu",
                 (i - 1) / 6 + 1, (i - 1) / 2 % 3, (i - 1) % 2 + 1);
        uint64_t rows = 16u << (i / 7), share = (uint64_t)((double)left *
                                                           (i < 7    ? 0.5
                                                            : i < 13 ? 1.0
                                                                     : 3.6) /
                                                           34.0);
        uint64_t cols = (uint64_t)(weights * (i < 7 ? 0.5 : i < 13 ? 1.0 : 3.6) / 34.0) / rows;
        bool ends = i == 0 || i == LAYERS - 1;
        layers[i] = (oz_variant_layer){oz_arena_text(&c->arena, name, strlen(name)),
                                       ends ? "dense,codec=int8" : v->method, rows, cols + 1, share};
        if (ends) layers[i].bytes = rows * (cols + 1);
    }
    v->layers = layers;
    v->n_layers = LAYERS;
}

static oz_variant *variant(oz_comparison *c, const char *method, size_t base, uint64_t bytes,
                           double accuracy) {
    static uint64_t model;
    oz_variant *v = need(c, 1, sizeof *v);
    model++;
    *v = (oz_variant){.method = method,
                      .base = base < BASES ? NETWORKS[base].name : "",
                      .stored = bytes,
                      .resident = bytes};
    v->untrained = oz_method_untrained(method);
    v->floor = oz_method_random(method);
    bool indexed = strstr(method, "sparse") || strstr(method, "nm:");
    v->bytes = (oz_bytes){.index = indexed ? bytes / 5 : 0,
                          .scales = bytes / 30,
                          .vectors = 3200,
                          .padding = 640,
                          .header = 9000,
                          .total = bytes};
    v->bytes.values = bytes - v->bytes.index - v->bytes.scales - 12840;
    v->right = answers(c, model, accuracy, &v->correct);
    v->accuracy = oz_wilson(v->correct, RECORDS);
    double f32 = base < BASES ? NETWORKS[base].weights * 4.0 : 1e6, shrink = (double)bytes / f32;
    v->latency_ns = (base < BASES ? NETWORKS[base].ns : 1.9e6) * (0.55 + shrink + (indexed ? 0.35 : 0.0)) *
                    (0.9 + 0.2 * noise(7, model));
    v->latency_low_ns = v->latency_ns * 0.98;
    v->latency_high_ns = v->latency_ns * 1.05;
    v->throughput = 2.6e9 / v->latency_ns;
    v->act_i8 = true;
    v->correct_f32 = v->correct + 1;
    give_layers(c, v, base < BASES ? NETWORKS[base].weights : 272474.0);
    return v;
}

static void against_dense(oz_comparison *c, oz_variant *v, size_t base) {
    const oz_variant *dense = c->bases[base].dense, *int8 = c->bases[base].int8;
    v->has_dense = true;
    v->dense_pairs = oz_pairs_count(v->right, dense->right, RECORDS);
    v->metrics = (oz_metrics){
        .count = RECORDS, .flips_negative = v->dense_pairs.second, .flips_positive = v->dense_pairs.first};
    v->metrics.changed_errors = v->dense_pairs.neither / 9;
    v->metrics.agreement = RECORDS - v->metrics.changed_errors - v->dense_pairs.first - v->dense_pairs.second;
    double lost = fmax(0.0, (double)dense->correct - (double)v->correct) / RECORDS;
    v->metrics.kl = v == dense ? 0.0 : 0.002 + 1.7 * lost;
    v->kl = (oz_interval){v->metrics.kl * 0.9, v->metrics.kl * 1.1};
    if (int8) {
        v->smaller = (double)int8->resident / (double)v->resident;
        v->faster = int8->latency_ns / v->latency_ns;
    }
}

static void invent_bases(oz_comparison *c) {
    c->bases = need(c, BASES, sizeof *c->bases);
    c->n_bases = BASES;
    for (size_t b = 0; b < BASES; b++) {
        uint64_t weights = (uint64_t)NETWORKS[b].weights;
        oz_variant *dense = variant(c, "dense,codec=f32", b, 4 * weights + 14000, NETWORKS[b].accuracy);
        oz_variant *int8 = variant(c, "dense,codec=int8", b, weights + 17000, NETWORKS[b].accuracy - 0.001);
        dense->kind = int8->kind = OZ_VARIANT_REFERENCE;
        c->bases[b] = (oz_base_result){NETWORKS[b].name, dense, int8};
        against_dense(c, dense, b);
        against_dense(c, int8, b);
    }
}

static double full_bytes(const invented *m, size_t base) {
    return NETWORKS[base].weights * m->bits / 8.0 + 15000.0;
}

/* The variant of a method at a budget of so many KiB; NULL if it does not fit. */
static oz_variant *fit(oz_comparison *c, const invented *m, size_t base, uint64_t kib) {
    double budget = (double)kib * 1024.0, full = full_bytes(m, base);
    if (!m->open && full > budget) return NULL;
    if (m->open && budget < full * 0.16) return NULL;
    double bytes = m->open ? fmin(budget - 40.0 - 500.0 * noise(3, kib + (uint64_t)full), full) : full;
    double kept = bytes / full, per_weight = bytes * 8.0 / NETWORKS[base].weights;
    double lost = m->open ? 0.004 * m->harm * pow(per_weight, -2.0) * 8.0 + 0.02 * (1.0 - kept) * m->harm
                          : 0.004 * m->harm;
    oz_variant *v = variant(c, m->method, base, (uint64_t)bytes, fmax(0.1, NETWORKS[base].accuracy - lost));
    if (m->open) {
        snprintf(v->setting, sizeof v->setting, strstr(m->method, "dense") ? "int3/int2" : "%s %.2f",
                 strstr(m->method, "sparse") ? "sparsity" : "ratio", 1.0 - kept);
        v->tried = 9;
    }
    against_dense(c, v, base);
    return v;
}

static const oz_variant *find(const oz_curve *curve, uint64_t kib) {
    for (size_t i = 0; i < curve->n; i++) {
        if (curve->points[i].budget == kib * 1024) return curve->points[i].variant;
    }
    return NULL;
}

static void invent_curves(oz_comparison *c) {
    c->n_curves = 0;
    c->curves = need(c, BASES * METHOD_COUNT, sizeof *c->curves);
    for (size_t b = 0; b < BASES; b++) {
        for (size_t m = 0; m < METHOD_COUNT; m++) {
            oz_curve *curve = &c->curves[c->n_curves++];
            *curve = (oz_curve){METHODS[m].method,
                                NETWORKS[b].name,
                                oz_method_untrained(METHODS[m].method),
                                oz_method_random(METHODS[m].method),
                                need(c, N_SWEEP, sizeof(oz_point)),
                                0};
            for (size_t s = N_SWEEP; s-- > 0;) {
                const oz_point *last = curve->n ? &curve->points[curve->n - 1] : NULL;
                const oz_variant *v =
                    !METHODS[m].open && last ? last->variant : fit(c, &METHODS[m], b, SWEEP[s]);
                if (v) curve->points[curve->n++] = (oz_point){SWEEP[s] * 1024, v->resident, v};
            }
        }
    }
}

static oz_row reference_row(const oz_variant *v, uint64_t budget) {
    return (oz_row){.variant = v, .state = v->resident <= budget ? OZ_ROW_RANKED : OZ_ROW_OVER};
}

static void invent_ranking(oz_comparison *c, oz_ranking *r, uint64_t kib) {
    r->budget = kib * 1024;
    r->rows = need(c, c->n_curves + 2 * BASES + 1, sizeof *r->rows);
    for (size_t b = 0; b < BASES; b++) {
        r->rows[r->n++] = reference_row(c->bases[b].dense, r->budget);
        r->rows[r->n++] = reference_row(c->bases[b].int8, r->budget);
    }
    for (size_t i = 0; i < c->n_curves; i++) {
        const oz_variant *v = find(&c->curves[i], kib);
        size_t base = i / METHOD_COUNT;
        if (v) {
            r->rows[r->n++] =
                (oz_row){.variant = v, .state = v->untrained ? OZ_ROW_UNTRAINED : OZ_ROW_RANKED};
            continue;
        }
        oz_variant *absent = need(c, 1, sizeof *absent);
        *absent = (oz_variant){.method = c->curves[i].method, .base = c->curves[i].base};
        uint64_t least = (uint64_t)full_bytes(&METHODS[i % METHOD_COUNT], base);
        r->rows[r->n++] = (oz_row){.variant = absent, .state = OZ_ROW_TOO_LARGE, .smallest = least};
    }
    oz_row ready = {.variant = c->ready[0], .state = OZ_ROW_RANKED};
    if (ready.variant->resident > r->budget)
        ready.state = OZ_ROW_TOO_LARGE, ready.smallest = ready.variant->resident;
    r->rows[r->n++] = ready;
}

oz_comparison *made_up_comparison(void) {
    oz_comparison *c = calloc(1, sizeof *c);
    cr_assert_not_null(c);
    c->records = RECORDS, c->classes = 10, c->batch = 64;
    c->data_hash = 0x9d3c5e2a71b04f86, c->calibration_hash = 0x1c22d6f0a95e7b43, c->calibration_records = 256;
    c->n_methods = METHOD_COUNT, c->timed = true, c->correction = "affine", c->seed = 1;
    c->policy = "@first = dense,codec=int8; @bias = f16";
    c->command = "ounce compare resnet20.safetensors resnet8.safetensors --data test.safetensors --budget "
                 "160KiB,96KiB,64KiB";
    c->machine = (oz_machine){"Example CPU @ 2.50GHz", "avx2", 2, 2};
    invent_bases(c);
    const oz_variant **ready = need(c, 1, sizeof *ready);
    oz_variant *shared = variant(c, "resnet20-shared <81920>", BASES, 101000, 0.814);
    shared->kind = OZ_VARIANT_READY;
    ready[0] = shared;
    c->ready = ready, c->n_ready = 1;
    invent_curves(c);
    c->rankings = need(c, N_BUDGETS, sizeof *c->rankings);
    c->n_rankings = N_BUDGETS;
    for (size_t i = 0; i < N_BUDGETS; i++) invent_ranking(c, &c->rankings[i], BUDGETS[i]);
    cr_assert(oz_comparison_judge(c, NULL) == OZ_OK);
    return c;
}

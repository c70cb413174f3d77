/* test_cost.c - what plans make of the costs: what they count, that more columns never cost less, when a
 * layer is shared out, and that a plan keeps to its instruction set. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arith.h"
#include "base/cpu.h"
#include "runtime/cost.h"
#include "runtime/multiply/leaf.h"
#include "tests/runtime/net.h"
#include "tests/support/models/models.h"

enum { ROWS = 40, FILLED = 48, COLS = 200 };

static const char plain[] = "{\"inputs\":{\"x\":[\"N\",200]},\"outputs\":[\"y\"],"
                            "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}";

static void make(net *n, const char *text) {
    static float w[ROWS * COLS];
    net_fill_sparse(w, ROWS * COLS, 7);
    net_weight(n, "fc", text, ROWS, COLS, w);
    net_must_open(n, plain);
}

enum { MOST = 40 };

typedef struct seen {
    oz_candidate list[MOST];
    size_t n;
} seen;

static void see(void *ctx, const oz_candidate *c) {
    seen *s = ctx;
    cr_assert_lt(s->n, MOST);
    s->list[s->n++] = *c;
}

static seen candidates(net *n, const oz_plan_options *opt, oz_plan **plan) {
    seen s = {.n = 0};
    cr_assert_eq(oz_plan_create(n->model, opt, plan, &n->err), OZ_OK, "%s", n->err.message);
    oz_plan_explain(*plan, &s, see);
    return s;
}

/* The predicted time of that kernel, by whatever way; -1 if it is not there or cannot run. */
static double predicted(const seen *s, const oz_candidate *like) {
    for (size_t i = 0; i < s->n; i++) {
        const oz_candidate *c = &s->list[i];
        if (c->predicted_ns >= 0 && strcmp(c->kernel, like->kernel) == 0 &&
            strcmp(c->cost.way, like->cost.way) == 0)
            return c->predicted_ns;
    }
    return -1;
}

Test(cost, more_columns_never_cost_less) {
    char text[MODEL_TEXT];
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        net n = {0};
        make(&n, text);
        for (size_t isa = 0; net_isa(isa); isa++) {
            seen before = {.n = 0};
            oz_plan *last = NULL;
            for (uint32_t batch = 1; batch <= 300; batch += 1 + batch / 8) {
                oz_plan_options opt = OZ_PLAN_INIT;
                oz_plan *plan;
                opt.isa = net_isa(isa);
                opt.max_batch = batch;
                opt.threads = 1;
                seen now = candidates(&n, &opt, &plan);
                for (size_t k = 0; k < before.n; k++) {
                    const oz_candidate *c = &before.list[k];
                    if (c->predicted_ns < 0) continue;
                    double is = predicted(&now, c);
                    cr_assert(is < 0 || is >= c->predicted_ns, "%s, %s, batch %u: %g after %g", text,
                              c->kernel, batch, is, c->predicted_ns);
                }
                before = now; /* its texts are the plan's */
                oz_plan_free(last);
                last = plan;
            }
            oz_plan_free(last);
        }
        net_free(&n);
    }
}

/* Of a dense layer of floats, by the first candidate of that way. */
static void expect_amounts(net *n, const char *way, uint32_t batch, const double want[OZ_COST_TERMS]) {
    oz_plan *plan;
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.max_batch = batch;
    seen s = candidates(n, &opt, &plan);
    size_t i = 0;
    while (i < s.n && (s.list[i].predicted_ns < 0 || strcmp(s.list[i].cost.way, way) != 0)) i++;
    cr_assert_lt(i, s.n);
    for (size_t k = 0; k < OZ_COST_TERMS; k++)
        cr_expect_eq(s.list[i].cost.amount[k], want[k], "%s, batch %u, term %zu", way, batch, k);
    oz_plan_free(plan);
}

/* Three panels of rows, of which the last is not full, and two blocks of inputs. Of more columns than a
 * tile's, activations stay where they lie; up to 16 are another way. */
Test(cost, amounts_of_a_dense_layer) {
    net n = {0};
    make(&n, "dense,codec=f32");
    expect_amounts(&n, "direct", 70,
                   (double[OZ_COST_TERMS]){[OZ_COST_ONCE] = 1,
                                           [OZ_COST_CALLS] = 2, /* tiles, of 64 and 16 columns */
                                           [OZ_COST_SUMS] = FILLED * 2 * 80,
                                           [OZ_COST_WEIGHTS] = 2 * FILLED * COLS,
                                           [OZ_COST_STORED] = 2 * FILLED * COLS,
                                           [OZ_COST_PRODUCTS] = FILLED * COLS * 80,
                                           [OZ_COST_PLACES] = FILLED * COLS * 80});
    expect_amounts(&n, "mm", 64,
                   (double[OZ_COST_TERMS]){[OZ_COST_ONCE] = 1,
                                           [OZ_COST_CALLS] = 1,
                                           [OZ_COST_SUMS] = FILLED * 2 * 64,
                                           [OZ_COST_WEIGHTS] = FILLED * COLS,
                                           [OZ_COST_STORED] = FILLED * COLS,
                                           [OZ_COST_PRODUCTS] = FILLED * COLS * 64,
                                           [OZ_COST_PLACES] = FILLED * COLS * 64,
                                           [OZ_COST_GATHERED] = COLS * 64,
                                           [OZ_COST_SCATTERED] = ROWS * 64});
    expect_amounts(&n, "narrow", 9,
                   (double[OZ_COST_TERMS]){[OZ_COST_ONCE] = 1,
                                           [OZ_COST_CALLS] = 1,
                                           [OZ_COST_SUMS] = FILLED * 2 * 16,
                                           [OZ_COST_WEIGHTS] = FILLED * COLS,
                                           [OZ_COST_STORED] = FILLED * COLS,
                                           [OZ_COST_PRODUCTS] = FILLED * COLS * 16,
                                           [OZ_COST_PLACES] = FILLED * COLS * 16,
                                           [OZ_COST_GATHERED] = COLS * 16,
                                           [OZ_COST_SCATTERED] = ROWS * 16});
    expect_amounts(&n, "mv", 3,
                   (double[OZ_COST_TERMS]){[OZ_COST_ONCE] = 1,
                                           [OZ_COST_CALLS] = 1,
                                           [OZ_COST_SUMS] = ROWS * 2 * 3,
                                           [OZ_COST_WEIGHTS] = ROWS * COLS,
                                           [OZ_COST_STORED] = ROWS * COLS,
                                           [OZ_COST_PRODUCTS] = ROWS * COLS * 3,
                                           [OZ_COST_SCATTERED] = ROWS * 3});
    net_free(&n);
}

/* Codes of 16 rows are multiplied together, by inputs that become codes first. */
Test(cost, amounts_of_a_dense_layer_of_codes) {
    net n = {0};
    make(&n, "dense,codec=int8");
    expect_amounts(&n, "mv", 3,
                   (double[OZ_COST_TERMS]){[OZ_COST_ONCE] = 1,
                                           [OZ_COST_CALLS] = 1,
                                           [OZ_COST_SUMS] = FILLED * 2 * 3,
                                           [OZ_COST_WEIGHTS] = FILLED * COLS,
                                           [OZ_COST_STORED] = FILLED * COLS,
                                           [OZ_COST_PRODUCTS] = FILLED * COLS * 3,
                                           [OZ_COST_GATHERED] = COLS * 3,
                                           [OZ_COST_SCATTERED] = ROWS * 3});
    net_free(&n);
}

/* Rows that fill a panel have no nonzeros. */
Test(cost, nonzeros_are_counted_as_they_are) {
    net n = {0};
    make(&n, "sparse,codec=f32");
    oz_plan *plan;
    oz_plan_options opt = OZ_PLAN_INIT;
    opt.max_batch = 1;
    const seen s = candidates(&n, &opt, &plan);
    const oz_leaf *leaf = &n.model->contents.weights[0].terms[0].factors[0];
    for (size_t i = 0; i < s.n; i++) {
        if (s.list[i].predicted_ns < 0 || strcmp(s.list[i].cost.way, "mv") != 0) continue;
        cr_expect_eq(s.list[i].cost.amount[OZ_COST_WEIGHTS], FILLED * COLS);
        cr_expect_eq(s.list[i].cost.amount[OZ_COST_PRODUCTS], (double)oz_leaf_nonzeros(leaf));
        cr_expect_lt(s.list[i].cost.amount[OZ_COST_PRODUCTS], ROWS * COLS);
    }
    oz_plan_free(plan);
    net_free(&n);
}

/* Of a dense layer of floats that is read as rows, so many bytes where caches of one core and of all have
 * `own` and `shared`. */
static void expect_missed(net *n, double own, double shared, double streamed, double fetched) {
    oz_cost_class costs = {.isa = OZ_ISA_SCALAR, .cache_bytes = own, .shared_bytes = shared};
    const oz_kernels *k = oz_kernels_of(n->model->contents.weights[0].terms[0].factors[0].format, costs.isa);
    oz_leaf_plan lp = {
        .leaf = &n->model->contents.weights[0].terms[0].factors[0], .bytes = 1000, .read = 1000};
    oz_cost cost;
    oz_cost_of(&costs, &lp, &(oz_choice){.way = OZ_WAY_MV, .mv = k->mv}, 1, &cost);
    cr_expect_float_eq(cost.amount[OZ_COST_STREAMED], streamed, 1e-6);
    cr_expect_float_eq(cost.amount[OZ_COST_FETCHED], fetched, 1e-6);
}

Test(cost, what_nearly_fits_a_cache_is_read_anew_in_part) {
    net n = {0};
    make(&n, "dense,codec=f32");
    expect_missed(&n, 2000, 4000, 0, 0);
    expect_missed(&n, 1000, 4000, 500, 0);
    expect_missed(&n, 100, 1000, 1000, 500);
    expect_missed(&n, 100, 500, 1000, 1000);
    net_free(&n);
}

/* Bytes from beyond the cache that the fused kernel reads for so many rows of a leaf that no cache holds. */
static double streamed(const oz_plan *plan, uint64_t rows) {
    const oz_cost_class costs = {.isa = OZ_ISA_SCALAR, .cache_bytes = 1, .shared_bytes = 1};
    const oz_leaf_plan *lp = &plan->layers[0].leaf[0][0];
    const oz_mv *mv = oz_kernels_of(lp->leaf->format, costs.isa)->mv;
    while (!mv->takes(lp->leaf)) mv++;
    oz_cost cost;
    oz_cost_of(&costs, lp, &(oz_choice){.way = OZ_WAY_MV, .mv = mv}, rows, &cost);
    return cost.amount[OZ_COST_STREAMED];
}

/* But for a single row of activations, if its kernel reads the array once. */
Test(cost, a_number_is_read_for_each_weight_that_shares_it) {
    const double weights = ROWS * COLS * sizeof(float), slots = 1000 * sizeof(float);
    static const struct {
        const char *spec;
        bool at_once;
    } cases[] = {{"hashed:pareto,codec=f32,slots=1000", true},
                 {"hashed:roast,codec=f32,slots=1000,block_k=16,block_n=16", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        net n = {0};
        oz_plan *plan;
        const oz_plan_options opt = OZ_PLAN_INIT;
        make(&n, cases[i].spec);
        candidates(&n, &opt, &plan);
        cr_expect_float_eq(streamed(plan, 1), cases[i].at_once ? slots : weights, 1e-6, "%s", cases[i].spec);
        cr_expect_float_eq(streamed(plan, 2), weights, 1e-6, "%s", cases[i].spec);
        const double five = cases[i].at_once ? weights + slots : weights;
        cr_expect_float_eq(streamed(plan, 5), five, 1e-6, "%s", cases[i].spec);
        oz_plan_free(plan);
        net_free(&n);
    }
}

/* Whether the chosen kernel of a batch reads rows. */
static bool reads_rows(net *n, const char *isa, uint32_t batch) {
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_plan *plan;
    opt.isa = isa;
    opt.max_batch = batch;
    seen s = candidates(n, &opt, &plan);
    const char *way = s.list[0].cost.way;
    cr_assert(s.list[0].chosen);
    bool rows = strcmp(way, "mv") == 0 || strcmp(way, "blocks") == 0;
    oz_plan_free(plan);
    return rows;
}

/* With vectors: eight columns do more for scattered zeros than rows one by one; codes in patterns are slow to
 * decode. One row is read as it lies, whatever the format. */
Test(cost, each_batch_reads_rows_or_columns) {
    enum { TALL = 256, WIDE = 1024 };
    static float w[TALL * WIDE];
    net scattered = {0}, patterned = {0};
    net_fill_sparse(w, TALL * WIDE, 3);
    for (size_t i = 0; i < TALL * WIDE; i++) w[i] = i % 7 ? 0 : w[i];
    const char *graph = "{\"inputs\":{\"x\":[\"N\",1024]},\"outputs\":[\"y\"],"
                        "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}";
    net_weight(&scattered, "fc", "sparse,codec=f32", TALL, WIDE, w);
    net_weight(&patterned, "fc", "nm:1:4,codec=int8", TALL, WIDE, w);
    net_must_open(&scattered, graph);
    net_must_open(&patterned, graph);
    for (size_t i = 0; net_isa(i); i++) {
        const char *isa = net_isa(i);
        cr_expect(reads_rows(&scattered, isa, 1) && reads_rows(&patterned, isa, 1), "%s", isa);
        if (oz_isa_parse(isa) < OZ_ISA_AVX2) continue;
        cr_expect_not(reads_rows(&scattered, isa, 4), "%s", isa);
        cr_expect_not(reads_rows(&scattered, isa, 64), "%s", isa);
        cr_expect(reads_rows(&patterned, isa, 8), "%s", isa);
    }
    net_free(&scattered);
    net_free(&patterned);
}

static bool calls_onednn(const oz_candidate *c) {
    return c->predicted_ns >= 0 && strcmp(c->cost.way, "onednn") == 0;
}

static void check_close(const seen *s, uint32_t batch) {
    const oz_candidate *chosen = &s->list[0];
    for (size_t i = 1; i < s->n; i++) {
        const oz_candidate *c = &s->list[i];
        if (c->predicted_ns < 0) continue;
        const bool columns = strcmp(c->cost.way, "mm") == 0 || strcmp(c->cost.way, "direct") == 0;
        if (calls_onednn(chosen) && columns)
            cr_expect_geq(c->predicted_ns, 1.05 * chosen->predicted_ns, "batch %u", batch);
        if (!calls_onednn(c)) continue;
        const bool faster = c->predicted_ns < chosen->predicted_ns;
        cr_expect_str_eq(c->verdict, faster ? "hardly faster" : "slower");
        cr_expect_leq(chosen->predicted_ns, 1.05001 * c->predicted_ns, "batch %u", batch);
    }
}

/* Where oneDNN is expected to be faster, but hardly, it is not chosen; where clearly, it is. */
Test(cost, onednn_must_be_clearly_faster) {
    enum { SIDE = 512 };
    static float w[SIDE * SIDE];
    net n = {0};
    net_fill(w, SIDE * SIDE, 7);
    net_weight(&n, "fc", "dense,codec=f32", SIDE, SIDE, w);
    net_must_open(&n, "{\"inputs\":{\"x\":[\"N\",512]},\"outputs\":[\"y\"],"
                      "\"nodes\":[[\"linear\",\"y\",[\"x\"],{\"weight\":\"fc\"}]]}");
    for (uint32_t batch = 65; batch <= 1024; batch += 25) {
        oz_plan_options opt = OZ_PLAN_INIT;
        oz_plan *plan;
        opt.max_batch = batch;
        opt.threads = 1;
        seen s = candidates(&n, &opt, &plan);
        check_close(&s, batch);
        oz_plan_free(plan);
    }
    net_free(&n);
}

static bool is_way(const oz_candidate *c, bool rows) {
    static const char *const ways[2][2] = {{"mm", "direct"}, {"mv", "blocks"}};
    return strcmp(c->cost.way, ways[rows][0]) == 0 || strcmp(c->cost.way, ways[rows][1]) == 0;
}

/* Who reads rows, or who does not, is chosen only if it is clearly faster than the others. */
static void check_doubted(const seen *s, bool rows, const char *text) {
    const oz_candidate *chosen = &s->list[0];
    for (size_t i = 1; i < s->n; i++) {
        const oz_candidate *c = &s->list[i];
        if (c->predicted_ns < 0) continue;
        if (is_way(chosen, rows) && is_way(c, !rows))
            cr_expect_geq(c->predicted_ns, 1.05 * chosen->predicted_ns, "%s, %s", text, c->kernel);
        if (!is_way(chosen, !rows) || !is_way(c, rows)) continue;
        const bool faster = c->predicted_ns < chosen->predicted_ns;
        cr_expect_str_eq(c->verdict, faster ? "hardly faster" : "slower", "%s, %s", text, c->kernel);
        cr_expect_leq(chosen->predicted_ns, 1.05001 * c->predicted_ns, "%s, %s", text, c->kernel);
    }
}

/* For batches [first, last]. */
static void expect_doubted(bool rows, uint32_t first, uint32_t last) {
    static const char *const texts[] = {"dense,codec=f32", "dense,codec=int8", "nm:2:4,codec=f32",
                                        "nm:1:8,codec=int8"};
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        net n = {0};
        make(&n, texts[t]);
        for (size_t i = 0; net_isa(i); i++) {
            for (uint32_t batch = first; batch <= last; batch += (last - first) / 15) {
                oz_plan *plan;
                oz_plan_options opt = OZ_PLAN_INIT;
                opt.isa = net_isa(i);
                opt.max_batch = batch;
                opt.threads = 1;
                const seen s = candidates(&n, &opt, &plan);
                check_doubted(&s, rows, texts[t]);
                oz_plan_free(plan);
            }
        }
        net_free(&n);
    }
}

/* The same of rows beside tiles, where there are several; some of these are close on most CPUs. */
Test(cost, rows_must_be_clearly_faster_than_tiles) {
    expect_doubted(true, 65, 300);
}

/* And of a single tile, which every thread lays out for itself, beside several panels of rows. */
Test(cost, a_tile_must_be_clearly_faster_than_rows) {
    expect_doubted(false, 17, 64);
}

/* What two threads save must pay for calling the second. */
Test(cost, small_layers_are_not_shared_out) {
    oz_cost_class costs = {.awake = 500, .asleep = 1500};
    struct oz_plan plan = {.costs = &costs, .threads = {.width = 2}};
    plan.serial_ns = oz_cost_serial_ns(&costs, 2);
    plan.serial_awake_ns = oz_cost_serial_awake_ns(&costs, 2);
    cr_expect_eq(plan.serial_ns, 4000);
    cr_expect_eq(oz_cost_serial_ns(&costs, 4), 8000);
    cr_expect_eq(plan.serial_awake_ns, 2000);
    cr_expect_eq(oz_cost_shared_ns(&plan, 1999, 0, 10), 1999);
    cr_expect_eq(oz_cost_shared_ns(&plan, 2000, 0, 10), 1500);
    cr_expect_eq(oz_cost_shared_ns(&plan, 10000, 0, 10), 5500);
    cr_expect_eq(oz_cost_shared_ns(&plan, 10000, 2000, 10), 6500, "each thread lays out the inputs");
    cr_expect_float_eq(oz_cost_shared_ns(&plan, 9000, 0, 3), 6500, 1e-6, "of three panels one takes two");
    cr_expect_eq(oz_cost_shared_ns(&plan, 10000, 0, 1), 10000, "one panel is for one thread");
}

static seen convolution(net *n, size_t rows, const char *attributes, const oz_plan_options *opt,
                        oz_plan **plan) {
    static float w[64 * 144];
    char graph[256];
    net_fill(w, 64 * 144, 7);
    net_weight(n, "c", "dense,codec=f32", rows, 144, w);
    snprintf(graph, sizeof graph,
             "{\"inputs\":{\"x\":[\"N\",16,16,16]},\"outputs\":[\"y\"],\"nodes\":[[\"conv2d\",\"y\",[\"x\"],"
             "{\"weight\":\"c\",\"kernel\":3,%s}]]}",
             attributes);
    net_must_open(n, graph);
    return candidates(n, opt, plan);
}

/* Kernels that multiply columns are predicted to take from `least` to `most` of what they take where there
 * are no tiles, with dilation; others as much. */
static void check_tiles(size_t rows, const char *isa, double least, double most) {
    net tiles = {0}, direct = {0};
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_plan *a, *b;
    opt.isa = isa;
    opt.threads = 1;
    seen by_tiles = convolution(&tiles, rows, "\"pad\":1", &opt, &a);
    seen by_taps = convolution(&direct, rows, "\"pad\":2,\"dilation\":2", &opt, &b);
    size_t counted = 0;
    for (size_t k = 0; k < by_tiles.n; k++) {
        const oz_candidate *c = &by_tiles.list[k];
        if (c->predicted_ns < 0) continue;
        double ratio = c->predicted_ns / predicted(&by_taps, c);
        bool floats = strcmp(c->cost.way, "mm") == 0;
        cr_expect(floats ? ratio > least && ratio < most : fabs(ratio - 1) < 1e-9, "%s, %s: %g", isa,
                  c->kernel, ratio);
        counted += floats;
    }
    cr_expect_gt(counted, 0);
    oz_plan_free(a), oz_plan_free(b);
    net_free(&tiles), net_free(&direct);
}

/* Tiles of 2 x 2 outputs spare a decoder of floats 20 of 36 products, and cost transforms; where these are
 * more, nothing is filtered. */
Test(cost, tiles_are_counted_for_decoded_floats_alone) {
    for (size_t i = 0; net_isa(i); i++) {
        check_tiles(64, net_isa(i), 16.0 / 36, 0.7);
        check_tiles(2, net_isa(i), 1 - 1e-9, 1 + 1e-9);
    }
}

static double sums_of_floats(net *n, const char *isa, uint32_t batch) {
    oz_plan_options opt = OZ_PLAN_INIT;
    oz_plan *plan;
    double sums = 0;
    opt.isa = isa;
    opt.max_batch = batch;
    seen s = candidates(n, &opt, &plan);
    for (size_t k = 0; k < s.n; k++) {
        const oz_cost *cost = &s.list[k].cost;
        if (s.list[k].predicted_ns < 0) continue;
        if (strcmp(cost->way, "mm") == 0 || strcmp(cost->way, "direct") == 0)
            sums += cost->amount[OZ_COST_SUMS];
    }
    oz_plan_free(plan);
    return sums;
}

/* Up to 64 columns are cut into tiles as wide as the product of floats takes at a time; of more, and of those
 * tiles, the last is padded. */
Test(cost, few_columns_are_padded_to_strips) {
    net n = {0};
    make(&n, "dense,codec=f32");
    for (size_t i = 0; net_isa(i); i++) {
        const oz_primitives *prim = oz_primitives_of((oz_isa)oz_isa_parse(net_isa(i)));
        const double of_64 = sums_of_floats(&n, net_isa(i), 64);
        cr_expect_gt(of_64, 0);
        for (uint32_t batch = 33; batch < 64; batch += 5) {
            const double padded = (double)oz_round_up(batch, prim->strip) / 64;
            cr_expect_eq(sums_of_floats(&n, net_isa(i), batch), padded * of_64, "%s, %u", net_isa(i), batch);
        }
        cr_expect_eq(sums_of_floats(&n, net_isa(i), 64 + 33), 2 * of_64);
    }
    net_free(&n);
}

/* As many as have room in half of a core's cache; few panels leave groups for all threads. */
Test(cost, tiles_share_weights_while_the_cache_has_room) {
    cr_expect_eq(oz_group_tiles(1 << 20, 64, 100), OZ_GROUP);
    cr_expect_eq(oz_group_tiles(1 << 24, 64, 100), OZ_GROUP);
    cr_expect_eq(oz_group_tiles(1 << 19, 64, 100), OZ_GROUP / 2);
    cr_expect_eq(oz_group_tiles(1 << 10, 64, 100), 1);
    cr_expect_eq(oz_group_tiles(1 << 20, OZ_CHUNK, 15), 1);
    cr_expect_eq(oz_group_tiles(1 << 20, OZ_CHUNK, 64), 5);
}

/* oneDNN does not know what a plan is held to. */
Test(cost, onednn_only_with_all_instructions) {
    net n = {0};
    make(&n, "dense,codec=f32");
    for (size_t i = 0; net_isa(i); i++) {
        oz_plan_options opt = OZ_PLAN_INIT;
        oz_plan *plan;
        size_t found = 0;
        opt.isa = net_isa(i);
        opt.max_batch = 64;
        seen s = candidates(&n, &opt, &plan);
        oz_isa isa = (oz_isa)oz_isa_parse(net_isa(i)), most = oz_cpu_isa();
        if (most > OZ_ISA_AVX512) most = OZ_ISA_AVX512;
        for (size_t k = 0; k < s.n; k++) {
            const oz_candidate *c = &s.list[k];
            if (!strstr(c->kernel, "onednn")) continue;
            found++;
            if (isa < most) {
                cr_expect_lt(c->predicted_ns, 0, "%s has oneDNN", opt.isa);
                cr_expect(strstr(c->verdict, "instruction set") || strstr(c->verdict, "built without"), "%s",
                          c->verdict);
            } else {
                cr_expect(c->predicted_ns >= 0 || strstr(c->verdict, "built without"), "%s", c->verdict);
            }
        }
        cr_expect_eq(found, 1);
        oz_plan_free(plan);
    }
    net_free(&n);
}

static uint64_t ticks(void) {
    static uint64_t now;
    return now += 1000000; /* a trial needs few runs */
}

/* COMPARE chooses as MODEL does, and times all that could run. */
Test(cost, comparing_changes_nothing) {
    char text[MODEL_TEXT];
    for (size_t i = 0; model_leaf_text(i, text); i++) {
        net n = {0};
        oz_plan *a, *b;
        oz_plan_options opt = OZ_PLAN_INIT;
        make(&n, text);
        opt.max_batch = 9;
        opt.threads = 2;
        seen alone = candidates(&n, &opt, &a);
        opt.effort = OZ_EFFORT_COMPARE;
        opt.clock_ns = ticks;
        seen compared = candidates(&n, &opt, &b);
        cr_assert_eq(alone.n, compared.n);
        for (size_t k = 0; k < alone.n; k++) {
            cr_expect_str_eq(alone.list[k].kernel, compared.list[k].kernel);
            cr_expect_eq(alone.list[k].chosen, compared.list[k].chosen);
            cr_expect_lt(alone.list[k].measured_ns, 0);
            cr_expect((compared.list[k].measured_ns >= 0) == (compared.list[k].predicted_ns >= 0));
        }
        oz_plan_free(a);
        oz_plan_free(b);
        net_free(&n);
    }
}

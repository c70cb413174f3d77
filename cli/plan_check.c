/* plan_check.c - see plan_check.h. */
#include "cli/plan_check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/model.h"
#include "cli/terminal.h"
#include "cli/turns.h"

/* More than the least only while some choice looks too slow, and not for long. */
enum { LEAST_TURNS = 2, MOST_TURNS = 24 };
#define LONG_NS 4000000000u

bool oz_parse_slack(const char *text, double *slack) {
    char *rest;
    *slack = strtod(text, &rest);
    if (rest == text) return false;
    if (*rest == '%') *slack /= 100, rest++;
    return *rest == '\0' && *slack >= 0 && *slack < 1000;
}

static bool reads_rows(const oz_candidate *c) {
    return strcmp(c->cost.way, "mv") == 0 || strcmp(c->cost.way, "blocks") == 0;
}

static const oz_candidate *next_leaf(const oz_candidate *c, const oz_candidate *end) {
    do c++;
    while (c < end && !c->chosen);
    return c;
}

/* Of one leaf and family; NULL if there is none. */
static const oz_candidate *best_of(const oz_candidate *leaf, const oz_candidate *end, bool rows) {
    const oz_candidate *best = NULL;
    for (const oz_candidate *c = leaf; c < next_leaf(leaf, end); c++) {
        if (c->measured_ns < 0 || reads_rows(c) != rows) continue;
        if (!best || c->measured_ns < best->measured_ns) best = c;
    }
    return best;
}

/* A layer's leaves all read rows, or all read columns, so their sums are compared. */
typedef struct oz_layer_times {
    double chosen, best[2]; /* by columns, by rows */
    const oz_candidate *end;
} oz_layer_times;

static oz_layer_times times_of(const oz_candidate *layer, const oz_candidate *end) {
    oz_layer_times t = {.end = layer};
    for (; t.end < end && strcmp(t.end->layer, layer->layer) == 0; t.end = next_leaf(t.end, end)) {
        t.chosen += t.end->measured_ns;
        for (int rows = 0; rows < 2; rows++) {
            const oz_candidate *best = best_of(t.end, end, rows);
            t.best[rows] += best ? best->measured_ns : HUGE_VAL;
        }
    }
    return t;
}

static double slowness(const oz_layer_times *t) {
    return t->chosen / fmin(t->best[0], t->best[1]);
}

static size_t count_slow(const oz_turns *t, double slack) {
    const oz_candidate *end = t->list + t->n;
    size_t bad = 0;
    oz_layer_times times;
    for (const oz_candidate *c = t->list; c < end; c = times.end) {
        times = times_of(c, end);
        bad += slowness(&times) > 1 + slack;
    }
    return bad;
}

static void report(oz_plan_check *check, const char *title, const oz_candidate *c, const oz_candidate *best,
                   int threads) {
    double slower = c->measured_ns / best->measured_ns - 1;
    if (check->offenders) {
        json_array_append_new(check->offenders,
                              json_pack("{s:o, s:o, s:s, s:I, s:I, s:I, s:i, s:s, s:f, s:f, s:s, s:f, s:f}",
                                        "title", oz_json_text(title), "layer", oz_json_text(c->layer), "leaf",
                                        c->leaf, "rows", (json_int_t)c->rows, "cols", (json_int_t)c->cols,
                                        "batch", (json_int_t)c->batch, "threads", threads, "chosen",
                                        c->kernel, "chosen_ns", c->measured_ns, "chosen_predicted_ns",
                                        c->predicted_ns, "best", best->kernel, "best_ns", best->measured_ns,
                                        "best_predicted_ns", best->predicted_ns));
        return;
    }
    oz_terminal_clear();
    printf("%s, %s/%s %llu x %llu, %llu columns, threads %d: %s takes %s, %.0f %% longer than %s (%s)\n",
           oz_safe_text(title), oz_safe_text(c->layer), c->leaf, (unsigned long long)c->rows,
           (unsigned long long)c->cols, (unsigned long long)c->batch, threads, c->kernel,
           oz_time_text(c->measured_ns), 100 * slower, best->kernel, oz_time_text(best->measured_ns));
}

/* The leaf of a layer that loses most. */
static void report_layer(oz_plan_check *check, const char *title, const oz_candidate *layer,
                         const oz_layer_times *times, int threads) {
    const bool rows = times->best[1] < times->best[0];
    const oz_candidate *worst = layer, *best = best_of(layer, times->end, rows);
    for (const oz_candidate *c = layer; c < times->end; c = next_leaf(c, times->end)) {
        const oz_candidate *other = best_of(c, times->end, rows);
        if (c->measured_ns - other->measured_ns > worst->measured_ns - best->measured_ns)
            worst = c, best = other;
    }
    report(check, title, worst, best, threads);
}

static void judge(oz_plan_check *check, const char *title, const oz_turns *t, int threads) {
    const oz_candidate *end = t->list + t->n;
    oz_layer_times times;
    for (const oz_candidate *c = t->list; c < end; c = times.end) {
        times = times_of(c, end);
        check->choices++;
        check->worst = fmax(check->worst, slowness(&times));
        if (slowness(&times) <= 1 + check->slack) continue;
        check->bad++;
        report_layer(check, title, c, &times, threads);
    }
}

int oz_plan_check_model(oz_plan_check *check, const char *title, oz_model *m, const oz_plan_options *opt) {
    oz_turns t = {0};
    const uint64_t start = oz_terminal_clock_ns();
    int code = EXIT_DONE;
    for (int turn = 0; !code && turn < MOST_TURNS; turn++) {
        if (turn >= LEAST_TURNS &&
            (count_slow(&t, check->slack) == 0 || oz_terminal_clock_ns() - start > LONG_NS))
            break;
        if (turn > 0) oz_settle_threads(opt);
        code = oz_turn(&t, title, m, opt);
    }
    if (!code) judge(check, title, &t, opt->threads);
    oz_turns_free(&t);
    return code;
}

int oz_plan_check_end(oz_plan_check *check) {
    int code = check->bad ? EXIT_CHECK_FAILED : EXIT_DONE;
    if (check->offenders) {
        int printed =
            oz_json_print(json_pack("{s:I, s:I, s:f, s:f, s:o}", "choices", (json_int_t)check->choices,
                                    "slow", (json_int_t)check->bad, "slack", check->slack, "worst",
                                    check->worst, "offenders", check->offenders));
        return printed ? printed : code;
    }
    printf("%zu choices, %zu of them over %.0f %% slower than the best measured, at most %.0f %%\n",
           check->choices, check->bad, 100 * check->slack, 100 * fmax(check->worst - 1, 0));
    return code;
}

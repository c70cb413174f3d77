/* report_columns.c - the cells of the table that people read, one function a column. */
#include "evaluate/report.h"

#include "evaluate/number.h"
#include "evaluate/plot.h"

#include <stdio.h>
#include <string.h>

#define PLUS_MINUS "\xc2\xb1"
#define TIMES "\xc3\x97"

#define FILL(name)                                                                                           \
    static void name(const oz_comparison *c, const oz_ranking *r, const oz_row *row, oz_cell *out)
#define SET(...) snprintf(out->text, sizeof out->text, __VA_ARGS__)

FILL(method) {
    (void)r;
    const oz_variant *v = row->variant;
    bool several = c->n_bases > 1 && v->base[0];
    SET("%s%s%s%s", several ? v->base : "", several ? "  " : "", v->method,
        v->kind == OZ_VARIANT_READY ? " (ready-made)" : "");
}

FILL(setting) {
    (void)c, (void)r;
    const oz_variant *v = row->variant;
    if (v->tried > 1)
        SET("%s (%u)", v->setting, v->tried);
    else
        SET("%s", v->setting);
}

FILL(bytes) {
    (void)r;
    SET("%s", oz_show_count(oz_variant_size(c, row->variant)).text);
}

FILL(unused) {
    uint64_t size = oz_variant_size(c, row->variant);
    if (size > r->budget)
        SET("over");
    else
        SET("%s %%", oz_show_fixed(100.0 * (double)(r->budget - size) / (double)r->budget, 1).text);
}

FILL(accuracy) {
    (void)r;
    SET("%s " PLUS_MINUS "%s", oz_show_fixed(100.0 * oz_variant_accuracy(c, row->variant), 1).text,
        oz_show_fixed(100.0 * oz_half_width(row->variant->accuracy), 1).text);
}

FILL(difference) {
    (void)c;
    if (row->best)
        SET("best");
    else if (r->n_ranked)
        SET("%s " PLUS_MINUS "%s%s", oz_show_signed(100.0 * row->difference, 1).text,
            oz_show_fixed(100.0 * oz_half_width(row->interval), 1).text, row->tied ? " =" : "");
    else
        SET("%s", "");
}

FILL(divergence) {
    (void)c, (void)r;
    SET("%s", row->variant->has_dense ? oz_show_digits(row->variant->metrics.kl, 2).text : "");
}

FILL(flips) {
    (void)c, (void)r;
    const oz_metrics *m = &row->variant->metrics;
    if (row->variant->has_dense)
        SET("%zu/%zu", m->flips_negative, m->flips_positive);
    else
        SET("%s", "");
}

FILL(activations) {
    (void)r;
    const oz_variant *v = row->variant;
    if (v->act_i8)
        SET("%s", oz_show_signed(100.0 * oz_variant_lost_to_i8(c, v), 1).text);
    else
        SET("%s", "");
}

FILL(latency) {
    (void)c, (void)r;
    SET("%s", row->variant->latency_ns > 0.0 ? oz_show_time(row->variant->latency_ns).text : "");
}

FILL(throughput) {
    (void)c, (void)r;
    SET("%s", row->variant->throughput > 0.0 ? oz_show_digits(row->variant->throughput, 3).text : "");
}

FILL(int8) {
    (void)c, (void)r;
    const oz_variant *v = row->variant;
    if (v->smaller > 0.0 && v->faster > 0.0)
        SET("%s \xc2\xb7 %s", oz_show_fixed(v->smaller, 2).text, oz_show_fixed(v->faster, 2).text);
    else
        SET("%s", v->smaller > 0.0 ? oz_show_fixed(v->smaller, 2).text : "");
}

const oz_column oz_columns[] = {
    {"method", "network and method", false, 100, false, method},
    {"setting", "what was chosen to fill the budget (settings measured on calibration data)", false, 60,
     false, setting},
    {"bytes", "bytes that count under the budget", true, 90, false, bytes},
    {"unused", "share of the budget left over", true, 20, false, unused},
    {"correct %", "accuracy with half the width of Wilson's 95 % interval", true, 99, false, accuracy},
    {"\xce\x94 best",
     "accuracy minus the best's, with half of Newcombe's 95 % interval; = cannot be told apart", true, 95,
     false, difference},
    {"KL", "mean KL divergence from the dense model's answers, nats", true, 50, false, divergence},
    {"flips " OZ_MINUS "/+", "records lost and won against the dense model of the same network", true, 45,
     false, flips},
    {"i8 act", "accuracy minus that of the same weights with f32 instead of 8-bit activations, points", true,
     25, false, activations},
    {"latency", "median time for one record", true, 80, true, latency},
    {"per s", "records a second at the large batch", true, 30, true, throughput},
    {TIMES " int8", "how many times smaller, and how many times as fast, as the same network in int8", true,
     70, false, int8},
};
const size_t oz_columns_count = sizeof oz_columns / sizeof *oz_columns;

const char *oz_row_mark(const oz_row *row) {
    return row->best ? "*" : row->tied ? "=" : "";
}

const char *oz_percent(double share, char out[24]) {
    snprintf(out, 24, "%.20s %%", oz_show_fixed(100.0 * share, 1).text);
    return out;
}

void oz_ranking_verdict(const oz_comparison *c, const oz_ranking *r, char *out, size_t room) {
    char label[160], accuracy[24];
    if (r->n_ranked == 0) {
        snprintf(out, room, "Nothing fits.");
        return;
    }
    const oz_variant *best = r->rows[0].variant;
    oz_variant_label(c, best, label, sizeof label);
    oz_percent(oz_variant_accuracy(c, best), accuracy);
    if (r->n_ranked == 1)
        snprintf(out, room, "Only %s fits, with %s.", label, accuracy);
    else if (r->n_tied == 0)
        snprintf(out, room, "%s wins with %s: it beats each of the %zu others.", label, accuracy,
                 r->n_ranked - 1);
    else
        snprintf(out, room, "%zu of %zu cannot be told apart; %s has most right, %s.", r->n_tied + 1,
                 r->n_ranked, label, accuracy);
}

static bool one_unit(const oz_comparison *c) {
    oz_shown first = oz_show_bytes(c->rankings[0].budget);
    for (size_t i = 1; i < c->n_rankings; i++) {
        oz_shown other = oz_show_bytes(c->rankings[i].budget);
        if (strcmp(strchr(first.text, ' '), strchr(other.text, ' ')) != 0) return false;
    }
    return true;
}

/* The unit is named once if all have the same. */
void oz_budget_list(const oz_comparison *c, char *out, size_t room) {
    size_t n = 0;
    bool same = one_unit(c);
    out[0] = 0;
    for (size_t i = 0; i < c->n_rankings && n < room; i++) {
        const char *join = i == 0 ? "" : i + 1 == c->n_rankings ? " and " : ", ";
        oz_shown shown = oz_show_bytes(c->rankings[i].budget);
        if (same && i + 1 < c->n_rankings) *strchr(shown.text, ' ') = 0;
        n += (size_t)snprintf(out + n, room - n, "%s%s", join, shown.text);
    }
}

/* The smallest difference that c->records could show at all: with all disagreements on one side, six of them
 * reach p < 0.05 (2 / 2^6 = 0.031). */
static void resolution(const oz_comparison *c, char *out, size_t room) {
    snprintf(out, room,
             "Small differences. With %s records, two models must differ on at least 6 records (%s points), "
             "all in "
             "favour of one, before any test can tell them apart; \xe2\x80\x9c"
             "cannot be told apart\xe2\x80\x9d is not "
             "\xe2\x80\x9c"
             "equal\xe2\x80\x9d.",
             oz_show_count(c->records).text, oz_show_fixed(600.0 / (double)c->records, 1).text);
}

const char *oz_limitation(const oz_comparison *c, size_t i, char *out, size_t room) {
    static const char *const fixed[] = {
        ("Other data. The intervals say how the figures would move with another sample from the same source, "
         "not from another one."),
        ("Training. Every method is applied once, without any training after it; with training the order can "
         "change. What is meant to be trained stands apart as an untrained fit."),
        ("The best row's own luck. It was chosen on the records it is judged by, so its accuracy is a little "
         "flattered. Settings were chosen on calibration data, never on these records."),
        ("Other machines. Times are of this processor, with these threads, weights warm in its caches."),
        ("Memory beside the weights. Scratch and activations are the same for all methods and are not "
         "counted.")};
    if (i == 0) {
        resolution(c, out, room);
        return out;
    }
    return i <= sizeof fixed / sizeof *fixed ? fixed[i - 1] : NULL;
}

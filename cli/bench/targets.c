/* targets.c - measuring a table of targets (benchmarks/targets says how it is written).
 *
 * Lines of the same shape share one stock of compressed layers; those of the same batch, threads and memory
 * are measured in one race, or a few, so that every ratio is of two times from the same turns. */
#include "cli/bench/targets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench/race.h"
#include "cli/bench/report.h"
#include "cli/bench/stock.h"
#include "cli/bench/target_table.h"
#include "cli/model.h"
#include "cli/terminal.h"

#define DENSE "dense,codec=f32"

/* Who competes for "dense" and for "best:CODEC". */
static const char *const engines[] = {"onednn", "onednn3", "onnxruntime", "ggml"};

/* Cold layers are many copies of each: no more lines at once than memory has room for. */
enum { MOST_LINES = 6 };

typedef struct oz_table_run {
    const oz_targets_options *opt;
    oz_target_table table;
    oz_stock stock;
    oz_model *nets[OZ_RACE_ENTRIES]; /* of the race under way */
    size_t n_nets;
    oz_output *out;
    size_t races, measured, missed, without;
} oz_table_run;

/* ---- who takes part ---------------------------------------------------------------------- */

static bool has_entry(const oz_race *r, const char *name) {
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->entries[i].name, name) == 0) return true;
    }
    return false;
}

static int add_method(oz_table_run *run, oz_race *r, const char *method) {
    const oz_item *item;
    oz_error err = {0};
    if (has_entry(r, method)) return EXIT_DONE;
    int code = oz_stock_take(&run->stock, method, &item, &err);
    if (code) return code;
    return item ? oz_race_add(r, item->method, item->file, item->model) : oz_report_error(method, &err);
}

/* "net:NAME:SPARSITY" is the file NAME-SPARSITY.safetensors. One that is not there is left out: it is made
 * with other engines' packages, which are optional. */
static int add_net(oz_table_run *run, oz_race *r, const char *method) {
    char path[600];
    if (has_entry(r, method)) return EXIT_DONE;
    const char *folder = run->opt->nets ? run->opt->nets : "build/nets", *name = method + strlen("net:");
    int stem = (int)strcspn(name, ":");
    snprintf(path, sizeof path, "%s/%.*s%s%s.safetensors", folder, stem, name, name[stem] ? "-" : "",
             name[stem] ? name + stem + 1 : "");
    if (access(path, R_OK) != 0) {
        fprintf(stderr, "ounce: left out %s: no file %s (see benchmarks/rivals/prepare)\n", method, path);
        return EXIT_DONE;
    }
    if (run->n_nets == OZ_RACE_ENTRIES) return oz_usage_error("at most %d networks", OZ_RACE_ENTRIES);
    int code = oz_open_model(path, &run->nets[run->n_nets]);
    return code ? code : oz_race_add(r, method, (oz_buffer){0}, run->nets[run->n_nets++]);
}

static int add_ours(oz_table_run *run, oz_race *r, const char *method) {
    return strncmp(method, "net:", 4) == 0 ? add_net(run, r, method) : add_method(run, r, method);
}

/* What every time is shown beside: the dense layer, or the network without zeros. */
static const char *baseline(oz_table_run *run, const oz_target *t) {
    return t->net ? oz_target_spec(&run->table, "net", t->net) : DENSE;
}

static int add_rival(oz_table_run *run, oz_race *r, const oz_target *t, const char *spec) {
    bool able;
    if (has_entry(r, spec)) return EXIT_DONE;
    oz_rival_task task = {.net = t->net,
                          .rows = t->rows,
                          .cols = t->cols,
                          .batch = t->batch,
                          .threads = t->threads,
                          .isa = run->opt->common->isa,
                          .cold = t->cold};
    return oz_race_add_rival(r, spec, run->opt->rivals, &task, &able);
}

static int add_engines(oz_table_run *run, oz_race *r, const oz_target *t, const char *codec) {
    int code = EXIT_DONE;
    for (size_t i = 0; !code && i < OZ_COUNT_OF(engines); i++)
        code = add_rival(run, r, t, oz_target_spec(&run->table, engines[i], codec));
    return code;
}

/* Those that "dense" means take part in every race. */
static int add_opponents(oz_table_run *run, oz_race *r, const oz_target *t) {
    if (t->kind == OZ_AGAINST_METHOD) return add_ours(run, r, t->against);
    if (t->kind == OZ_AGAINST_RIVAL) return add_rival(run, r, t, t->against);
    return t->kind == OZ_AGAINST_BEST ? add_engines(run, r, t, t->codec) : EXIT_DONE;
}

static int add_all(oz_table_run *run, oz_race *r, const oz_target *of) {
    const char *base = baseline(run, of);
    int code = add_ours(run, r, base);
    if (!code && !of->net) code = add_engines(run, r, of, "f32");
    size_t lines = 0;
    run->races++;
    for (size_t i = 0; !code && i < run->table.n && lines < MOST_LINES; i++) {
        oz_target *t = &run->table.targets[i];
        if (t->race || !oz_target_same_race(t, of)) continue;
        t->race = run->races;
        lines++;
        if (strcmp(t->method, base) != 0) code = add_ours(run, r, t->method);
        if (!code) code = add_opponents(run, r, t);
    }
    return code;
}

/* ---- what comes out ---------------------------------------------------------------------- */

/* The fastest of the rivals with this codec. */
static const oz_entry *best_rival(const oz_race *r, const char *codec) {
    const oz_entry *best = NULL;
    for (size_t i = 0; i < r->n; i++) {
        const oz_entry *e = &r->entries[i];
        const char *colon = e->is_rival ? strchr(e->name, ':') : NULL;
        if (!colon || strcmp(colon + 1, codec) != 0 || e->median_ns <= 0) continue;
        if (!best || e->median_ns < best->median_ns) best = e;
    }
    return best;
}

static const oz_entry *opponent_of(const oz_race *r, const oz_target *t) {
    if (t->kind == OZ_AGAINST_DENSE) return oz_race_dense(r);
    return t->kind == OZ_AGAINST_BEST ? best_rival(r, t->codec) : oz_race_find(r, t->against);
}

/* The target's figure; NAN where the opponent could not run. */
static double value_of(const oz_race *r, const oz_target *t, const oz_entry *e, const char **who) {
    *who = t->against;
    if (t->kind == OZ_AGAINST_LIMIT) return t->against[0] == 'B' ? e->reading : e->computing;
    /* The kernels' times are their fastest, too. */
    if (t->kind == OZ_AGAINST_KERNELS) return e->subject.kernels_ns / e->fastest_ns;
    const oz_entry *opponent = opponent_of(r, t);
    if (!opponent) return NAN;
    *who = opponent->is_rival || t->kind == OZ_AGAINST_METHOD ? opponent->name : "ours";
    return oz_race_ratio(r, opponent, e);
}

static const char *against_text(const oz_target *t, const char *who) {
    static char text[120];
    if (t->kind == OZ_AGAINST_LIMIT)
        snprintf(text, sizeof text, "of %c", t->against[0]);
    else if (t->kind == OZ_AGAINST_KERNELS)
        snprintf(text, sizeof text, "kernels alone / all");
    else if (strcmp(who, t->against) == 0)
        snprintf(text, sizeof text, "x %s", who);
    else
        snprintf(text, sizeof text, "x %s (%s)", t->against, who);
    return text;
}

static const char *shape_text(const oz_target *t) {
    static char text[48];
    if (t->net) return "-";
    snprintf(text, sizeof text, "%llu x %llu", (unsigned long long)t->rows, (unsigned long long)t->cols);
    return text;
}

/* Of a whole network nobody knows. */
static const char *share_text(const oz_entry *e) {
    static char text[32];
    if (!e->limit) return "";
    snprintf(text, sizeof text, "%.0f %% of %c", 100 * oz_entry_share(e), e->limit);
    return text;
}

static void put_markdown(FILE *out, const oz_target *t, const oz_entry *e, double over_dense, double value,
                         const char *against) {
    fprintf(out, "| %s | %s | %u | %llu | %s | %s | %s | %s | %s | %.2f | %s | %s%s%.2f | %.2f |\n",
            t->method, shape_text(t), t->batch, (unsigned long long)t->threads, t->cold ? "cold" : "hot",
            oz_time_text(e->median_ns), t->net ? "" : oz_size_text((uint64_t)e->bytes), oz_entry_rate(e),
            share_text(e), over_dense, against, isnan(value) ? "no rival " : "", value < t->bar ? "🔴 " : "",
            value, t->bar);
}

/* What falls short of a bar falls short of it by the same factor on the chart's axis. */
static void put_bar(oz_output *out, const oz_race *r, const oz_target *t, const oz_entry *e,
                    double over_dense, double value, const char *against) {
    oz_bar bar = {.speed = over_dense};
    if (e->limit) bar.limit = over_dense / oz_entry_share(e);
    snprintf(bar.group, sizeof bar.group, "%s, %llu thread%s, %s", r->title, (unsigned long long)t->threads,
             t->threads == 1 ? "" : "s", t->cold ? "weights from memory" : "weights in the caches");
    snprintf(bar.label, sizeof bar.label, "%s", t->method);
    snprintf(bar.note, sizeof bar.note, "%s%s%s; %.2f %s", oz_time_text(e->median_ns), e->limit ? ", " : "",
             share_text(e), value, against);
    if (!isnan(value)) bar.target = over_dense * t->bar / value;
    oz_output_bar(out, &bar);
}

static void put_text(const oz_target *t, const oz_entry *e, double value, const char *against) {
    bool missed = value < t->bar, red = missed && oz_terminal_colour();
    printf("%s%-38s %4u x%llu %-4s %10s %12s %9s %6.2f %-34s %5.2f%s%s\n", red ? "\033[31m" : "", t->method,
           t->batch, (unsigned long long)t->threads, t->cold ? "cold" : "hot", oz_time_text(e->median_ns),
           oz_entry_rate(e), share_text(e), value, against, t->bar, missed ? "  missed" : "",
           red ? "\033[0m" : "");
}

static json_t *row_json(const oz_race *r, const oz_target *t, const oz_entry *e, double value,
                        const char *against) {
    const oz_entry *dense = oz_race_dense(r);
    const char limit[2] = {e->limit, '\0'};
    json_t *row = json_pack("{s:s, s:I, s:I, s:i, s:I, s:b, s:f, s:f, s:f, s:s, s:f, s:s, s:f}", "method",
                            t->method, "rows", (json_int_t)t->rows, "cols", (json_int_t)t->cols, "batch",
                            t->batch, "threads", (json_int_t)t->threads, "cold", t->cold, "median_ns",
                            e->median_ns, "leaf_bytes", e->bytes, "operations", e->operations, "limit", limit,
                            "share", oz_entry_share(e), "against", against, "target", t->bar);
    json_object_set_new(row, "gb_per_s", json_real(e->bytes / e->median_ns));
    json_object_set_new(row, "gop_per_s", json_real(e->operations / e->median_ns));
    json_object_set_new(row, "dense", json_string(dense->name));
    json_object_set_new(row, "dense_ns", json_real(dense->median_ns));
    json_object_set_new(row, "over_dense", json_real(oz_race_ratio(r, dense, e)));
    json_object_set_new(row, "value", isnan(value) ? json_null() : json_real(value));
    json_object_set_new(row, "missed", json_boolean(value < t->bar));
    if (r->round_trip_ns > 0) json_object_set_new(row, "round_trip_ns", json_real(r->round_trip_ns));
    return row;
}

static void put(oz_table_run *run, const oz_race *r, const oz_target *t) {
    const oz_entry *e = oz_race_find(r, t->method);
    const char *who;
    if (!e) return;
    double value = value_of(r, t, e, &who), over_dense = oz_race_ratio(r, oz_race_dense(r), e);
    const char *against = against_text(t, who);
    run->measured++;
    run->missed += value < t->bar;
    run->without += isnan(value) ? 1 : 0;
    if (run->out->markdown) put_markdown(run->out->markdown, t, e, over_dense, value, against);
    put_bar(run->out, r, t, e, over_dense, value, against);
    if (run->out->json)
        json_array_append_new(run->out->json, row_json(r, t, e, value, against));
    else
        put_text(t, e, value, against);
}

static int measure(oz_table_run *run, const oz_target *of) {
    char title[100];
    snprintf(title, sizeof title, "%.60s, batch %u", of->net ? of->net : shape_text(of), of->batch);
    oz_race r = {.title = title,
                 .common = run->opt->common,
                 .batch = of->batch,
                 .threads = of->threads,
                 .cold = of->cold,
                 .runs = run->opt->runs,
                 .waits = OZ_RACE_WAITS};
    int code = oz_race_open(&r);
    if (!code) code = add_all(run, &r, of);
    if (!code) code = oz_race_run(&r);
    if (!code && !run->out->json) printf("\n%s: %s\n", title, oz_race_limits(&r));
    for (size_t i = 0; !code && i < run->table.n; i++) {
        if (run->table.targets[i].race == run->races) put(run, &r, &run->table.targets[i]);
    }
    fflush(stdout);
    oz_race_close(&r);
    while (run->n_nets > 0) oz_model_free(run->nets[--run->n_nets]);
    return code;
}

/* ---- shape by shape ------------------------------------------------------------------------ */

static int measure_shape(oz_table_run *run, size_t first) {
    const oz_target *targets = run->table.targets, *of = &targets[first];
    int code =
        of->net ? EXIT_DONE
                : oz_stock_open(&run->stock, run->opt->common, run->opt->seed, NULL, 0, of->rows, of->cols);
    for (size_t i = first; !code && i < run->table.n; i++) {
        if (oz_target_same_shape(&targets[i], of) && !targets[i].race) code = measure(run, &targets[i]);
    }
    oz_stock_close(&run->stock);
    return code;
}

static int measure_all(oz_table_run *run) {
    int code = EXIT_DONE;
    if (run->out->markdown)
        fprintf(
            run->out->markdown,
            "| layer | shape | batch | threads | weights | time | bytes | rate | of the limit | x dense | "
            "against | reached | target |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; !code && i < run->table.n; i++) {
        if (!run->table.targets[i].race) code = measure_shape(run, i);
    }
    return code;
}

int oz_bench_targets(const oz_targets_options *opt, oz_output *out) {
    static oz_table_run run;
    run = (oz_table_run){.opt = opt, .out = out};
    int code = oz_target_table_read(&run.table, opt->path, opt->only, opt->common);
    if (!code) code = measure_all(&run);
    if (!code && !out->json)
        printf("\n%zu of %zu targets reached, %zu without an opponent that runs here\n",
               run.measured - run.missed - run.without, run.measured, run.without);
    oz_target_table_free(&run.table);
    return code ? code : run.missed ? EXIT_CHECK_FAILED : EXIT_DONE;
}

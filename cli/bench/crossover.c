/* crossover.c - see crossover.h. */
#include "cli/bench/crossover.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/terminal.h"

#define DENSE_INT8 "dense,codec=int8,group=128"

static void add_point(oz_form *f, const char *point, double zeros, const char *method) {
    snprintf(f->point[f->n], sizeof *f->point, "%s", point);
    snprintf(f->method[f->n], sizeof *f->method, "%s", method);
    f->zeros[f->n++] = zeros;
}

static void make_sparse(oz_form *f, const char *label, const char *codec) {
    static const double zeros[] = {0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99};
    char method[48];
    *f = (oz_form){.label = label};
    for (size_t i = 0; i < OZ_COUNT_OF(zeros); i++) {
        snprintf(method, sizeof method, "sparse,codec=%s,sparsity=%g", codec, zeros[i]);
        add_point(f, "", zeros[i], method);
    }
}

static void make_nm(oz_form *f, const char *label, const char *codec) {
    static const int patterns[][2] = {{2, 4}, {1, 4}, {1, 8}, {2, 16}};
    char point[16], method[48];
    *f = (oz_form){.label = label, .pattern = true};
    for (size_t i = 0; i < OZ_COUNT_OF(patterns); i++) {
        int n = patterns[i][0], m = patterns[i][1];
        snprintf(point, sizeof point, "%d:%d", n, m);
        snprintf(method, sizeof method, "nm:%s,codec=%s", point, codec);
        add_point(f, point, 1.0 - (double)n / m, method);
    }
}

/* ---- who takes part ---------------------------------------------------------------------- */

static int add_method(oz_stock *stock, oz_race *r, const char *method) {
    const oz_item *item;
    oz_error err = {0};
    int code = oz_stock_take(stock, method, &item, &err);
    if (code) return code;
    return item ? oz_race_add(r, item->method, item->file, item->model) : oz_report_error(method, &err);
}

static int add_rivals(const oz_crossover *c, oz_race *r) {
    static const char *const specs[] = {"onednn:f32",  "onednn3:f32",  "onnxruntime:f32",  "ggml:f32",
                                        "onednn:int8", "onednn3:int8", "onnxruntime:int8", "ggml:int8"};
    oz_rival_task task = {
        .rows = c->rows, .cols = c->cols, .batch = r->batch, .threads = c->threads, .isa = c->common->isa};
    int code = EXIT_DONE;
    bool able;
    for (size_t i = 0; !code && i < OZ_COUNT_OF(specs); i++)
        code = oz_race_add_rival(r, specs[i], c->rivals, &task, &able);
    return code;
}

static int add_all(const oz_crossover *c, oz_stock *stock, oz_race *r) {
    int code = add_method(stock, r, stock->items[0].method);
    if (!code) code = add_method(stock, r, DENSE_INT8);
    for (size_t k = 0; !code && k < OZ_CROSSOVER_FORMS; k++) {
        for (size_t i = 0; !code && i < c->forms[k].n; i++)
            code = add_method(stock, r, c->forms[k].method[i]);
    }
    return code ? code : add_rivals(c, r);
}

/* ---- what comes out ---------------------------------------------------------------------- */

/* Between two shares the logarithm of the speed is taken to grow with that of 1 / (1 - zeros). */
double oz_crossing_from(const double *zeros, const double *speed, size_t n, double level) {
    size_t i = n;
    while (i > 0 && speed[i - 1] >= level) i--;
    if (i == 0 || i == n) return i == 0 ? 0 : 1;
    double share = log(level / speed[i - 1]) / log(speed[i] / speed[i - 1]);
    double left = log(1 - zeros[i - 1]), right = log(1 - zeros[i]);
    return 1 - exp(left + share * (right - left));
}

static void read_crossing(const oz_crossover *c, const oz_race *r, oz_crossing *out) {
    const oz_entry *f32 = oz_race_dense(r), *int8 = oz_race_dense_in(r, "int8");
    *out = (oz_crossing){.batch = r->batch,
                         .f32_ns = f32->median_ns,
                         .ours_ns = r->entries[0].median_ns,
                         .round_trip_ns = r->round_trip_ns};
    snprintf(out->f32_name, sizeof out->f32_name, "%s", f32->is_rival ? f32->name : "ours");
    if (int8) {
        out->int8_ns = int8->median_ns;
        out->int8_speed = oz_race_ratio(r, f32, int8);
        snprintf(out->int8_name, sizeof out->int8_name, "%s", int8->is_rival ? int8->name : "ours");
    }
    for (size_t k = 0; k < OZ_CROSSOVER_FORMS; k++) {
        const oz_form *f = &c->forms[k];
        for (size_t i = 0; i < f->n; i++) {
            const oz_entry *e = oz_race_find(r, f->method[i]);
            out->speed[k][i] = e ? oz_race_ratio(r, f32, e) : 0;
        }
        out->from_f32[k] = oz_crossing_from(f->zeros, out->speed[k], f->n, 1);
        out->from_int8[k] = oz_crossing_from(f->zeros, out->speed[k], f->n, out->int8_speed);
    }
}

static int measure(const oz_crossover *c, oz_stock *stock, uint32_t batch, oz_crossing *out) {
    char title[80];
    snprintf(title, sizeof title, "%llu x %llu, batch %u", (unsigned long long)c->rows,
             (unsigned long long)c->cols, batch);
    oz_race r = {.title = title,
                 .common = c->common,
                 .batch = batch,
                 .runs = c->runs,
                 .waits = OZ_RACE_WAITS,
                 .threads = c->threads};
    int code = oz_race_open(&r);
    if (!code) code = add_all(c, stock, &r);
    if (!code) code = oz_race_run(&r);
    if (!code) read_crossing(c, &r, out);
    oz_race_close(&r);
    return code;
}

int oz_bench_crossover(oz_crossover *c, oz_output *out) {
    static oz_stock stock;
    make_sparse(&c->forms[0], "sparse f32", "f32");
    make_sparse(&c->forms[1], "sparse int8", "int8");
    make_nm(&c->forms[2], "nm f32", "f32");
    make_nm(&c->forms[3], "nm int8", "int8");
    if (!c->threads) c->threads = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
    int code = oz_stock_open(&stock, c->common, c->seed, NULL, 0, c->rows, c->cols);
    for (size_t i = 0; !code && i < c->n; i++) code = measure(c, &stock, c->batches[i], &c->crossings[i]);
    oz_stock_close(&stock);
    return code ? code : oz_crossover_report(c, out);
}

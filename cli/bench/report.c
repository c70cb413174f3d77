/* report.c - see report.h. */
#include "cli/bench/report.h"

#include <stdio.h>

#include "cli/terminal.h"

const char *oz_entry_rate(const oz_entry *e) {
    static char buffers[4][32];
    static unsigned next;
    char *text = buffers[next++ % 4];
    if (!e->limit || e->median_ns <= 0) return "";
    if (e->limit == 'B')
        snprintf(text, sizeof *buffers, "%.1f GB/s", e->bytes / e->median_ns);
    else
        snprintf(text, sizeof *buffers, "%.0f GOP/s", e->operations / e->median_ns);
    return text;
}

void oz_entry_note(const oz_entry *e, char *out, size_t room) {
    if (e->median_ns <= 0)
        snprintf(out, room, "%s", e->rival.said);
    else if (e->limit)
        snprintf(out, room, "%s, %s, %.0f %% of %c", oz_time_text(e->median_ns), oz_entry_rate(e),
                 100 * oz_entry_share(e), e->limit);
    else
        snprintf(out, room, "%s", oz_time_text(e->median_ns));
}

const char *oz_race_limits(const oz_race *r) {
    static char text[96];
    int at = snprintf(text, sizeof text, "F %.0f GFLOP/s, D %.0f GOP/s", r->multiply_adds, r->dots);
    if (r->round_trip_ns > 0) snprintf(text + at, sizeof text - (size_t)at, ", R %.0f ns", r->round_trip_ns);
    return text;
}

/* What a run reads of the weights; of a whole model, what is resident. */
static const char *bytes_text(const oz_entry *e) {
    double bytes = e->bytes > 0 ? e->bytes : (double)e->subject.resident;
    return bytes > 0 ? oz_size_text((uint64_t)bytes) : "";
}

/* Beside a layer's time that of its kernels; beside a kernel's what its plan expected, and by how much it was
 * off. */
static const char *kernels_heading(const oz_race *r) {
    return r->n && r->entries[r->n - 1].predicted_ns > 0 ? "predicted" : "kernels alone";
}

static const char *kernels_text(const oz_entry *e) {
    static char text[40];
    if (e->predicted_ns > 0) {
        double off = 100 * (e->predicted_ns / e->median_ns - 1);
        snprintf(text, sizeof text, "%s %+.0f %%", oz_time_text(e->predicted_ns), off);
        return text;
    }
    return e->subject.kernels_ns > 0 ? oz_time_text(e->subject.kernels_ns) : "";
}

static void share_text(const oz_entry *e, char out[24]) {
    out[0] = '\0';
    if (e->limit) snprintf(out, 24, "%.0f %% of %c", 100 * oz_entry_share(e), e->limit);
}

/* ---- text -------------------------------------------------------------------------------- */

static void print_entry(const oz_race *r, const oz_entry *e) {
    char share[24];
    if (e->median_ns <= 0) {
        printf("%-40s %s\n", oz_safe_text(e->name), oz_safe_text(e->rival.said));
        return;
    }
    share_text(e, share);
    printf("%-40s %10s %10s %16s %10s %12s %10s %8.2fx\n", oz_safe_text(e->name), oz_time_text(e->median_ns),
           oz_time_text(e->fastest_ns), kernels_text(e), bytes_text(e), oz_entry_rate(e), share,
           oz_race_ratio(r, oz_race_dense(r), e));
}

static void print_race(const oz_race *r) {
    printf("\n%s, batch %u, median of %zu%s\n%-40s %10s %10s %16s %10s %12s %10s %9s\n", r->title, r->batch,
           r->runs, r->cold ? ", cold" : "", "", "median", "fastest", kernels_heading(r), "bytes", "rate",
           "of limit", "x dense");
    for (size_t i = 0; i < r->n; i++) print_entry(r, &r->entries[i]);
}

/* ---- Markdown ------------------------------------------------------------------------------ */

static void write_markdown(const oz_race *r, FILE *out) {
    char share[24];
    fprintf(out,
            "\n%s, batch %u, median of %zu%s; %s\n\n"
            "| | time | fastest | %s | bytes | rate | of the limit | x dense "
            "|\n|---|---|---|---|---|---|---|---|\n",
            r->title, r->batch, r->runs, r->cold ? ", cold" : "", oz_race_limits(r), kernels_heading(r));
    for (size_t i = 0; i < r->n; i++) {
        const oz_entry *e = &r->entries[i];
        share_text(e, share);
        if (e->median_ns <= 0)
            fprintf(out, "| %s | %s | | | | | | |\n", oz_safe_text(e->name), oz_safe_text(e->rival.said));
        else
            fprintf(out, "| %s | %s | %s | %s | %s | %s | %s | %.2f |\n", oz_safe_text(e->name),
                    oz_time_text(e->median_ns), oz_time_text(e->fastest_ns), kernels_text(e), bytes_text(e),
                    oz_entry_rate(e), share, oz_race_ratio(r, oz_race_dense(r), e));
    }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static void add_real(json_t *row, const char *key, double value) {
    if (value > 0) json_object_set_new(row, key, json_real(value));
}

static void add_work(json_t *row, const oz_entry *e) {
    const char limit[2] = {e->limit, '\0'};
    if (!e->limit) return;
    json_object_set_new(row, "leaf_bytes", json_integer((json_int_t)e->bytes));
    json_object_set_new(row, "operations", json_integer((json_int_t)e->operations));
    add_real(row, "gb_per_s", e->bytes / e->median_ns);
    add_real(row, "gop_per_s", e->operations / e->median_ns);
    json_object_set_new(row, "limit", json_string(limit));
    add_real(row, "share", oz_entry_share(e));
}

static json_t *entry_json(const oz_race *r, const oz_entry *e) {
    const oz_entry *dense = oz_race_dense(r);
    json_t *row = json_pack("{s:o, s:o, s:i, s:b, s:f, s:f, s:b}", "title", oz_json_text(r->title), "subject",
                            oz_json_text(e->name), "batch", r->batch, "cold", r->cold, "multiply_adds_per_ns",
                            r->multiply_adds, "dots_per_ns", r->dots, "rival", e->is_rival);
    if (e->is_rival) json_object_set_new(row, "says", oz_json_text(e->rival.said));
    add_real(row, "round_trip_ns", r->round_trip_ns);
    if (e->chosen) json_object_set_new(row, "chosen", json_true());
    add_real(row, "predicted_ns", e->predicted_ns);
    add_real(row, "kernels_ns", e->subject.kernels_ns);
    if (e->subject.resident)
        json_object_set_new(row, "resident_bytes", json_integer((json_int_t)e->subject.resident));
    if (e->median_ns <= 0) return row;
    add_work(row, e);
    add_real(row, "median_ns", e->median_ns);
    add_real(row, "fastest_ns", e->fastest_ns);
    json_object_set_new(row, "dense", oz_json_text(dense->name));
    add_real(row, "dense_ns", dense->median_ns);
    add_real(row, "speedup", oz_race_ratio(r, dense, e));
    return row;
}

/* ---- the chart ------------------------------------------------------------------------------ */

static void add_bar(const oz_race *r, const oz_entry *e, oz_output *o) {
    oz_bar bar = {.rival = e->is_rival};
    snprintf(bar.group, sizeof bar.group, "%s, batch %u%s", r->title, r->batch, r->cold ? ", cold" : "");
    snprintf(bar.label, sizeof bar.label, "%s", e->name);
    oz_entry_note(e, bar.note, sizeof bar.note);
    if (e->median_ns > 0) bar.speed = oz_race_ratio(r, oz_race_dense(r), e);
    if (e->limit) bar.limit = bar.speed / oz_entry_share(e);
    oz_output_bar(o, &bar);
}

void oz_race_report(const oz_race *r, oz_output *o) {
    if (!o->json) print_race(r);
    if (o->markdown) write_markdown(r, o->markdown);
    for (size_t i = 0; i < r->n; i++) {
        if (o->json) json_array_append_new(o->json, entry_json(r, &r->entries[i]));
        add_bar(r, &r->entries[i], o);
    }
}

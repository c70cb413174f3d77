/* report.c - see report.h. */
#include "cli/bench/report.h"

#include <stdio.h>

#include "cli/terminal.h"

/* The rate that its limit is about: bytes if it is reading, else operations. */
const char *oz_entry_rate(const oz_entry *e) {
    static char buffers[4][32];
    static unsigned next;
    char *text = buffers[next++ % 4];
    if (e->is_rival || !e->limit || e->median_ns <= 0) return "";
    if (e->limit == 'B')
        snprintf(text, sizeof *buffers, "%.1f GB/s", e->subject.leaf_bytes / e->median_ns);
    else
        snprintf(text, sizeof *buffers, "%.0f GOP/s", e->subject.operations / e->median_ns);
    return text;
}

static void print_share(const oz_entry *e) {
    if (e->limit)
        printf("%12s %4.0f %% of %c ", oz_entry_rate(e), 100 * oz_entry_share(e), e->limit);
    else
        printf("%24s", "");
}

static void print_entry(const oz_race *r, const oz_entry *e) {
    if (e->median_ns <= 0) {
        printf("%-36s %s\n", oz_safe_text(e->name), oz_safe_text(e->rival.said));
        return;
    }
    printf("%-36s %12s %12s %13s %10s ", oz_safe_text(e->name), oz_time_text(e->median_ns),
           oz_time_text(e->fastest_ns), e->is_rival ? "" : oz_time_text(e->subject.kernels_ns),
           e->is_rival ? "" : oz_size_text(e->subject.resident));
    print_share(e);
    printf("%8.2fx\n", oz_race_ratio(r, &r->entries[0], e));
}

void oz_race_print(const oz_race *r) {
    printf("\n%s, batch %u, median of %zu%s\n%-36s %12s %12s %13s %10s %23s %9s\n", r->title, r->batch,
           r->runs, r->cold ? ", cold" : "", "", "median", "fastest", "kernels alone", "bytes", "reached",
           "x first");
    for (size_t i = 0; i < r->n; i++) print_entry(r, &r->entries[i]);
}

static json_t *ours_json(const oz_entry *e) {
    const char limit[2] = {e->limit, '\0'};
    const oz_subject *s = &e->subject;
    json_t *out =
        json_pack("{s:f, s:I}", "kernels_ns", s->kernels_ns, "resident_bytes", (json_int_t)s->resident);
    if (!e->limit) return out;
    json_t *rates =
        json_pack("{s:I, s:I, s:f, s:f, s:s, s:f}", "leaf_bytes", (json_int_t)s->leaf_bytes, "operations",
                  (json_int_t)s->operations, "gb_per_s", s->leaf_bytes / e->median_ns, "gop_per_s",
                  s->operations / e->median_ns, "limit", limit, "share", oz_entry_share(e));
    json_object_update(out, rates);
    json_decref(rates);
    return out;
}

void oz_race_json(const oz_race *r, json_t *list) {
    for (size_t i = 0; i < r->n; i++) {
        const oz_entry *e = &r->entries[i];
        json_t *row = json_pack("{s:o, s:o, s:i, s:b, s:f, s:f}", "title", oz_json_text(r->title), "subject",
                                oz_json_text(e->name), "batch", r->batch, "cold", r->cold,
                                "multiply_adds_per_ns", r->multiply_adds, "dots_per_ns", r->dots);
        json_t *more = e->is_rival ? json_pack("{s:o}", "says", oz_json_text(e->rival.said)) : ours_json(e);
        json_object_update(row, more);
        json_decref(more);
        if (e->median_ns > 0) {
            json_object_set_new(row, "median_ns", json_real(e->median_ns));
            json_object_set_new(row, "fastest_ns", json_real(e->fastest_ns));
            json_object_set_new(row, "speedup", json_real(oz_race_ratio(r, &r->entries[0], e)));
        }
        json_array_append_new(list, row);
    }
}

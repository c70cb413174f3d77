/* race.c - see race.h. */
#include "cli/bench/race.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/model.h"
#include "cli/terminal.h"

int oz_race_open(oz_race *r) {
    r->entries = calloc(OZ_RACE_ENTRIES, sizeof *r->entries);
    r->n = 0;
    return r->entries ? EXIT_DONE : oz_memory_error();
}

static oz_plan_options options_of(const oz_race *r) {
    oz_plan_options opt = oz_plan_from(r->common, r->batch);
    opt.effort = r->trial ? OZ_EFFORT_TRIAL : OZ_EFFORT_CHOSEN;
    if (r->threads) opt.threads = (int)r->threads;
    return opt;
}

static oz_entry *next_entry(oz_race *r, const char *name) {
    if (r->n == OZ_RACE_ENTRIES) return NULL;
    oz_entry *e = &r->entries[r->n++];
    e->name = name;
    return e;
}

int oz_race_add(oz_race *r, const char *name, oz_buffer file, oz_model *model) {
    oz_entry *e = next_entry(r, name);
    if (!e) return oz_usage_error("at most %d subjects", OZ_RACE_ENTRIES);
    oz_plan_options opt = options_of(r);
    return oz_subject_make(&e->subject, name, file, model, r->cold, &opt);
}

int oz_race_add_rival(oz_race *r, const char *spec, const char *command, const oz_rival_task *task,
                      bool *able) {
    oz_entry *e = next_entry(r, spec);
    if (!e) return oz_usage_error("at most %d subjects", OZ_RACE_ENTRIES);
    e->is_rival = true;
    *able = oz_rival_start(&e->rival, command, spec, task);
    return oz_terminal_interrupted() ? EXIT_INTERRUPTED : EXIT_DONE;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int time_once(oz_entry *e, double *ns) {
    if (!e->is_rival) return oz_subject_time(&e->subject, ns);
    if (!oz_rival_time(&e->rival, ns)) {
        oz_rival_stop(&e->rival);
        *ns = NAN;
    }
    return EXIT_DONE;
}

static int limit(const oz_race *r, oz_limit what, uint64_t bytes, double *per_ns) {
    oz_plan_options opt = options_of(r);
    oz_error err = {0};
    return oz_machine_limit(what, bytes, &opt, per_ns, &err) == OZ_OK ? EXIT_DONE
                                                                      : oz_report_error(NULL, &err);
}

/* Memory is shared with unseen neighbours: its bandwidth is measured between the turns. */
static int read_memory(oz_race *r, size_t turn) {
    if (!r->cold || turn >= OZ_COUNT_OF(r->read)) return EXIT_DONE;
    return limit(r, OZ_LIMIT_READ, oz_cold_bytes(), &r->read[r->n_read++]);
}

/* The first turn is the warm-up. A rival that breaks off has no times. */
static int take_turns(oz_race *r) {
    for (size_t turn = 0; turn < r->runs + 1; turn++) {
        int code = read_memory(r, turn);
        for (size_t i = 0; !code && i < r->n; i++) {
            double ns;
            code = time_once(&r->entries[i], &ns);
            if (turn) r->entries[i].times[turn - 1] = ns;
        }
        if (code) return code;
        if (!oz_terminal_progress(NULL, r->title, turn, r->runs + 1)) return EXIT_INTERRUPTED;
    }
    qsort(r->read, r->n_read, sizeof(double), by_value);
    for (size_t i = 0; i < r->n; i++) {
        oz_entry *e = &r->entries[i];
        if (e->is_rival && !e->rival.process) continue;
        qsort(e->times, r->runs, sizeof(double), by_value);
        e->median_ns = e->times[r->runs / 2];
        e->fastest_ns = e->times[0];
    }
    return EXIT_DONE;
}

static int find_limit(const oz_race *r, oz_entry *e) {
    const oz_subject *s = &e->subject;
    double bandwidth = r->cold ? r->read[r->n_read / 2] : 0;
    if (e->is_rival || s->operations <= 0) return EXIT_DONE;
    int code = r->cold ? EXIT_DONE : limit(r, OZ_LIMIT_READ, (uint64_t)s->leaf_bytes, &bandwidth);
    if (code) return code;
    e->reading_ns = s->leaf_bytes / bandwidth;
    e->computing_ns = s->operations / (s->integer ? r->dots : r->multiply_adds);
    e->limit = e->reading_ns > e->computing_ns ? 'B' : s->integer ? 'D' : 'F';
    return EXIT_DONE;
}

int oz_race_run(oz_race *r) {
    int code = limit(r, OZ_LIMIT_MULTIPLY_ADD, 0, &r->multiply_adds);
    if (!code) code = limit(r, OZ_LIMIT_DOT, 0, &r->dots);
    if (!code) code = take_turns(r);
    for (size_t i = 0; !code && i < r->n; i++) code = find_limit(r, &r->entries[i]);
    oz_terminal_clear();
    return code;
}

void oz_race_close(oz_race *r) {
    for (size_t i = 0; i < r->n; i++) {
        oz_subject_free(&r->entries[i].subject);
        oz_rival_stop(&r->entries[i].rival);
    }
    free(r->entries);
    r->entries = NULL;
    r->n = 0;
}

double oz_entry_share(const oz_entry *e, char limit) {
    if (!e->limit || e->median_ns <= 0) return 0;
    if (!limit) limit = e->limit;
    return (limit == 'B' ? e->reading_ns : e->computing_ns) / e->median_ns;
}

const oz_entry *oz_race_find(const oz_race *r, const char *name) {
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->entries[i].name, name) == 0) return r->entries[i].median_ns > 0 ? &r->entries[i] : NULL;
    }
    return NULL;
}
